from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.metrics import dice
from carvanamask.errors import ConfigError, MaskError
from carvanamask.model.ensemble import Blend, Ensemble, agreement, best_blend
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.predictor import Predictor

PICTURE = np.zeros((1, 2, 3), dtype=np.uint8)
LARGER_PICTURE = np.zeros((12, 15, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Says(Predictor):
    """A Predictor that says the same of every picture."""

    values: tuple[float, ...]
    engine: str = "a table"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        return probabilities(*self.values)


class IsNeverAsked(Predictor):
    engine = "silence"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        raise AssertionError("a member of weight 0 was asked")


@dataclass(frozen=True)
class Keeps(Predictor):
    map: ProbabilityMap
    engine: str = "a picture's map"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        return self.map


def probabilities(*values: float) -> ProbabilityMap:
    return ProbabilityMap(np.array([values], dtype=np.float32))


def mask(row: str) -> Mask:
    return Mask(np.array([[pixel == "#" for pixel in row]]))


def noisy(truth: Mask, random: np.random.Generator) -> ProbabilityMap:
    values = 0.5 * truth.pixels + random.random(truth.pixels.shape) * 0.5 + random.normal(0, 0.2, truth.pixels.shape)
    return ProbabilityMap(values.clip(0, 1).astype(np.float32))


def test_an_ensemble_is_the_weighted_mean_of_its_members() -> None:
    ensemble = Ensemble([Says((1.0, 0.0)), Says((0.2, 0.4))], [3, 1])
    assert ensemble.weights == (0.75, 0.25)
    np.testing.assert_allclose(ensemble.predict(PICTURE).values, [[0.8, 0.1]], atol=1e-7)


def test_many_sure_members_stay_probabilities() -> None:
    assert Ensemble([Says((1.0, 0.0))] * 7, [1] * 7).predict(PICTURE).values.max() <= 1


def test_an_ensemble_of_one_says_what_its_member_says() -> None:
    said = Ensemble([Says((0.25, 0.75))], [5]).predict(PICTURE)
    assert said.values.tolist() == [[0.25, 0.75]]


def test_a_member_of_weight_0_is_never_asked_nor_named() -> None:
    ensemble = Ensemble([Says((0.5, 0.5)), IsNeverAsked()], [1, 0])
    assert ensemble.predict(PICTURE).values.tolist() == [[0.5, 0.5]]
    assert ensemble.engine == "1 × (a table)"


def test_its_engine_names_members_and_weights() -> None:
    ensemble = Ensemble([Says((1.0, 0.0), "one"), Says((1.0, 0.0), "other")], [1, 3])
    assert ensemble.engine == "0.25 × (one) + 0.75 × (other)"


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ([], "0 weights for 2 models"),
        ([1], "1 weights for 2 models"),
        ([1, -0.5], "-0.5 is no weight"),
        ([1, float("nan")], "nan is no weight"),
        ([float("inf"), 1], "inf is no weight"),
        ([0, 0], "all 0"),
    ],
)
def test_weights_that_make_no_mean_are_refused_in_one_line(weights: list[float], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        Ensemble([Says((1.0, 0.0))] * 2, weights)
    assert "\n" not in str(caught.value)


def test_members_with_inputs_of_different_size_meet_at_the_picture_s_own(tmp_path: Path) -> None:
    picture = np.zeros((20, 30, 3), dtype=np.uint8)
    picture[:, 15:] = 255
    members = [
        OpenVinoPredictor(save_brightness_model(tmp_path / str(side), (side, side)), "f32", 1) for side in (8, 10)
    ]
    said = Ensemble(members, [1, 1]).predict(picture)
    np.testing.assert_allclose(said.values, sum(each.predict(picture).values for each in members) / 2, atol=1e-6)
    assert said.size_wh == (30, 20)


def test_members_that_err_in_different_places_share_the_weight() -> None:
    blend = best_blend([([probabilities(0.9, 0.4, 0.1), probabilities(0.4, 0.9, 0.1)], mask("##."))])
    # alone each finds one of the two pixels: 2·1/(1+2)
    assert blend == Blend((0.5, 0.5), 1.0, 1.0, (pytest.approx(2 / 3), pytest.approx(2 / 3)))


def test_two_parts_to_one_are_found_where_halves_fail() -> None:
    # halves give 0.45 0.65, 2:1 gives 0.6 0.567
    blend = best_blend([([probabilities(0.9, 0.4), probabilities(0.0, 0.9)], mask("##"))])
    assert blend.weights == pytest.approx((2 / 3, 1 / 3))
    assert (blend.dice, blend.dice_equal) == (1, pytest.approx(2 / 3))


def test_a_member_that_only_harms_gets_no_weight() -> None:
    blend = best_blend([([probabilities(0.9, 0.1), probabilities(0.1, 0.95)], mask("#."))])
    assert blend == Blend((1.0, 0.0), 1.0, 0.0, (1.0, 0.0))


def test_members_that_say_the_same_are_weighed_equally() -> None:
    blend = best_blend([([probabilities(0.9, 0.1)] * 3, mask("#."))])
    assert blend.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_every_picture_counts_alike_also_one_that_nobody_contests() -> None:
    # the empty picture is right whoever is asked; in the other the first member finds 1 of 2 pixels
    pictures = [
        ([probabilities(0.1, 0.1), probabilities(0.2, 0.2)], mask("..")),
        ([probabilities(0.9, 0.1), probabilities(0.9, 0.9)], mask("##")),
    ]
    assert best_blend(pictures).dice_alone == (pytest.approx((1 + 2 / 3) / 2), 1)


def test_the_score_is_the_one_the_ensemble_itself_gets_at_another_threshold_too() -> None:
    random = np.random.default_rng(0)
    truths = [Mask(random.random((12, 15)) < 0.5) for _ in range(5)]
    maps = [[noisy(truth, random) for _ in range(3)] for truth in truths]

    def one_by_one() -> Iterator[tuple[list[ProbabilityMap], Mask]]:
        yield from zip(maps, truths, strict=True)

    blend = best_blend(one_by_one(), threshold=0.4)
    cuts = [
        Ensemble([Keeps(each) for each in of_picture], blend.weights).predict(LARGER_PICTURE).to_mask(0.4)
        for of_picture in maps
    ]
    assert blend.dice == pytest.approx(np.mean([dice(cut, truth) for cut, truth in zip(cuts, truths, strict=True)]))
    assert blend.dice >= max(*blend.dice_alone, blend.dice_equal)
    assert sum(blend.weights) == pytest.approx(1)


def test_predictions_that_do_not_fit_together_are_refused() -> None:
    one = probabilities(0.5, 0.5)
    with pytest.raises(ConfigError, match="no held-out picture"):
        best_blend([])
    with pytest.raises(ConfigError, match="0 predictions"):
        best_blend([([], mask("##"))])
    with pytest.raises(ConfigError, match="1 predictions: every picture needs one of each member"):
        best_blend([([one, one], mask("##")), ([one], mask("##"))])
    with pytest.raises(MaskError, match="predict at full size"):
        best_blend([([one], mask("###"))])


def test_agreement_is_the_mean_dice_over_all_pairs() -> None:
    # pairs: 2·1/(2+1), 2·1/(2+1) and 2·1/(1+1)
    assert agreement([mask("##"), mask("#."), mask("#.")]) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert agreement([mask(".."), mask("..")]) == 1
    with pytest.raises(MaskError, match="not 1"):
        agreement([mask("##")])
