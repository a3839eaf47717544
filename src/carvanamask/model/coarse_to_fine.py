"""A coarse pass finds the car in the whole picture; a refinement pass draws the edge in a crop around it."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.core.geometry import Box, Components
from carvanamask.core.mask import ProbabilityMap
from carvanamask.model.predictor import NetworkPredictor, Predictor, network_input
from carvanamask.model.preprocess import require_rgb, shrink_by_area

MIN_COMPONENT_SHARE = 0.02
"""Components below this share of the largest one's area are no cars: a sticker on the wall must not widen the crop."""

MAX_EDGE_SHIFT_PX = 4
"""How far the refinement pass may move an edge, in pixels of the coarse map. Deeper inside and farther outside the
coarse pass decides, which sees where the car stands (`benchmarks/experiments/other_backgrounds.py --reach`)."""

MAX_REFINEMENT_DISAGREEMENT = 0.03
"""Share of the car. If the two passes disagree over more than that, the refinement pass has failed, because of grain or
a soft focus that a smaller picture does not show, and the coarse map is the result. On 656 held-out pictures
the share is below 0.008."""


class CoarseToFinePredictor(Predictor):
    """A coarse pass by any predictor on small pictures, and a refinement pass by a network on the crop of the car."""

    max_edge_shift_px = MAX_EDGE_SHIFT_PX

    def __init__(self, coarse: Predictor, refinement: NetworkPredictor, coarse_size_wh: tuple[int, int]) -> None:
        """Shrink the coarse pass's pictures to `coarse_size_wh`: its predictor would do so anyway."""
        self.coarse, self.refinement, self.coarse_size_wh = coarse, refinement, coarse_size_wh
        self.engine = f"{refinement.engine}, after a coarse pass"
        self.arithmetic = refinement.arithmetic

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        coarse = self.coarse.predict(shrink_by_area(require_rgb(picture), self.coarse_size_wh))
        size_wh, crop_size_wh = (picture.shape[1], picture.shape[0]), self.refinement.card.input_size_wh
        box = Box.for_crop(without_specks(coarse.values > 0.5), size_wh, crop_size_wh)
        if box is None:
            return coarse.resized(size_wh)
        refined = self.refinement.infer(network_input(box.crop(picture), self.refinement.card))
        coarse_box = box.scaled(size_wh, coarse.size_wh)
        lower, upper = (
            ProbabilityMap(coarse_box.crop(bound)).resized(crop_size_wh).values
            for bound in probability_bounds(coarse.values, self.max_edge_shift_px)
        )
        bounded = np.clip(refined, lower, upper)
        overruled, area = cv2.norm(bounded, refined, cv2.NORM_L1), np.count_nonzero(bounded > 0.5)
        disagreement = float(overruled / area) if area else 0.0
        has_failed = disagreement > MAX_REFINEMENT_DISAGREEMENT
        return ProbabilityMap(
            coarse.resized(size_wh).values if has_failed else box.paste(bounded, size_wh), disagreement
        )


def probability_bounds(coarse: np.ndarray, max_edge_shift_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest probability that the refinement pass may give; float32 (h, w), as `coarse`.

    Within `max_edge_shift_px` of the coarse car's edge these are 0 and 1. Deeper inside, the coarse probability is the
    lowest; farther outside, it is the highest.
    """
    is_car = (coarse > 0.5).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max_edge_shift_px + 1, 2 * max_edge_shift_px + 1))
    is_deep, is_near = cv2.erode(is_car, disc) > 0, cv2.dilate(is_car, disc) > 0
    return np.where(is_deep, coarse, np.float32(0)), np.where(is_near, np.float32(1), coarse)


def without_specks(is_car: np.ndarray) -> np.ndarray:
    """Return the pixels, bool (h, w), without components that are small compared with the largest."""
    components = Components.of(is_car)
    is_kept = components.areas >= MIN_COMPONENT_SHARE * components.largest_area
    is_kept[0] = False
    return np.asarray(is_kept[components.labels])
