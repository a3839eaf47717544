"""Read EXIF data, and keep of it what stays true in a result."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO

from carvanamask.io.ifd import LONG, SHORT, Directory, TiffReader, entry, pack_directory

HEAD = b"Exif\0\0"
MIN_DPI, MAX_DPI = 5, 65_535
"""A resolution beyond these is no statement about print: programs write 1, or 0.99, for none."""

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_ORIENTATION, _COLOUR_SPACE, _MAKER_NOTE = 0x0112, 0xA001, 0x927C
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_INCHES_PER_UNIT = {2: 1.0, 3: 2.54}
# In the first directory nearly all tags say how a TIFF is stored, so those that are kept are listed: DocumentName,
# ImageDescription, Make, Model, PageName, Software, DateTime, Artist, HostComputer, Rating, RatingPercent, Copyright,
# and Windows' XPTitle, XPComment, XPAuthor, XPKeywords, XPSubject
_FIRST_KEPT = {269, 270, 271, 272, 285, 305, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096)}
# In EXIF's own directory few do: ComponentsConfiguration, CompressedBitsPerPixel, ColorSpace, PixelXDimension,
# PixelYDimension, RelatedSoundFile, the pointer to the interoperability directory, Gamma
_EXIF_DROPPED = {37121, 37122, _COLOUR_SPACE, 40962, 40963, 40964, _INTEROPERABILITY, 42240}
_PIXEL_POSITIONS = {37396, 41492}
"""SubjectArea and SubjectLocation, which are wrong once a picture is turned."""


@dataclass(frozen=True)
class ExifData:
    """EXIF's directories as a file holds them; those of a TIFF file are the file's own."""

    order: str
    first: Directory
    exif: Directory
    gps: Directory
    interoperability: Directory

    @classmethod
    def parse(cls, data: bytes) -> ExifData | None:
        """Return the directories of EXIF data, None for data that is none."""
        reader = TiffReader.open(BytesIO(data.removeprefix(HEAD)))
        return cls.read(reader) if reader else None

    @classmethod
    def read(cls, reader: TiffReader) -> ExifData:
        """Return the directories of a TIFF file. A tag that can't be read is left out alone."""
        first = reader.directory()
        exif, gps = reader.subdirectory(first, _EXIF), reader.subdirectory(first, _GPS)
        interoperability = reader.subdirectory(exif, _INTEROPERABILITY)
        for directory, pointer in ((first, _EXIF), (first, _GPS), (exif, _INTEROPERABILITY)):
            directory.pop(pointer, None)  # `pack` makes them anew
        return cls(reader.order, first, exif, gps, interoperability)

    @property
    def orientation(self) -> int:
        """EXIF's orientation from 1 to 8, 0 where it isn't given."""
        number = self._number(self.first, _ORIENTATION)
        return int(number) if number and 1 <= number <= 8 else 0

    @property
    def is_adobe_rgb(self) -> bool:
        """Whether the colours are marked as Adobe RGB: interoperability index R03, or colour space 2."""
        index = self.interoperability.get(1)
        return (index is not None and index.data.startswith(b"R03")) or self._number(self.exif, _COLOUR_SPACE) == 2

    @property
    def dpi(self) -> tuple[float, float] | None:
        """The resolution in dots per inch; None where it isn't given, or has no unit."""
        x, y = self._number(self.first, _X_RESOLUTION), self._number(self.first, _Y_RESOLUTION)
        unit = self._number(self.first, _RESOLUTION_UNIT)
        factor = _INCHES_PER_UNIT.get(2 if unit is None else int(unit))
        return (x * factor, y * factor) if x and y and factor else None

    def kept(self) -> ExifData:
        """Return the directories without what says how the input was stored, and without the thumbnail."""
        dropped = _EXIF_DROPPED | (_PIXEL_POSITIONS if self.orientation > 1 else set())
        first = {tag: value for tag, value in self.first.items() if tag in _FIRST_KEPT}
        exif = {tag: value for tag, value in self.exif.items() if tag not in dropped}
        return ExifData(self.order, first, exif, self.gps, {})

    def without_gps(self) -> ExifData:
        """Return the directories without the place where the picture was taken, and without the camera's own notes.

        Only the camera's maker can read those, and some cameras write the place there again.
        """
        exif = {tag: value for tag, value in self.exif.items() if tag != _MAKER_NOTE}
        return ExifData(self.order, self.first, exif, {}, {})

    def shortened(self, limit: int) -> bytes:
        """Return `pack` in at most `limit` bytes: the longest values are left out, one after the other."""
        rest = ExifData(self.order, dict(self.first), dict(self.exif), dict(self.gps), {})
        while len(data := rest.pack()) > limit:
            values = [(len(value.data), tag, which) for which in rest._all() for tag, value in which.items()]
            _, tag, directory = max(values, key=lambda each: each[:2])
            del directory[tag]
        return data

    def pack(self) -> bytes:
        """Return the data of an upright picture, as Pillow's `exif=` takes it; b'' where it would say nothing.

        Every value keeps its bytes, so text of any encoding is kept. The camera's own notes keep their place too,
        because they point into themselves.
        """
        if not any(self._all()):
            return b""
        first, data, places = dict(self.first), bytearray(8), {}
        first[_ORIENTATION] = entry(SHORT, 1, order=self.order)
        note = self.exif.get(_MAKER_NOTE)
        if note and 8 <= note.offset < 1 << 16:
            data += bytes(note.offset - len(data)) + note.data
            places[_MAKER_NOTE] = note.offset
        for tag, directory in ((_EXIF, self.exif), (_GPS, self.gps)):
            if directory:
                data += bytes(len(data) % 2)
                first[tag] = entry(LONG, len(data), order=self.order)
                data += pack_directory(directory, self.order, len(data), places if tag == _EXIF else {})
        data += bytes(len(data) % 2)
        data[:8] = (b"II*\0" if self.order == "<" else b"MM\0*") + struct.pack(self.order + "I", len(data))
        return HEAD + bytes(data) + pack_directory(first, self.order, len(data))

    def _all(self) -> tuple[Directory, Directory, Directory]:
        return self.first, self.exif, self.gps

    def _number(self, directory: Directory, tag: int) -> float | None:
        numbers = directory[tag].numbers(self.order) if tag in directory else []
        return numbers[0] if numbers else None


def sensible_dpi(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return a resolution from MIN_DPI to MAX_DPI as it is; None for another."""
    return dpi if dpi and all(MIN_DPI <= side <= MAX_DPI for side in dpi) else None
