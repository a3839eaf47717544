"""What a picture's file says besides its pixels: who took it, when, with what, and how large it prints."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms

_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Tags:
    """The tags of a picture that is upright and in sRGB."""

    exif: bytes = b""
    """As Pillow's `exif=` takes it, without a thumbnail, which would show the picture as it was."""
    dpi: tuple[float, float] | None = None


def read_tags(path: Path) -> Tags:
    """Return a picture's tags; empty ones where it has none, or none that could be kept."""
    try:
        with path.open("rb") as file, Image.open(file) as image:
            exif = image.getexif()
            if exif:
                exif[_ORIENTATION] = 1
            dpi = image.info.get("dpi")
            return Tags(exif.tobytes() if exif else b"", (float(dpi[0]), float(dpi[1])) if dpi else None)
    except Exception:  # of a dozen kinds; a picture whose tags are damaged is still a picture
        return Tags()


@functools.cache
def srgb_profile() -> bytes:
    """Return the ICC profile of sRGB, without the time of its creation: the same picture gives the same bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)
    return bytes(profile)
