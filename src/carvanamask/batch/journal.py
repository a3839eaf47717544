"""What a long run has finished, on disk as it comes, so that the same run goes on where it was interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from carvanamask.errors import DataError, printable
from carvanamask.io.atomic import disk_error

_NOWHERE, _OF_ANOTHER = -1, -2
"""In the place of a line's place in the file."""


def version_of(picture: Path) -> str:
    """What a Journal takes for a picture's version: changes when the file is another one; '' for one that is gone."""
    try:
        stat = picture.stat()
    except OSError:
        return ""
    return f"{stat.st_size}-{stat.st_mtime_ns}"


@dataclass(frozen=True)
class Row:
    """One finished picture."""

    name: str
    version: str
    """`version_of` it before it was read."""
    content: str
    """Hash of the bytes that were read."""
    value: str
    """What came of it: a run-length code, measures, or nothing but that it is finished."""


class Journal:
    """The finished rows of one run, read again by the next run of the same kind.

    Every line holds some rows, all or none, behind a checksum that the run's `key` goes into: a torn line, and any line
    of a run with another model or other options, count as not there. So does a row of another version of its picture,
    unless the picture's bytes are the same. Use it as a context manager; leaving it keeps the rows.
    All memory is taken at the start: a hundred thousand rows later it is as large as before.
    """

    def __init__(
        self, path: Path, key: str, versions: Mapping[str, str], content_of: Callable[[str], str] = lambda name: ""
    ) -> None:
        """`versions` are the pictures' at hand, by name; `content_of` hashes the one picture it names, when asked."""
        self.path = path
        self._seed = zlib.crc32(key.encode())
        self._versions, self._content_of = versions, content_of
        self._index = {name: index for index, name in enumerate(versions)}
        self._places = array("q", [_NOWHERE]) * len(versions)

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b")
            self._file.seek(0)
            place = 0
            for line in self._file:
                for row in self._decode(line):
                    if self._is_of_today(row):
                        self._places[self._index[row.name]] = place
                    elif row.name in self._index:
                        self._places[self._index[row.name]] = _OF_ANOTHER
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

    def holds(self, name: str) -> bool:
        """Whether this picture is finished, as it is today."""
        return self._places[self._index[name]] >= 0

    def was_another(self, name: str) -> bool:
        """Whether a picture of this name was finished that is not the one at hand."""
        return self._places[self._index[name]] == _OF_ANOTHER

    def add(self, rows: Iterable[Row]) -> None:
        """All of them at once: after an interruption all are there, or none. Raises DiskError."""
        rows = list(rows)
        text = json.dumps([[row.name, row.version, row.content, row.value] for row in rows]).encode()
        try:
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(b"%08x %s\n" % (zlib.crc32(text, self._seed), text))
            self._file.flush()
        except OSError as error:
            raise disk_error(self.path, error) from error
        for row in rows:
            self._places[self._index[row.name]] = place

    def values(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(name, value) of finished pictures in the order of `names`; one line of the file in memory at a time."""
        last, rows = -1, {}
        for name in names:
            place = self._places[self._index[name]]
            if place != last:
                self._file.seek(place)
                last, rows = place, {row.name: row for row in self._decode(self._file.readline())}
            if name not in rows:
                raise DataError(f"{printable(self.path)} changed while it was read: run the same command again")
            yield name, rows[name].value

    def digest(self) -> str:
        """Of the versions at hand: names the input that a finished run had."""
        listing = json.dumps(sorted(self._versions.items()))
        return hashlib.sha256(listing.encode()).hexdigest()

    def discard(self) -> None:
        """The last thing that is done with it."""
        self._file.close()  # some systems remove no file that is open
        self.path.unlink(missing_ok=True)

    def _is_of_today(self, row: Row) -> bool:
        version = self._versions.get(row.name)
        if version is None:
            return False
        # a copied or touched file has another time, and only then is it worth reading
        return version == row.version or bool(version and row.content and row.content == self._content_of(row.name))

    def _decode(self, line: bytes) -> list[Row]:
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text, self._seed):
            return []
        return [Row(*fields) for fields in json.loads(text)]
