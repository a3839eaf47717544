"""Decode pictures of every format that cameras and programs write; each error becomes one line of a PictureError."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from carvanamask.errors import DataError, PictureError
from carvanamask.io.ifd import TiffReader
from carvanamask.io.jpeg2000 import DeepJpeg2000, jpeg2000_profile
from carvanamask.io.metadata import (
    Metadata,
    is_srgb,
    matrix_space,
    metadata_of_image,
    metadata_of_png,
    metadata_of_tiff,
    to_srgb,
)
from carvanamask.io.optional_formats import is_heif, is_raw, open_heif, read_raw
from carvanamask.io.png import SIGNATURE as PNG_SIGNATURE
from carvanamask.io.png import split_png
from carvanamask.io.tiff import DeepTiff

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "JPEG2000", "AVIF")
"""Those that Pillow decodes; an MPO is a JPEG for it."""
MAX_PIXELS = 160_000_000  # the largest studio cameras take 151 million; Pillow itself refuses more than 178 million

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIMPLEJPEG_MODES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
"""Pillow's name of a mode: simplejpeg's."""
_SIMPLEJPEG_LIMITS = ("subsampling level", "color transform")
_JPEG_HEADER_BYTES = 1 << 20
_UNCOMMON_FRAMES, _START_OF_SCAN = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}, 0xDA

EXPORT_AGAIN = "copy or export it again"
_warning_filters = threading.Lock()  # one list for all threads: two changing it at once can leave it changed


@contextmanager
def _one_line_errors(file: BinaryIO, name: Path | str) -> Iterator[None]:
    """Turn every exception that a decoder raises, of a dozen kinds, into one PictureError with the picture's name."""
    try:
        yield
    except DataError as error:
        if error.path is None:
            raise type(error)(error.reason, error.repair, name) from None
        raise
    except MemoryError as error:
        raise PictureError("needs more memory than there is", "shrink it", name) from error
    except UnidentifiedImageError:
        raise _unidentified(file, name) from None
    except Image.DecompressionBombError:
        raise PictureError("is too large", _shrink(), name) from None
    except Exception as error:
        raise (_unidentified(file, name) if _is_lossless_jpeg(file) else _damaged(error, name)) from error


@contextmanager
def read_header(file: BinaryIO, name: Path | str) -> Iterator[tuple[Image.Image, Metadata]]:
    """Yield the image, its pixels not decoded yet, and its metadata, whose orientation is still to be applied."""
    with _one_line_errors(file, name):
        file.seek(0)
        head = file.read(64)
        parts = split_png(file) if head.startswith(PNG_SIGNATURE) else None
        decodable = parts.decodable if parts else file
        decodable.seek(0)
        with _warning_filters, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what fails below anyway, or doesn't matter (odd tags)
            image = open_heif(file) if is_heif(head) else Image.open(decodable, formats=FORMATS)
            if image.format == "TIFF":
                image.getexif()  # read now, where it may warn, and not once more while it's decoded
        _require_size(image.size)
        yield image, metadata_of_png(parts, image) if parts else metadata_of_image(image, file)


def pending_turn(image: Image.Image, metadata: Metadata) -> int:
    """Return the orientation that is still to be applied: Pillow turns TIFFs itself, pillow-heif HEIC."""
    return 1 if image.format in ("TIFF", "HEIF") else metadata.orientation


