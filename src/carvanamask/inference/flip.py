"""Asking twice: a picture and its mirror image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.mask import ProbabilityMap
from carvanamask.inference.predictor import Predictor


@dataclass(frozen=True)
class FlipAverage(Predictor):
    """A Predictor: the mean of what another says of the picture and, mirrored back, of its mirror image."""

    predictor: Predictor

    @property
    def engine(self) -> str:
        return f"{self.predictor.engine}, each picture and its mirror image"

    @property
    def arithmetic(self) -> str:
        return self.predictor.arithmetic

    @property
    def sees_views(self) -> bool:
        return self.predictor.sees_views

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        return _mean(self.predictor.predict(picture), self.predictor.predict(_mirrored(picture)))

    def predict_views(self, pictures: Sequence[np.ndarray]) -> Iterator[ProbabilityMap]:
        straight = self.predictor.predict_views(pictures)
        mirrored = self.predictor.predict_views([_mirrored(picture) for picture in pictures])
        return map(_mean, straight, mirrored)


def _mirrored(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture[:, ::-1])


def _mean(straight: ProbabilityMap, mirrored: ProbabilityMap) -> ProbabilityMap:
    values = (straight.values + cv2.flip(mirrored.values, 1)) * np.float32(0.5)
    return ProbabilityMap(values, max(straight.disputed, mirrored.disputed))
