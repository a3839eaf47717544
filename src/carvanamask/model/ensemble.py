"""Several predictions as one: the mean with the mirror image, and the weighted mean of several models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.metrics import dice
from carvanamask.errors import ConfigError, MaskError
from carvanamask.model.predictor import Predictor


class FlipAverage(Predictor):
    """The mean of another predictor's map of the picture and its map of the mirror image, mirrored back."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.engine = f"{predictor.engine}, each picture and its mirror image"
        self.arithmetic = predictor.arithmetic

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        straight = self.predictor.predict(picture)
        mirrored = self.predictor.predict(np.ascontiguousarray(picture[:, ::-1]))
        values = (straight.values + cv2.flip(mirrored.values, 1)) * np.float32(0.5)
        return ProbabilityMap(values, max(straight.disagreement, mirrored.disagreement))


@dataclass(frozen=True, eq=False)
class EnsembleMap(ProbabilityMap):
    """The weighted mean of several maps of one picture, and those maps."""

    members: tuple[ProbabilityMap, ...] = ()


class Ensemble(Predictor):
    """The weighted mean of several predictors' maps at the picture's own size."""

    def __init__(self, predictors: Sequence[Predictor], weights: Sequence[float]) -> None:
        """Only the weights' proportions count: 2 and 1 are 2/3 and 1/3. A member of weight 0 is never run.

        Raises ConfigError for weights that are negative, not finite, all 0, or not one per predictor.
        """
        total = _checked_sum(weights, len(predictors))
        pairs = [(predictor, weight / total) for predictor, weight in zip(predictors, weights, strict=True) if weight]
        self.predictors = tuple(predictor for predictor, _ in pairs)
        self.weights = tuple(weight for _, weight in pairs)
        self.engine = " + ".join(f"{weight:.6g} × ({predictor.engine})" for predictor, weight in pairs)
        self.arithmetic = " + ".join(sorted({predictor.arithmetic for predictor in self.predictors}))

    def predict(self, picture: np.ndarray) -> EnsembleMap:
        maps = [predictor.predict(picture) for predictor in self.predictors]
        mean = np.zeros_like(maps[0].values)
        for each, weight in zip(maps, self.weights, strict=True):
            mean += each.values * np.float32(weight)
        # the sum of 32-bit weights can exceed 1 by a rounding error
        return EnsembleMap(np.minimum(mean, 1, out=mean), max(each.disagreement for each in maps), tuple(maps))


def agreement(masks: Sequence[Mask]) -> float:
    """Return the mean Dice over all pairs of several models' masks of one picture, an estimate of their quality.

    Source: arXiv 2406.03323. Raises MaskError for fewer than two masks, or masks of different sizes.
    """
    if len(masks) < 2:
        raise MaskError(f"agreement needs the masks of two models or more, not {len(masks)}")
    return float(np.mean([dice(one, other) for one, other in combinations(masks, 2)]))


def _checked_sum(weights: Sequence[float], members: int) -> float:
    if not weights or len(weights) != members:
        raise ConfigError(f"an ensemble needs one weight per model: {len(weights)} weights for {members} models")
    for weight in weights:
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"{weight:g} is no weight of an ensemble", "give weights of 0 or more")
    total = math.fsum(weights)
    if total == 0:
        raise ConfigError("an ensemble's weights are all 0", "give at least one model more than 0")
    return total
