"""Several models as one: their weighted mean, the weights that suit held-out cars, and how far they agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.metrics import dice
from carvanamask.errors import ConfigError, MaskError
from carvanamask.model.predictor import Predictor


@dataclass(frozen=True, eq=False)
class JointMap(ProbabilityMap):
    """The weighted mean of several maps of one picture, and those maps."""

    members: tuple[ProbabilityMap, ...] = ()


class Ensemble(Predictor):
    """A Predictor: the weighted mean of what others say, taken at the picture's own size, as a JointMap."""

    def __init__(self, predictors: Sequence[Predictor], weights: Sequence[float]) -> None:
        """Weights count in proportion, so 2 and 1 are 2/3 and 1/3; a member of weight 0 is never asked.

        Raises ConfigError for weights that are negative, not finite, all 0, or not one a predictor.
        """
        total = _checked_sum(weights, len(predictors))
        pairs = [(predictor, weight / total) for predictor, weight in zip(predictors, weights, strict=True) if weight]
        self.predictors = tuple(predictor for predictor, _ in pairs)
        self.weights = tuple(weight for _, weight in pairs)

    @property
    def engine(self) -> str:
        members = zip(self.predictors, self.weights, strict=True)
        return " + ".join(f"{weight:.6g} × ({predictor.engine})" for predictor, weight in members)

    @property
    def arithmetic(self) -> str:
        return " + ".join(sorted({predictor.arithmetic for predictor in self.predictors}))

    def predict(self, picture: np.ndarray) -> JointMap:
        return self._mean([predictor.predict(picture) for predictor in self.predictors])

    def _mean(self, maps: Sequence[ProbabilityMap]) -> JointMap:
        mean = np.zeros_like(maps[0].values)
        for each, weight in zip(maps, self.weights, strict=True):
            mean += each.values * np.float32(weight)
        # 32-bit weights may add up to a hair more than 1
        return JointMap(np.minimum(mean, 1, out=mean), max(each.disagreement for each in maps), tuple(maps))


@dataclass(frozen=True)
class Blend:
    """Weights for an ensemble, and what the pictures that chose them say; scores are mean Dice, in [0, 1]."""

    weights: tuple[float, ...]
    dice: float
    dice_equal: float
    """Of all members with equal weights: what there is to gain by weighing them is `dice` less this."""
    dice_alone: tuple[float, ...]
    """Of each member by itself."""


def best_blend(
    held_out: Iterable[tuple[Sequence[ProbabilityMap], Mask]], threshold: float = 0.5, rounds: int = 24
) -> Blend:
    """The non-negative weights, adding up to 1, whose mean of maps has the best mean Dice at `threshold`.

    `held_out` gives, picture by picture, every member's map in the same order, and the truth; one picture at a time
    is in memory. Greedy forward selection with replacement (Caruana et al., "Ensemble selection from libraries of
    models", ICML 2004): each of `rounds` adds the member, chosen before or not, that serves the mean best, and the
    best round counts. Equal weights stand unless others are better; the result is as good as any member alone.
    Raises ConfigError without pictures or members.
    """
    contest = _Contest.of(held_out, threshold)
    members = contest.values.shape[0]
    alone = tuple(contest.dice(row) for row in contest.values)
    equal = contest.dice(contest.values.mean(axis=0))
    best, best_counts = equal, np.ones(members)
    counts, total = np.zeros(members), np.zeros_like(contest.values[0])
    for size in range(1, rounds + 1):
        scores = [contest.dice((total + row) / np.float32(size)) for row in contest.values]
        chosen = int(np.argmax(scores))
        counts[chosen] += 1
        total += contest.values[chosen]
        if scores[chosen] > best:
            best, best_counts = scores[chosen], counts.copy()
    return Blend(tuple((best_counts / best_counts.sum()).tolist()), best, equal, alone)


def agreement(masks: Sequence[Mask]) -> float:
    """Mean Dice over all pairs of an ensemble's masks of one picture, in [0, 1]: an estimate of their quality.

    Source: arXiv 2406.03323. Raises MaskError for fewer than two masks, or masks of different sizes.
    """
    if len(masks) < 2:
        raise MaskError(f"agreement is between two masks or more, not {len(masks)}: ask more members")
    return float(np.mean([dice(one, other) for one, other in combinations(masks, 2)]))


@dataclass(frozen=True, eq=False)
class _Contest:
    """All that weights can change: where every member is on one side of the threshold, so is every mean of them.

    That leaves a narrow band along the edge, so Dice by these pixels is exact and hundreds of pictures fit in memory.
    """

    threshold: float
    values: np.ndarray
    """float32 (members, contested pixels), picture after picture."""
    truth: np.ndarray
    """bool (contested pixels,)."""
    ends: np.ndarray
    """int64 (pictures + 1,): where each picture's contested pixels begin, and where the last ones end."""
    sure: np.ndarray
    """int64 (pictures, 3): pixels that every mean calls car, those of them that are, and the truth's pixels."""

    @classmethod
    def of(cls, held_out: Iterable[tuple[Sequence[ProbabilityMap], Mask]], threshold: float) -> _Contest:
        values: list[np.ndarray] = []
        truths, sure = [], []
        for maps, truth in held_out:
            if not maps or len(maps) != len(values[0] if values else maps):
                raise ConfigError(f"a picture has {len(maps)} predictions: every picture needs one of each member")
            if any(each.size_wh != truth.size_wh for each in maps):
                raise MaskError(f"a prediction is not as large as its mask, {truth.size_wh}: predict at full size")
            passing = [each.values > threshold for each in maps]
            is_sure = np.logical_and.reduce(passing)
            is_contested = np.logical_or.reduce(passing) & ~is_sure
            values.append(np.stack([each.values[is_contested] for each in maps]))
            truths.append(truth.pixels[is_contested])
            sure.append([np.count_nonzero(pixels) for pixels in (is_sure, is_sure & truth.pixels, truth.pixels)])
        if not values:
            raise ConfigError("no held-out picture to weigh an ensemble's members by: hold some cars out")
        ends = np.cumsum([0, *(part.size for part in truths)])
        return cls(threshold, np.concatenate(values, axis=1), np.concatenate(truths), ends, np.array(sure))

    def dice(self, mean: np.ndarray) -> float:
        """Mean Dice of the masks cut from `mean`, float32 (contested pixels,)."""
        is_car = mean > self.threshold
        predicted = self.sure[:, 0] + self._by_picture(is_car)
        both = self.sure[:, 1] + self._by_picture(is_car & self.truth)
        total = predicted + self.sure[:, 2]
        return float(np.mean(np.divide(2 * both, total, out=np.ones(len(total)), where=total > 0)))

    def _by_picture(self, pixels: np.ndarray) -> np.ndarray:
        return np.asarray(np.diff(np.concatenate([[0], np.cumsum(pixels)])[self.ends]))


def _checked_sum(weights: Sequence[float], members: int) -> float:
    if not weights or len(weights) != members:
        raise ConfigError(f"an ensemble takes one weight a model: {len(weights)} weights for {members} models")
    for weight in weights:
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"{weight:g} is no weight of an ensemble: weights are 0 or more")
    total = math.fsum(weights)
    if total == 0:
        raise ConfigError("an ensemble's weights are all 0: give one model more than that")
    return total
