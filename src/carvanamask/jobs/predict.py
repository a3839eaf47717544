"""A mask or a probability map of every picture."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch, BatchReport
from carvanamask.batch.writers import MaskWriter, ProbabilityWriter
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.data.picture_list import PictureList
from carvanamask.model.model_file import ModelFile


def predict(
    model: ModelFile,
    pictures: PictureList,
    out: Path,
    result: Literal["mask", "probability"] = "mask",
    options: BatchOptions = BatchOptions(),
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    """Write `out`/<output name>.png for every picture; called again, only for those that are left.

    A picture that can't be read is reported and the others are processed. Raises ConfigError where results would
    replace pictures or other files, or where `out` holds results of another model, version or options, and DiskError
    for an `out` that can't be written.
    """
    writer = (MaskWriter if result == "mask" else ProbabilityWriter)(model.card, out)
    batch = Batch(model, writer, options)
    with batch.open_results(out, pictures.items) as journal:
        return batch.report(out, pictures, batch.run(pictures, journal, on_progress), journal)
