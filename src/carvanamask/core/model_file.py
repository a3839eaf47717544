"""A trained model: the network as ONNX beside a card that answers every question a prediction asks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field, PositiveInt, ValidationError

from carvanamask.core.atomic_files import save_bytes_atomically, save_text_atomically
from carvanamask.core.config import Section
from carvanamask.core.errors import ModelError, nearest
from carvanamask.core.run_dir import RUNS, RunDir
from carvanamask.core.stage import STAGE_CHANNELS

BUILT_IN = Path(__file__).parent.parent / "models"


class Member(Section):
    """One of the models that another one asks; it lies in that one's folder."""

    name: str
    weight: float = Field(1.0, ge=0, description="in the mean of all members, in proportion")
    sha256: str = Field(description="of its card, which names its network's in turn")


class ModelCard(Section):
    """Everything a prediction has to know of a model, and where the model comes from."""

    name: str
    network: str = Field(description="what it is, in words")
    input_size_wh: tuple[PositiveInt, PositiveInt] = Field(description="pictures are shrunk to this")
    mean: float = Field(0.5, description="taken from each RGB channel in [0, 1]")
    std: float = Field(0.5, gt=0, description="each channel is divided by this after the mean is taken off")
    clahe: float = Field(0, ge=0, description="clip limit of an adaptive equalisation of the lightness; 0: none")
    threshold: float = Field(0.5, gt=0, lt=1, description="a pixel is car above this probability")
    most_undecided: float = Field(0, ge=0, description="undecided share of a car that calls for a person; 0: not known")
    training_cars: tuple[str, ...] = ()
    validation_cars: tuple[str, ...] = ()
    scores: dict[str, float] = Field({}, description="on the validation cars, at full size; of what zooms, on its part")
    provenance: str = Field("", description="the data, its terms, and how the network was trained")
    flip: bool = Field(False, description="the mean with the mirrored picture's probabilities")
    clean_up: tuple[str, ...] = Field((), description="repairs of the mask after the threshold")
    members: tuple[Member, ...] = Field((), description="of an ensemble; or the first pass of a second one")
    sees_stage: bool = Field(False, description="the network sees the empty stage that other views show")
    zooms: bool = Field(False, description="the network sees only the part in which a first pass finds the car")
    sha256: str = Field("", description="of the ONNX file; none for an ensemble, whose members have their own")

    @property
    def channels(self) -> int:
        """Of the network's input."""
        return 3 + (STAGE_CHANNELS if self.sees_stage else 0)

    @property
    def has_network(self) -> bool:
        """An ensemble has none of its own."""
        return self.sees_stage or self.zooms or not self.members


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
            member._copied_to(member_folder(folder, entry)) for entry, member in zip(named, members, strict=True)
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
            member._copied_to(member_folder(folder, entry))
            for entry, member in zip(self.card.members, self.members, strict=True)
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


def built_in_names() -> list[str]:
    return sorted(card.parent.name for card in BUILT_IN.glob("*/card.json"))


def model_folders(runs: Path = RUNS) -> dict[str, Path]:
    """Every model that `--model NAME` can mean: built-in ones, then runs that finished."""
    found = {name: BUILT_IN / name for name in built_in_names()}
    for card in sorted(runs.glob("*/model/card.json")):
        found.setdefault(card.parent.parent.name, card.parent)
    return found


def find_model(name: str, runs: Path = RUNS) -> ModelFile:
    """Load a built-in model, a run's model, or a model folder by its path.

    Raises ModelError with the names that exist and the nearest one.
    """
    known = model_folders(runs)
    if name in known:
        return ModelFile.load(known[name])
    path = Path(name)
    for folder in (path, RunDir(path).model):
        if (folder / "card.json").exists():
            return ModelFile.load(folder)
    if RunDir(runs / name).is_started:
        raise ModelError(f"run '{name}' has no model yet: finish it with train --name {name}")
    names = ", ".join(known) or "none yet: train one first"
    raise ModelError(f"no model called '{name}'{nearest(name, known)} (models: {names})")
