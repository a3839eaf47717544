"""Asking twice: a picture and its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.mask import ProbabilityMap
from carvanamask.inference.predictor import Predictor


@dataclass(frozen=True)
class FlipAverage:
    """A Predictor: the mean of what another says of the picture and, mirrored back, of its mirror image."""

    predictor: Predictor

    @property
    def engine(self) -> str:
        return f"{self.predictor.engine}, each picture and its mirror image"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        straight = self.predictor.predict(picture).values
        mirrored = self.predictor.predict(np.ascontiguousarray(picture[:, ::-1])).values
        return ProbabilityMap((straight + cv2.flip(mirrored, 1)) * np.float32(0.5))
