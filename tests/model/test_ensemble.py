from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import ConfigError, MaskError
from carvanamask.model.ensemble import Ensemble, FlipAverage, agreement
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.predictor import Predictor

PICTURE = np.zeros((1, 2, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Constant(Predictor):
    """Gives the same map for every picture."""

    values: tuple[float, ...]
    engine: str = "a table"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        return ProbabilityMap(np.array([self.values], dtype=np.float32))


class NeverRun(Predictor):
    engine = "none"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        raise AssertionError("a member of weight 0 was run")


class LeftIsCar(Predictor):
    """Gives 1, 0.5, 0 for the three columns, times the red channel."""

    engine = "by hand"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        return ProbabilityMap(np.array([[1, 0.5, 0]], dtype=np.float32) * picture[..., 0] / np.float32(255))


def mask(row: str) -> Mask:
    return Mask(np.array([[pixel == "#" for pixel in row]]))


def test_flip_average_mirrors_the_map_back() -> None:
    bright_left = np.array([[[255, 0, 0], [255, 0, 0], [0, 0, 0]]], dtype=np.uint8)
    # straight: 1, 0.5, 0; the mirror image is 0, 255, 255 → 0, 0.5, 0 → back 0, 0.5, 0
    assert FlipAverage(LeftIsCar()).predict(bright_left).values.tolist() == [[0.5, 0.5, 0.0]]


def test_flip_average_of_mirror_image_is_mirrored() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 3), np.uint8)
    flip = FlipAverage(LeftIsCar())
    assert np.array_equal(flip.predict(picture[:, ::-1]).values, flip.predict(picture).values[:, ::-1])


def test_flip_average_is_named() -> None:
    assert FlipAverage(LeftIsCar()).engine == "by hand, each picture and its mirror image"


def test_ensemble_is_the_weighted_mean() -> None:
    ensemble = Ensemble([Constant((1.0, 0.0)), Constant((0.2, 0.4))], [3, 1])
    assert ensemble.weights == (0.75, 0.25)
    np.testing.assert_allclose(ensemble.predict(PICTURE).values, [[0.8, 0.1]], atol=1e-7)


def test_mean_of_many_stays_a_probability() -> None:
    assert Ensemble([Constant((1.0, 0.0))] * 7, [1] * 7).predict(PICTURE).values.max() <= 1


def test_ensemble_of_one_is_its_member() -> None:
    found = Ensemble([Constant((0.25, 0.75))], [5]).predict(PICTURE)
    assert found.values.tolist() == [[0.25, 0.75]]


def test_members_and_largest_disagreement_are_kept() -> None:
    @dataclass(frozen=True)
    class Disagrees(Constant):
        disagreement: float = 0.0

        def predict(self, picture: np.ndarray) -> ProbabilityMap:
            return ProbabilityMap(super().predict(picture).values, self.disagreement)

    found = Ensemble([Disagrees((1.0,), disagreement=0.1), Disagrees((0.0,), disagreement=0.3)], [1, 1]).predict(
        PICTURE
    )
    assert found.disagreement == 0.3
    assert [each.values.tolist() for each in found.members] == [[[1.0]], [[0.0]]]


def test_member_of_weight_0_is_neither_run_nor_named() -> None:
    ensemble = Ensemble([Constant((0.5, 0.5)), NeverRun()], [1, 0])
    assert ensemble.predict(PICTURE).values.tolist() == [[0.5, 0.5]]
    assert ensemble.engine == "1 × (a table)"


def test_engine_names_members_and_weights() -> None:
    ensemble = Ensemble([Constant((1.0, 0.0), "one"), Constant((1.0, 0.0), "other")], [1, 3])
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
def test_weights_without_a_mean_are_refused(weights: list[float], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        Ensemble([Constant((1.0, 0.0))] * 2, weights)
    assert "\n" not in str(caught.value)


def test_members_average_at_the_picture_s_size(tmp_path: Path) -> None:
    picture = np.zeros((20, 30, 3), dtype=np.uint8)
    picture[:, 15:] = 255
    members = [
        OpenVinoPredictor(save_brightness_model(tmp_path / str(side), (side, side)), "f32", 1) for side in (8, 10)
    ]
    found = Ensemble(members, [1, 1]).predict(picture)
    np.testing.assert_allclose(found.values, sum(each.predict(picture).values for each in members) / 2, atol=1e-6)
    assert found.size_wh == (30, 20)


def test_agreement_is_the_mean_dice_of_all_pairs() -> None:
    # pairs: 2·1/(2+1), 2·1/(2+1) and 2·1/(1+1)
    assert agreement([mask("##"), mask("#."), mask("#.")]) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert agreement([mask(".."), mask("..")]) == 1
    with pytest.raises(MaskError, match="not 1"):
        agreement([mask("##")])
