"""What a picture's file says besides its pixels: who took it, when, with what, and how large it prints."""

from __future__ import annotations

import functools
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms

_ORIENTATION = 0x0112
_EXIF = b"Exif\0\0"
_JFIF_LENGTH, _IHDR_LENGTH = 20, 33
"""Bytes that every JPEG of libjpeg, and every PNG, begins with."""

_LONGEST = 65_533
"""Bytes in a segment of a JPEG."""


@dataclass(frozen=True)
class Tags:
    """Of an upright picture in sRGB."""

    exif: bytes = b""
    """Without a thumbnail, which would show the picture as it was."""
    dpi: tuple[float, float] | None = None


def read_tags(path: Path) -> Tags:
    """A picture's own; empty ones where there are none, or nothing that could be kept."""
    try:
        with path.open("rb") as file, Image.open(file) as image:
            exif = image.getexif()
            if exif:
                exif[_ORIENTATION] = 1
            dpi = image.info.get("dpi")
            return Tags(exif.tobytes() if exif else b"", (float(dpi[0]), float(dpi[1])) if dpi else None)
    except Exception:  # of a dozen kinds; the pixels are what counts
        return Tags()


def tagged_jpeg(jpeg: bytes, tags: Tags) -> bytes:
    """A JPEG of libjpeg's with these and the profile of sRGB."""
    head = bytearray(jpeg[:_JFIF_LENGTH])
    if tags.dpi and all(0 < side < 65_536 for side in tags.dpi):
        head[13:18] = struct.pack(">BHH", 1, *map(round, tags.dpi))
    exif = b""
    if tags.exif and len(_EXIF + tags.exif) <= _LONGEST:
        exif = _segment(0xE1, _EXIF + tags.exif.removeprefix(_EXIF))
    return bytes(head) + exif + _segment(0xE2, b"ICC_PROFILE\0\1\1" + _srgb()) + jpeg[_JFIF_LENGTH:]


def tagged_png(png: bytes, tags: Tags) -> bytes:
    """A PNG with these and the word that it is sRGB."""
    chunks = _chunk(b"sRGB", b"\0")
    if tags.dpi:
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *(round(side / 0.0254) for side in tags.dpi), 1))
    if tags.exif:
        chunks += _chunk(b"eXIf", tags.exif.removeprefix(_EXIF))
    return png[:_IHDR_LENGTH] + chunks + png[_IHDR_LENGTH:]


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@functools.cache
def _srgb() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)  # when it was made: the same picture gives the same bytes
    return bytes(profile)
