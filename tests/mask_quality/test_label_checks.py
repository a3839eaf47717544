from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.data.kaggle_folder import Sample
from carvanamask.mask_quality.label_checks import Candidate, Refusal, refused_views
from carvanamask.mask_quality.label_limits import LabelLimits
from carvanamask.mask_quality.vehicle import Silhouette

LIMITS = LabelLimits(min_agreement=0.9, max_uncertain=0.1, min_mirror=0.9, min_area_ratio=0.8, max_strays=0.01)


def car(views: int = 16) -> list[Candidate]:
    samples = [Sample("a", view, Path(f"a_{view:02d}.jpg")) for view in range(1, views + 1)]
    return [Candidate(sample, 100, agreement=0.99, uncertain_ratio=0.05, stray_share=0.0) for sample in samples]


def silhouette(columns: int = 8, rows: int = 8) -> Silhouette:
    pixels = np.zeros((16, 16), dtype=bool)
    pixels[:rows, :columns] = True
    return Silhouette.of(Mask(pixels))


def refusals(
    views: list[Candidate], odd: dict[int, Silhouette] | None = None, limits: LabelLimits = LIMITS
) -> dict[int, str]:
    """Return the refused views' reasons; all silhouettes are one square but the `odd` ones."""
    found = refused_views(views, lambda sample: (odd or {}).get(sample.view, silhouette()), limits)
    return {sample.view: refusal.reason for sample, refusal in found.items()}


def test_car_whose_views_agree_is_not_refused() -> None:
    assert refusals(car()) == {}


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"area_px": 0}, "empty", "the models find no car"),
        ({"agreement": 0.89}, "agreement", "the models agree by 0.8900, less than 0.9"),
        ({"uncertain_ratio": 0.11}, "undecided", "0.1100 of the area is uncertain, more than 0.1"),
        ({"stray_share": 0.02}, "strays", "0.0200 of the mask is outside its largest part, more than 0.01"),
    ],
)
def test_picture_beyond_a_limit_is_refused_alone(change: dict[str, Any], reason: str, detail: str) -> None:
    views = car()
    views[4] = replace(views[4], **change)
    # its silhouette is odd, too, but what is refused anyway says nothing about its partner
    assert refusals(views, {5: silhouette(2, 16)}) == {5: reason}
    found = refused_views(views, lambda _: silhouette(), LIMITS)
    assert found == {views[4].sample: Refusal(reason, detail)}


def test_values_at_the_limits_pass() -> None:
    views = [replace(view, agreement=0.9, uncertain_ratio=0.1, stray_share=0.01) for view in car()]
    assert refusals(views) == {}


def test_pair_that_does_not_mirror_is_refused_on_both_sides() -> None:
    pixels = np.zeros((16, 16), dtype=bool)
    pixels[:8, :8] = True
    pixels[:4, :4] = False
    assert refusals(car(), {3: Silhouette.of(Mask(pixels))}) == {3: "mirror", 15: "mirror"}


def test_front_is_compared_with_itself() -> None:
    pixels = np.zeros((16, 16), dtype=bool)
    pixels[:8, :8] = True
    pixels[:4, :4] = False
    assert refusals(car(), {1: Silhouette.of(Mask(pixels))}) == {1: "mirror"}


def test_pair_of_two_sizes_is_refused() -> None:
    assert refusals(car(), {3: silhouette(6, 8)}) == {3: "area", 15: "area"}
    # a pair is compared whatever view before it has no partner
    assert refusals(car()[:15], {3: silhouette(6, 8)}) == {3: "area", 15: "area"}


def test_refused_pair_is_explained() -> None:
    samples = [view.sample for view in car()]

    def explained(area: int, overlap: int) -> Refusal:
        left, right = np.zeros((1, 2000), dtype=bool), np.zeros((1, 2000), dtype=bool)
        left[:, :1000] = right[:, overlap : overlap + 1000] = True
        pair = {2: Silhouette(left, 1000), 16: Silhouette(right, area)}
        same = Silhouette(np.ones((1, 2000), dtype=bool), 1000)
        return refused_views(car(), lambda sample: pair.get(sample.view, same), LIMITS)[samples[1]]

    fit = "the mirror image of view 16 fits by 0.5000, less than 0.9"
    assert explained(1000, 500) == Refusal("mirror", fit)
    ratio = "its area and view 16's are as 0.5000 to 1, less than 0.8"
    assert explained(500, 1000) == Refusal("area", ratio)


def test_pairs_of_a_turn_of_four_views() -> None:
    found = refusals(car(views=4), {2: silhouette(6, 8)}, replace(LIMITS, views=4))
    assert found == {1: "car", 2: "area", 3: "car", 4: "area"}


def test_view_without_a_partner_passes() -> None:
    assert refusals(car(views=3), {3: silhouette(2, 16)}) == {}


def test_zero_views_are_not_compared() -> None:
    assert refusals(car(), {3: silhouette(2, 16)}, replace(LIMITS, views=0)) == {}


def test_car_with_too_many_refused_views_is_refused() -> None:
    views = [replace(view, agreement=0.5) if view.sample.view <= 4 else view for view in car()]
    assert len(refusals(views)) == 4  # a quarter
    views[4] = replace(views[4], agreement=0.5)
    found = refused_views(views, lambda _: silhouette(), LIMITS)
    assert len(found) == 16
    assert found[views[0].sample].reason == "agreement"
    assert found[views[15].sample].reason == "car"
    assert found[views[15].sample].detail == "5 of the 16 views of car a are refused"


def test_default_limits_of_single_pictures() -> None:
    def reasons(**change: Any) -> dict[int, str]:
        views = car()
        views[4] = replace(views[4], **change)
        return refusals(views, limits=LabelLimits())

    assert reasons(agreement=0.985) == reasons(uncertain_ratio=0.07) == reasons(stray_share=0.002) == {}
    assert reasons(agreement=0.9849) == {5: "agreement"}
    assert reasons(uncertain_ratio=0.0701) == {5: "undecided"}
    assert reasons(stray_share=0.0021) == {5: "strays"}


@pytest.mark.parametrize(
    ("overlap", "area", "reasons"),
    [
        (940, 1000, {}),
        (939, 1000, {3: "mirror", 15: "mirror"}),
        (1000, 880, {}),
        (1000, 879, {3: "area", 15: "area"}),
    ],
)
def test_default_limits_of_pairs(overlap: int, area: int, reasons: dict[int, str]) -> None:
    left, right, all_set = (np.zeros((1, 2000), dtype=bool) for _ in range(3))
    left[:, :1000] = True
    right[:, overlap : overlap + 1000] = True  # its mirror image shares `overlap` pixels with the left one
    all_set[:] = True
    pair = {3: Silhouette(left, 1000), 15: Silhouette(right, area)}
    found = refused_views(car(), lambda sample: pair.get(sample.view, Silhouette(all_set, 1000)), LabelLimits())
    assert {sample.view: refusal.reason for sample, refusal in found.items()} == reasons


@pytest.mark.parametrize(("refused", "expected"), [(4, 4), (5, 16)])
def test_default_limit_of_refused_views(refused: int, expected: int) -> None:
    views = [replace(view, area_px=0) if view.sample.view <= refused else view for view in car()]
    assert len(refusals(views, limits=LabelLimits())) == expected
