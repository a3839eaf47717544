"""Asking twice: a picture and its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.mask import ProbabilityMap
from carvanamask.model.predictor import Predictor


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

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        return _mean(self.predictor.predict(picture), self.predictor.predict(_mirrored(picture)))


def _mirrored(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture[:, ::-1])


def _mean(straight: ProbabilityMap, mirrored: ProbabilityMap) -> ProbabilityMap:
    values = (straight.values + cv2.flip(mirrored.values, 1)) * np.float32(0.5)
    return ProbabilityMap(values, max(straight.disagreement, mirrored.disagreement))
