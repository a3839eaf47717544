"""Reading and writing pictures safely: what comes in is upright 8-bit sRGB, or one line says why not."""

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

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import DataError, DiskError, MaskError, PictureError, printable
from carvanamask.io.atomic import save_bytes_atomically
from carvanamask.io.bilevel_png import encode_bilevel_png
from carvanamask.io.exif import Tags, tagged_jpeg
from carvanamask.io.jpeg import JPEG_MODES, decode_jpeg
from carvanamask.io.storage import is_local

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF")
MAX_PIXELS = 160_000_000  # the largest studio cameras take 151 million; Pillow itself refuses more than 178 million
MAX_JPEG_SIDE, MAX_GIF_SIDE = 65_500, 65_535

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
_AGAIN = "copy or export it again"
_warning_filters = threading.Lock()  # one list for all threads: two changing it at once can leave it changed


def load_picture(path: Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a picture as uint8 RGB of shape (height, width, 3), upright and in sRGB.

    Takes JPEG, PNG, WebP, GIF and TIFF: turned by its EXIF orientation, converted by its colour profile (one that is
    broken or doesn't fit counts as sRGB), 16 bits scaled to 8, transparency laid on white like a studio's wall; of
    several frames the first. Raises PictureError.
    """
    with _opened(path) as file:
        return _decode(file, printable(path), max_pixels)


def load_with_content(path: Path) -> tuple[np.ndarray, str]:
    """`load_picture`, and a hash of the file's bytes. Raises PictureError."""
    with _opened(path) as file:
        picture = _decode(file, printable(path), MAX_PIXELS)
        return picture, _content(file, printable(path))


def content_of(path: Path) -> str:
    """A hash of a file's bytes; '' for a file that can't be read."""
    try:
        with _opened(path) as file:
            return _content(file, printable(path))
    except PictureError:
        return ""


def _content(file: BinaryIO, name: str) -> str:
    try:
        file.seek(0)
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))  # type: ignore[arg-type]
    except OSError as error:  # a share that leaves meanwhile
        raise PictureError(f"{name} can't be read ({error.strerror or error}): check its disk") from error
    return digest.hexdigest()


def decode_picture(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """`load_picture` for bytes at hand; `name` is what an error calls them."""
    return _decode(BytesIO(data), printable(name), max_pixels)


def picture_size_wh(path: Path) -> tuple[int, int]:
    """Width and height as `load_picture` would return them, from the header alone. Raises PictureError."""
    with _opened(path) as file, _header(file, printable(path), MAX_PIXELS) as (image, orientation):
        width, height = image.size
    return (height, width) if orientation >= 5 else (width, height)


def load_mask(path: Path) -> Mask:
    """Read a mask: 0 is background, the one other value (1, 255 or any) is car.

    Raises MaskError for a picture with more values or with colours, PictureError for a file that can't be read.
    """
    with _opened(path) as file:
        return _decode_mask(file, printable(path))


def load_pair(picture_path: Path, mask_path: Path) -> tuple[np.ndarray, Mask]:
    """A picture and its mask. Raises PictureError, and MaskError also for a mask of another size."""
    picture = load_picture(picture_path)
    return picture, load_mask_of(picture, mask_path)


def load_mask_of(picture: np.ndarray, mask_path: Path) -> Mask:
    """The mask of a picture at hand. Raises MaskError also for one of another size."""
    mask = load_mask(mask_path)
    if mask.pixels.shape != picture.shape[:2]:
        sizes = f"{mask.size_wh[0]}x{mask.size_wh[1]}, its picture {picture.shape[1]}x{picture.shape[0]}"
        raise MaskError(f"{printable(mask_path)} is {sizes}: put the mask of this picture there")
    return mask


def decode_mask(data: bytes, name: str) -> Mask:
    """`load_mask` for bytes at hand; `name` is what an error calls them."""
    return _decode_mask(BytesIO(data), printable(name))


def load_probabilities(path: Path) -> ProbabilityMap:
    """Read what `save_probabilities` wrote. Raises PictureError."""
    with _opened(path) as file, _header(file, printable(path), MAX_PIXELS) as (image, _):
        if image.mode != "L":
            raise PictureError(f"{printable(path)} holds no probabilities (they are 8-bit grey): predict it again")
        return ProbabilityMap(np.asarray(image, dtype=np.float32) / np.float32(255))


def save_picture(path: Path, rgb: np.ndarray, quality: int = 95, tags: Tags | None = None) -> None:
    """Write uint8 RGB as JPEG of that quality, or as PNG, by the name's ending; a JPEG with `tags` where there are any.

    Raises DiskError, and PictureError for one that is too wide or high for JPEG.
    """
    ending = path.suffix.lower()
    if ending in (".jpg", ".jpeg"):
        _require_sides(path, rgb, "JPEG", MAX_JPEG_SIDE)
        # 4:4:4: halved colour would bleed over the car's edge
        jpeg: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality, colorsubsampling="444")
        save_bytes_atomically(path, jpeg if tags is None else tagged_jpeg(jpeg, tags))
    elif ending == ".png":
        save_bytes_atomically(path, _encode_png(rgb[..., ::-1]))
    else:
        raise DiskError(f"{printable(path)} can't be written: name a picture .jpg or .png")


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
        image.save(gif, "GIF", optimize=False)  # optimizing would number the values of an all-car mask anew, from 0
        save_bytes_atomically(path, gif.getvalue())
    elif ending == ".png":
        save_bytes_atomically(path, encode_bilevel_png(mask.pixels))
    else:
        raise DiskError(f"{printable(path)} can't be written: name a mask .png or .gif")


