"""A trained model: the network as ONNX beside a card that answers every question a prediction asks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, PositiveInt, ValidationError

from carvanamask.core.atomic_files import save_bytes_atomically, save_text_atomically
from carvanamask.core.config import Section
from carvanamask.core.errors import ModelError, nearest
from carvanamask.core.run_dir import RUNS, RunDir

BUILT_IN = Path(__file__).parent.parent / "models"


class ModelCard(Section):
    """Everything a prediction has to know of a network, and where the network comes from."""

    name: str
    network: str = Field(description="what it is, in words")
    input_size_wh: tuple[PositiveInt, PositiveInt] = Field(description="pictures are shrunk to this")
    mean: float = Field(description="taken from each RGB channel in [0, 1]")
    std: float = Field(gt=0, description="each channel is divided by this after the mean is taken off")
    threshold: float = Field(0.5, gt=0, lt=1, description="a pixel is car above this probability")
    training_cars: tuple[str, ...] = ()
    validation_cars: tuple[str, ...] = ()
    scores: dict[str, float] = Field({}, description="on the validation cars, at full size")
    provenance: str = Field("", description="the data, its terms, and how the network was trained")
    sha256: str = Field(description="of the ONNX file")


@dataclass(frozen=True)
class ModelFile:
    """A folder with `model.onnx` and `card.json`, checked when loaded."""

    folder: Path
    card: ModelCard

    @property
    def onnx(self) -> Path:
        return self.folder / "model.onnx"

    @classmethod
    def load(cls, folder: Path) -> ModelFile:
        """Raises ModelError when a part is missing or the network isn't the one the card was written for."""
        card_path = folder / "card.json"
        try:
            card = ModelCard.model_validate_json(card_path.read_text())
            network = (folder / "model.onnx").read_bytes()
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ModelError(f"{card_path} is not a model's card ({where}: {first['msg']}): export it again") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(f"{folder} is no whole model ({error}): export it again") from None
        if hashlib.sha256(network).hexdigest() != card.sha256:
            raise ModelError(f"{folder}/model.onnx is not the network its card describes: copy or export it again")
        return cls(folder, card)

    @classmethod
    def save(cls, folder: Path, onnx: bytes, card: ModelCard) -> ModelFile:
        """Write network and card; the card comes last, so that a folder with a card is whole."""
        card = card.model_copy(update={"sha256": hashlib.sha256(onnx).hexdigest()})
        save_bytes_atomically(folder / "model.onnx", onnx)
        save_text_atomically(folder / "card.json", card.model_dump_json(indent=1))
        return cls(folder, card)


def model_folders(runs: Path = RUNS) -> dict[str, Path]:
    """Every model that `--model NAME` can mean: built-in ones, then runs that finished."""
    found = {card.parent.name: card.parent for card in sorted(BUILT_IN.glob("*/card.json"))}
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
