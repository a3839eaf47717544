"""Read and write the directories of TIFF files, which EXIF data has too, without trusting any number in them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

MAX_ENTRIES, MAX_BYTES = 4096, 64 << 20
"""Of one directory, with its values: what lies beyond is left out."""
_ITEM_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMPY_TYPES = {1: "u1", 3: "u2", 4: "u4", 6: "i1", 8: "i2", 9: "i4", 11: "f4", 12: "f8", 13: "u4", 16: "u8", 18: "u8"}
_RATIONALS = {5: "u4", 10: "i4"}

SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7


@dataclass(frozen=True)
class Entry:
    """One tag's value: `data` holds its bytes as the file does, in the file's byte order."""

    kind: int
    data: bytes
    offset: int = 0
    """Where in the file the data lies."""

    def numbers(self, order: str) -> list[float]:
        """Return the value as numbers; none for text, and a division by zero is 0."""
        if self.kind in _RATIONALS:
            parts = np.frombuffer(self.data, order + _RATIONALS[self.kind]).reshape(-1, 2).astype(float)
            return [float(up / down) if down else 0.0 for up, down in parts]
        if self.kind not in _NUMPY_TYPES:
            return []
        return [float(number) for number in np.frombuffer(self.data, order + _NUMPY_TYPES[self.kind])]


Directory = dict[int, Entry]
"""Tag: its value."""


@dataclass(frozen=True)
class TiffReader:
    """Reads the directories of a TIFF or BigTIFF file."""

    file: BinaryIO
    order: str
    """'<' or '>', as struct and NumPy name the byte order."""
    is_big: bool
    first_directory: int

    @classmethod
    def open(cls, file: BinaryIO) -> TiffReader | None:
        """Return the reader of a file, None where it isn't TIFF."""
        file.seek(0)
        head = file.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
        if not order or len(head) < 8:
            return None
        version, first = struct.unpack(order + "HI", head[2:8])
        if version == 43 and len(head) == 16:
            return cls(file, order, True, struct.unpack(order + "Q", head[8:])[0])
        return cls(file, order, False, first) if version == 42 else None

    def directory(self, offset: int | None = None) -> Directory:
        """Return the first directory, or the one at `offset`. A tag that can't be read is left out, not the others."""
        offset = self.first_directory if offset is None else offset
        form = self.order + ("HHQQ" if self.is_big else "HHII")
        count_size, entry_size, inline = (8, 20, 8) if self.is_big else (2, 12, 4)
        count_bytes = self._read(offset, count_size)
        if len(count_bytes) < count_size:
            return {}
        count = min(struct.unpack(self.order + ("Q" if self.is_big else "H"), count_bytes)[0], MAX_ENTRIES)
        table = self._read(offset + count_size, count * entry_size)
        directory: Directory = {}
        left = MAX_BYTES
        for start in range(0, len(table) - entry_size + 1, entry_size):
            tag, kind, items, place = struct.unpack(form, table[start : start + entry_size])
            size = items * _ITEM_BYTES.get(kind, 0)
            if size <= inline:
                place = offset + count_size + start + entry_size - inline
            if not 0 < size <= left:
                continue
            left -= size
            data = self._read(place, size)
            if len(data) == size:
                directory.setdefault(tag, Entry(kind, data, place))
        return directory

    def subdirectory(self, directory: Directory, tag: int) -> Directory:
        """Return the directory that a tag points to, an empty one where there is none."""
        numbers = directory[tag].numbers(self.order) if tag in directory else []
        return self.directory(int(numbers[0])) if numbers else {}

    def _read(self, offset: int, size: int) -> bytes:
        try:
            self.file.seek(offset)
            return self.file.read(size)
        except (OverflowError, ValueError):  # an offset that no file has
            return b""


def pack_directory(
    directory: Mapping[int, Entry], order: str, offset: int, places: Mapping[int, int] | None = None
) -> bytes:
    """Return a directory without a successor, followed by its values, to lie at `offset` of a classic TIFF file.

    `places` names the tags whose data lies elsewhere in the file, and where.
    """
    place = offset + 2 + 12 * len(directory) + 4
    table, values = struct.pack(order + "H", len(directory)), b""
    for tag, entry in sorted(directory.items()):
        count = len(entry.data) // _ITEM_BYTES[entry.kind]
        if places and tag in places:
            field = struct.pack(order + "I", places[tag])
        elif len(entry.data) <= 4:
            field = entry.data.ljust(4, b"\0")
        else:
            field = struct.pack(order + "I", place + len(values))
            values += entry.data + bytes(len(entry.data) % 2)
        table += struct.pack(order + "HHI", tag, entry.kind, count) + field
    return table + bytes(4) + values


def entry(kind: int, *numbers: int, order: str) -> Entry:
    """Return an entry of whole numbers; a RATIONAL takes two per value."""
    return Entry(kind, np.array(numbers).astype(order + ("u2" if kind == SHORT else "u4")).tobytes())
