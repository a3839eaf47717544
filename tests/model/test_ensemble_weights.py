from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.metrics import dice
from carvanamask.errors import ConfigError, MaskError
from carvanamask.model.ensemble import Ensemble
from carvanamask.model.ensemble_weights import EnsembleWeights, best_weights
from carvanamask.model.predictor import Predictor


@dataclass(frozen=True)
class Stored(Predictor):
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


def test_members_wrong_in_different_places_share_the_weight() -> None:
    blend = best_weights([([probabilities(0.9, 0.4, 0.1), probabilities(0.4, 0.9, 0.1)], mask("##."))])
    # alone each finds one of the two pixels: 2·1/(1+2)
    assert (blend.weights, blend.dice, blend.dice_equal) == ((0.5, 0.5), 1, 1)
    assert blend.dice_alone == pytest.approx((2 / 3, 2 / 3))


def test_2_to_1_is_found_where_halves_fail() -> None:
    # halves give 0.45 0.65, 2:1 gives 0.6 0.567
    blend = best_weights([([probabilities(0.9, 0.4), probabilities(0.0, 0.9)], mask("##"))])
    assert blend.weights == pytest.approx((2 / 3, 1 / 3))
    assert blend.dice == 1
    assert blend.dice_equal == pytest.approx(2 / 3)


def test_harmful_member_gets_no_weight() -> None:
    blend = best_weights([([probabilities(0.9, 0.1), probabilities(0.1, 0.95)], mask("#."))])
    assert blend == EnsembleWeights((1.0, 0.0), 1.0, 0.0, (1.0, 0.0))


def test_equal_members_get_equal_weights() -> None:
    blend = best_weights([([probabilities(0.9, 0.1)] * 3, mask("#."))])
    assert blend.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_every_picture_counts_equally() -> None:
    # both members are right about the empty picture; in the other the first member finds 1 of 2 pixels
    pictures = [
        ([probabilities(0.1, 0.1), probabilities(0.2, 0.2)], mask("..")),
        ([probabilities(0.9, 0.1), probabilities(0.9, 0.9)], mask("##")),
    ]
    assert best_weights(pictures).dice_alone == pytest.approx(((1 + 2 / 3) / 2, 1))


def test_score_is_the_ensemble_s_own() -> None:
    random = np.random.default_rng(0)
    truths = [Mask(random.random((12, 15)) < 0.5) for _ in range(5)]
    maps = [[noisy(truth, random) for _ in range(3)] for truth in truths]

    def one_by_one() -> Iterator[tuple[list[ProbabilityMap], Mask]]:
        yield from zip(maps, truths, strict=True)

    blend = best_weights(one_by_one(), threshold=0.4)
    masks = [
        Ensemble([Stored(each) for each in of_picture], blend.weights)
        .predict(np.zeros((12, 15, 3), np.uint8))
        .to_mask(0.4)
        for of_picture in maps
    ]
    assert blend.dice == pytest.approx(np.mean([dice(one, truth) for one, truth in zip(masks, truths, strict=True)]))
    assert blend.dice >= max(*blend.dice_alone, blend.dice_equal)
    assert sum(blend.weights) == pytest.approx(1)


def test_incomplete_predictions_are_refused() -> None:
    one = probabilities(0.5, 0.5)
    with pytest.raises(ConfigError, match="no held-out picture"):
        best_weights([])
    with pytest.raises(ConfigError, match="0 predictions"):
        best_weights([([], mask("##"))])
    with pytest.raises(ConfigError, match="1 predictions: every picture needs one of each member"):
        best_weights([([one, one], mask("##")), ([one], mask("##"))])
    with pytest.raises(MaskError, match="predict at full size"):
        best_weights([([one], mask("###"))])
