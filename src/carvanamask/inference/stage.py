"""The empty stage, found behind a car that turns, and a second pass of a network that sees it.

The camera stands still while the car turns, so the views share one background, and each shows a part that the others
hide. In the difference from it an antenna, a mirror or a white roof before a white wall stand out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.mask import ProbabilityMap
from carvanamask.core.stage import Stage
from carvanamask.inference.predictor import Predictor, shrink
from carvanamask.inference.second_pass import SecondPass

FEWEST_VIEWS = 4
"""With fewer there is little to see behind the car."""

CLEAR_OF_CAR = 0.04
"""A pixel counts as free when no car is nearer than this share of the picture's height: the mask may be wrong."""

WITNESSES = 3
"""Views that have to show a place free before it counts as known: the median then bears one that is wrong."""

LARGEST_SPREAD = 12
"""Levels between the free views' quartiles, beyond which they show no common stage: a shadow, or a moved camera."""


def estimate_stage(pictures: Sequence[np.ndarray], maps: Sequence[np.ndarray]) -> Stage:
    """The median, pixel by pixel, of the views that are free of car there.

    `pictures` RGB uint8 (height, width, 3) and `maps` float32 (height, width) in [0, 1], all of one size.
    """
    side = 2 * round(CLEAR_OF_CAR * maps[0].shape[0]) + 1
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    is_free = np.stack([cv2.dilate((values > 0.2).astype(np.uint8), near) == 0 for values in maps])
    views = np.stack(pictures)
    views[~is_free] = 255  # sorted to the end, behind all that counts
    views.sort(axis=0)
    count = is_free.sum(axis=0)
    lower, middle, upper = (_at(views, (np.maximum(count, 1) - 1) * share // 4) for share in (1, 2, 3))
    is_steady = (upper.astype(np.int16) - lower <= LARGEST_SPREAD).all(axis=2)
    return Stage(middle, (count >= WITNESSES) & is_steady)


def _at(views: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(height, width, 3) of (views, height, width, 3): at each pixel the view that `place` says."""
    return np.asarray(np.take_along_axis(views, place[None, :, :, None], axis=0)[0])


def find_stage(first: Predictor, pictures: Sequence[np.ndarray], size_wh: tuple[int, int]) -> Stage:
    """The stage behind a car's views, RGB uint8 of one size, at `size_wh`; unknown where too few views show it."""
    if len(pictures) < FEWEST_VIEWS or len({picture.shape for picture in pictures}) > 1:
        return Stage.unknown(size_wh)
    maps = [
        np.asarray(cv2.resize(each.values, size_wh, interpolation=cv2.INTER_AREA))
        for each in first.predict_views(pictures)
    ]
    return estimate_stage([shrink(picture, size_wh) for picture in pictures], maps)


@dataclass(frozen=True)
class StagePredictor(SecondPass):
    """A first pass by any predictor; where a car's views show their stage, a second by a network that sees it."""

    sees_views: bool = True

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        """One picture alone shows no stage: the first pass is the answer."""
        return self.first.predict(picture)

    def predict_views(self, pictures: Sequence[np.ndarray]) -> Iterator[ProbabilityMap]:
        size_wh = self.second.card.input_size_wh
        stage = find_stage(self.first, pictures, size_wh)
        if not stage.is_known.any():
            yield from self.first.predict_views(pictures)
            return
        for picture in pictures:
            levels = shrink(picture, size_wh)
            probability = self.second.infer(np.dstack([levels, stage.difference(levels)]))
            yield ProbabilityMap(probability).resized((picture.shape[1], picture.shape[0]))
