from __future__ import annotations

import numpy as np
import pytest

from carvanamask.core.geometry import Box, Components


def marked(left: int, top: int, right: int, bottom: int, size_wh: tuple[int, int]) -> np.ndarray:
    is_car = np.zeros(size_wh[::-1], bool)
    is_car[top:bottom, left:right] = True
    return is_car


def pixels(*rows: str) -> np.ndarray:
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def test_enclosing_box_is_tight() -> None:
    assert Box.enclosing(marked(3, 1, 7, 4, (10, 6))) == Box(3, 1, 4, 3)
    assert Box.enclosing(np.ones((6, 10), bool)[:, ::2]) == Box(0, 0, 5, 6)


def test_margin_ends_at_the_border() -> None:
    assert Box.enclosing(marked(3, 1, 7, 4, (10, 6)), margin_px=1) == Box(2, 0, 6, 5)
    assert Box.enclosing(marked(3, 1, 7, 4, (10, 6)), margin_px=5) == Box(0, 0, 10, 6)


@pytest.mark.parametrize("shape", [(4, 5), (0, 3), (0, 0)])
def test_box_of_nothing_is_empty(shape: tuple[int, int]) -> None:
    box = Box.enclosing(np.zeros(shape, bool), margin_px=2)
    assert box == Box(0, 0, 0, 0)
    assert box.crop(np.zeros(shape, bool)).size == 0


def test_crop_has_margin_and_aspect_ratio() -> None:
    # 20 x 10, with 5 % of the width and 10 % of the height on each side 22 x 12; twice as wide as high: 24 x 12
    assert Box.for_crop(marked(40, 30, 60, 40, (100, 80)), (100, 80), (64, 32)) == Box(38, 29, 24, 12)
    # a car higher than wide gets more room beside it
    assert Box.for_crop(marked(40, 30, 50, 50, (100, 80)), (100, 80), (64, 32)) == Box(21, 28, 48, 24)


def test_crop_margins_are_5_and_10_percent() -> None:
    car = marked(400, 400, 600, 600, (1000, 1000))
    # a narrow crop is as wide as the car and its margins, a flat one as high
    assert Box.for_crop(car, (1000, 1000), (1, 2)) == Box(390, 280, 220, 440)
    assert Box.for_crop(car, (1000, 1000), (2, 1)) == Box(260, 380, 480, 240)


def test_crop_stays_inside_the_picture() -> None:
    assert Box.for_crop(marked(0, 70, 20, 80, (100, 80)), (100, 80), (64, 32)) == Box(0, 68, 24, 12)
    assert Box.for_crop(np.ones((80, 100), bool), (100, 80), (64, 32)) == Box(0, 0, 100, 80)


def test_crop_is_at_least_a_pixel() -> None:
    speck = Box.for_crop(marked(50, 50, 51, 51, (100, 100)), (10, 10), (1, 1))
    assert speck is not None
    assert speck == Box(5, 5, 1, 1)
    assert speck.crop(np.zeros((10, 10))).shape == (1, 1)


def test_small_mask_finds_crop_of_large_picture() -> None:
    small = Box.for_crop(marked(40, 30, 60, 40, (100, 80)), (1000, 800), (64, 32))
    assert small == Box(380, 290, 240, 120)


def test_no_car_has_no_crop() -> None:
    assert Box.for_crop(np.zeros((4, 4), bool), (4, 4), (2, 2)) is None


def test_box_scales_with_the_picture() -> None:
    assert Box(20, 12, 40, 8).scaled((100, 80), (50, 20)) == Box(10, 3, 20, 2)
    # never empty, never outside
    assert Box(99, 79, 1, 1).scaled((100, 80), (10, 8)) == Box(9, 7, 1, 1)


def test_paste_fills_the_box_and_nothing_else() -> None:
    box = Box(1, 2, 3, 2)
    values = box.paste(np.full((4, 6), 0.5, np.float32), (6, 5))
    assert values.shape == (5, 6)
    assert (box.crop(values) == 0.5).all()
    assert np.count_nonzero(values) == 6


def test_components_by_hand() -> None:
    found = Components.of(pixels("##..", "....", "..##", "..##"))
    assert found.count == 2
    assert found.areas.tolist() == [10, 2, 4]
    assert (found.largest, found.largest_area) == (2, 4)
    assert found.box(2) == Box(2, 2, 2, 2)
    assert found.labels[3].tolist() == [0, 0, 2, 2]


def test_corners_touch_at_connectivity_8_only() -> None:
    diagonal = pixels("#.", ".#")
    assert Components.of(diagonal).count == 1
    assert Components.of(diagonal, connectivity=4).count == 2


@pytest.mark.parametrize("shape", [(2, 3), (0, 3)])
def test_nothing_has_no_components(shape: tuple[int, int]) -> None:
    found = Components.of(np.zeros(shape, bool))
    assert (found.count, found.largest_area) == (0, 0)
    assert (found.labels.shape, found.areas.shape, found.boxes.shape) == (shape, (1,), (1, 4))
    assert {array.dtype for array in (found.labels, found.areas, found.boxes)} == {np.dtype(np.int32)}
