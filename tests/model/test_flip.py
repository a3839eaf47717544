from __future__ import annotations

import numpy as np

from carvanamask.core.mask import ProbabilityMap
from carvanamask.model.flip import FlipAverage
from carvanamask.model.predictor import Predictor


class LeftIsCar(Predictor):
    """Says 1, 0.5, 0, … of the columns whatever the picture shows, and red / 255 more in the first row's middle."""

    engine = "by hand"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        return ProbabilityMap(np.array([[1, 0.5, 0]], dtype=np.float32) * picture[..., 0] / np.float32(255))


def test_the_mirrored_answer_is_mirrored_back_before_the_mean() -> None:
    bright_left = np.array([[[255, 0, 0], [255, 0, 0], [0, 0, 0]]], dtype=np.uint8)
    # straight: 1, 0.5, 0; the mirror image is 0, 255, 255 → 0, 0.5, 0 → back 0, 0.5, 0
    assert FlipAverage(LeftIsCar()).predict(bright_left).values.tolist() == [[0.5, 0.5, 0.0]]


def test_a_mirrored_picture_gets_the_mirrored_map() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 3), np.uint8)
    flip = FlipAverage(LeftIsCar())
    assert np.array_equal(flip.predict(picture[:, ::-1]).values, flip.predict(picture).values[:, ::-1])


def test_the_engine_says_that_it_looks_twice() -> None:
    assert FlipAverage(LeftIsCar()).engine == "by hand, each picture and its mirror image"
