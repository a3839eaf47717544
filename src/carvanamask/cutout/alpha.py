"""From a mask's hard edge to the soft one that a camera sees."""

from __future__ import annotations

from math import ceil
from statistics import NormalDist

import cv2
import numpy as np

from carvanamask.core.mask import Mask

SMOOTH_PX = 2.0
"""How far around a pixel the mask is asked where its edge runs: wide enough for one that rises a pixel in eight."""

_FARTHEST_PX = 0.5
"""From where the mask's pixels say: a straight edge never runs farther off."""

_THIN_PX = 5
"""What is nowhere so far from its edge, an antenna or a gap, keeps its pixels: smoothed, it would fade."""

_DISTANCES_PX = np.arange(-3, 3.05, 0.05) * SMOOTH_PX
_SHARES = np.array([NormalDist(sigma=SMOOTH_PX).cdf(distance) for distance in _DISTANCES_PX])
"""How much car a Gaussian of SMOOTH_PX sees at each of the distances inside a straight edge."""


def estimate_alpha(mask: Mask, radius_px: float = 1.5) -> np.ndarray:
    """Alpha in [0, 1], float32 (H, W): 1 inside, 0 outside, a ramp of about `radius_px` either side of the edge.

    Symmetric about the edge, so the car neither grows nor shrinks, and without the steps that pixels make of a slanting
    one.
    """
    pixels = mask.pixels.astype(np.uint8)
    inside = cv2.distanceTransform(pixels, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - pixels, cv2.DIST_L2, 5)
    # the edge runs between two pixel centres, half a pixel from each
    stepped_px = np.where(mask.pixels, inside - 0.5, 0.5 - outside)
    share = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), SMOOTH_PX, borderType=cv2.BORDER_REPLICATE)
    alpha = mask.pixels.astype(np.float32)
    at_edge = abs(stepped_px) < radius_px + _FARTHEST_PX
    side_px = 2 * (_THIN_PX + ceil(radius_px + _FARTHEST_PX)) + 1
    widest_px = [cv2.dilate(side, np.ones((side_px, side_px), np.uint8))[at_edge] for side in (inside, outside)]
    has_room = np.minimum(*widest_px) >= _THIN_PX
    stepped_px = stepped_px[at_edge]
    smooth_px = np.interp(share[at_edge], _SHARES, _DISTANCES_PX)
    farthest_px = np.where(has_room, _FARTHEST_PX, 0)
    signed_px = np.clip(smooth_px, stepped_px - farthest_px, stepped_px + farthest_px)
    alpha[at_edge] = np.clip(0.5 + signed_px / (2 * radius_px), 0, 1)
    return alpha
