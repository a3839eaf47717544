"""From a mask's hard edge to the soft one that a camera sees."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.core.mask import Mask


def soften(mask: Mask, radius_px: float = 1.5) -> np.ndarray:
    """Alpha in [0, 1], float32 (H, W): 1 inside, 0 outside, a ramp of about `radius_px` either side of the edge.

    Symmetric about the edge, so the car neither grows nor shrinks.
    """
    pixels = mask.pixels.astype(np.uint8)
    inside = cv2.distanceTransform(pixels, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - pixels, cv2.DIST_L2, 5)
    # the edge runs between two pixel centres, half a pixel from each
    signed_px = np.where(mask.pixels, inside - 0.5, 0.5 - outside)
    return np.asarray(np.clip(0.5 + signed_px / (2 * radius_px), 0, 1), np.float32)
