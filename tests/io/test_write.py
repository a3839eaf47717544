from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, JpegImagePlugin

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import DiskError, PictureError
from carvanamask.io.read import load_mask, load_picture
from carvanamask.io.write import encode_bilevel_png, save_mask, save_picture, save_probabilities
from patches import assert_shows, four_patches

any_pixels = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(any_pixels)
def test_bilevel_png_read_by_pillow_and_opencv(pixels: np.ndarray) -> None:
    data = encode_bilevel_png(pixels)
    with Image.open(BytesIO(data)) as image:
        assert image.mode == "1"
        np.testing.assert_array_equal(np.asarray(image), pixels)
    white = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(white, pixels * np.uint8(255))


@given(st.integers(1, 30))
def test_bilevel_png_of_strided_array(width: int) -> None:
    pixels = np.random.default_rng(width).random((5, 2 * width)) > 0.5
    assert encode_bilevel_png(pixels[:, ::2]) == encode_bilevel_png(np.ascontiguousarray(pixels[:, ::2]))


def test_bilevel_png_is_small() -> None:
    y, x = np.mgrid[:1280, :1918]
    assert len(encode_bilevel_png((x - 959) ** 2 / 600**2 + (y - 640) ** 2 / 400**2 < 1)) < 6_000


@pytest.mark.parametrize("ending", [".png", ".gif", ".PNG"])
def test_mask_round_trip(tmp_path_factory: pytest.TempPathFactory, ending: str) -> None:
    path = tmp_path_factory.mktemp("masks") / f"car_01_mask{ending}"

    @given(any_pixels)
    def comes_back(pixels: np.ndarray) -> None:
        save_mask(path, Mask(pixels))
        np.testing.assert_array_equal(load_mask(path).pixels, pixels)

    comes_back()


@pytest.mark.parametrize("pixels", [[[0, 1]], [[0, 0]], [[1, 1]]])
def test_gif_mask_holds_0_and_1(tmp_path: Path, pixels: list[list[int]]) -> None:
    save_mask(tmp_path / "a_mask.gif", Mask(np.array(pixels, dtype=bool)))
    with Image.open(tmp_path / "a_mask.gif") as image:
        assert np.asarray(image).tolist() == pixels


def test_png_mask_has_one_bit(tmp_path: Path) -> None:
    save_mask(tmp_path / "a_mask.png", Mask(np.array([[0, 1]], dtype=bool)))
    with Image.open(tmp_path / "a_mask.png") as image:
        assert image.mode == "1"
        assert np.asarray(image.convert("L")).tolist() == [[0, 255]]


@pytest.mark.parametrize(("ending", "within"), [(".jpg", 2), (".JPEG", 2), (".png", 0)])
def test_saved_picture_looks_the_same(tmp_path: Path, ending: str, within: int) -> None:
    save_picture(tmp_path / f"out{ending}", four_patches()[:, ::-1])
    assert_shows(load_picture(tmp_path / f"out{ending}"), four_patches()[:, ::-1], within)


def test_saved_jpeg_has_full_colour_resolution(tmp_path: Path) -> None:
    save_picture(tmp_path / "out.jpg", four_patches())
    with Image.open(tmp_path / "out.jpg") as image:
        assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4


@pytest.mark.parametrize("name", ["out", "out.bmp", "out.gif"])
def test_picture_of_another_ending(tmp_path: Path, name: str) -> None:
    with pytest.raises(DiskError, match=r"name a picture \.jpg or \.png"):
        save_picture(tmp_path / name, four_patches())
    assert not list(tmp_path.iterdir())


def test_mask_of_another_ending(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"name a mask \.png or \.gif"):
        save_mask(tmp_path / "out.jpg", Mask(np.zeros((1, 1), dtype=bool)))


def test_too_wide_for_format(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"would be 65501x1, and a JPEG ends at 65500: shrink the picture"):
        save_picture(tmp_path / "wide.jpg", np.zeros((1, 65_501, 3), np.uint8))
    with pytest.raises(PictureError, match=r"would be 1x65536, and a GIF ends at 65535: shrink the picture"):
        save_mask(tmp_path / "high.gif", Mask(np.zeros((65_536, 1), bool)))
    assert not list(tmp_path.iterdir())


def test_rgba_png_keeps_every_pixel(tmp_path: Path) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    save_picture(tmp_path / "out.png", rgba)
    with Image.open(tmp_path / "out.png") as image:
        assert np.array_equal(np.asarray(image), rgba)


def test_probabilities_become_8_bit_grey(tmp_path: Path) -> None:
    save_probabilities(tmp_path / "a_01.png", ProbabilityMap(np.array([[0, 0.25, 0.5, 1]], np.float32)))
    with Image.open(tmp_path / "a_01.png") as image:
        assert image.mode == "L"
        assert np.asarray(image).tolist() == [[0, 64, 128, 255]]
