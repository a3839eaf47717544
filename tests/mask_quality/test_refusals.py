from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.data.kaggle_folder import Sample
from carvanamask.mask_quality.limits import Limits
from carvanamask.mask_quality.refusals import Look, refusals_of_car
from carvanamask.mask_quality.vehicle import Silhouette

LIMITS = Limits(min_agreement=0.9, max_uncertain=0.1, min_mirror=0.9, min_area_ratio=0.8, max_strays=0.01)


def car(views: int = 16) -> list[Look]:
    samples = [Sample("a", view, Path(f"a_{view:02d}.jpg")) for view in range(1, views + 1)]
    return [Look(sample, 100, agreement=0.99, undecided=0.05, strays=0.0) for sample in samples]


def silhouette(columns: int = 8, rows: int = 8) -> Silhouette:
    pixels = np.zeros((16, 16), dtype=bool)
    pixels[:rows, :columns] = True
    return Silhouette.of(Mask(pixels))


def refusals(looks: list[Look], odd: dict[int, Silhouette] | None = None, limits: Limits = LIMITS) -> dict[int, str]:
    """Views by the reason of their review_reason; all silhouettes are one square but the `odd` ones."""
    found = refusals_of_car(looks, lambda sample: (odd or {}).get(sample.view, silhouette()), limits)
    return {sample.view: review_reason.reason for sample, review_reason in found.items()}


def test_a_car_whose_views_agree_has_no_doubts() -> None:
    assert refusals(car()) == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"area": 0}, "empty"),
        ({"agreement": 0.89}, "agreement"),
        ({"undecided": 0.11}, "undecided"),
        ({"strays": 0.02}, "strays"),
    ],
)
def test_a_picture_beyond_a_limit_is_doubtful_alone(change: dict[str, float], reason: str) -> None:
    looks = car()
    looks[4] = replace(looks[4], **change)
    # its silhouette is odd, too, but what is refused anyway brings its partner no review_reason
    assert refusals(looks, {5: silhouette(2, 16)}) == {5: reason}


def test_limits_themselves_pass() -> None:
    looks = [replace(look, agreement=0.9, undecided=0.1, strays=0.01) for look in car()]
    assert refusals(looks) == {}


def test_a_pair_that_does_not_fit_in_the_mirror_is_doubtful_on_both_sides() -> None:
    pixels = np.zeros((16, 16), dtype=bool)
    pixels[:8, :8] = True
    pixels[:4, :4] = False
    assert refusals(car(), {3: Silhouette.of(Mask(pixels))}) == {3: "mirror", 15: "mirror"}


def test_a_front_is_compared_with_itself() -> None:
    pixels = np.zeros((16, 16), dtype=bool)
    pixels[:8, :8] = True
    pixels[:4, :4] = False
    assert refusals(car(), {1: Silhouette.of(Mask(pixels))}) == {1: "mirror"}


def test_a_pair_of_one_shape_and_two_sizes_is_doubtful() -> None:
    assert refusals(car(), {3: silhouette(6, 8)}) == {3: "area", 15: "area"}


def test_a_view_without_a_partner_is_taken_as_it_is() -> None:
    assert refusals(car(views=3), {3: silhouette(2, 16)}) == {}


def test_views_that_are_no_turn_are_not_compared() -> None:
    assert refusals(car(), {3: silhouette(2, 16)}, replace(LIMITS, views=0)) == {}


def test_a_car_of_which_too_many_views_are_refused_is_refused() -> None:
    looks = [replace(look, agreement=0.5) if look.sample.view <= 4 else look for look in car()]
    assert len(refusals(looks)) == 4  # a quarter
    looks[4] = replace(looks[4], agreement=0.5)
    found = refusals_of_car(looks, lambda _: silhouette(), LIMITS)
    assert len(found) == 16
    assert found[looks[0].sample].reason == "agreement"
    assert found[looks[15].sample].reason == "car"
    assert found[looks[15].sample].detail == "5 of the 16 views of car a are refused"
