"""A model and pictures wherever they lie → a mask or a probability map for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from carvanamask.batch.durable import Batch, Manner, Progress, journal_in
from carvanamask.core.model_file import ModelCard, ModelFile
from carvanamask.core.picture_tree import Entry, PictureTree
from carvanamask.core.pictures import save_mask, save_probabilities
from carvanamask.inference.pipeline import Predicted
from carvanamask.inference.postprocess import cut

Result = Literal["mask", "probability"]


@dataclass(frozen=True)
class SaveResult:
    """Writes the mask as 1-bit PNG, or the probabilities as 8-bit grey PNG."""

    card: ModelCard = field(repr=False)
    out: Path = field(repr=False)
    result: Result

    def __call__(self, predicted: Predicted[Entry]) -> str:
        path = result_of(predicted.sample, self.out)
        if self.result == "mask":
            save_mask(path, cut(predicted.probabilities, self.card))
        else:
            save_probabilities(path, predicted.probabilities)
        return ""


@dataclass(frozen=True)
class PredictReport:
    """What came of a batch of pictures."""

    out: Path
    engine: str
    progress: Progress
    passed_over: dict[str, int]
    """How many files were no pictures, by their ending."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "out": str(self.out),
            "engine": self.engine,
            **self.progress.to_dict(),
            "failures": dict(self.progress.failures),
            "passed_over": self.passed_over,
        }


def predict(
    model: ModelFile, pictures: PictureTree, out: Path, result: Result = "mask", manner: Manner | None = None
) -> PredictReport:
    """Write `out`/<target>.png for every picture; called again it does only what is left.

    A picture that can't be read is reported and the others are done. Raises ConfigError where `out` holds results of
    another model or other options, and DiskError for an `out` that can't be written.
    """
    work = SaveResult(model.card, out, result)
    batch = Batch(model, work, pictures.entries, manner or Manner(), pictures.problems)
    with journal_in(out, batch) as journal:
        progress = batch.run(journal, lambda entry: result_of(entry, out).exists())
    return PredictReport(out, batch.predictor.engine, progress, pictures.passed_over)


def result_of(entry: Entry, out: Path) -> Path:
    """Where an entry's result goes."""
    return out / f"{entry.target}.png"
