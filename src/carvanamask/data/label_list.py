"""Pseudo-labels as a table: pictures nobody labelled, with masks that several models agreed on.

    labels.csv     picture,mask,agreement,undecided,models

Paths are absolute or relative to the list's own folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from carvanamask.data.kaggle_folder import Sample
from carvanamask.errors import DataError
from carvanamask.io.table import load_table, save_table

COLUMNS = ("picture", "mask", "agreement", "undecided", "models")


@dataclass(frozen=True)
class Label:
    """A picture, the mask that models made of it, and how far they may be trusted."""

    sample: Sample
    agreement: float
    """Mean pairwise Dice of the models' masks, in [0, 1]."""
    uncertain_ratio: float
    """Area where the models' mean is neither car nor background, as a share of the mask's."""
    models: str
    """What made it: each model's name and the first 12 hex digits of its SHA-256."""


def save_labels(path: Path, labels: Iterable[Label]) -> None:
    """Write the list, complete or not at all. The same labels give the same bytes. Raises DiskError."""
    save_table(path, COLUMNS, (_row(label, path.parent) for label in labels))


def load_labels(path: Path) -> list[Label]:
    """Return the labels that `save_labels` wrote.

    Raises DataError, with the line's number, where it isn't such a list or a picture or mask is missing.
    """
    repair = "run pseudo-label again, or correct it"
    labels = load_table(path, COLUMNS, lambda row: _label(row, path.parent), repair)
    if not labels:
        raise DataError("holds no labels", "make it again with wider limits, or leave it out", path)
    return labels


def _row(label: Label, folder: Path) -> list[object]:
    assert label.sample.mask is not None, f"{label.sample.picture} has no mask to list"
    # masks lie beside the list and move with it, pictures stay where they are
    paths = label.sample.picture.absolute(), label.sample.mask.relative_to(folder)
    return [*paths, f"{label.agreement:.6f}", f"{label.uncertain_ratio:.6f}", label.models]


def _label(row: Mapping[str, str], folder: Path) -> Label:
    """Raises ValueError for a path or a number that is wrong."""
    picture, mask = folder / row["picture"], folder / row["mask"]
    for path in (picture, mask):
        if not path.is_file():
            raise ValueError(f"{path} doesn't exist")
    try:
        sample = Sample.from_picture(picture, mask)
    except DataError as error:
        raise ValueError(f"{picture} {error.reason}") from None
    return Label(sample, float(row["agreement"]), float(row["undecided"]), row["models"])
