"""Compare two submissions picture by picture: where they differ, and by how much."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.core.rle import Runs
from carvanamask.data.kaggle_folder import KAGGLE_SIZE_WH
from carvanamask.data.submission import read_submission
from carvanamask.errors import DataError, MaskError, SubmissionError, printable
from carvanamask.io.table import save_table

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5)
"""Shares of the pictures, from the worst one to the median: above it two good submissions agree anyway."""
LISTED_NAMES = 5


@dataclass(frozen=True)
class PictureDifference:
    """One picture in both submissions."""

    name: str
    dice: float
    first_area: int
    """In pixels."""
    second_area: int


@dataclass(frozen=True)
class SubmissionDifference:
    """The pictures in both submissions, in the first one's order, and the names of those in only one, in its order."""

    pictures: tuple[PictureDifference, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    @property
    def dice(self) -> float:
        """The mean over the pictures."""
        return float(np.mean([picture.dice for picture in self.pictures]))

    @property
    def identical(self) -> int:
        """Number of equal masks: Dice is exactly 1 for these and for no others."""
        return sum(picture.dice == 1 for picture in self.pictures)

    @property
    def quantiles(self) -> dict[float, float]:
        """Return {share of the pictures: the Dice that so many of them don't exceed}."""
        values = np.quantile([picture.dice for picture in self.pictures], QUANTILES)
        return dict(zip(QUANTILES, values.tolist(), strict=True))

    def worst(self, count: int) -> list[PictureDifference]:
        """Return the pictures that differ most, the lowest Dice first."""
        different = (picture for picture in self.pictures if picture.dice < 1)
        return sorted(different, key=lambda picture: picture.dice)[:count]

    def to_dict(self, worst: int) -> dict[str, Any]:
        return {
            "pictures": len(self.pictures),
            "dice": self.dice,
            "identical": self.identical,
            "quantiles": {f"{share:g}": dice for share, dice in self.quantiles.items()},
            "worst": [
                {"picture": each.name, "dice": each.dice, "areas": [each.first_area, each.second_area]}
                for each in self.worst(worst)
            ],
            "only_first": len(self.only_first),
            "only_second": len(self.only_second),
            "some_only_first": self.only_first[:LISTED_NAMES],
            "some_only_second": self.only_second[:LISTED_NAMES],
        }


def diff_submissions(
    first: Path,
    second: Path,
    size_wh: tuple[int, int] = KAGGLE_SIZE_WH,
    table: Path | None = None,
    on_progress: OnProgress = ignore_progress,
) -> SubmissionDifference:
    """Return how the masks of two submissions differ; with `table` also write a CSV with one row per picture.

    The comparison is exact and never decodes a mask to pixels. Raises SubmissionError for a file that isn't a
    submission, names a picture twice or holds wrong run-length code, DataError when no picture is in both.
    """
    in_first, in_second = _names(first), _names(second)
    in_both = in_first.keys() & in_second.keys()
    if not in_both:
        raise DataError(f"and {printable(second)} share no picture", "compare submissions of the same folder", first)
    pictures = []
    for name, rle, other_rle in _pairs(first, second, in_both):
        runs = _runs(first, name, rle, size_wh)
        others = runs if rle == other_rle else _runs(second, name, other_rle, size_wh)
        pictures.append(PictureDifference(name, runs.dice(others), runs.area, others.area))
        on_progress(Progress(len(in_both), len(pictures)))
    only_first, only_second = (tuple(name for name in names if name not in in_both) for names in (in_first, in_second))
    if table:
        rows = ((each.name, f"{each.dice:.6f}", each.first_area, each.second_area) for each in pictures)
        save_table(table, ("picture", "dice", "first_area", "second_area"), rows)
    return SubmissionDifference(tuple(pictures), only_first, only_second)


def _names(path: Path) -> dict[str, None]:
    """Return the names in the file's order.

    They are read before the masks, so that rows that only one file holds never have to wait in memory.
    """
    names: dict[str, None] = {}
    for name, _ in read_submission(path):
        if name in names:
            reason = f"has more than one row for {printable(name)}"
            raise SubmissionError(reason, "submission check lists all of these", path)
        names[name] = None
    return names


def _pairs(first: Path, second: Path, names: Set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (name, run-length code of the first, of the second) in the first one's order.

    Rows of the second wait, compressed, until the first comes to them: none where the orders agree, all of them where
    one order is the other's reverse. 100,064 cars of 10 KB are then about 500 MB.
    """
    waiting: dict[str, bytes] = {}
    rows = (row for row in read_submission(second) if row[0] in names)
    for name, rle in read_submission(first):
        if name not in names:
            continue
        if name in waiting:
            yield name, rle, zlib.decompress(waiting.pop(name)).decode()
            continue
        for other, other_rle in rows:
            if other == name:
                yield name, rle, other_rle
                break
            waiting[other] = zlib.compress(other_rle.encode(), 1)
        else:
            raise SubmissionError("changed while it was read", "run the same command again", second)


def _runs(path: Path, name: str, rle: str, size_wh: tuple[int, int]) -> Runs:
    try:
        return Runs.from_rle(rle, size_wh)
    except MaskError as error:
        repair = "make it again, or name the pictures' size by --size WxH"
        raise SubmissionError(f"has a wrong mask for {printable(name)} ({error})", repair, path) from None
