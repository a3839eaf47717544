"""Write pictures, masks and probability maps, each file complete or not at all."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import DiskError, PictureError
from carvanamask.io.atomic import save_bytes_atomically
from carvanamask.io.exif import Tags, srgb_profile
from carvanamask.io.exif_data import ExifData
from carvanamask.io.xmp import iptc_resources

MAX_JPEG_SIDE, MAX_GIF_SIDE = 65_500, 65_535
MAX_JPEG_EXIF, MAX_JPEG_XMP, MAX_JPEG_IPTC = 65_533, 65_504, 65_500
"""Bytes that fit into one segment of a JPEG."""
_IHDR_END = 33
"""Bytes that every PNG begins with: its signature and its header."""


def save_picture(path: Path, pixels: np.ndarray, quality: int = 95, tags: Tags | None = None) -> None:
    """Write uint8 RGB as JPEG of that quality, or RGB or RGBA as PNG, by the name's ending.

    With `tags` the file holds them and says that its colours are sRGB. Raises DiskError, and PictureError for one that
    is too wide or high for JPEG.
    """
    ending = path.suffix.lower()
    if ending in (".jpg", ".jpeg"):
        _require_sides(path, pixels, "JPEG", MAX_JPEG_SIDE)
        save_bytes_atomically(path, _encode_jpeg(pixels, quality, tags))
    elif ending == ".png":
        save_bytes_atomically(path, _encode_png(pixels, tags))
    else:
        raise DiskError("can't be written", "name a picture .jpg or .png", path)


def save_mask(path: Path, mask: Mask) -> None:
    """Write a mask as 1-bit PNG, or as Kaggle's GIF with values 0 and 1, by the name's ending.

    Raises DiskError, and PictureError for one that is too wide or high for GIF.
    """
    ending = path.suffix.lower()
    if ending == ".gif":
        _require_sides(path, mask.pixels, "GIF", MAX_GIF_SIDE)
        image = Image.fromarray(mask.pixels.astype(np.uint8))
        image.putpalette([0, 0, 0, 255, 255, 255])
        gif = BytesIO()
        image.save(gif, "GIF", optimize=False)  # optimize would renumber the values of an all-car mask from 0
        save_bytes_atomically(path, gif.getvalue())
    elif ending == ".png":
        save_bytes_atomically(path, encode_bilevel_png(mask.pixels))
    else:
        raise DiskError("can't be written", "name a mask .png or .gif", path)


def save_probabilities(path: Path, probabilities: ProbabilityMap) -> None:
    """Write probabilities as 8-bit grey PNG: 255 is certainly car. Raises DiskError."""
    grey = np.rint(probabilities.values * 255).astype(np.uint8)
    save_bytes_atomically(path, cv2.imencode(".png", grey)[1].tobytes())


def encode_bilevel_png(pixels: np.ndarray) -> bytes:
    """Return bool (height, width) as a PNG file of one bit per pixel, white for True, in under half of OpenCV's time.

    After W3C, Portable Network Graphics, third edition. A mask's bytes are runs of 0 and of 255, so deflate searches
    for run lengths only: the file is half as large as deflate's fastest general level makes it.
    """
    height, width = pixels.shape
    rows = np.zeros((height, 1 + (width + 7) // 8), np.uint8)  # the 0 before each row: not filtered
    rows[:, 1:] = np.packbits(pixels, axis=1)
    deflate = zlib.compressobj(1, strategy=zlib.Z_RLE)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)  # 1 bit per pixel, grey
    data = deflate.compress(rows.tobytes()) + deflate.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _require_sides(path: Path, pixels: np.ndarray, format_name: str, limit: int) -> None:
    height, width = pixels.shape[:2]
    if max(width, height) > limit:
        reason = f"would be {width}x{height}, and a {format_name} ends at {limit}"
        raise PictureError(reason, "shrink the picture", path)


def _encode_jpeg(rgb: np.ndarray, quality: int, tags: Tags | None) -> bytes:
    options: dict[str, object] = {}
    if tags is not None:
        options["icc_profile"] = srgb_profile()
        exif = ExifData.parse(tags.exif)
        options["exif"] = exif.shortened(MAX_JPEG_EXIF) if exif else b""
        if len(tags.xmp) <= MAX_JPEG_XMP:
            options["xmp"] = tags.xmp
        if tags.iptc and len(tags.iptc) <= MAX_JPEG_IPTC:
            resources = b"Photoshop 3.0\0" + iptc_resources(tags.iptc)
            options["extra"] = b"\xff\xed" + struct.pack(">H", len(resources) + 2) + resources
        if tags.dpi and all(0 < side < 65_536 for side in tags.dpi):
            options["dpi"] = tags.dpi
    file = BytesIO()
    # subsampling 0 is 4:4:4: less colour would bleed over the car's edge
    Image.fromarray(rgb).save(file, "JPEG", quality=quality, subsampling=0, **options)
    return file.getvalue()


def _encode_png(pixels: np.ndarray, tags: Tags | None) -> bytes:
    """Pillow writes the chunks itself, but takes 1.6 times as long as OpenCV (docs/decisions/0006-encoders.md)."""
    to_bgr = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    smaller = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT]  # by a fifth, in the same time
    png: bytes = cv2.imencode(".png", cv2.cvtColor(pixels, to_bgr), smaller)[1].tobytes()
    if tags is None:
        return png
    chunks = _chunk(b"sRGB", b"\0")
    if tags.dpi:
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *(round(side / 0.0254) for side in tags.dpi), 1))  # per metre
    if tags.exif:
        chunks += _chunk(b"eXIf", tags.exif.removeprefix(b"Exif\0\0"))
    if tags.xmp:
        chunks += _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + tags.xmp)
    if tags.iptc:
        resources = iptc_resources(tags.iptc)
        hexadecimal = b"\niptc\n%8d\n%s\n" % (len(resources), resources.hex().encode())
        chunks += _chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(hexadecimal))
    return png[:_IHDR_END] + chunks + png[_IHDR_END:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
