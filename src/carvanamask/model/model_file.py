"""A trained model: the network as ONNX, and a card that answers every question that prediction has."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from carvanamask.core.card import Member, ModelCard
from carvanamask.errors import ModelError
from carvanamask.io.atomic import save_bytes_atomically, save_text_atomically


class Precision(StrEnum):
    """How the weights of a network are stored."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8_WEIGHTS = "int8-weights"


@dataclass(frozen=True)
class ModelFile:
    """A folder with `card.json` and `model.onnx` or members' folders or both; checked when it is loaded."""

    folder: Path
    card: ModelCard
    members: tuple[ModelFile, ...] = ()

    @property
    def onnx(self) -> Path:
        return self.folder / "model.onnx"

    @property
    def card_file(self) -> Path:
        return self.folder / "card.json"

    @property
    def identity(self) -> str:
        """Hash of the networks: of its own, or of the members and their weights for an ensemble."""
        members = (f"{member.name} {member.weight!r} {member.sha256}" for member in self.card.members)
        return self.card.sha256 or _sha256("\n".join(members).encode())

    @classmethod
    def load(cls, folder: Path) -> ModelFile:
        """Load a model from its folder.

        Raises ModelError when a part is missing or isn't the one that the card was written for.
        """
        card_path = folder / "card.json"
        try:
            card = ModelCard.model_validate_json(card_path.read_text(encoding="utf-8"))
            model = cls(folder, card, tuple(cls.load(member_folder(folder, member)) for member in card.members))
            network = model.onnx.read_bytes() if card.has_network else None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            reason = f"is not a model's card ({where}: {first['msg']})"
            raise ModelError(reason, "export it again", card_path) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"is no complete model ({error})", "export it again", folder) from None
        if network is not None and _sha256(network) != card.sha256:
            raise ModelError("is not the network that its card describes", "copy or export it again", model.onnx)
        for member, file in zip(card.members, model.members, strict=True):
            if _sha256(file.card_file.read_bytes()) != member.sha256:
                reason = f"is not the member that {card_path} describes"
                raise ModelError(reason, "make the model again", file.folder)
        return model

    @classmethod
    def save(
        cls,
        folder: Path,
        onnx: bytes | None,
        card: ModelCard,
        members: Sequence[ModelFile] = (),
        weights: Sequence[float] = (),
    ) -> ModelFile:
        """Write the network, copies of the members, and last the card: a folder with a card is complete.

        `onnx` is None for an ensemble; `weights` are the members', by default all equal.
        """
        if onnx is not None:
            save_bytes_atomically(folder / "model.onnx", onnx)
        named = [
            Member(name=name, weight=weight, sha256=_sha256(member.card_file.read_bytes()))
            for name, weight, member in zip(_names(members), weights or [1.0] * len(members), members, strict=True)
        ]
        copies = _copy_members(members, named, folder)
        sha256 = "" if onnx is None else _sha256(onnx)
        model = cls(folder, card.model_copy(update={"sha256": sha256, "members": tuple(named)}), copies)
        model.save_card()
        return model

    def with_card(self, **changes: object) -> ModelFile:
        """Return the same networks with some of the card's fields changed; nothing is written."""
        return replace(self, card=self.card.model_copy(update=changes))

    def save_card(self) -> None:
        save_text_atomically(self.card_file, self.card.model_dump_json(indent=1))


def member_folder(folder: Path, member: Member) -> Path:
    """Return the folder of a member of the model in `folder`."""
    return folder / "members" / member.name


def _copy_members(members: Sequence[ModelFile], named: Sequence[Member], folder: Path) -> tuple[ModelFile, ...]:
    copies = []
    for model, member in zip(members, named, strict=True):
        copy = member_folder(folder, member)
        if model.card.has_network:
            save_bytes_atomically(copy / "model.onnx", model.onnx.read_bytes())
        parts = _copy_members(model.members, model.card.members, copy)
        save_bytes_atomically(copy / "card.json", model.card_file.read_bytes())
        copies.append(ModelFile(copy, model.card, parts))
    return tuple(copies)


def _names(members: Sequence[ModelFile]) -> list[str]:
    """Return each member's name, all numbered if two have the same one."""
    names = [member.card.name for member in members]
    if len(set(names)) == len(names):
        return names
    return [f"{name}-{number}" for number, name in enumerate(names, start=1)]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
