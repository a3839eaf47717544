"""A trained model: the network as ONNX beside a card that answers every question a prediction asks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from carvanamask.core.card import Member, ModelCard
from carvanamask.errors import ModelError
from carvanamask.io.atomic import save_bytes_atomically, save_text_atomically


@dataclass(frozen=True)
class ModelFile:
    """A folder with `card.json`, and `model.onnx` or members' folders or both; checked when loaded."""

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
        """The same for the same networks: of its one network, or of all that an ensemble's card says of its members."""
        return self.card.sha256 or _sha256(repr(self.card.members).encode())

    @classmethod
    def load(cls, folder: Path) -> ModelFile:
        """Raises ModelError when a part is missing or isn't the one the card was written for."""
        card_path = folder / "card.json"
        try:
            card = ModelCard.model_validate_json(card_path.read_text(encoding="utf-8"))
            model = cls(folder, card, tuple(cls.load(member_folder(folder, member)) for member in card.members))
            network = model.onnx.read_bytes() if card.has_network else None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ModelError(f"{card_path} is not a model's card ({where}: {first['msg']}): export it again") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{folder} is no whole model ({error}): export it again") from None
        if network is not None and _sha256(network) != card.sha256:
            raise ModelError(f"{folder}/model.onnx is not the network its card describes: copy or export it again")
        for member, file in zip(card.members, model.members, strict=True):
            if _sha256(file.card_file.read_bytes()) != member.sha256:
                raise ModelError(f"{file.folder} is not the member that {card_path} describes: make the model again")
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
        """Write network, copies of the members, and the card, which comes last: a folder with a card is whole.

        `onnx` None is an ensemble's; `weights` are the members', all alike if not given.
        """
        if onnx is not None:
            save_bytes_atomically(folder / "model.onnx", onnx)
        named = [
            Member(name=name, weight=weight, sha256=_sha256(member.card_file.read_bytes()))
            for name, weight, member in zip(_names(members), weights or [1.0] * len(members), members, strict=True)
        ]
        copies = tuple(
            member._copied_to(member_folder(folder, item)) for item, member in zip(named, members, strict=True)
        )
        sha256 = "" if onnx is None else _sha256(onnx)
        model = cls(folder, card.model_copy(update={"sha256": sha256, "members": tuple(named)}), copies)
        save_text_atomically(model.card_file, model.card.model_dump_json(indent=1))
        return model

    def with_card(self, **changes: object) -> ModelFile:
        """The same networks, asked in another way; nothing is written."""
        return replace(self, card=self.card.model_copy(update=changes))

    def save_card(self) -> None:
        save_text_atomically(self.card_file, self.card.model_dump_json(indent=1))

    def _copied_to(self, folder: Path) -> ModelFile:
        if self.card.has_network:
            save_bytes_atomically(folder / "model.onnx", self.onnx.read_bytes())
        copies = tuple(
            member._copied_to(member_folder(folder, item))
            for item, member in zip(self.card.members, self.members, strict=True)
        )
        save_bytes_atomically(folder / "card.json", self.card_file.read_bytes())
        return ModelFile(folder, self.card, copies)


def member_folder(folder: Path, member: Member) -> Path:
    """Where a member of the model in `folder` lies."""
    return folder / "members" / member.name


def _names(members: Sequence[ModelFile]) -> list[str]:
    """Each member's own; where two are called the same, every one with its number behind it."""
    names = [member.card.name for member in members]
    if len(set(names)) == len(names):
        return names
    return [f"{name}-{place}" for place, name in enumerate(names, start=1)]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
