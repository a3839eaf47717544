"""A model and pictures wherever they lie → a mask or a probability map for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.pipeline import Predicted
from carvanamask.batch.runner import BatchReport, write_all
from carvanamask.core.card import ModelCard
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.data.picture_list import BatchItem, PictureList
from carvanamask.io.write import save_mask, save_probabilities
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.mask_quality.uncertainty import review_reason
from carvanamask.model.model_file import ModelFile

Result = Literal["mask", "probability"]


@dataclass(frozen=True)
class SaveResult:
    """Writes the mask as 1-bit PNG, or the probabilities as 8-bit grey PNG."""

    card: ModelCard = field(repr=False)
    out: Path = field(repr=False)
    result: Result

    def __call__(self, predicted: Predicted[BatchItem]) -> str:
        path, mask = self.path_of(predicted.sample), make_mask(predicted.probabilities, self.card)
        if self.result == "mask":
            save_mask(path, mask)
        else:
            save_probabilities(path, predicted.probabilities)
        return review_reason(predicted.probabilities, mask, self.card.max_uncertain_ratio)

    def path_of(self, item: BatchItem) -> Path:
        return self.out / f"{item.output_name}.png"


def predict(
    model: ModelFile,
    pictures: PictureList,
    out: Path,
    result: Result = "mask",
    options: BatchOptions | None = None,
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    """Write `out`/<target>.png for every picture; called again it does only what is left.

    Raises ConfigError and DiskError as `write_all` does.
    """
    return write_all(model, SaveResult(model.card, out, result), pictures, out, options or BatchOptions(), on_progress)
