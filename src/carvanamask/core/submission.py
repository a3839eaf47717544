"""Kaggle's submission: a table `img,rle_mask` with one row a picture, and the unfinished one of a run under way."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from carvanamask.core.atomic_files import disk_error, open_atomically, shown
from carvanamask.core.errors import SubmissionError
from carvanamask.core.mask import Mask

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
                        f"{shown(path)}, line 1: must be {','.join(COLUMNS)}, not '{','.join(row)[:60]}'"
                    )
                if len(row) != len(COLUMNS):
                    raise SubmissionError(f"{shown(path)}, line {line}: {len(row)} columns; it takes img and rle_mask")
                if line > 1:
                    yield row[0], row[1]
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise SubmissionError(f"{shown(path)} can't be read after line {line} ({reason}): make it again") from None
    if line == 0:
        raise SubmissionError(f"{shown(path)} is empty: make it again")


def version_of(picture: Path) -> str:
    """What an UnfinishedSubmission takes for a picture's version: changes when the file is another one."""
    try:
        stat = picture.stat()
    except OSError:
        return ""
    return f"{stat.st_size}-{stat.st_mtime_ns}"


class UnfinishedSubmission:
    """The rows a run has finished, on disk as they come, so that the same run goes on where it was interrupted.

    Every line carries a checksum that the run's `key` goes into: a torn line, and any line of a run with another
    model or other options, counts as not there. Use it as a context manager; leaving it keeps the rows.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self._seed = zlib.crc32(key.encode())
        self._places: dict[str, tuple[str, int]] = {}

    @classmethod
    def beside(cls, submission: Path, key: str) -> UnfinishedSubmission:
        """The one for `submission`: its name, the key and .part, in the same folder."""
        return cls(submission.with_name(f"{submission.name}.{key}.part"), key)

    def __enter__(self) -> UnfinishedSubmission:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b")
            self._file.seek(0)
            place = 0
            for line in self._file:
                if row := self._decode(line):
                    self._places[row[0]] = row[1], place
                place += len(line)
            # whatever an interrupted write left stays a line of its own
            self._file.write(b"\n" if place else b"")
        except OSError as error:
            raise disk_error(self.path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:  # what was still to be written
            raise disk_error(self.path, error) from error

    def holds(self, name: str, version: str) -> bool:
        """Whether the row of this version of the picture is finished."""
        return name in self._places and self._places[name][0] == version

    def add(self, name: str, version: str, rle: str) -> None:
        text = json.dumps([name, version, rle]).encode()
        try:
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(b"%08x %s\n" % (zlib.crc32(text, self._seed), text))
            self._file.flush()
        except OSError as error:
            raise disk_error(self.path, error) from error
        self._places[name] = version, place

    def rows(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(name, run-length code) of finished pictures in the order of `names`, read one at a time."""
        for name in names:
            self._file.seek(self._places[name][1])
            row = self._decode(self._file.readline())
            if row is None or row[0] != name:
                raise SubmissionError(f"{shown(self.path)} changed while it was read: run the same command again")
            yield name, row[2]

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)

    def _decode(self, line: bytes) -> tuple[str, str, str] | None:
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text, self._seed):
            return None
        name, version, rle = json.loads(text)
        return name, version, rle


def _write_rows(file: BinaryIO | gzip.GzipFile, rows: Iterable[tuple[str, Mask | str]]) -> None:
    writer = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((name, mask.to_rle() if isinstance(mask, Mask) else mask) for name, mask in rows)
