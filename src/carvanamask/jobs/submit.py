"""A submission of Kaggle's test pictures, and their masks where they are wanted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carvanamask.batch.journal import Journal
from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch
from carvanamask.batch.writers import RleWriter
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.picture_list import BatchItem, PictureList
from carvanamask.data.submission import write_submission
from carvanamask.errors import DataError, DiskError, printable
from carvanamask.io.atomic import save_text_atomically
from carvanamask.io.read import file_digest
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
        count = "1 picture" if failed == 1 else f"{failed} pictures"
        return f"no submission: {count} failed. Repair, then run the same command again: {finished} finished are kept"

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
    items = pictures.items
    batch = Batch(model, RleWriter(model.card, masks), options)
    # beside the submission, hidden; other models or options have a journal of another name
    with batch.journal(out.with_name(f".{out.name}.{batch.task.key}.journal"), items) as journal:
        run = json.dumps([batch.task.key, journal.digest(), names, has_empty_masks]).encode()
        seal = _Seal(out, hashlib.sha256(run).hexdigest())
        emptied = seal.emptied()
        is_made = emptied is not None and all(map(batch.has_result, items))
        progress = Progress(len(items), kept=len(items)) if is_made else batch.run(pictures, journal, on_progress)
        if not is_made:
            finished = [item.key for item in items if journal.is_finished(item.key)]
            emptied = sorted(set(names) - set(finished)) if has_empty_masks else []
            is_made = progress.is_complete or (has_empty_masks and progress.is_through)
            if is_made:
                write_submission(out, _rows(journal, finished, names if has_empty_masks else finished))
                seal.save(emptied)
        if is_made:
            journal.discard()
    absent = 0 if has_empty_masks else len(names) - len(items)
    made = out if is_made else None
    return SubmitReport(made, progress, absent, unlisted, tuple(emptied or ()), batch.predictor.engine)


def _in_order(folder: KaggleFolder) -> tuple[list[str], PictureList, int]:
    """Return the names of a submission, those of them that have a picture, and the number of other pictures."""
    pictures = (sample.picture for sample in folder.test_samples())
    at_hand = {picture.name: BatchItem.of(picture, picture.name) for picture in pictures}
    names = list(dict.fromkeys(folder.submission_names() or at_hand))
    items = tuple(at_hand[name] for name in names if name in at_hand)
    if not items:
        raise DataError("holds none of the pictures that sample_submission.csv names", "check both", folder.test)
    return names, PictureList(items), len(at_hand) - len(items)


def _rows(journal: Journal, finished: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the row of every name; an empty one for those that aren't finished."""
    has_mask = set(finished)
    values = journal.values(finished)
    for name in names:
        yield next(values) if name in has_mask else (name, "")


@dataclass(frozen=True)
class _Seal:
    """A file beside a finished submission by which the same command recognises it."""

    submission: Path
    run: str
    """Hash of all that decides about the submission."""

    @property
    def _path(self) -> Path:
        return self.submission.with_name(f".{self.submission.name}.finished")

    def emptied(self) -> list[str] | None:
        """Return which pictures got an empty mask; None if the file isn't the submission of this run."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            is_ours = (found["run"], found["digest"]) == (self.run, file_digest(self.submission))
            return list(found["emptied"]) if is_ours else None
        except (OSError, ValueError, TypeError, KeyError):  # missing, torn, or of another version
            return None

    def save(self, emptied: Sequence[str]) -> None:
        seal = {"run": self.run, "digest": file_digest(self.submission), "emptied": emptied}
        save_text_atomically(self._path, json.dumps(seal))
