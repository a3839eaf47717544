"""What a picture's file says besides its pixels: who took it, when, with what, and how large it prints."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import ImageCms

from carvanamask.io.exif_data import ExifData, sensible_dpi
from carvanamask.io.read import read_metadata
from carvanamask.io.xmp import kept_iptc, kept_xmp


@dataclass(frozen=True)
class Tags:
    """The tags of a picture that is upright and in sRGB: those that don't say how a file is stored."""

    exif: bytes = b""
    """As Pillow's `exif=` takes it, without a thumbnail, which would show the picture as it was."""
    dpi: tuple[float, float] | None = None
    xmp: bytes = b""
    """An XMP packet."""
    iptc: bytes = b""
    """IPTC-IIM records."""


def read_tags(path: Path) -> Tags:
    """Return a picture's tags; empty ones where it has none, or none that could be kept."""
    try:
        metadata = read_metadata(path)
        exif = metadata.exif.kept().pack() if metadata.exif else b""
        return Tags(exif, sensible_dpi(metadata.dpi), kept_xmp(metadata.xmp), kept_iptc(metadata.iptc))
    except Exception:  # of a dozen kinds; a picture whose tags are damaged is still a picture
        return Tags()


def strip_gps(tags: Tags) -> Tags:
    """Return the tags without the place where the picture was taken, and without the camera's own notes."""
    exif = ExifData.parse(tags.exif)
    return replace(tags, exif=exif.without_gps().pack() if exif else b"", xmp=kept_xmp(tags.xmp, without_gps=True))


def strip_metadata(_: Tags) -> Tags:
    """Return tags that say nothing but that the colours are sRGB."""
    return Tags()


@functools.cache
def srgb_profile() -> bytes:
    """Return the ICC profile of sRGB, without the time of its creation: the same picture gives the same bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)
    return bytes(profile)
