"""HEIC and cameras' RAW files, which need an extra package each (docs/decisions/0011-formats.md)."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL import Image

from carvanamask.errors import PictureError
from carvanamask.io.ifd import TiffReader

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
_SUBFILE_KIND, _PHOTOMETRIC, _MAKE, _SUBDIRECTORIES, _DNG_VERSION = 254, 262, 271, 330, 50706
_SENSOR_COLOURS = {32803, 34892}


def is_heif(head: bytes) -> bool:
    """Return whether a file's first bytes are those of HEIC or HEIF, not of AVIF, which Pillow reads."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[start : start + 4] for start in (8, *range(16, size - 3, 4))}
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS and not brands & {b"avif", b"avis"}


def is_raw(file: BinaryIO) -> bool:
    """Return whether a file is a camera's RAW file: CR2, CR3, RAF, ORF, RW2, or a TIFF of sensor data (DNG, NEF, ARW).

    A decoder of TIFF would return the small preview of such a file.
    """
    file.seek(0)
    head = file.read(16)
    if head.startswith(_RAW_STARTS) or head[4:12] == b"ftypcrx " or (head[8:10] == b"CR" and head[:2] == b"II"):
        return True
    tiff = TiffReader.open(file)
    if tiff is None:
        return False
    first = tiff.directory()
    kinds, colours = (
        {int(number) for number in first[tag].numbers(tiff.order)} if tag in first else set()
        for tag in (_SUBFILE_KIND, _PHOTOMETRIC)
    )
    is_preview = kinds == {1} and _MAKE in first and _SUBDIRECTORIES in first
    return _DNG_VERSION in first or is_preview or bool(colours & _SENSOR_COLOURS)


def open_heif(file: BinaryIO) -> Image.Image:
    """Return a HEIC picture, not decoded yet, upright. Raises PictureError without pillow-heif."""
    try:
        from pillow_heif import HeifImageFile  # without registering it: Pillow stays as its host has set it up
    except ImportError:
        repair = "pip install pillow-heif (its wheel is GPL-2), or export it as JPEG"
        raise PictureError("is a HEIC picture", repair) from None
    image: Image.Image = HeifImageFile(file)
    return image


def read_raw(file: BinaryIO, require_size: Callable[[tuple[int, int]], None]) -> np.ndarray:
    """Return uint8 sRGB of a RAW file, upright, with the camera's white balance.

    Raises PictureError without the extra; `require_size` raises one for a size that is too large.
    """
    try:
        import rawpy
    except ImportError:
        raise PictureError("is a RAW file", "pip install 'carvanamask[raw]'") from None
    file.seek(0)
    with rawpy.imread(BytesIO(file.read())) as raw:
        require_size((raw.sizes.width, raw.sizes.height))
        rgb: np.ndarray = raw.postprocess(use_camera_wb=True, output_bps=8)
        return rgb
