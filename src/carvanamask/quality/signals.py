"""What one picture's probabilities and mask say of their own quality."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.core.mask import Mask, ProbabilityMap

UNDECIDED = 30 / 255, 210 / 255
"""Neither car nor background: in Carvana's challenge the area between gave a failed minivan away."""

SMALLEST_CAR = 0.01
"""Share of the picture. Of 488 true masks of Carvana the smallest covers 0.088; of six empty stages, drawn from what 16
views left free of their car, the built-in models called up to 0.009 car."""

NO_CAR = "no car found"


def doubt(mask: Mask) -> str:
    """Why a person should look at a mask; '' where it says nothing against itself."""
    return NO_CAR if np.count_nonzero(mask.pixels) < SMALLEST_CAR * mask.pixels.size else ""


def undecided_share(probabilities: ProbabilityMap, mask: Mask) -> float:
    """The area that is neither car nor background, as a share of the mask's; 0 for an empty mask."""
    area = np.count_nonzero(mask.pixels)
    low, high = UNDECIDED
    undecided = np.count_nonzero((probabilities.values >= low) & (probabilities.values <= high))
    return undecided / area if area else 0.0


def stray_share(mask: Mask) -> float:
    """What lies apart from the largest component, as a share of the mask, in [0, 1]; 0 for an empty mask."""
    pixels = np.ascontiguousarray(mask.pixels).view(np.uint8)
    areas = cv2.connectedComponentsWithStats(pixels, connectivity=8)[2][1:, cv2.CC_STAT_AREA]
    return float(1 - areas.max() / areas.sum()) if areas.size else 0.0
