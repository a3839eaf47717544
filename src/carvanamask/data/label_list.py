"""Pseudo-labels as a table: pictures nobody labelled, with masks that several models agreed on.

    labels.csv     picture,mask,agreement,undecided,models

Paths are absolute or begin at the list's own folder.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from carvanamask.data.kaggle_folder import Sample
from carvanamask.errors import DataError, printable
from carvanamask.io.atomic import save_text_atomically

COLUMNS = ("picture", "mask", "agreement", "undecided", "models")


@dataclass(frozen=True)
class Label:
    """A picture, the mask that models made of it, and how far they may be trusted."""

    sample: Sample
    agreement: float
    """Mean pairwise Dice of the models' masks, in [0, 1]."""
    undecided: float
    """Area where the models' mean is neither car nor background, as a share of the mask's."""
    models: str
    """What made it: each model's name and the first 12 hex digits of its SHA-256."""


def save_labels(path: Path, labels: Iterable[Label]) -> None:
    """Write the list; all of it appears at once. The same labels give the same bytes. Raises DiskError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for label in labels:
        assert label.sample.mask is not None, f"{label.sample.picture} has no mask to list"
        # masks lie beside the list and move with it, pictures stay where they are
        paths = label.sample.picture.absolute(), label.sample.mask.relative_to(path.parent)
        writer.writerow([*paths, f"{label.agreement:.6f}", f"{label.undecided:.6f}", label.models])
    save_text_atomically(path, text.getvalue())


def load_labels(path: Path) -> list[Label]:
    """Read what `save_labels` wrote, with every picture and mask in its place.

    Raises DataError, with the line's number, where it isn't such a list or a file is missing.
    """
    labels = []
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{printable(path)}, line 1: no column '{missing[0]}', it must be {','.join(COLUMNS)}")
            for row in reader:
                line = reader.line_num
                labels.append(_label(row, path.parent, f"{printable(path)}, line {line}"))
    except FileNotFoundError:
        raise DataError(f"{printable(path)} doesn't exist: make it with pseudo-label, or correct its name") from None
    except (OSError, UnicodeError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{printable(path)} can't be read after line {line} ({reason}): make it again") from None
    if not labels:
        raise DataError(f"{printable(path)} holds no labels: make it again with wider limits, or leave it out")
    return labels


def _label(row: Mapping[str, str], folder: Path, where: str) -> Label:
    picture, mask = folder / row["picture"], folder / row["mask"]
    for path in (picture, mask):
        if not path.is_file():
            raise DataError(f"{where}: {printable(path)} doesn't exist, put it back or run pseudo-label again")
    try:
        agreement, undecided = float(row["agreement"]), float(row["undecided"])
    except ValueError:
        numbers = f"'{row['agreement']}' and '{row['undecided']}'"
        raise DataError(f"{where}: agreement and undecided are numbers, not {numbers}") from None
    try:
        sample = Sample.from_picture(picture, mask)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    return Label(sample, agreement, undecided, row["models"])
