from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from carvanamask.errors import DataError, DiskError, MaskError, PictureError
from carvanamask.io import decode
from carvanamask.io.read import (
    decode_picture,
    load_mask,
    load_picture,
    picture_size_wh,
)
from patches import BLUE, GREEN, RED, WHITE, assert_shows, four_patches


def one_line(error: pytest.ExceptionInfo[DataError] | pytest.ExceptionInfo[DiskError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(size_wh: tuple[int, int]) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size_wh, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b"")


# --- every kind of picture -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "options", "within"),
    [
        (".jpg", {"quality": 95}, 3),
        (".jpg", {"quality": 95, "subsampling": 2, "progressive": True}, 4),
        (".jpg", {"quality": 95, "keep_rgb": True}, 3),
        (".png", {}, 0),
        (".webp", {"lossless": True}, 0),
        (".tif", {}, 0),
        (".tif", {"compression": "tiff_lzw"}, 0),
    ],
)
def test_every_format_shows_the_same(tmp_path: Path, ending: str, options: dict[str, Any], within: int) -> None:
    path = tmp_path / f"car{ending}"
    Image.fromarray(four_patches()).save(path, **options)
    assert_shows(load_picture(path), four_patches(), within)
    assert_shows(decode_picture(path.read_bytes(), "upload"), four_patches(), within)
    assert picture_size_wh(path) == (48, 32)


def test_jpeg_pixels_equal_pillows(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    path = tmp_path / "car.jpg"
    Image.fromarray(noise).save(path, quality=90)
    with Image.open(path) as image:
        np.testing.assert_array_equal(load_picture(path), np.asarray(image))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif"])
def test_exif_orientation(tmp_path: Path, ending: str, orientation: int) -> None:
    upright = four_patches()
    as_stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"car{ending}"
    formats: dict[str, dict[str, Any]] = {".jpg": {"quality": 95}, ".webp": {"lossless": True}}
    Image.fromarray(np.ascontiguousarray(as_stored)).save(path, exif=exif, **formats.get(ending, {}))
    assert_shows(load_picture(path), upright, within=3)
    assert picture_size_wh(path) == (48, 32)


@pytest.mark.parametrize("exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x12\x01"])
def test_broken_exif_counts_as_none(tmp_path: Path, exif: bytes) -> None:
    path = tmp_path / "car.jpg"
    Image.fromarray(four_patches()).save(path, quality=95, exif=exif)
    assert_shows(load_picture(path), four_patches(), within=3)


