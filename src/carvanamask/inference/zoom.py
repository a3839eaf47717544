"""Looking twice: a first pass finds the car, a second one sees it as large as its input allows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.car_box import CarBox
from carvanamask.core.mask import ProbabilityMap
from carvanamask.inference.predictor import network_input, shrink
from carvanamask.inference.second_pass import SecondPass

SPECK = 0.02
"""Components below this share of the largest one's area are no cars: a sticker on the wall must not widen the box."""


@dataclass(frozen=True)
class ZoomPredictor(SecondPass):
    """A first pass by any predictor on small pictures; where it finds a car, a network's word on that part alone."""

    first_size_wh: tuple[int, int]
    """What the first pass gets: more it would shrink anyway."""

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        size_wh = (picture.shape[1], picture.shape[0])
        found = self.first.predict(shrink(picture, self.first_size_wh))
        box = CarBox.around(without_specks(found.values > 0.5), size_wh, self.second.card.input_size_wh)
        if box is None:
            return found.resized(size_wh)
        probability = self.second.infer(network_input(box.of(picture), self.second.card))
        return ProbabilityMap(box.pasted(probability, size_wh))


def without_specks(is_car: np.ndarray) -> np.ndarray:
    """bool (h, w) → the same without components that are small beside the largest."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(is_car.astype(np.uint8))
    if count < 3:
        return is_car
    areas = stats[:, cv2.CC_STAT_AREA]
    stays = areas >= SPECK * areas[1:].max()
    stays[0] = False
    return np.asarray(stays[labels])
