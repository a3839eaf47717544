"""A model and Kaggle's test pictures → a submission, and the masks themselves when asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carvanamask.batch.journal import Journal
from carvanamask.batch.options import BatchOptions
from carvanamask.batch.pipeline import Predicted
from carvanamask.batch.runner import Batch
from carvanamask.core.card import ModelCard
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.picture_list import BatchItem, kaggle_item
from carvanamask.data.submission import write_submission
from carvanamask.errors import DataError, DiskError, printable
from carvanamask.io.atomic import save_text_atomically
from carvanamask.io.write import save_mask
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.model.model_file import ModelFile


@dataclass(frozen=True)
class Encode:
    """Returns the mask as run-length code, and writes it as 1-bit PNG into a folder of masks where there is one."""

    card: ModelCard = field(repr=False)
    masks: Path | None

    def __call__(self, predicted: Predicted[BatchItem]) -> str:
        mask = make_mask(predicted.probabilities, self.card)
        if self.masks is not None:
            save_mask(predicted.sample.mask_in(self.masks), mask)
        return mask.to_rle()


@dataclass(frozen=True)
class SubmitReport:
    """How a submission was made, or why it wasn't."""

    submission: Path | None
    """None when pictures failed: a submission without their rows would count as whole."""
    progress: Progress
    absent: int
    """Names of sample_submission.csv without a picture in test/, which have no row."""
    unlisted: int
    """Pictures in test/ that sample_submission.csv doesn't name, which have no row either."""
    emptied: tuple[str, ...]
    """Pictures that are missing or can't be read and got an empty mask, as it was asked."""
    engine: str

    @property
    def advice(self) -> str:
        """How to go on, '' after a whole submission."""
        failures = self.progress.failures
        if self.submission:
            return ""
        count = "1 picture" if len(failures) == 1 else f"{len(failures)} pictures"
        finished = self.progress.finished
        return f"no submission: {count} failed. Repair, then run the same command again: {finished} finished are kept"

    def to_dict(self) -> dict[str, Any]:
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
    options: BatchOptions | None = None,
    on_progress: OnProgress = ignore_progress,
) -> SubmitReport:
    """Cut every test picture and write the submission `out`; with `masks`, a 1-bit `<name>.png` a picture there too.

    Rows stand in the order of sample_submission.csv where there is one, only for pictures at hand; `has_empty_masks`
    gives the others, and those that can't be read, an empty mask. Interrupted, the same call goes on where it stopped,
    and finished, it sees that; rows of another model or engine are never taken over. A picture that can't be read is
    reported, the others are cut, and no submission appears. Raises DiskError for an `out` that can't be written.
    """
    if out.is_dir():
        raise DiskError(f"{printable(out)} is a folder: name a file in it, like {printable(out / 'submission.csv.gz')}")
    names, items, unlisted = _in_order(folder)
    batch = Batch(model, Encode(model.card, masks), items, options or BatchOptions(), on_progress)
    # beside the submission, hidden; other models' or options' rows have another name and are never looked at
    with batch.journal(out.with_name(f".{out.name}.{batch.task.key}.journal")) as journal:
        listing = hashlib.sha256(json.dumps([names, has_empty_masks]).encode()).hexdigest()
        seal = _Seal(out, batch.task.key, f"{journal.digest()} {listing}")

        def is_there(item: BatchItem) -> bool:
            return masks is None or item.mask_in(masks).exists()

        if seal.is_whole() and all(map(is_there, items)):
            progress, emptied, is_made = Progress(len(items), kept=len(items)), seal.emptied(), True
            journal.discard()
        else:
            progress = batch.run(journal, is_there)
            finished = [item.key for item in items if journal.holds(item.key)]
            emptied = sorted(set(names) - set(finished)) if has_empty_masks else []
            is_made = progress.is_complete or (has_empty_masks and progress.is_through)
            if is_made:
                write_submission(out, _rows(journal, finished, names if has_empty_masks else finished))
                seal.save(emptied)
                journal.discard()
    absent = 0 if has_empty_masks else len(names) - len(items)
    made = out if is_made else None
    return SubmitReport(made, progress, absent, unlisted, tuple(emptied), batch.predictor.engine)


def _in_order(folder: KaggleFolder) -> tuple[list[str], list[BatchItem], int]:
    """The names a submission has, the pictures of them at hand, and how many other pictures there are."""
    at_hand = {sample.picture.name: kaggle_item(sample) for sample in folder.test_samples()}
    names = list(dict.fromkeys(folder.submission_names() or at_hand))
    items = [at_hand[name] for name in names if name in at_hand]
    if not items:
        raise DataError(f"{folder.test} holds none of the pictures that sample_submission.csv names: check both")
    return names, items, len(at_hand) - len(items)


def _rows(journal: Journal, finished: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every name's row; an empty one for those that aren't finished."""
    has_mask = set(finished)
    values = journal.values(finished)
    for name in names:
        yield next(values) if name in has_mask else (name, "")


@dataclass(frozen=True)
class _Seal:
    """What stands beside a finished submission, so that the same command again knows it."""

    submission: Path
    key: str
    pictures: str
    """Their versions, and which rows were wanted."""

    @property
    def _path(self) -> Path:
        return self.submission.with_name(f".{self.submission.name}.finished")

    def is_whole(self) -> bool:
        """Whether the submission is the one that this key and these pictures made."""
        found = self._read()
        return (found.get("key"), found.get("pictures")) == (self.key, self.pictures) and found.get(
            "sha256"
        ) == _sha256(self.submission)

    def emptied(self) -> list[str]:
        return list(self._read().get("emptied", []))

    def save(self, emptied: Sequence[str]) -> None:
        made = {"key": self.key, "pictures": self.pictures, "sha256": _sha256(self.submission), "emptied": emptied}
        save_text_atomically(self._path, json.dumps(made))

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
