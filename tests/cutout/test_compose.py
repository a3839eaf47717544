from __future__ import annotations

import cv2
import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.cutout.alpha import estimate_alpha
from carvanamask.cutout.compose import composite, composite_over, cut_out, dusk_room
from carvanamask.cutout.foreground import estimate_foreground
from carvanamask.cutout.shadow import ground_shadow


def disc(side_px: int = 96, radius_px: float = 30.3) -> Mask:
    y, x = np.mgrid[:side_px, :side_px] - (side_px - 1) / 2
    return Mask(np.hypot(x, y) < radius_px)


def test_alpha_neither_grows_nor_shrinks_the_car() -> None:
    mask = disc()
    alpha = estimate_alpha(mask)
    assert alpha.sum() == pytest.approx(mask.pixels.sum(), rel=0.005)
    assert alpha[mask.pixels].min() >= 0.5 >= alpha[~mask.pixels].max()


def test_straight_edge_becomes_a_ramp_of_the_radius() -> None:
    pixels = np.zeros((1, 8), bool)
    pixels[:, 4:] = True
    # pixel centres lie 3.5, 2.5, 1.5, 0.5 before the edge and as far behind it
    np.testing.assert_allclose(
        estimate_alpha(Mask(pixels), 2.0)[0], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1], atol=5e-3
    )


@pytest.mark.parametrize("rise", [0.0, 1 / 8, 1 / 5, 0.5, 1.0])
def test_slanting_edge_has_no_steps(rise: float) -> None:
    y, x = np.mgrid[:60, :200].astype(float)
    distance_px = (y - 20.3 - rise * (x - 60)) / np.hypot(1, rise)
    exact = np.clip(0.5 + distance_px / 3, 0, 1)
    error = abs(estimate_alpha(Mask(distance_px > 0)) - exact)[10:50, 10:-10]
    assert error.max() < (0.06 if rise else 0.1)  # where it runs level, nothing tells how far from the pixels' middles


def test_thin_parts_and_parts_at_the_border_stay() -> None:
    pixels = np.zeros((40, 40), bool)
    pixels[10:30, 5:7] = pixels[:, 30:] = True  # an antenna of two pixels, and a car that goes on beyond the frame
    alpha = estimate_alpha(Mask(pixels))
    assert alpha[20, :15].sum() == pytest.approx(2, abs=0.01)
    np.testing.assert_array_equal(alpha[:, 33:], 1)
    np.testing.assert_allclose(alpha, alpha[::-1], atol=1e-6)


def test_red_car_has_no_green_halo() -> None:
    alpha = cv2.GaussianBlur(disc().pixels.astype(np.float32), (0, 0), 1.5)
    red, green = np.array([200, 30, 30]), np.array([40, 220, 60])
    picture = (red * alpha[..., None] + green * (1 - alpha[..., None])).round().astype(np.uint8)
    edge = (alpha > 0.1) & (alpha < 0.9)
    error_before = np.abs(picture[edge].astype(int) - red).mean()
    error_after = np.abs(estimate_foreground(picture, alpha)[edge].astype(int) - red).mean()
    assert error_after < error_before / 5


def test_cutout_keeps_the_inside_and_clears_the_outside() -> None:
    mask = disc()
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    rgba = cut_out(picture, mask)
    np.testing.assert_array_equal(rgba[40:56, 40:56, :3], picture[40:56, 40:56])
    assert (rgba[0, 0] == 0).all()


def test_composite_over_shows_background_where_clear() -> None:
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    background = np.full((2, 2, 3), 99, np.uint8)
    laid = composite_over(rgba, background)
    assert laid[0, 0].tolist() == [10, 20, 30]
    assert laid[1, 1].tolist() == [99, 99, 99]


def test_composite_joins_car_and_room() -> None:
    picture = np.full((96, 96, 3), 200, np.uint8)
    scene = composite(picture, disc(), dusk_room((96, 96)))
    assert abs(int(scene[48, 48, 0]) - 200) <= 1
    np.testing.assert_array_equal(scene[0, 0], dusk_room((96, 96))[0, 0])


def test_shadow_changes_nothing_out_of_its_reach() -> None:
    wall = np.full((96, 96, 3), 0xE8, np.uint8)
    car = disc(radius_px=20.3)
    scene, light = composite(np.full((96, 96, 3), 90, np.uint8), car, wall), ground_shadow(car)
    untouched = (light > 0.999) & ~cv2.dilate(car.pixels.astype(np.uint8), np.ones((9, 9))).astype(bool)
    assert np.count_nonzero(untouched & (light < 1)) > 0
    assert (scene[untouched] == 0xE8).all()


def test_room_has_no_stripes_and_is_deterministic() -> None:
    room = dusk_room((200, 1280))
    assert np.array_equal(room, dusk_room((200, 1280)))
    assert abs(np.diff(room.astype(float).mean(axis=1), axis=0)).max() < 1.2


@pytest.mark.parametrize("margin_px", [0, 3, 60])
def test_cutout_is_independent_of_the_rest_of_the_picture(margin_px: int) -> None:
    random = np.random.default_rng(0)
    pixels = np.pad(disc(40, 18.4).pixels, margin_px)
    picture = random.integers(0, 256, (*pixels.shape, 3), dtype=np.uint8)
    alone = cut_out(picture, Mask(pixels))
    wide = cut_out(np.pad(picture, ((80, 80), (80, 80), (0, 0)), "edge"), Mask(np.pad(pixels, 80)))
    if margin_px == 60:
        np.testing.assert_array_equal(wide[80:-80, 80:-80], alone)
    assert not wide[:60].any()
    assert (cut_out(picture, Mask(np.zeros_like(pixels))) == 0).all()
