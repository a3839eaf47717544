"""Record on the disk which pictures a batch has finished, so that the same batch continues where it was interrupted."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from carvanamask.errors import DataError
from carvanamask.io.atomic import disk_error

_NOT_FINISHED, _PICTURE_CHANGED = -1, -2
"""Instead of an offset in the file."""


def file_stamp(picture: Path) -> str:
    """Return the version of a picture's file, which changes when the file does; '' for one that is gone."""
    try:
        stat = picture.stat()
    except OSError:
        return ""
    return f"{stat.st_size}-{stat.st_mtime_ns}"


class _Row(NamedTuple):
    """One finished picture."""

    name: str
    version: str
    """Its `file_stamp` before it was read."""
    content_hash: str
    """Hash of the bytes that were read."""
    value: str
    """The text that its result writer returned: a run-length code, measures, or a review reason."""


class Journal:
    """The finished pictures of one run, read again by the next run of the same kind.

    Each line holds one picture behind a checksum that includes the run's `key`: a line that was torn, or that a run
    with another model or other options wrote, doesn't count. Neither does a line of another version of its picture,
    unless the picture's bytes are the same. Use it as a context manager; leaving it keeps the file.
    Only the finished pictures' places in the file are in memory.
    """

    def __init__(
        self, path: Path, key: str, versions: Mapping[str, str], hash_of: Callable[[str], str] = lambda name: ""
    ) -> None:
        """`versions` are those of the run's pictures, by name; `hash_of` hashes the bytes of one of them."""
        self.path = path
        self._seed = zlib.crc32(key.encode())
        self._versions, self._hash_of = versions, hash_of
        self._offsets = dict.fromkeys(versions, _NOT_FINISHED)

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b")
            self._file.seek(0)
            offset = 0
            for line in self._file:
                row = self._decode(line)
                if row is not None and row.name in self._offsets:
                    self._offsets[row.name] = offset if self._is_current(row) else _PICTURE_CHANGED
                offset += len(line)
            # whatever an interrupted write left stays a line of its own
            self._file.write(b"\n" if offset else b"")
        except OSError as error:
            raise disk_error(self.path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:  # the rest of the buffer is written here
            raise disk_error(self.path, error) from error

    def is_finished(self, name: str) -> bool:
        """Return whether this picture is finished, as it is today; False for one that isn't in the run."""
        return self._offsets.get(name, _NOT_FINISHED) >= 0

    def has_changed(self, name: str) -> bool:
        """Return whether a picture of this name was finished that had other bytes."""
        return self._offsets[name] == _PICTURE_CHANGED

    def add(self, name: str, value: str, content_hash: str = "") -> None:
        """Append a finished picture; after an interruption its line is there or isn't. Raises DiskError."""
        text = json.dumps(_Row(name, self._versions[name], content_hash, value)).encode()
        try:
            offset = self._file.seek(0, os.SEEK_END)
            self._file.write(b"%08x %s\n" % (zlib.crc32(text, self._seed), text))
            self._file.flush()
        except OSError as error:
            raise disk_error(self.path, error) from error
        self._offsets[name] = offset

    def value(self, name: str) -> str:
        """Return what was added with a finished picture. Raises DataError where the file has changed meanwhile."""
        self._file.seek(self._offsets[name])
        row = self._decode(self._file.readline())
        if row is None or row.name != name:
            raise DataError("changed while it was read", "run the same command again", self.path)
        return row.value

    def _is_current(self, row: _Row) -> bool:
        version = self._versions[row.name]
        # a copied or touched file has another time, and only then is it worth reading
        return version == row.version or bool(
            version and row.content_hash and row.content_hash == self._hash_of(row.name)
        )

    def _decode(self, line: bytes) -> _Row | None:
        """Return what `add` wrote; None for a line that is torn or another run's."""
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text, self._seed):
            return None
        return _Row(*json.loads(text))
