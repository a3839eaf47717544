from __future__ import annotations

import cv2
import numpy as np
import pytest

from carvanamask.model.preprocess import equalise, shrink_by_area


def test_pixel_is_the_mean_of_those_it_covers() -> None:
    pixels = np.arange(32, dtype=np.uint8).reshape(4, 8) * 4
    assert shrink_by_area(pixels, (2, 1)).tolist() == [[int(pixels[:, :4].mean()), int(pixels[:, 4:].mean())]]


@pytest.mark.parametrize("size_wh", [(480, 320), (100, 640), (2000, 1500), (333, 111)])
def test_halving_first_changes_almost_nothing(size_wh: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (1918, 1280), interpolation=cv2.INTER_CUBIC)
    in_one_step = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)
    found = shrink_by_area(picture, size_wh)
    assert found.shape == (size_wh[1], size_wh[0], 3)
    assert np.abs(found.astype(int) - in_one_step).mean() < 0.5


def dim_picture() -> np.ndarray:
    """Noise of greys from 100 to 131."""
    grey = np.random.default_rng(0).integers(100, 132, (64, 64, 1), dtype=np.uint8)
    return grey.repeat(3, axis=2)


def test_clip_limit_0_returns_the_picture() -> None:
    picture = dim_picture()
    assert equalise(picture, 0) is picture


def test_higher_limit_gives_more_contrast() -> None:
    spreads = [float(equalise(dim_picture(), limit).std()) for limit in (0, 2, 8)]
    assert spreads == sorted(spreads)
    assert spreads[-1] > 2 * spreads[0]


def test_only_the_lightness_is_changed() -> None:
    picture = np.random.default_rng(0).integers(90, 140, (64, 64, 3), dtype=np.uint8)
    before, after = (cv2.cvtColor(each, cv2.COLOR_RGB2LAB).astype(int) for each in (picture, equalise(picture, 2)))
    assert np.abs(after[..., 1:] - before[..., 1:]).max() <= 2  # back to RGB and here again, both in 8 bits
    np.testing.assert_allclose(after[..., 0], cv2.createCLAHE(2, (8, 8)).apply(before[..., 0].astype(np.uint8)), atol=2)


def test_input_stays_unchanged() -> None:
    picture = dim_picture()
    equalise(picture, 4)
    np.testing.assert_array_equal(picture, dim_picture())


@pytest.mark.parametrize("size", [(1, 1), (2, 4), (33, 9)])
def test_size_need_not_be_a_multiple_of_the_tiles(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert equalise(picture, 2).shape == (*size, 3)


@pytest.mark.parametrize(
    ("width", "interpolation"), [(139, cv2.INTER_LINEAR), (140, cv2.INTER_AREA), (79, cv2.INTER_LINEAR)]
)
def test_only_a_little_larger_picture_is_shrunk_bilinearly(width: int, interpolation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (width // 2, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        shrink_by_area(pixels, (80, 40)), cv2.resize(pixels, (80, 40), interpolation=interpolation)
    )


def test_one_side_grows_and_the_other_is_still_a_mean() -> None:
    pixels = np.zeros((351, 4096, 1), np.uint8)
    pixels[:, ::8] = 255
    assert shrink_by_area(pixels, (512, 352)).mean() == pytest.approx(255 / 8, abs=0.5)
    assert shrink_by_area(pixels.transpose(1, 0, 2), (352, 512)).mean() == pytest.approx(255 / 8, abs=0.5)
