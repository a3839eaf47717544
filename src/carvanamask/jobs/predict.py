"""A model and pictures wherever they lie → a mask or a probability map for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from carvanamask.batch.durable import BatchReport, Manner, write_all
from carvanamask.core.model_file import ModelCard, ModelFile
from carvanamask.core.picture_tree import Entry, PictureTree
from carvanamask.core.pictures import save_mask, save_probabilities
from carvanamask.inference.pipeline import Predicted
from carvanamask.inference.postprocess import cut
from carvanamask.quality.signals import doubt

Result = Literal["mask", "probability"]


@dataclass(frozen=True)
class SaveResult:
    """Writes the mask as 1-bit PNG, or the probabilities as 8-bit grey PNG."""

    card: ModelCard = field(repr=False)
    out: Path = field(repr=False)
    result: Result

    def __call__(self, predicted: Predicted[Entry]) -> str:
        path, mask = self.path_of(predicted.sample), cut(predicted.probabilities, self.card)
        if self.result == "mask":
            save_mask(path, mask)
        else:
            save_probabilities(path, predicted.probabilities)
        return doubt(predicted.probabilities, mask, self.card.most_undecided)

    def path_of(self, entry: Entry) -> Path:
        return self.out / f"{entry.target}.png"


def predict(
    model: ModelFile, pictures: PictureTree, out: Path, result: Result = "mask", manner: Manner | None = None
) -> BatchReport:
    """Write `out`/<target>.png for every picture; called again it does only what is left.

    Raises ConfigError and DiskError as `write_all` does.
    """
    return write_all(model, SaveResult(model.card, out, result), pictures, out, manner or Manner())
