import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.mask_quality.vehicle import Silhouette, area_ratio, mirror_dice, mirrored_view
from drawn_cars import draw_car


def block(left: int, top: int, width: int, height: int) -> Mask:
    """A block with its upper left quarter missing, in a picture of 96x64."""
    pixels = np.zeros((64, 96), dtype=bool)
    pixels[top : top + height, left : left + width] = True
    pixels[top : top + height // 2, left : left + width // 2] = False
    return Mask(pixels)


def test_view_k_of_16_is_the_mirror_image_of_view_18_minus_k() -> None:
    partners = [mirrored_view(view) for view in range(1, 17)]
    assert partners == [1, *range(16, 1, -1)]
    assert partners[8] == 9


def test_of_four_views_front_and_rear_are_their_own_mirror_images() -> None:
    assert [mirrored_view(view, 4) for view in (1, 2, 3, 4)] == [1, 4, 3, 2]


def test_place_and_distance_do_not_matter() -> None:
    near, far = Silhouette.of(block(40, 10, 40, 32)), Silhouette.of(block(4, 30, 20, 16))
    mirrored = Silhouette.of(Mask(block(4, 30, 20, 16).pixels[:, ::-1].copy()))
    assert mirror_dice(near, mirrored) > 0.99
    assert mirror_dice(near, far) < 0.8
    assert area_ratio(near, far) == area_ratio(far, near) == pytest.approx(1 / 4)


def test_both_sides_of_a_drawn_car_fit_and_a_bite_shows() -> None:
    left, right = (draw_car(3, turn, (192, 128))[1] for turn in (3 / 16, 13 / 16))
    assert mirror_dice(Silhouette.of(left), Silhouette.of(right)) > 0.98
    bitten = right.pixels.copy()
    columns, rows = (np.flatnonzero(bitten.any(axis=axis)) for axis in (0, 1))
    bitten[rows[0] : rows[len(rows) // 2], columns[len(columns) // 2] : columns[len(columns) * 2 // 3]] = False
    assert mirror_dice(Silhouette.of(left), Silhouette.of(Mask(bitten))) < 0.94


def test_an_antenna_that_one_view_lost_stretches_nothing() -> None:
    car = block(20, 20, 60, 40)
    with_antenna = car.pixels[:, ::-1].copy()
    with_antenna[12:20, 40] = True
    assert mirror_dice(Silhouette.of(car), Silhouette.of(Mask(with_antenna))) > 0.98


def test_a_mask_that_fills_the_picture_and_an_empty_one_have_silhouettes() -> None:
    full, empty = (Silhouette.of(Mask(np.full((64, 96), value))) for value in (True, False))
    assert mirror_dice(full, full) == mirror_dice(empty, empty) == area_ratio(empty, empty) == 1
    assert mirror_dice(full, empty) == area_ratio(full, empty) == 0
