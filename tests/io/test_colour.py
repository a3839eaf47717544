from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carvanamask.errors import PictureError
from carvanamask.io.read import decode_picture
from colour_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    SRGB_CURVE,
    Primaries,
    grey_profile,
    in_colours,
    rgb_profile,
)
from patches import four_patches


def ramp() -> np.ndarray:
    """All greys and some soft colours, none beyond sRGB."""
    random = np.random.default_rng(0).integers(60, 200, (8, 256, 3), np.uint8)
    return np.concatenate([np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2), random])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, *chunks: bytes) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()[:33] + b"".join(chunks) + file.getvalue()[33:]


def gamma_chunk(gamma: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def primaries_chunk(primaries: Primaries) -> bytes:
    numbers = [number for x_y in ((0.3127, 0.3290), *primaries) for number in x_y]
    return chunk(b"cHRM", struct.pack(">8I", *(round(number * 100_000) for number in numbers)))


def assert_near(data: bytes, expected: np.ndarray, within: int) -> None:
    assert np.abs(decode_picture(data, "upload").astype(int) - expected).max() <= within


@pytest.mark.parametrize(
    ("primaries", "exponent", "within"),
    [(ADOBE_RGB, 563 / 256, 3), (DISPLAY_P3, SRGB_CURVE, 2), (SRGB, 1.8, 3), (SRGB, 1.0, 12)],
    ids=["Adobe RGB", "Display P3", "gamma 1.8", "linear"],
)
@pytest.mark.parametrize("name", ["Test", "sRGB IEC61966-2.1"])
def test_profile_counts_by_its_numbers(primaries: Primaries, exponent: float, within: int, name: str) -> None:
    file = io.BytesIO()
    profile = rgb_profile(primaries, exponent, name)
    Image.fromarray(in_colours(ramp(), primaries, exponent)).save(file, "PNG", icc_profile=profile)
    assert_near(file.getvalue(), ramp(), within)


def test_srgb_by_another_name_changes_no_pixel() -> None:
    file = io.BytesIO()
    Image.fromarray(ramp()).save(file, "PNG", icc_profile=rgb_profile(SRGB, SRGB_CURVE, "Linear Adobe RGB"))
    assert_near(file.getvalue(), ramp(), 0)


def test_grey_profiles() -> None:
    grey = in_colours(ramp()[:1], SRGB, 1.8)[..., 0]
    for profile in (grey_profile(1.8), rgb_profile(SRGB, 1.8, "test")):
        file = io.BytesIO()
        Image.fromarray(grey).save(file, "PNG", icc_profile=profile)
        assert_near(file.getvalue(), ramp()[:1], 2)


@pytest.mark.parametrize(
    ("chunks", "primaries", "exponent", "within"),
    [
        ([gamma_chunk(1.0)], SRGB, 1.0, 12),
        ([gamma_chunk(1 / 1.8)], SRGB, 1.8, 3),
        ([gamma_chunk(1 / 2.2), primaries_chunk(ADOBE_RGB)], ADOBE_RGB, 2.2, 3),
        ([primaries_chunk(DISPLAY_P3)], DISPLAY_P3, SRGB_CURVE, 2),
        ([chunk(b"cICP", bytes([12, 13, 0, 1]))], DISPLAY_P3, SRGB_CURVE, 2),
        ([chunk(b"cICP", bytes([12, 13, 0, 1])), gamma_chunk(1.0)], DISPLAY_P3, SRGB_CURVE, 2),
    ],
    ids=["gamma 1", "gamma 1.8", "gamma and primaries", "primaries", "cICP", "cICP before gamma"],
)
def test_png_chunks(chunks: list[bytes], primaries: Primaries, exponent: float, within: int) -> None:
    assert_near(png(in_colours(ramp(), primaries, exponent), *chunks), ramp(), within)


@pytest.mark.parametrize(
    "chunks",
    [
        [gamma_chunk(1 / 2.2), primaries_chunk(SRGB)],
        [chunk(b"sRGB", b"\0"), gamma_chunk(1.0)],
        [chunk(b"cICP", bytes([1, 13, 0, 1])), gamma_chunk(1.0)],
        [gamma_chunk(0), chunk(b"cHRM", bytes(32))],
        [chunk(b"gAMA", b"\1"), chunk(b"cHRM", b"short"), chunk(b"cICP", b"")],
    ],
    ids=["gamma 2.2", "sRGB before gamma", "cICP before gamma", "zeros", "short"],
)
def test_png_chunks_of_srgb_change_no_pixel(chunks: list[bytes]) -> None:
    assert_near(png(ramp(), *chunks), ramp(), 0)


@pytest.mark.parametrize(("curve", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused(curve: int, name: str) -> None:
    data = png(ramp(), chunk(b"cICP", bytes([9, curve, 0, 1])))
    with pytest.raises(PictureError, match=rf"upload is an HDR picture \({name}\): export it as sRGB"):
        decode_picture(data, "upload")


def test_hdr_avif_is_refused() -> None:
    file = io.BytesIO()
    Image.fromarray(four_patches()).save(file, "AVIF")
    data = file.getvalue()
    place = data.index(b"colrnclx") + 8
    with pytest.raises(PictureError, match=r"is an HDR picture \(PQ\)"):
        decode_picture(data[:place] + struct.pack(">HH", 9, 16) + data[place + 4 :], "upload")


@pytest.mark.parametrize("mark", ["R03", "colour space 2"])
def test_adobe_rgb_marked_in_exif_only(tmp_path: Path, mark: str) -> None:
    exif = Image.Exif()
    if mark == "R03":
        exif.get_ifd(0x8769)[0xA001] = 65_535
        exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    else:
        exif.get_ifd(0x8769)[0xA001] = 2
    file = io.BytesIO()
    Image.fromarray(in_colours(ramp(), ADOBE_RGB, 563 / 256)).save(file, "WEBP", lossless=True, exif=exif)
    assert_near(file.getvalue(), ramp(), 3)


def test_broken_curves_count_as_srgb() -> None:
    profile = rgb_profile(ADOBE_RGB, 2.2, "test")
    for place in range(132, len(profile), 37):
        broken = profile[:place] + b"\xff\xff\xff\xff" + profile[place + 4 :]
        file = io.BytesIO()
        Image.fromarray(ramp()).save(file, "PNG", icc_profile=broken)
        assert decode_picture(file.getvalue(), "upload").shape == ramp().shape
