"""A submission of Kaggle's test pictures, and their masks where they are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from carvanamask.batch.journal import Journal
from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch
from carvanamask.batch.writers import RleWriter
from carvanamask.core.progress import OnProgress, Progress, counted, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.picture_list import BatchItem, PictureList
from carvanamask.data.submission import read_submission, write_submission
from carvanamask.errors import DataError, DiskError, SubmissionError, printable
from carvanamask.model.model_file import ModelFile


@dataclass(frozen=True)
class SubmitReport:
    """How a submission was made, or why it wasn't."""

    submission: Path | None
    """None when pictures failed: a submission without their rows would count as complete."""
    progress: Progress
    absent: int
    """Names of sample_submission.csv without a picture in test/, which have no row."""
    unlisted: int
    """Pictures in test/ that sample_submission.csv doesn't name, which have no row either."""
    emptied: tuple[str, ...]
    """Pictures that are missing or can't be read and got an empty mask, where that was an option."""
    engine: str

    @property
    def advice(self) -> str:
        """How to continue; '' after a complete submission."""
        if self.submission:
            return ""
        failed, finished = len(self.progress.failures), self.progress.finished
        count = counted(failed, "picture")
        repair = "Replace the files that failed, then run the same command again"
        return f"no submission: {count} failed. {repair}: {finished} finished are kept"

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "submission": str(self.submission) if self.submission else None,
            **self.progress.to_dict(),
            "absent": self.absent,
            "unlisted": self.unlisted,
            "emptied": self.emptied,
            "engine": self.engine,
            "failures": {picture: str(error) for picture, error in self.progress.failures},
            "advice": self.advice,
        }


def submit(
    model: ModelFile,
    folder: KaggleFolder,
    out: Path,
    masks: Path | None = None,
    has_empty_masks: bool = False,
    options: BatchOptions = BatchOptions(),
    on_progress: OnProgress = ignore_progress,
) -> SubmitReport:
    """Predict every test picture and write the submission `out`; with `masks`, also a 1-bit `<name>.png` into it.

    Rows stand in the order of sample_submission.csv where there is one, only for pictures that exist; `has_empty_masks`
    gives the others, and those that can't be read, an empty mask. Interrupted, the same call continues where it
    stopped, and finished, it sees that; rows of another model or engine are never reused. A picture that can't be read
    is reported, the others are predicted, and no submission appears. Raises DiskError for an `out` that can't be
    written.
    """
    if out.is_dir():
        raise DiskError("is a folder", f"name a file in it, like {printable(out / 'submission.csv.gz')}", out)
    names, pictures, unlisted = _in_order(folder)
    batch = Batch(model, RleWriter(model.card, masks), options)
    # beside the submission, hidden, and kept; other models or options have a journal of another name
    with batch.journal(out.with_name(f".{out.name}.{batch.task.key}.journal"), pictures.items) as journal:
        progress = batch.run(pictures, journal, on_progress)
        is_made = progress.is_complete or (has_empty_masks and progress.is_through)
        emptied = [name for name in names if has_empty_masks and not journal.is_finished(name)]
        if is_made:
            _save_if_different(out, journal, [name for name in names if has_empty_masks or journal.is_finished(name)])
    absent = 0 if has_empty_masks else len(names) - len(pictures.items)
    made = out if is_made else None
    return SubmitReport(made, progress, absent, unlisted, tuple(sorted(emptied)), batch.predictor.engine)


def _in_order(folder: KaggleFolder) -> tuple[list[str], PictureList, int]:
    """Return the names of a submission, those of them that have a picture, and the number of other pictures."""
    pictures = (sample.picture for sample in folder.test_samples())
    at_hand = {picture.name: BatchItem.of(picture, picture.name) for picture in pictures}
    names = list(dict.fromkeys(folder.submission_names() or at_hand))
    items = tuple(at_hand[name] for name in names if name in at_hand)
    if not items:
        raise DataError("holds none of the pictures that sample_submission.csv names", "check both", folder.test)
    return names, PictureList(items), len(at_hand) - len(items)


def _save_if_different(path: Path, journal: Journal, names: Sequence[str]) -> None:
    """Write the rows of these pictures, an empty one for those that aren't finished, unless the file holds them."""

    def rows() -> Iterator[tuple[str, str]]:
        return ((name, journal.value(name) if journal.is_finished(name) else "") for name in names)

    try:
        is_same = all(one == other for one, other in zip_longest(read_submission(path), rows()))
    except SubmissionError:  # missing, torn, or something else
        is_same = False
    if not is_same:
        write_submission(path, rows())
