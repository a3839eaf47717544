from __future__ import annotations

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.cutout.shadow import ground_shadow


def a_car() -> np.ndarray:
    """From the side, 1600x960: a body on two wheels, which stand at row 800."""
    pixels = np.zeros((960, 1600), bool)
    pixels[320:640, 160:1440] = True
    pixels[640:800, 320:480] = pixels[640:800, 1120:1280] = True
    return pixels


def test_shadow_is_dark_under_body_and_tyres() -> None:
    light = ground_shadow(Mask(a_car()))
    assert light[802, 400] < 0.6
    assert light[802, 800] < 0.6
    assert light[802, 800] < light[802, 200] < light[802, 100]
    assert light[802, 800] < light[850, 800] < light[940, 800]
    assert light[10, 10] > 0.99


def test_no_light_rim_along_the_outline() -> None:
    light = ground_shadow(Mask(a_car()))
    assert light[642, 800] < light[760, 800] + 0.05
    assert light[801, 400] < light[812, 400]


def test_air_below_a_mirror_is_no_ground() -> None:
    pixels = a_car()
    pixels[400:440, 100:160] = True
    light = ground_shadow(Mask(pixels))
    assert light[460:640, 100:150].min() > 0.9


def test_car_cut_by_the_border_has_no_end_there() -> None:
    assert ground_shadow(Mask(a_car()[:, 380:]))[804, 4] < 0.7


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (4, 9), (30, 40), (9, 400), (400, 9)])
@pytest.mark.parametrize("is_car", [False, True])
def test_any_mask_has_a_shadow_of_its_size(shape: tuple[int, int], is_car: bool) -> None:
    light = ground_shadow(Mask(np.full(shape, is_car)))
    assert light.shape == shape
    assert 0 <= light.min() <= light.max() <= 1
    if not is_car:
        assert light.min() == 1
