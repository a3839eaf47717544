"""What one picture's probabilities and mask say of their own quality."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.metrics import uncertain_ratio

SMALLEST_CAR = 0.01
"""Share of the picture. Of 488 true masks of Carvana the smallest covers 0.088; of six empty stages, drawn from what 16
views left free of their car, the built-in models called up to 0.009 car."""

MAX_DISAGREEMENT = 0.01
"""Share of the car's area. Of 656 held-out pictures of Carvana none reaches it with the built-in `studio-m` (0.008 at
most); before other backgrounds every mask below 0.98 does (`benchmarks/other_backgrounds.py`)."""

NO_CAR = "no car found"
DISAGREEMENT = "two looks differ over {:.0%} of the car"
UNCERTAIN = "{:.1%} of the car is undecided"


def review_reason(probabilities: ProbabilityMap, mask: Mask, max_uncertain_ratio: float = 0) -> str:
    """Why a person should look at a mask; '' where it says nothing against itself.

    `max_uncertain_ratio` is the card's; 0 where it knows none.
    """
    if np.count_nonzero(mask.pixels) < SMALLEST_CAR * mask.pixels.size:
        return NO_CAR
    if probabilities.disagreement > MAX_DISAGREEMENT:
        return DISAGREEMENT.format(probabilities.disagreement)
    if max_uncertain_ratio and (undecided := uncertain_ratio(probabilities, mask)) > max_uncertain_ratio:
        return UNCERTAIN.format(undecided)
    return ""


def stray_share(mask: Mask) -> float:
    """What lies apart from the largest component, as a share of the mask, in [0, 1]; 0 for an empty mask."""
    pixels = np.ascontiguousarray(mask.pixels).view(np.uint8)
    areas = cv2.connectedComponentsWithStats(pixels, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    return float(1 - areas.max() / areas.sum()) if areas.size else 0.0
