"""The layout of Kaggle's folder: which picture shows which car, from which view, with which mask.

    data/train/<car>_<view>.jpg        data/train_masks/<car>_<view>_mask.gif or .png
    data/test/<car>_<view>.jpg         data/sample_submission.csv    data/metadata.csv

Reads names, never pictures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from carvanamask.errors import DataError, printable
from carvanamask.io.table import load_table

KAGGLE_SIZE_WH = (1918, 1280)
"""Size of the competition's pictures."""

PICTURE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"),
    *(".jp2", ".j2k", ".avif", ".heic", ".heif", ".hif"),
)
"""Of pictures in folders. RAW files aren't among them: most lie next to their JPEG."""
MASK_ENDINGS = ("_mask.gif", "_mask.png")

_CAR_AND_VIEW = re.compile(r"(?P<car>.+)_(?P<view>[0-9]{1,4})", re.DOTALL)


@dataclass(frozen=True)
class Sample:
    """One picture of one car."""

    car: str
    view: int
    picture: Path
    mask: Path | None = None

    @property
    def name(self) -> str:
        """The file's name without ending, which names its mask, its prediction and its cut-out."""
        return self.picture.stem

    def mask_in(self, folder: Path) -> Path:
        """Return the path of its predicted mask in a folder of masks."""
        return folder / f"{self.name}.png"

    @classmethod
    def from_picture(cls, picture: Path, mask: Path | None = None) -> Sample:
        """Return the car and the view that the file's name tells. Raises DataError for a name without a view."""
        match = _CAR_AND_VIEW.fullmatch(picture.stem)
        if match is None:
            raise DataError("names no view", f"call it <car>_<view>{picture.suffix}, like car7_01.jpg", picture)
        return cls(match["car"], int(match["view"]), picture, mask)


S = TypeVar("S", bound=Sample)
"""Sample, or a class derived from it."""


class KaggleFolder:
    """The competition's data, or a studio's own in the same layout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.train, self.train_masks, self.test = root / "train", root / "train_masks", root / "test"

    def training_samples(self) -> list[Sample]:
        """Return the pictures of train/ with their masks, by name. Raises DataError for a missing view or mask."""
        pictures = self._pictures(self.train)
        masks = masks_by_name(self.train_masks)
        samples = []
        for picture in pictures:
            sample = Sample.from_picture(picture, masks.get(picture.stem))
            if sample.mask is None:
                expected = self.train_masks / f"{sample.name}{MASK_ENDINGS[0]}"
                raise DataError("has no mask", f"expected {printable(expected)}", picture)
            samples.append(sample)
        return samples

    def test_samples(self) -> list[Sample]:
        """Return the pictures of test/, by name, without masks. Raises DataError for a name without a view."""
        return [Sample.from_picture(picture) for picture in self._pictures(self.test)]

    def submission_names(self) -> list[str] | None:
        """Return the file names that a submission must hold, in Kaggle's order; None without sample_submission.csv."""
        for path in (self.root / "sample_submission.csv", self.root / "sample_submission.csv.gz"):
            if path.is_file():
                return load_table(path, ("img",), lambda row: row["img"], "download or save it again as CSV in UTF-8")
        return None

    def _pictures(self, folder: Path) -> list[Path]:
        pictures = pictures_in(folder)
        if not pictures:
            reason = "holds no pictures" if folder.is_dir() else "doesn't exist"
            repair = "put <car>_<view>.jpg files there, or name another folder with --data DIR"
            raise DataError(reason, repair, folder)
        for picture in pictures:
            if any("\ud800" <= character <= "\udfff" for character in picture.name):  # tables of names are UTF-8
                raise DataError("has a name that is no Unicode text", "rename it", picture)
        for picture, following in pairwise(pictures):
            if picture.stem == following.stem:  # one mask, one prediction and one cut-out for two pictures
                raise DataError(f"differs from {following.name} only in its ending", "rename one of them", picture)
        return pictures


def pictures_in(folder: Path) -> list[Path]:
    """Return the folder's pictures by name; none when there is no folder. Raises DataError if it can't be read."""
    return sorted(path for path in _files(folder) if path.suffix.lower() in PICTURE_ENDINGS)


def masks_by_name(folder: Path) -> dict[str, Path]:
    """Return a folder's masks by the name of their picture, GIF before PNG. Raises DataError if it can't be read."""
    masks: dict[str, Path] = {}
    for path in sorted(_files(folder), reverse=True):
        ending = next((ending for ending in MASK_ENDINGS if path.name.lower().endswith(ending)), None)
        if ending:
            masks[path.name[: -len(ending)]] = path
    return masks


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files but hidden ones, which are the desktop's (.DS_Store, ._x.jpg) or incomplete (.part)."""
    try:
        with os.scandir(folder) as items:
            yield from (folder / item.name for item in items if item.name[0] != "." and item.is_file())
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"can't be read ({error.strerror})", "check its name and permissions", folder) from error


def cars_of(samples: Iterable[S]) -> dict[str, list[S]]:
    """Return the samples of each car, in their order."""
    cars: dict[str, list[S]] = {}
    for sample in samples:
        cars.setdefault(sample.car, []).append(sample)
    return cars
