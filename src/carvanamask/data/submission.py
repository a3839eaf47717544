"""Kaggle's submission: a table `img,rle_mask` with one row per picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from carvanamask.core.mask import Mask
from carvanamask.errors import SubmissionError
from carvanamask.io.table import read_rows, save_table

COLUMNS = ["img", "rle_mask"]
_REPAIR = "make it again"


def write_submission(path: Path, rows: Iterable[tuple[str, Mask | str]]) -> None:
    """Write (picture's file name, mask or its run-length code) rows as they come; gzipped when `path` ends in .gz.

    The file appears after the last row. The same rows give the same bytes. Raises DiskError.
    """
    save_table(path, COLUMNS, ((name, mask.to_rle() if isinstance(mask, Mask) else mask) for name, mask in rows))


def read_submission(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (picture's file name, run-length code) of a .csv or .csv.gz, row by row.

    Raises SubmissionError, with the line's number, where it isn't a submission.
    """
    rows = read_rows(path, _REPAIR, SubmissionError)
    _, header = next(rows, (0, None))
    if header is None:
        raise SubmissionError("is empty", _REPAIR, path)
    if header != COLUMNS:
        raise SubmissionError(f"begins with '{','.join(header)[:60]}', not {','.join(COLUMNS)}", _REPAIR, path)
    for line, cells in rows:
        if len(cells) != len(COLUMNS):
            raise SubmissionError(f"line {line} has {len(cells)} columns, not img and rle_mask", _REPAIR, path)
        yield cells[0], cells[1]
