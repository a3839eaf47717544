from __future__ import annotations

import numpy as np
import pytest

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.mask_quality.uncertainty import NO_CAR, review_reason, stray_share

FULL = Mask(np.ones((2, 2), dtype=bool))


def certain(disagreement: float) -> ProbabilityMap:
    return ProbabilityMap(np.ones((2, 2), np.float32), disagreement)


def test_strays_are_all_but_the_largest_component() -> None:
    pixels = np.zeros((6, 6), dtype=bool)
    pixels[:3, :3] = pixels[5, 5] = True
    assert stray_share(Mask(pixels)) == pytest.approx(1 / 10)
    pixels[3, 3] = pixels[4, 4] = True  # corners touch
    assert stray_share(Mask(pixels)) == 0


def test_empty_mask_has_no_strays() -> None:
    assert stray_share(Mask(np.zeros((2, 3), dtype=bool))) == 0


@pytest.mark.parametrize(
    ("area", "reason"), [(0, NO_CAR), (99, "almost no car found (1.0% of the picture)"), (100, ""), (101, "")]
)
def test_car_below_1_percent_of_the_picture_needs_review(area: int, reason: str) -> None:
    pixels = np.zeros((100, 100), dtype=bool)
    pixels.flat[:area] = True
    assert review_reason(ProbabilityMap(np.zeros((100, 100), np.float32)), Mask(pixels)) == reason


@pytest.mark.parametrize(("disagreement", "needs_review"), [(0, False), (0.01, False), (0.0101, True), (0.12, True)])
def test_disagreement_limit_is_1_percent_of_the_car(disagreement: float, needs_review: bool) -> None:
    assert bool(review_reason(certain(disagreement), FULL)) == needs_review


def test_disagreement_is_named() -> None:
    reason = "the coarse and the refinement pass differ over 12% of the car"
    assert review_reason(certain(0.12), FULL) == reason


def test_uncertainty_limit_is_the_card_s() -> None:
    probabilities = ProbabilityMap(np.array([[0.7] + [1.0] * 19], np.float32))
    mask = probabilities.to_mask(0.5)
    assert review_reason(probabilities, mask, max_uncertain_ratio=0.05) == ""
    assert review_reason(probabilities, mask, max_uncertain_ratio=0.049) == "5.0% of the car is uncertain"


def test_card_without_limit_allows_any_uncertainty() -> None:
    probabilities = ProbabilityMap(np.array([[1.0] + [0.4] * 19], np.float32))  # 19 times the mask
    assert review_reason(probabilities, probabilities.to_mask(0.5)) == ""
