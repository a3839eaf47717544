"""Kaggle's submission: a table `img,rle_mask` with one row a picture."""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from carvanamask.core.mask import Mask
from carvanamask.errors import SubmissionError, printable
from carvanamask.io.atomic import open_atomically

COLUMNS = ["img", "rle_mask"]
LONGEST_FIELD = 1 << 28
"""Python's csv refuses fields over 131,072 characters; a mask with a ragged edge is longer."""


def write_submission(path: Path, rows: Iterable[tuple[str, Mask | str]]) -> None:
    """Write (picture's file name, mask or its run-length code) rows as they come; gzipped when `path` ends in .gz.

    All of the file appears at once, after the last row. The same rows give the same bytes. Raises DiskError.
    """
    with open_atomically(path) as file:
        if path.suffix == ".gz":
            # no name and no time in gzip's header: the rows alone decide
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                _write_rows(packed, rows)
        else:
            _write_rows(file, rows)


def read_submission(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (picture's file name, run-length code) of a .csv or .csv.gz, row by row.

    Raises SubmissionError, with the line's number, where it isn't a submission.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
    open_text = gzip.open if path.suffix == ".gz" else open
    line = 0
    try:
        with open_text(path, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for line, row in enumerate(reader, start=1):
                if line == 1 and row != COLUMNS:
                    raise SubmissionError(
                        f"{printable(path)}, line 1: must be {','.join(COLUMNS)}, not '{','.join(row)[:60]}'"
                    )
                if len(row) != len(COLUMNS):
                    raise SubmissionError(
                        f"{printable(path)}, line {line}: {len(row)} columns; it takes img and rle_mask"
                    )
                if line > 1:
                    yield row[0], row[1]
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise SubmissionError(f"{printable(path)} can't be read after line {line} ({reason}): make it again") from None
    if line == 0:
        raise SubmissionError(f"{printable(path)} is empty: make it again")


def _write_rows(file: BinaryIO | gzip.GzipFile, rows: Iterable[tuple[str, Mask | str]]) -> None:
    writer = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((name, mask.to_rle() if isinstance(mask, Mask) else mask) for name, mask in rows)