def save_probabilities(path: Path, probabilities: ProbabilityMap) -> None:
    """Write probabilities as 8-bit grey PNG: 255 is certainly car. Raises DiskError."""
    save_bytes_atomically(path, _encode_png(np.rint(probabilities.values * 255).astype(np.uint8)))


def _require_sides(path: Path, pixels: np.ndarray, kind: str, limit: int) -> None:
    height, width = pixels.shape[:2]
    if max(width, height) > limit:
        raise PictureError(
            f"{printable(path)} would be {width}x{height}, and a {kind} ends at {limit}: shrink the picture"
        )


def _encode_png(pixels: np.ndarray) -> bytes:
    encoded: np.ndarray = cv2.imencode(".png", pixels)[1]
    return encoded.tobytes()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    name = printable(path)
    try:
        if path.exists() and not path.is_file():  # opening a named pipe would wait for ever
            what = "a folder: name a picture in it" if path.is_dir() else "no regular file: name a picture"
            raise PictureError(f"{name} is {what}")
        # from a store in one go: its files are not made for going back and forth
        file = path.open("rb") if is_local(path) else BytesIO(path.read_bytes())
    except FileNotFoundError:
        is_link = is_local(path) and path.is_symlink()
        what = "leads nowhere: link it to a picture anew, or remove it" if is_link else "doesn't exist: check its name"
        raise PictureError(f"{name} {what}") from None
    except PermissionError:
        raise PictureError(f"{name} may not be read: change its permissions") from None
    except OSError as error:
        raise PictureError(f"{name} can't be read ({error.strerror or error}): check its name and disk") from error
    with file:
        yield file


@contextmanager
def _header(file: BinaryIO, name: str, max_pixels: int) -> Iterator[tuple[Image.Image, int]]:
    """The picture, its pixels not decoded yet, and its EXIF orientation, 1 to 8.

    Whatever a decoder raises while the picture is in use, of a dozen kinds, leaves as one PictureError.
    """
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
        if width * height > max_pixels:
            raise PictureError(f"{name} is too large ({width}x{height}): shrink it to {max_pixels / 1e6:g} megapixels")
        yield image, orientation if orientation in _UPRIGHT else 1
    except DataError:
        raise
    except MemoryError as error:
        raise PictureError(f"{name} needs more memory than there is: shrink it") from error
    except UnidentifiedImageError:
        if file.seek(0, 2) == 0:
            raise PictureError(f"{name} is empty (0 bytes): {_AGAIN}") from None
        raise PictureError(f"{name} is no JPEG, PNG, WebP, GIF or TIFF picture: {_AGAIN} as one of these") from None
    except Image.DecompressionBombError:
        raise PictureError(f"{name} is too large: shrink it to {max_pixels / 1e6:g} megapixels") from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"{name} is truncated or damaged ({reason}): {_AGAIN}") from error


def _decode(file: BinaryIO, name: str, max_pixels: int) -> np.ndarray:
    with _header(file, name, max_pixels) as (image, orientation):
        profile = image.info.get("icc_profile")
        if isinstance(image, JpegImageFile) and image.mode in JPEG_MODES:
            file.seek(0)
            pixels = decode_jpeg(file.read(), image.mode)
            if pixels is not None:
                if image.mode == "RGB" and orientation == 1 and not profile:
                    return pixels
                image = Image.fromarray(pixels)
        elif image.mode in ("I", "F"):
            raise PictureError(f"{name} has 32 bits a pixel: export it with 8 or 16")
        image = _in_srgb(_opaque(image), profile)
        return np.asarray(_upright(image, orientation))


def _opaque(image: Image.Image) -> Image.Image:
    """Without transparency, palette and 16 bits."""
    if image.mode.startswith("I;16"):
        return Image.fromarray(((np.asarray(image).astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    if icc_profile:
        try:
            profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
            title = ImageCms.getProfileDescription(profile).lower()
            if "srgb" not in title or "linear" in title:  # cameras name sRGB too: spare these the time and the rounding
                srgb = ImageCms.createProfile("sRGB")
                return ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB") or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):  # no profile at all, or another colour space's
            pass
    return image.convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def _decode_mask(file: BinaryIO, name: str) -> Mask:
    with _header(file, name, MAX_PIXELS) as (image, orientation):
        levels = _grey_levels(_upright(image, orientation), name)
    car = levels.max(initial=0)
    is_car = levels == car if car > 0 else np.zeros(levels.shape, dtype=bool)
    if not (is_car | (levels == 0)).all():
        values = np.unique(levels)
        some = ", ".join(map(str, values[:4].tolist())) + (", …" if len(values) > 4 else "")
        raise MaskError(f"{name} isn't binary (it holds {some}): save it with 0 for background and one value for car")
    return Mask(is_car)


def _grey_levels(image: Image.Image, name: str) -> np.ndarray:
    """The one channel of a mask, whichever way a program stored it."""
    image.load()
    if image.mode == "P":
        palette = np.zeros((256, 3), dtype=np.uint8)
        colours = image.getpalette() or []
        palette.ravel()[: len(colours)] = colours
        if (palette == palette[:, :1]).all():
            return np.asarray(cv2.LUT(np.asarray(image), palette[:, 0]))  # Kaggle's; half the time of Pillow's way
        image = image.convert("RGB")
    elif image.mode in ("LA", "RGBA") and image.getextrema()[-1] == (255, 255):
        image = image.convert(image.mode[:-1])
    pixels = np.asarray(image)
    if image.mode == "RGB" and (pixels == pixels[..., :1]).all():
        return pixels[..., 0]
    if image.mode not in ("1", "L", "I;16", "I;16B", "I"):
        raise MaskError(f"{name} has colours or transparency: save it in grey, 0 for background and one value for car")
    return pixels
