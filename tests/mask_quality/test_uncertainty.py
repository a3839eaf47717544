import numpy as np
import pytest

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.mask_quality.uncertainty import NO_CAR, review_reason, stray_share


def test_strays_are_what_the_largest_component_leaves() -> None:
    pixels = np.zeros((6, 6), dtype=bool)
    pixels[:3, :3] = pixels[5, 5] = True
    assert stray_share(Mask(pixels)) == pytest.approx(1 / 10)
    pixels[3, 3] = pixels[4, 4] = True  # corners touch
    assert stray_share(Mask(pixels)) == 0


def test_an_empty_mask_has_no_strays() -> None:
    assert stray_share(Mask(np.zeros((2, 3), dtype=bool))) == 0


def test_a_mask_of_next_to_nothing_is_to_be_looked_at() -> None:
    pixels = np.zeros((10, 100), dtype=bool)
    sure = ProbabilityMap(np.zeros((10, 100), np.float32))
    assert review_reason(sure, Mask(pixels)) == NO_CAR
    pixels[0, :9] = True
    assert review_reason(sure, Mask(pixels)) == NO_CAR
    pixels[0, :10] = True
    assert review_reason(sure, Mask(pixels)) == ""


def test_a_car_that_two_looks_saw_differently_is_to_be_looked_at() -> None:
    whole = Mask(np.ones((2, 2), dtype=bool))
    values = np.ones((2, 2), np.float32)
    assert review_reason(ProbabilityMap(values, disagreement=0.009), whole) == ""
    assert review_reason(ProbabilityMap(values, disagreement=0.12), whole) == "two looks differ over 12% of the car"


def test_a_car_more_undecided_than_the_card_says_of_ordinary_ones_is_to_be_looked_at() -> None:
    probabilities = ProbabilityMap(np.array([[0.7] + [1.0] * 19], np.float32))
    mask = probabilities.to_mask(0.5)
    assert review_reason(probabilities, mask, max_uncertain_ratio=0.05) == ""
    assert review_reason(probabilities, mask, max_uncertain_ratio=0.049) == "5.0% of the car is undecided"
    assert review_reason(probabilities, mask) == ""  # a card that knows of none
