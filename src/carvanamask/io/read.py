"""Read pictures and masks safely: whatever a file holds, the result is upright 8-bit sRGB or an error of one line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from carvanamask.core.mask import Mask
from carvanamask.errors import MaskError, PictureError
from carvanamask.io.decode import (
    decode,
    decode_image,
    file_metadata,
    pending_turn,
    read_header,
    stored_size_wh,
    upright,
)
from carvanamask.io.metadata import Metadata
from carvanamask.io.storage import is_local


def load_picture(path: Path) -> np.ndarray:
    """Return a picture as uint8 RGB of shape (height, width, 3), upright and in sRGB.

    Reads JPEG, PNG, TIFF, WebP, GIF, BMP, JPEG 2000 and AVIF, with extra packages HEIC and RAW. The picture is turned
    by its orientation tag and converted to sRGB from what its file says about its colours; a profile that is broken or
    does not fit counts as sRGB. 16 bits become 8, transparency becomes white like a studio's wall, and of several
    frames the first counts. Raises PictureError.
    """
    with _open(path) as file:
        return decode(file, path)


def load_picture_with_digest(path: Path) -> tuple[np.ndarray, str]:
    """Return `load_picture` and `file_digest` of one reading of the file. Raises PictureError."""
    with _open(path) as file:
        picture = decode(file, path)
        return picture, _digest(file, path)


def file_digest(path: Path) -> str:
    """Return 32 hex digits of BLAKE2b of a file's bytes; '' for a file that can't be read."""
    try:
        with _open(path) as file:
            return _digest(file, path)
    except PictureError:
        return ""


def decode_picture(data: bytes, name: str) -> np.ndarray:
    """Return `load_picture` of a file's bytes; an error calls them `name`."""
    return decode(BytesIO(data), name)


def convert_image(image: Image.Image) -> np.ndarray:
    """Return an open Pillow image as `load_picture` returns a file. Raises PictureError."""
    name = getattr(image, "filename", "") or "the picture"
    return decode_image(image, name)


def picture_size_wh(path: Path) -> tuple[int, int]:
    """Return the width and height that `load_picture` would return, from the header alone. Raises PictureError."""
    with _open(path) as file:
        return stored_size_wh(file, path)


def read_metadata(path: Path) -> Metadata:
    """Return what a picture's file says about its pixels and its content. Raises PictureError."""
    with _open(path) as file:
        return file_metadata(file, path)


def load_mask(path: Path) -> Mask:
    """Return a mask: 0 is background, the one other value (1, 255 or any) is car.

    Raises MaskError for a picture with more values or with colours, PictureError for a file that can't be read.
    """
    with _open(path) as file, read_header(file, path) as (image, metadata):
        pixels = _grey_pixels(upright(image, pending_turn(image, metadata)), path)
    car = pixels.max(initial=0)
    is_car = pixels == car if car > 0 else np.zeros(pixels.shape, dtype=bool)
    if not (is_car | (pixels == 0)).all():
        values = np.unique(pixels)
        some = ", ".join(map(str, values[:4].tolist())) + (", …" if len(values) > 4 else "")
        raise MaskError(f"isn't binary (it holds {some})", "save it with 0 for background and one value for car", path)
    return Mask(is_car)


def load_pair(picture_path: Path, mask_path: Path) -> tuple[np.ndarray, Mask]:
    """Return a picture and its mask. Raises PictureError, and MaskError also for a mask of another size."""
    picture = load_picture(picture_path)
    return picture, load_mask_of(picture, mask_path)


def load_mask_of(picture: np.ndarray, mask_path: Path) -> Mask:
    """Return the mask of a picture that is already read. Raises MaskError also for one of another size."""
    mask = load_mask(mask_path)
    if mask.pixels.shape != picture.shape[:2]:
        sizes = f"{mask.size_wh[0]}x{mask.size_wh[1]}, its picture {picture.shape[1]}x{picture.shape[0]}"
        raise MaskError(f"is {sizes}", "put the mask of this picture there", mask_path)
    return mask


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    try:
        if path.exists() and not path.is_file():  # opening a named pipe would wait for ever
            if path.is_dir():
                raise PictureError("is a folder", "name a picture in it", path)
            raise PictureError("is no regular file", "name a picture", path)
        # a file in cloud storage is read at once: it isn't made for going back and forth
        file = path.open("rb") if is_local(path) else BytesIO(path.read_bytes())
    except FileNotFoundError:
        if is_local(path) and path.is_symlink():
            raise PictureError("is a broken link", "link it to a picture again, or remove it", path) from None
        raise PictureError("doesn't exist", "check its name", path) from None
    except PermissionError:
        raise PictureError("may not be read", "change its permissions", path) from None
    except OSError as error:
        raise PictureError(f"can't be read ({error.strerror or error})", "check its name and disk", path) from error
    with file:
        yield file


def _digest(file: BinaryIO, path: Path) -> str:
    try:
        file.seek(0)
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))  # type: ignore[arg-type]
    except OSError as error:  # a network share that disconnects meanwhile
        raise PictureError(f"can't be read ({error.strerror or error})", "check its disk", path) from error
    return digest.hexdigest()


def _grey_pixels(image: Image.Image, path: Path) -> np.ndarray:
    """Return the one channel of a mask, whichever way a program stored it."""
    image.load()
    if image.mode == "P":
        palette = np.zeros((256, 3), dtype=np.uint8)
        colours = image.getpalette() or []
        palette.ravel()[: len(colours)] = colours
        if (palette == palette[:, :1]).all():
            return np.asarray(cv2.LUT(np.asarray(image), palette[:, 0]))  # Kaggle's; takes half of Pillow's time
        image = image.convert("RGB")
    elif image.mode in ("LA", "RGBA") and image.getextrema()[-1] == (255, 255):
        image = image.convert(image.mode[:-1])
    pixels = np.asarray(image)
    if image.mode == "RGB" and (pixels == pixels[..., :1]).all():
        return pixels[..., 0]
    if image.mode not in ("1", "L", "I;16", "I;16B", "I"):
        repair = "save it in grey, 0 for background and one value for car"
        raise MaskError("has colours or transparency", repair, path)
    return pixels
