"""What a picture's file says about its pixels and its content, wherever in the file it says so."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms

from carvanamask.io import colour
from carvanamask.io.exif_data import ExifData
from carvanamask.io.ifd import TiffReader
from carvanamask.io.jpeg2000 import jpeg2000_profile
from carvanamask.io.png import PngParts
from carvanamask.io.xmp import iptc_of_resources, xmp_orientation

_TIFF_XMP, _TIFF_IPTC, _TIFF_RESOURCES, _TIFF_PROFILE = 700, 33723, 34377, 34675
_PHOTOSHOP_IPTC = 0x0404
_HEIF_HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class Metadata:
    """The statements of a file, as it holds them."""

    exif: ExifData | None = None
    xmp: bytes = b""
    iptc: bytes = b""
    profile: bytes = b""
    dpi: tuple[float, float] | None = None
    chunks: Mapping[bytes, bytes] = field(default_factory=dict)
    """A PNG's."""
    code_points: tuple[int, int] | None = None
    """H.273's numbers for primaries and transfer function, in HEIF and AVIF."""

    @cached_property
    def orientation(self) -> int:
        """EXIF's orientation, 1 to 8; XMP's where EXIF has none."""
        return (self.exif.orientation if self.exif else 0) or xmp_orientation(self.xmp)

    def colour_space(self) -> colour.ColourSpace | None:
        """Return the colour space of a file without an ICC profile; None for sRGB. Raises PictureError for HDR."""
        if b"cICP" in self.chunks and len(self.chunks[b"cICP"]) == 4:
            return _unless_srgb(self.chunks[b"cICP"][0], self.chunks[b"cICP"][1])
        if self.code_points is not None:
            return _unless_srgb(*self.code_points)
        if self.exif and self.exif.is_adobe_rgb:
            return colour.adobe_rgb()
        if b"sRGB" in self.chunks:
            return None
        return colour.of_png_chunks(self.chunks.get(b"gAMA", b""), self.chunks.get(b"cHRM", b""))

    def used_profile(self, mode: str) -> bytes:
        """Return the ICC profile for the colours of an image of that mode; b'' without one that fits."""
        is_overruled = b"cICP" in self.chunks  # as the PNG specification orders them
        space = self.profile[16:20]
        fits = space == {"L": b"GRAY", "CMYK": b"CMYK"}.get(mode, b"RGB ") or (mode == "L" and space == b"RGB ")
        return self.profile if fits and not is_overruled else b""


def metadata_of_image(image: Image.Image, file: BinaryIO | None = None) -> Metadata:
    """Return the metadata of a picture that Pillow opened from `file`; that of a PNG is `metadata_of_png`."""
    if file and image.format == "TIFF" and (tiff := TiffReader.open(file)):
        return metadata_of_tiff(tiff)
    info = image.info
    exif = ExifData.parse(_bytes(info.get("exif")))
    resources = info.get("photoshop")
    return Metadata(
        exif,
        _bytes(info.get("xmp")),
        _bytes(resources.get(_PHOTOSHOP_IPTC)) if isinstance(resources, dict) else b"",
        jpeg2000_profile(file) if file and image.format == "JPEG2000" else _bytes(info.get("icc_profile")),
        _dpi_of_image(image, exif),
        code_points=_code_points(file) if file and image.format in ("AVIF", "HEIF") else None,
    )


def metadata_of_png(parts: PngParts, image: Image.Image) -> Metadata:
    """Return the metadata of a PNG, which may follow its pixels."""
    raw_app1 = parts.raw_profile("APP1", "exif")
    exif = parts.chunks.get(b"eXIf", b"") or (b"" if raw_app1.startswith(b"http") else raw_app1)
    return Metadata(
        ExifData.parse(exif),
        parts.texts.get("XML:com.adobe.xmp", b"") or parts.raw_profile("xmp"),
        iptc_of_resources(parts.raw_profile("iptc", "8bim")),
        parts.profile(),
        image.info.get("dpi"),
        parts.chunks,
    )


def metadata_of_tiff(tiff: TiffReader) -> Metadata:
    """Return the metadata of a TIFF file, also of one that Pillow can't read."""
    exif = ExifData.read(tiff)
    xmp, iptc, resources, profile = (
        exif.first[tag].data if tag in exif.first else b""
        for tag in (_TIFF_XMP, _TIFF_IPTC, _TIFF_RESOURCES, _TIFF_PROFILE)
    )
    return Metadata(exif, xmp, iptc or iptc_of_resources(resources), profile, exif.dpi)


def to_srgb(image: Image.Image, metadata: Metadata) -> Image.Image:
    """Return an RGB image in sRGB of one of mode RGB, L or CMYK. A profile that can't be used counts as sRGB."""
    profile = metadata.used_profile(image.mode)
    if profile:
        if profile[16:20] == b"RGB ":
            image = image.convert("RGB")
        transform = colour.profile_to_srgb(profile, image.mode)
        return (ImageCms.applyTransform(image, transform) if transform else None) or image.convert("RGB")
    image = image.convert("RGB")
    space = metadata.colour_space()
    return Image.fromarray(space.to_srgb(np.asarray(image))) if space else image


def is_srgb(metadata: Metadata) -> bool:
    """Return whether RGB pixels need no conversion."""
    profile = metadata.used_profile("RGB")
    return colour.profile_to_srgb(profile, "RGB") is None if profile else metadata.colour_space() is None


def matrix_space(metadata: Metadata) -> colour.ColourSpace | None:
    """Return the colour space of RGB pixels where curves and primaries describe it; None for sRGB and for others."""
    profile = metadata.used_profile("RGB")
    if not profile:
        return metadata.colour_space()
    return None if is_srgb(metadata) else colour.of_matrix_profile(profile)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _dpi_of_image(image: Image.Image, exif: ExifData | None) -> tuple[float, float] | None:
    has_own = image.format == "BMP" or image.info.get("jfif_unit") in (1, 2)
    if has_own and "dpi" in image.info:
        x, y = image.info["dpi"]
        return float(x), float(y)
    return exif.dpi if exif else None


def _code_points(file: BinaryIO) -> tuple[int, int] | None:
    """Return the numbers of a `colr` box of the kind nclx."""
    file.seek(0)
    head = file.read(_HEIF_HEADER_BYTES)
    place = head.find(b"colrnclx")
    if place < 0 or len(head) < place + 12:
        return None
    primaries, curve = struct.unpack_from(">HH", head, place + 8)
    return primaries, curve


def _unless_srgb(primaries: int, curve: int) -> colour.ColourSpace | None:
    if primaries in (1, 2) and curve in (1, 2, 6, 13):  # video's curve is what cameras write for sRGB
        return None
    return colour.of_code_points(primaries, curve)