def _require_size(size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    if width * height > MAX_PIXELS:
        raise PictureError(f"is too large ({width}x{height})", _shrink())


def _shrink() -> str:
    return f"shrink it to {MAX_PIXELS / 1e6:g} megapixels"


def _unidentified(file: BinaryIO, name: Path | str) -> PictureError:
    if file.seek(0, 2) == 0:
        return PictureError("is empty (0 bytes)", EXPORT_AGAIN, name)
    if _is_lossless_jpeg(file):
        return PictureError("is a lossless JPEG", "export it as PNG or as an ordinary JPEG", name)
    reason = "is no JPEG, PNG, TIFF, WebP, GIF, BMP, JPEG 2000, AVIF or HEIC picture"
    return PictureError(reason, f"{EXPORT_AGAIN} as one of these", name)


def _is_lossless_jpeg(file: BinaryIO) -> bool:
    """Return whether a JPEG's frame is of a kind that no common decoder reads: lossless, or hierarchical."""
    file.seek(0)
    head = file.read(_JPEG_HEADER_BYTES)
    place = 2 if head.startswith(b"\xff\xd8\xff") else len(head)
    while head[place : place + 1] == b"\xff" and len(head) >= place + 4:
        marker = head[place + 1]
        if marker in _UNCOMMON_FRAMES or marker == _START_OF_SCAN:
            return marker in _UNCOMMON_FRAMES
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    return False


def _damaged(error: Exception, name: Path | str) -> PictureError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return PictureError(f"is truncated or damaged ({reason})", EXPORT_AGAIN, name)


def stored_size_wh(file: BinaryIO, name: Path | str) -> tuple[int, int]:
    """Return the width and height that `decode` would return, from the header alone. Raises PictureError."""
    with _one_line_errors(file, name):
        if is_raw(file):
            height, width = read_raw(file, _require_size).shape[:2]
            return width, height
        deep = _open_deep(file)
        if deep is not None:
            (width, height), orientation = deep[0].size_wh, deep[1].orientation
        else:
            with read_header(file, name) as (image, metadata):
                (width, height), orientation = image.size, pending_turn(image, metadata)
    return (height, width) if orientation >= 5 else (width, height)


def file_metadata(file: BinaryIO, name: Path | str) -> Metadata:
    """Return what a picture's file says about its pixels and its content. Raises PictureError."""
    with _one_line_errors(file, name):
        tiff = TiffReader.open(file)
        if tiff:  # also one that Pillow can't read, and most RAW files
            return metadata_of_tiff(tiff)
        with read_header(file, name) as (_, metadata):
            return metadata


def decode_image(image: Image.Image, name: Path | str) -> np.ndarray:
    """Return an image that Pillow opened as `decode` returns a file. Raises PictureError."""
    with _one_line_errors(BytesIO(), name):
        metadata = metadata_of_image(image)
        return _to_rgb(image, pending_turn(image, metadata), metadata)


def decode(file: BinaryIO, name: Path | str) -> np.ndarray:
    with _one_line_errors(file, name):
        if is_raw(file):
            return read_raw(file, _require_size)
        deep = _open_deep(file)
        if deep is not None:
            return _deep_to_rgb(*deep)
        with read_header(file, name) as (image, metadata):
            if isinstance(image, JpegImageFile) and image.mode in _SIMPLEJPEG_MODES:
                file.seek(0)
                pixels = _decode_jpeg(file.read(), image.mode)
                if pixels is not None:
                    if image.mode == "RGB" and metadata.orientation == 1 and is_srgb(metadata):
                        return pixels
                    return _to_rgb(Image.fromarray(pixels), metadata.orientation, metadata)
            if _is_deep_png(file) and (space := matrix_space(metadata)):
                return np.asarray(upright(Image.fromarray(space.to_srgb(_deep_png(image, file))), metadata.orientation))
            return _to_rgb(image, pending_turn(image, metadata), metadata)


def _to_rgb(image: Image.Image, orientation: int, metadata: Metadata) -> np.ndarray:
    if image.mode in ("I", "F"):
        raise PictureError("has 32 bits per pixel", "export it with 8 or 16")
    return np.asarray(upright(to_srgb(_flatten(image), metadata), orientation))


def _open_deep(file: BinaryIO) -> tuple[DeepTiff | DeepJpeg2000, Metadata] | None:
    """Return the header and metadata of a picture of over 8 bits that Pillow can't decode or misreads; else None."""
    deep = DeepTiff.open(file) or DeepJpeg2000.open(file)
    if deep is None:
        return None
    _require_size(deep.size_wh)
    if isinstance(deep, DeepTiff):
        return deep, metadata_of_tiff(deep.reader)
    return deep, Metadata(profile=jpeg2000_profile(file))


def _deep_to_rgb(deep: DeepTiff | DeepJpeg2000, metadata: Metadata) -> np.ndarray:
    """Return a picture of over 8 bits; where possible, its colours are converted before they are reduced to 8."""
    pixels = deep.read()
    space = matrix_space(metadata) if pixels.shape[2] == 3 else None
    if space is not None:
        return np.asarray(upright(Image.fromarray(space.to_srgb(pixels)), metadata.orientation))
    image = Image.fromarray(np.squeeze(to_8_bits(pixels), axis=2) if pixels.shape[2] == 1 else to_8_bits(pixels))
    if pixels.shape[2] == 4:
        image = Image.frombytes("CMYK", image.size, image.tobytes())
    return np.asarray(upright(to_srgb(image, metadata), metadata.orientation))


def _is_deep_png(file: BinaryIO) -> bool:
    """Return whether a file is PNG with 16 bits per channel and RGB."""
    file.seek(0)
    head = file.read(26)
    return head.startswith(PNG_SIGNATURE) and head[24:] == b"\x10\x02"


def _deep_png(image: Image.Image, file: BinaryIO) -> np.ndarray:
    """Return uint16 RGB, which Pillow can't: it drops the lower 8 bits, which linear colours need."""
    image.load()  # raises for damaged data, where OpenCV would return grey
    decodable = split_png(file).decodable
    decodable.seek(0)
    data = np.frombuffer(decodable.read(), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION))[..., ::-1]


def _decode_jpeg(data: bytes, mode: str) -> np.ndarray | None:
    """Return uint8 (height, width) for mode L, with 3 channels for RGB; None where Pillow must decode.

    simplejpeg raises ValueError for damaged data where Pillow would return grey. CMYK is only checked: Pillow
    distinguishes its two kinds. Unusual chroma sampling, which simplejpeg can't read, is left to Pillow unchecked.
    """
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, _SIMPLEJPEG_MODES[mode])
    except ValueError as error:
        if any(word in str(error) for word in _SIMPLEJPEG_LIMITS):
            return None
        if "extraneous bytes before marker 0xd9" not in str(error):
            raise
        # some cameras pad a file with zeros before its end marker; any other bytes there are damage
        end = data.rfind(b"\xff\xd9")
        unpadded = data[:end].rstrip(b"\0") + b"\0" + data[end:]
        pixels = simplejpeg.decode_jpeg(unpadded, _SIMPLEJPEG_MODES[mode])
    if mode == "CMYK":
        return None
    return pixels[..., 0] if mode == "L" else pixels


def _flatten(image: Image.Image) -> Image.Image:
    """Return the image without transparency, palette and 16 bits."""
    if image.mode.startswith("I;16"):
        return Image.fromarray(to_8_bits(np.asarray(image)))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def to_8_bits(pixels: np.ndarray) -> np.ndarray:
    """Return uint16 as uint8, rounded."""
    return ((pixels.astype(np.uint32) * 255 + 32_767) // 65_535).astype(np.uint8)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image