def test_unknown_orientation_counts_as_none(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 90
    path = tmp_path / "car.jpg"
    Image.fromarray(four_patches()).save(path, quality=95, exif=exif)
    assert_shows(load_picture(path), four_patches(), within=3)


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    grey = four_patches()[..., 0]
    for name in ("car.jpg", "car.png", "car.tif"):
        Image.fromarray(grey).save(tmp_path / name)
        assert_shows(load_picture(tmp_path / name), np.repeat(grey[..., None], 3, axis=2), within=2)


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    paletted = Image.fromarray(four_patches()).quantize(4)
    for name in ("car.png", "car.gif"):
        paletted.save(tmp_path / name)
        assert_shows(load_picture(tmp_path / name), four_patches(), within=2)


def test_one_bit_becomes_black_and_white(tmp_path: Path) -> None:
    bits = four_patches()[..., 0] > 100
    Image.fromarray(bits).save(tmp_path / "car.png")
    assert_shows(load_picture(tmp_path / "car.png"), np.repeat(bits[..., None] * np.uint8(255), 3, axis=2))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    for name in ("car.jpg", "car.tif"):
        Image.fromarray(four_patches()).convert("CMYK").save(tmp_path / name)
        assert_shows(load_picture(tmp_path / name), four_patches(), within=6)


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_sixteen_bits_are_scaled(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"car{ending}"
    Image.fromarray(np.array([[0, 128, 256, 32896, 65535]], dtype=np.uint16)).save(path)
    assert load_picture(path)[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_big_endian_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    path = tmp_path / "car.tif"
    Image.frombytes("I;16B", (2, 1), struct.pack(">HH", 32896, 65535)).save(path)
    assert load_picture(path)[0, :, 0].tolist() == [128, 255]


def test_signed_numbers_are_refused(tmp_path: Path) -> None:
    Image.new("I", (4, 4)).save(tmp_path / "car.tif")
    with pytest.raises(PictureError, match=r"car\.tif has signed or mixed numbers as pixels: export it with 8 or 16"):
        load_picture(tmp_path / "car.tif")


def test_transparency_becomes_white(tmp_path: Path) -> None:
    rgba = np.array([[[200, 30, 30, 255], [200, 30, 30, 0], [0, 0, 0, 51]]], dtype=np.uint8)
    for name in ("car.png", "car.tif"):
        Image.fromarray(rgba).save(tmp_path / name)
        assert load_picture(tmp_path / name).tolist() == [[list(RED), list(WHITE), [204, 204, 204]]]
    Image.fromarray(rgba).convert("LA").save(tmp_path / "grey.png")
    assert load_picture(tmp_path / "grey.png")[0, 1].tolist() == list(WHITE)


def test_transparent_palette_colour_becomes_white(tmp_path: Path) -> None:
    paletted = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    paletted.putpalette([*RED, *GREEN])
    for name in ("car.gif", "car.png"):
        paletted.save(tmp_path / name, transparency=1)
        assert load_picture(tmp_path / name).tolist() == [[list(RED), list(WHITE)]]


@pytest.mark.parametrize("ending", [".gif", ".tif", ".webp"])
def test_first_frame_counts(tmp_path: Path, ending: str) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE))
    options: dict[str, Any] = {"lossless": True} if ending == ".webp" else {}
    first.save(tmp_path / f"car{ending}", save_all=True, append_images=[second], **options)
    assert load_picture(tmp_path / f"car{ending}")[4, 4].tolist() == list(RED)


def test_mpo_of_a_phone(tmp_path: Path) -> None:
    first, second = Image.fromarray(four_patches()), Image.new("RGB", (8, 8), BLUE)
    first.save(tmp_path / "car.jpg", format="MPO", save_all=True, append_images=[second], quality=95)
    assert_shows(load_picture(tmp_path / "car.jpg"), four_patches(), within=3)


# --- colour profiles -------------------------------------------------------------------------------------------------


def swapped_profile() -> bytes:
    """sRGB's profile with the primaries of red and blue exchanged: reading it must exchange them back."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exchanged = profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    return exchanged.replace(b"s\x00R\x00G\x00B", b"t\x00e\x00s\x00t"[:7])


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_colour_profile_is_converted_to_srgb(tmp_path: Path, ending: str) -> None:
    formats: dict[str, dict[str, Any]] = {".jpg": {"quality": 95}, ".webp": {"lossless": True}}
    path = tmp_path / f"car{ending}"
    Image.fromarray(four_patches()).save(path, icc_profile=swapped_profile(), **formats.get(ending, {}))
    assert_shows(load_picture(path), four_patches()[..., ::-1], within=5)


def test_srgb_profile_changes_no_pixel(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(noise).save(tmp_path / "car.png", icc_profile=profile)
    np.testing.assert_array_equal(load_picture(tmp_path / "car.png"), noise)


@pytest.mark.parametrize("profile", [b"no profile", swapped_profile()[:200], b"\x00" * 300])
def test_broken_profile_counts_as_srgb(tmp_path: Path, profile: bytes) -> None:
    Image.fromarray(four_patches()).save(tmp_path / "car.png", icc_profile=profile)
    assert_shows(load_picture(tmp_path / "car.png"), four_patches())


def test_profile_of_another_colour_space_counts_as_srgb(tmp_path: Path) -> None:
    Image.fromarray(four_patches()[..., 0]).save(tmp_path / "car.png", icc_profile=swapped_profile())
    assert_shows(load_picture(tmp_path / "car.png"), np.repeat(four_patches()[..., :1], 3, axis=2))


# --- what can't be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".gif", ".tif"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.95])
def test_truncated_picture_is_an_error(tmp_path: Path, ending: str, kept: float) -> None:
    path = tmp_path / f"car{ending}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(PictureError) as error:
        load_picture(path)
    assert one_line(error).startswith(f"{path} is ")
    assert "again" in str(error.value)


@pytest.mark.parametrize("exif_orientation", [1, 6])
def test_damaged_jpeg_is_an_error(tmp_path: Path, exif_orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    path = tmp_path / "car.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, exif=exif)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 60] = b"\xff\xd9" * 30
    path.write_bytes(data)
    with pytest.raises(PictureError, match=r"car\.jpg is truncated or damaged"):
        load_picture(path)


def test_unreadable_file_is_one_line_with_repair(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("<html>404 not found</html>")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    repairs = {
        "empty.jpg": "is empty (0 bytes): copy or export it again",
        "text.jpg": "is no JPEG, PNG, TIFF, WebP, GIF, BMP, JPEG 2000, AVIF or HEIC picture: "
        "copy or export it again as one of these",
        "folder.jpg": "is a folder: name a picture in it",
        "pipe.jpg": "is no regular file: name a picture",
        "nowhere.jpg": "doesn't exist: check its name",
        "link.jpg": "is a broken link: link it to a picture again, or remove it",
    }
    for name, expected in repairs.items():
        for load in (load_picture, picture_size_wh, load_mask):
            with pytest.raises(PictureError) as error:
                load(tmp_path / name)
            assert str(error.value) == f"{tmp_path / name} {expected}"


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "car.jpg"
    path.touch(mode=0o000)

    def refuse(*_: object) -> None:  # the tests may run as root, who may read everything
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PictureError, match=r"car\.jpg may not be read: change its permissions"):
        load_picture(path)


def test_too_long_name(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"can't be read \(File name too long\)"):
        load_picture(tmp_path / ("x" * 300 + ".jpg"))


@pytest.mark.parametrize("format_", ["PPM", "ICO", "PDF", "EPS", "TGA"])
def test_other_formats_are_refused(tmp_path: Path, format_: str) -> None:
    path = tmp_path / "car.jpg"
    Image.new("RGB", (16, 16)).save(path, format=format_)
    with pytest.raises(PictureError, match="is no JPEG, PNG, TIFF, WebP, GIF, BMP, JPEG 2000, AVIF or HEIC picture"):
        load_picture(path)


def test_content_decides_the_format(tmp_path: Path) -> None:
    Image.fromarray(four_patches()).save(tmp_path / "car.jpg", format="PNG")
    assert_shows(load_picture(tmp_path / "car.jpg"), four_patches())


@pytest.mark.parametrize("size_wh", [(13_000, 13_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused(size_wh: tuple[int, int]) -> None:
    with pytest.raises(PictureError, match=r"upload is too large.*: shrink it to 160 megapixels"):
        decode_picture(png_claiming(size_wh), "upload")


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_limit_of_pixels_decides(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"car{ending}"
    Image.fromarray(four_patches()).save(path)
    monkeypatch.setattr(decode, "MAX_PIXELS", 48 * 32)
    assert load_picture(path).shape == (32, 48, 3)
    monkeypatch.setattr(decode, "MAX_PIXELS", 48 * 32 - 1)
    with pytest.raises(PictureError, match=r"is too large \(48x32\): shrink it to 0.001535 megapixels"):
        load_picture(path)


def test_line_break_in_name_is_escaped(tmp_path: Path) -> None:
    with pytest.raises(PictureError) as error:
        load_picture(tmp_path / "two\nlines\x1b[31m.jpg")
    assert one_line(error).endswith(r"two\nlines\x1b[31m.jpg doesn't exist: check its name")


def test_name_without_unicode_is_escaped(tmp_path: Path) -> None:
    with pytest.raises(PictureError) as error:
        load_picture(tmp_path / os.fsdecode(b"k\xe4fer.jpg"))
    assert r"k\udce4fer.jpg" in str(error.value).encode().decode()


@given(st.binary(max_size=300))
def test_any_bytes_give_a_picture_error(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\x00", b"RIFF\x20\x00\x00\x00WEBPVP8 "):
        with pytest.raises(PictureError):
            decode_picture(start + data, "upload")


def test_odd_tiff_tag_gives_no_warning(tmp_path: Path) -> None:
    file, path = BytesIO(), tmp_path / "odd.tif"
    Image.fromarray(four_patches()).save(file, "TIFF", description="taken on a Monday")
    data = bytearray(file.getvalue())
    place = data.index(struct.pack("<HHI", 270, 2, 18))  # tag, text, letters
    data[place + 4 : place + 8] = struct.pack("<I", 1 << 24)
    path.write_bytes(data)
    assert np.array_equal(load_picture(path), four_patches())  # tests take a warning for an error


@pytest.mark.parametrize("ending", ["JPEG", "PNG", "GIF", "TIFF", "WEBP"])
def test_flipped_bytes_give_a_picture_or_picture_error(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 1_000_000)
    file = BytesIO()
    Image.fromarray(four_patches()).save(file, ending)
    random = np.random.default_rng(0)
    for _ in range(150):
        data = np.frombuffer(file.getvalue(), dtype=np.uint8).copy()
        data[random.integers(0, len(data), 3)] = random.integers(0, 256, 3)
        with suppress(PictureError):
            assert decode_picture(data.tobytes(), "upload").ndim == 3


def test_pillows_limits_stay_as_they_are() -> None:
    code = (
        "from PIL import Image, ImageFile; before = Image.MAX_IMAGE_PIXELS\n"
        "import carvanamask.io.read\n"
        "assert Image.MAX_IMAGE_PIXELS == before and not ImageFile.LOAD_TRUNCATED_IMAGES"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pictures_are_read_in_many_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 90_000_000)
    Image.fromarray(four_patches()).save(tmp_path / "good.jpg", quality=95)
    (tmp_path / "large.png").write_bytes(png_claiming((12_000, 8_000)))  # Pillow warns, then refuses its lack of pixels

    def is_read(number: int) -> bool:
        try:
            load_picture(tmp_path / ("large.png" if number % 5 == 0 else "good.jpg"))
        except PictureError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(is_read, range(200))) == [number % 5 != 0 for number in range(200)]


# --- masks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda car: Image.fromarray(car),
        lambda car: Image.fromarray(car.astype(np.uint8)),
        lambda car: Image.fromarray(car.astype(np.uint8) * 255),
        lambda car: Image.fromarray(car.astype(np.uint8) * 128),
        lambda car: Image.fromarray(car.astype(np.uint16)),
        lambda car: Image.fromarray(car.astype(np.uint16) * 65535),
        lambda car: Image.fromarray(car).convert("RGB"),
        lambda car: Image.fromarray(car).convert("RGBA"),
        lambda car: Image.fromarray(car).convert("LA"),
        lambda car: Image.fromarray(car).convert("P"),
    ],
    ids=["1-bit", "0/1", "0/255", "0/128", "16-bit 0/1", "16-bit", "RGB", "opaque RGBA", "opaque LA", "palette"],
)
@pytest.mark.parametrize("car", [[[0, 1, 1]], [[0, 0, 0]], [[1, 1, 1]]])
def test_mask_of_any_mode(tmp_path: Path, make: Callable[[np.ndarray], Image.Image], car: list[list[int]]) -> None:
    make(np.array(car, dtype=bool)).save(tmp_path / "a_mask.png")
    assert load_mask(tmp_path / "a_mask.png").pixels.tolist() == [[bool(pixel) for pixel in row] for row in car]


def test_mask_palette_colours_count(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "a_mask.gif", optimize=False)
    assert load_mask(tmp_path / "a_mask.gif").pixels.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[0, 254, 255]], "(it holds 0, 254, 255)"),
        ([[1, 2]], "(it holds 1, 2)"),
        ([[0, 1, 2, 3, 4, 5]], "(it holds 0, 1, 2, 3, …)"),
    ],
)
def test_mask_that_is_not_binary(tmp_path: Path, values: list[list[int]], reason: str) -> None:
    Image.fromarray(np.array(values, dtype=np.uint8)).save(tmp_path / "a_mask.png")
    with pytest.raises(MaskError) as error:
        load_mask(tmp_path / "a_mask.png")
    assert str(error.value) == (
        f"{tmp_path / 'a_mask.png'} isn't binary {reason}: save it with 0 for background and one value for car"
    )


@pytest.mark.parametrize("picture", [four_patches(), np.dstack([four_patches(), four_patches()[..., 0]])])
def test_colour_picture_is_no_mask(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "a_mask.png")
    with pytest.raises(MaskError, match="has colours or transparency: save it in grey"):
        load_mask(tmp_path / "a_mask.png")


def test_coloured_palette_is_no_mask(tmp_path: Path) -> None:
    Image.fromarray(four_patches()).quantize(4).save(tmp_path / "a_mask.gif")
    with pytest.raises(MaskError, match="has colours"):
        load_mask(tmp_path / "a_mask.gif")


# --- JPEG ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_with_overwritten_pixels_is_refused(mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, len(Image.new(mode, (1, 1)).getbands())), np.uint8)
    file = BytesIO()
    Image.fromarray(noise.squeeze(), mode).save(file, "JPEG")
    data = bytearray(file.getvalue())
    assert decode_picture(bytes(data), "whole").shape == (200, 300, 3)
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff\xd9" * 20
    with pytest.raises(PictureError, match="truncated or damaged"):
        decode_picture(bytes(data), "upload")


def test_padded_jpeg_is_complete() -> None:
    file = BytesIO()
    Image.fromarray(four_patches()).save(file, "JPEG", quality=95)
    data = file.getvalue()
    for count in (1, 2, 7, 4000):
        filled = data[:-2] + bytes(count) + data[-2:]
        assert np.array_equal(decode_picture(filled, "filled"), decode_picture(data, "whole"))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_with_extra_bytes_is_not_taken_for_padded(mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(noise).convert(mode).save(file, "JPEG")
    data = file.getvalue()
    for place in range(1000, len(data) - 1000, 1500):
        with pytest.raises(PictureError, match="truncated or damaged"):
            decode_picture(data[:place] + data[place - 700 : place] + data[place:], "upload")


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_cmyk_jpeg_of_any_subsampling(subsampling: int) -> None:
    file = BytesIO()
    Image.fromarray(four_patches()).convert("CMYK").save(file, "JPEG", quality=95, subsampling=subsampling)
    assert_shows(decode_picture(file.getvalue(), "upload"), four_patches(), 40)


def test_lack_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(four_patches()).save(tmp_path / "good.jpg")

    def no_memory(*words: object, **options: object) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr("simplejpeg.decode_jpeg", no_memory)
    with pytest.raises(PictureError, match=r"good\.jpg needs more memory than there is: shrink it"):
        load_picture(tmp_path / "good.jpg")
