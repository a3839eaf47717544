"""Looking twice: a first pass finds the car, a second one sees it as large as its input allows and draws its edge."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.geometry import Box
from carvanamask.core.mask import ProbabilityMap
from carvanamask.model.predictor import NetworkPredictor, Predictor, network_input, shrink

SPECK = 0.02
"""Components below this share of the largest one's area are no cars: a sticker on the wall must not widen the box."""

REACH_PX = 4
"""How far the second pass may move an edge, in pixels of the first one's map. What lies deeper inside or farther
outside is for the first one to say, which sees where the car stands (`benchmarks/other_backgrounds.py --reach`)."""

LOST = 0.03
"""Share of the car. A second pass that would overrule the first one over more than that is lost in this picture, in
grain or a soft focus that a smaller one does not show: the first map stands. 656 held-out pictures are below 0.008."""


@dataclass(frozen=True)
class CoarseToFinePredictor(Predictor):
    """A first pass by any predictor on small pictures; where it finds a car, a network's word on that part's edges."""

    first: Predictor
    second: NetworkPredictor
    first_size_wh: tuple[int, int]
    """What the first pass gets: more it would shrink anyway."""
    reach_px: int = REACH_PX

    @property
    def engine(self) -> str:
        return f"{self.second.engine}, after a first pass"

    @property
    def arithmetic(self) -> str:
        return self.second.arithmetic

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        size_wh = (picture.shape[1], picture.shape[0])
        found = self.first.predict(shrink(picture, self.first_size_wh))
        box = Box.around(without_specks(found.values > 0.5), size_wh, self.second.card.input_size_wh)
        if box is None:
            return found.resized(size_wh)
        probability = self.second.infer(network_input(box.of(picture), self.second.card))
        there = box.scaled(size_wh, found.size_wh)
        least, most = (
            ProbabilityMap(there.of(limit)).resized(self.second.card.input_size_wh)
            for limit in limits(found.values, self.reach_px)
        )
        held = np.clip(probability, least.values, most.values)
        overruled, area = cv2.norm(held, probability, cv2.NORM_L1), np.count_nonzero(held > 0.5)
        disagreement = float(overruled / area) if area else 0.0
        values = found.resized(size_wh).values if disagreement > LOST else box.pasted(held, size_wh)
        return ProbabilityMap(values, disagreement)


def limits(first: np.ndarray, reach_px: int) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most that a second pass may say where the first one says `first`; float32 (h, w), all three.

    Within `reach_px` of the edge of what the first one calls car these are 0 and 1; deeper inside no less than it says
    itself, farther outside no more.
    """
    is_car = (first > 0.5).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach_px + 1, 2 * reach_px + 1))
    is_deep, is_near = cv2.erode(is_car, disc) > 0, cv2.dilate(is_car, disc) > 0
    return np.where(is_deep, first, np.float32(0)), np.where(is_near, np.float32(1), first)


def without_specks(is_car: np.ndarray) -> np.ndarray:
    """bool (h, w) → the same without components that are small beside the largest."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(is_car.astype(np.uint8))
    if count < 3:
        return is_car
    areas = stats[:, cv2.CC_STAT_AREA]
    stays = areas >= SPECK * areas[1:].max()
    stays[0] = False
    return np.asarray(stays[labels])
