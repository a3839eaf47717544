from __future__ import annotations

import numpy as np
import pytest

from carvanamask.core.geometry import Box
from carvanamask.core.mask import Mask
from carvanamask.mask_quality.vehicle import Silhouette, area_ratio, mirror_dice, mirrored_view
from drawn_cars import draw_car


def block(left: int, top: int, width: int, height: int) -> Mask:
    """A block with its upper left quarter missing, in a picture of 96x64."""
    pixels = np.zeros((64, 96), dtype=bool)
    pixels[top : top + height, left : left + width] = True
    pixels[top : top + height // 2, left : left + width // 2] = False
    return Mask(pixels)


def test_view_k_mirrors_view_18_minus_k() -> None:
    partners = [mirrored_view(view) for view in range(1, 17)]
    assert partners == [1, *range(16, 1, -1)]
    assert partners[8] == 9


def test_front_and_rear_of_four_views_mirror_themselves() -> None:
    assert [mirrored_view(view, 4) for view in (1, 2, 3, 4)] == [1, 4, 3, 2]


def test_position_and_size_do_not_matter() -> None:
    near, far = Silhouette.of(block(40, 10, 40, 32)), Silhouette.of(block(4, 30, 20, 16))
    mirrored = Silhouette.of(Mask(block(4, 30, 20, 16).pixels[:, ::-1].copy()))
    assert mirror_dice(near, mirrored) > 0.99
    assert mirror_dice(near, far) < 0.8
    assert area_ratio(near, far) == area_ratio(far, near) == pytest.approx(1 / 4)


def test_sides_of_a_drawn_car_fit_unless_one_is_damaged() -> None:
    left, right = (draw_car(3, turn, (192, 128))[1] for turn in (3 / 16, 13 / 16))
    assert mirror_dice(Silhouette.of(left), Silhouette.of(right)) > 0.98
    damaged = right.pixels.copy()
    columns, rows = (np.flatnonzero(damaged.any(axis=axis)) for axis in (0, 1))
    damaged[rows[0] : rows[len(rows) // 2], columns[len(columns) // 2] : columns[len(columns) * 2 // 3]] = False
    assert mirror_dice(Silhouette.of(left), Silhouette.of(Mask(damaged))) < 0.94


def test_antenna_of_one_view_stretches_nothing() -> None:
    car = block(20, 20, 60, 40)
    with_antenna = car.pixels[:, ::-1].copy()
    with_antenna[12:20, 40] = True
    assert mirror_dice(Silhouette.of(car), Silhouette.of(Mask(with_antenna))) > 0.98


def test_full_and_empty_masks_have_silhouettes() -> None:
    full, empty = (Silhouette.of(Mask(np.full((64, 96), value))) for value in (True, False))
    assert mirror_dice(full, full) == mirror_dice(empty, empty) == area_ratio(empty, empty) == 1
    assert mirror_dice(full, empty) == area_ratio(full, empty) == 0


def test_silhouette_has_a_margin_of_5_percent() -> None:
    # 0.05 * 256 = 12.8 and 0.05 * 128 = 6.4: pixels whose centres lie between the margins
    silhouette = Silhouette.of(Mask(np.ones((64, 96), bool))).pixels
    assert Box.enclosing(silhouette) == Box(13, 6, 230, 116)
    assert silhouette.sum() == 230 * 116


def right_end(tail_px: int) -> int:
    """Return the last column of the body of a car of 100 x 100 with a tail of one row."""
    pixels = np.zeros((100, 200), dtype=bool)
    pixels[:, :100] = pixels[50, 100 : 100 + tail_px] = True
    rows = Silhouette.of(Mask(pixels)).pixels
    return int(np.flatnonzero(rows[20]).max())


def test_tail_of_half_a_percent_stretches_nothing() -> None:
    assert right_end(48) == right_end(0) == 242
    assert right_end(56) < 240
