"""Read and write CSV tables: UTF-8, gzipped where the name ends in .gz, with fields of any length."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain, repeat
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from carvanamask.errors import DataError
from carvanamask.io.atomic import open_atomically

T = TypeVar("T")

MAX_FIELD = 1 << 28
"""Characters. Python's csv refuses fields over 131,072; the run-length code of a mask with a ragged edge is longer."""


def save_table(path: Path, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write rows under the names of their columns as they come; the file appears after the last one.

    The same rows give the same bytes. Raises DiskError.
    """
    with ExitStack() as stack:
        file: BinaryIO | gzip.GzipFile = stack.enter_context(open_atomically(path))
        if path.suffix == ".gz":
            # no name and no time in gzip's header: the rows alone decide
            file = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        writer = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def load_table(path: Path, columns: Sequence[str], parse: Callable[[Mapping[str, str]], T], repair: str) -> list[T]:
    """Return what `parse` makes of each row, by column name, '' where a row is short. Blank lines are skipped.

    Raises DataError with `repair` for a file that can't be read, one without one of the `columns`, and a row for which
    `parse` raises ValueError, with the line's number.
    """
    rows = read_rows(path, repair)
    _, header = next(rows, (0, []))
    missing = [column for column in columns if column not in header]
    if missing:
        raise DataError(f"has no column '{missing[0]}', its first line must be {','.join(columns)}", repair, path)
    parsed = []
    for line, cells in rows:
        if not cells:
            continue
        try:
            parsed.append(parse(dict(zip(header, chain(cells, repeat("")), strict=False))))
        except ValueError as error:
            raise DataError(f"line {line}: {error}", repair, path) from None
    return parsed


def read_rows(path: Path, repair: str, error_type: type[DataError] = DataError) -> Iterator[tuple[int, list[str]]]:
    """Yield (line's number, cells), the header's first; one row at a time is in memory.

    Raises `error_type` with `repair` for a file that can't be read to its end.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))  # csv knows no limit of one reader
    line = 0
    try:
        with path.open("rb") as file, ExitStack() as stack:
            data = stack.enter_context(gzip.open(file)) if path.suffix == ".gz" else file
            reader = csv.reader(io.TextIOWrapper(cast(BinaryIO, data), encoding="utf-8-sig", newline=""))
            for cells in reader:
                line = reader.line_num
                yield line, cells
    except FileNotFoundError:
        raise error_type("doesn't exist", repair, path) from None
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise error_type(f"can't be read after line {line} ({reason})", repair, path) from None
