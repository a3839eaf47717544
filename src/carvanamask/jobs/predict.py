"""A mask, a probability map or a cut-out of every picture."""

from __future__ import annotations

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch, BatchReport, review_reasons
from carvanamask.batch.writers import FileWriter
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.data.picture_list import PictureList
from carvanamask.model.model_file import ModelFile


def predict(
    model: ModelFile,
    pictures: PictureList,
    writer: FileWriter,
    options: BatchOptions = BatchOptions(),
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    """Write the file of every picture; called again, only those that are left.

    A picture that can't be read is reported and the others are processed. Raises ConfigError where results would
    replace pictures or other files, or where the writer's folder holds results of another model, version or options,
    and DiskError for a folder that can't be written.
    """
    batch = Batch(model, writer, options)
    with batch.open_results(writer.out, pictures.items) as journal:
        progress = batch.run(pictures, journal, on_progress)
        reasons = review_reasons(journal, [item.key for item in pictures.items])
    return BatchReport(writer.out, batch.predictor.engine, progress, pictures.skipped, reasons)
