"""Read pictures and masks safely: whatever a file holds, the result is upright 8-bit sRGB or an error of one line."""

from __future__ import annotations

import hashlib
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
from PIL import Image, ImageCms, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from carvanamask.core.mask import Mask
from carvanamask.errors import DataError, MaskError, PictureError
from carvanamask.io.storage import is_local

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF")
MAX_PIXELS = 160_000_000  # the largest studio cameras take 151 million; Pillow itself refuses more than 178 million

_EXIF_ORIENTATION = 0x0112
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

_EXPORT_AGAIN = "copy or export it again"
_warning_filters = threading.Lock()  # one list for all threads: two changing it at once can leave it changed


def load_picture(path: Path) -> np.ndarray:
    """Return a picture as uint8 RGB of shape (height, width, 3), upright and in sRGB.

    Reads JPEG, PNG, WebP, GIF and TIFF. The picture is turned by its EXIF orientation and converted by its colour
    profile; one that is broken or does not fit counts as sRGB. 16 bits become 8, transparency becomes white like a
    studio's wall, and of several frames the first counts. Raises PictureError.
    """
    with _open(path) as file:
        return _decode(file, path)


def load_picture_with_digest(path: Path) -> tuple[np.ndarray, str]:
    """Return `load_picture` and `file_digest` of one reading of the file. Raises PictureError."""
    with _open(path) as file:
        picture = _decode(file, path)
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
    return _decode(BytesIO(data), name)


def convert_image(image: Image.Image) -> np.ndarray:
    """Return an open Pillow image as `load_picture` returns a file. Raises PictureError."""
    name = getattr(image, "filename", "") or "the picture"
    try:
        # Pillow turns TIFFs itself
        orientation = 1 if image.format == "TIFF" else image.getexif().get(_EXIF_ORIENTATION, 1)
        return _to_rgb(image, orientation, image.info.get("icc_profile"), name)
    except DataError:
        raise
    except Exception as error:  # decoders raise a dozen kinds
        raise _damaged(error, name) from error


def picture_size_wh(path: Path) -> tuple[int, int]:
    """Return the width and height that `load_picture` would return, from the header alone. Raises PictureError."""
    with _open(path) as file, _read_header(file, path) as (image, orientation):
        width, height = image.size
    return (height, width) if orientation >= 5 else (width, height)


def load_mask(path: Path) -> Mask:
    """Return a mask: 0 is background, the one other value (1, 255 or any) is car.

    Raises MaskError for a picture with more values or with colours, PictureError for a file that can't be read.
    """
    with _open(path) as file, _read_header(file, path) as (image, orientation):
        pixels = _grey_pixels(_upright(image, orientation), path)
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


@contextmanager
def _read_header(file: BinaryIO, name: Path | str) -> Iterator[tuple[Image.Image, int]]:
    """Yield the image, its pixels not decoded yet, and its EXIF orientation, 1 to 8.

    Every exception that a decoder raises while the image is in use, of a dozen kinds, becomes one PictureError.
    """
    shrink = f"shrink it to {MAX_PIXELS / 1e6:g} megapixels"
    try:
        with _warning_filters, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what fails below anyway, or doesn't matter (odd tags)
            image = Image.open(file, formats=FORMATS)
            # Pillow turns TIFFs itself, and would decode a PNG to look for EXIF that isn't in the header
            is_turned_here = image.format != "TIFF" and "exif" in image.info
            orientation = image.getexif().get(_EXIF_ORIENTATION) if is_turned_here else 1
            if image.format == "TIFF":
                image.getexif()  # read now, where it may warn, and not once more while it's decoded
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise PictureError(f"is too large ({width}x{height})", shrink, name)
        yield image, orientation if orientation in _UPRIGHT else 1
    except DataError:
        raise
    except MemoryError as error:
        raise PictureError("needs more memory than there is", "shrink it", name) from error
    except UnidentifiedImageError:
        if file.seek(0, 2) == 0:
            raise PictureError("is empty (0 bytes)", _EXPORT_AGAIN, name) from None
        reason = "is no JPEG, PNG, WebP, GIF or TIFF picture"
        raise PictureError(reason, f"{_EXPORT_AGAIN} as one of these", name) from None
    except Image.DecompressionBombError:
        raise PictureError("is too large", shrink, name) from None
    except Exception as error:
        raise _damaged(error, name) from error


def _damaged(error: Exception, name: Path | str) -> PictureError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return PictureError(f"is truncated or damaged ({reason})", _EXPORT_AGAIN, name)


def _decode(file: BinaryIO, name: Path | str) -> np.ndarray:
    with _read_header(file, name) as (image, orientation):
        profile = image.info.get("icc_profile")
        if isinstance(image, JpegImageFile) and image.mode in _SIMPLEJPEG_MODES:
            file.seek(0)
            pixels = _decode_jpeg(file.read(), image.mode)
            if pixels is not None:
                if image.mode == "RGB" and orientation == 1 and not profile:
                    return pixels
                image = Image.fromarray(pixels)
        return _to_rgb(image, orientation, profile, name)


def _to_rgb(image: Image.Image, orientation: int, profile: bytes | None, name: Path | str) -> np.ndarray:
    if image.mode in ("I", "F"):
        raise PictureError("has 32 bits per pixel", "export it with 8 or 16", name)
    return np.asarray(_upright(_to_srgb(_flatten(image), profile), orientation))


def _decode_jpeg(data: bytes, mode: str) -> np.ndarray | None:
    """Return uint8 (height, width) for mode L, with 3 channels for RGB; None for CMYK.

    simplejpeg raises ValueError for damaged data where Pillow would return grey. CMYK is only checked: Pillow
    distinguishes its two kinds, and reads some that simplejpeg can't.
    """
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, _SIMPLEJPEG_MODES[mode])
    except ValueError as error:
        if mode == "CMYK" and any(word in str(error) for word in ("subsampling level", "color transform")):
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
        return Image.fromarray(((np.asarray(image).astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _to_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    if icc_profile:
        try:
            profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
            title = ImageCms.getProfileDescription(profile).lower()
            # cameras name sRGB too: converting these would only cost time and rounding
            if "srgb" not in title or "linear" in title:
                srgb = ImageCms.createProfile("sRGB")
                return ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB") or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):  # a broken profile, or another colour space's
            pass
    return image.convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


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
