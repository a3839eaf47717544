import numpy as np
import pytest

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.quality.signals import NO_CAR, doubt, stray_share, undecided_share


def test_what_is_neither_car_nor_background_is_counted_against_the_mask() -> None:
    levels = np.array([[0, 29, 30, 127, 128, 210, 211, 255]], dtype=np.float32) / 255
    probabilities = ProbabilityMap(levels)
    mask = probabilities.to_mask(0.5)
    assert mask.pixels.sum() == 4
    assert undecided_share(probabilities, mask) == 4 / 4  # 30, 127, 128 and 210


def test_strays_are_what_the_largest_component_leaves() -> None:
    pixels = np.zeros((6, 6), dtype=bool)
    pixels[:3, :3] = pixels[5, 5] = True
    assert stray_share(Mask(pixels)) == pytest.approx(1 / 10)
    pixels[3, 3] = pixels[4, 4] = True  # corners touch
    assert stray_share(Mask(pixels)) == 0


def test_an_empty_mask_has_neither() -> None:
    empty = Mask(np.zeros((2, 3), dtype=bool))
    assert stray_share(empty) == 0
    assert undecided_share(ProbabilityMap(np.zeros((2, 3), np.float32)), empty) == 0


def test_a_mask_of_next_to_nothing_is_to_be_looked_at() -> None:
    pixels = np.zeros((10, 100), dtype=bool)
    sure = ProbabilityMap(np.zeros((10, 100), np.float32))
    assert doubt(sure, Mask(pixels)) == NO_CAR
    pixels[0, :9] = True
    assert doubt(sure, Mask(pixels)) == NO_CAR
    pixels[0, :10] = True
    assert doubt(sure, Mask(pixels)) == ""


def test_a_car_that_two_looks_saw_differently_is_to_be_looked_at() -> None:
    whole = Mask(np.ones((2, 2), dtype=bool))
    values = np.ones((2, 2), np.float32)
    assert doubt(ProbabilityMap(values, disputed=0.009), whole) == ""
    assert doubt(ProbabilityMap(values, disputed=0.12), whole) == "two looks differ over 12% of the car"
