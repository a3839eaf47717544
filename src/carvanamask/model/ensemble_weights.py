"""The weights of an ensemble that score best on held-out pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import ConfigError, MaskError


@dataclass(frozen=True)
class EnsembleWeights:
    """Weights for an ensemble, and their scores on the pictures that chose them: mean Dice, in [0, 1]."""

    weights: tuple[float, ...]
    dice: float
    dice_equal: float
    """Score of all members with equal weights: choosing weights gains `dice` less this."""
    dice_alone: tuple[float, ...]
    """Score of each member by itself."""


def best_weights(
    held_out: Iterable[tuple[Sequence[ProbabilityMap], Mask]], threshold: float = 0.5, rounds: int = 24
) -> EnsembleWeights:
    """Return the non-negative weights, with the sum 1, whose mean of maps has the best mean Dice at `threshold`.

    `held_out` yields, picture by picture, every member's map in the same order, and the true mask; one picture at a
    time is in memory. Greedy forward selection with replacement (Caruana et al., "Ensemble selection from libraries of
    models", ICML 2004): each of `rounds` adds the member, chosen before or not, that improves the mean most, and the
    best round counts. Equal weights win a tie; the result is at least as good as the best member alone.
    Raises ConfigError without pictures or members.
    """
    scorer = _WeightScorer.of(held_out, threshold)
    members = scorer.values.shape[0]
    alone = tuple(scorer.dice(row) for row in scorer.values)
    equal = scorer.dice(scorer.values.mean(axis=0))
    best, best_counts = equal, np.ones(members)
    counts, total = np.zeros(members), np.zeros_like(scorer.values[0])
    for size in range(1, rounds + 1):
        scores = [scorer.dice((total + row) / np.float32(size)) for row in scorer.values]
        chosen = int(np.argmax(scores))
        counts[chosen] += 1
        total += scorer.values[chosen]
        if scores[chosen] > best:
            best, best_counts = scores[chosen], counts.copy()
    return EnsembleWeights(tuple((best_counts / best_counts.sum()).tolist()), best, equal, alone)


@dataclass(frozen=True, eq=False)
class _WeightScorer:
    """The pixels that weights can change: members lie on both sides of the threshold there.

    All other pixels are the same in every weighted mean. What is left is a narrow band along the edge, so the Dice of
    these pixels is exact and hundreds of pictures fit in memory.
    """

    threshold: float
    values: np.ndarray
    """Float32 (members, contested pixels), picture after picture."""
    truth: np.ndarray
    """Bool (contested pixels,)."""
    ends: np.ndarray
    """Int64 (pictures + 1,): where each picture's contested pixels start, and where the last ones end."""
    agreed: np.ndarray
    """Int64 (pictures, 3): pixels that all members call car, those of them that truly are, and the truth's pixels."""

    @classmethod
    def of(cls, held_out: Iterable[tuple[Sequence[ProbabilityMap], Mask]], threshold: float) -> _WeightScorer:
        values: list[np.ndarray] = []
        truths, agreed = [], []
        for maps, truth in held_out:
            if not maps or len(maps) != len(values[0] if values else maps):
                raise ConfigError(f"a picture has {len(maps)} predictions: every picture needs one of each member")
            if any(each.size_wh != truth.size_wh for each in maps):
                raise MaskError(f"a prediction is not as large as its mask, {truth.size_wh}: predict at full size")
            passing = [each.values > threshold for each in maps]
            all_pass = np.logical_and.reduce(passing)
            is_contested = np.logical_or.reduce(passing) & ~all_pass
            values.append(np.stack([each.values[is_contested] for each in maps]))
            truths.append(truth.pixels[is_contested])
            agreed.append([np.count_nonzero(pixels) for pixels in (all_pass, all_pass & truth.pixels, truth.pixels)])
        if not values:
            raise ConfigError("no held-out picture to choose an ensemble's weights by: hold some cars out")
        ends = np.cumsum([0, *(part.size for part in truths)])
        return cls(threshold, np.concatenate(values, axis=1), np.concatenate(truths), ends, np.array(agreed))

    def dice(self, mean: np.ndarray) -> float:
        """Return the mean Dice of the masks of `mean`, float32 (contested pixels,)."""
        is_car = mean > self.threshold
        predicted = self.agreed[:, 0] + self._by_picture(is_car)
        both = self.agreed[:, 1] + self._by_picture(is_car & self.truth)
        total = predicted + self.agreed[:, 2]
        return float(np.mean(np.divide(2 * both, total, out=np.ones(len(total)), where=total > 0)))

    def _by_picture(self, pixels: np.ndarray) -> np.ndarray:
        return np.asarray(np.diff(np.concatenate([[0], np.cumsum(pixels)])[self.ends]))
