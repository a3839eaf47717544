"""Alpha from a mask: the soft edge that a camera sees instead of the mask's hard one."""

from __future__ import annotations

from math import ceil
from statistics import NormalDist

import cv2
import numpy as np

from carvanamask.core.mask import Mask

SMOOTH_PX = 2.0
"""Sigma of the Gaussian that locates the edge: wide enough for an edge that rises one pixel in eight."""

_MAX_SHIFT_PX = 0.5
"""How far the located edge may lie from the mask's pixels: a straight edge is never farther off."""

_THIN_PX = 5
"""Parts and gaps that are nowhere so far from their edge, such as an antenna, keep their pixels: else they fade."""

_DISTANCES_PX = np.arange(-3, 3.05, 0.05) * SMOOTH_PX
_SHARES = np.array([NormalDist(sigma=SMOOTH_PX).cdf(distance) for distance in _DISTANCES_PX])
"""Share of car under the Gaussian at each of the distances inside a straight edge."""


def estimate_alpha(mask: Mask, radius_px: float = 1.5) -> np.ndarray:
    """Return alpha in [0, 1], float32 (H, W): 1 inside, 0 outside, a ramp of about `radius_px` on each side of it.

    It is symmetric about the edge, so the car neither grows nor shrinks, and a slanting edge has no pixel steps.
    """
    pixels = mask.pixels.astype(np.uint8)
    inside = cv2.distanceTransform(pixels, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - pixels, cv2.DIST_L2, 5)
    # the edge runs between two pixel centres, half a pixel from each
    stepped_px = np.where(mask.pixels, inside - 0.5, 0.5 - outside)
    share = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), SMOOTH_PX, borderType=cv2.BORDER_REPLICATE)
    alpha = mask.pixels.astype(np.float32)
    at_edge = abs(stepped_px) < radius_px + _MAX_SHIFT_PX
    side_px = 2 * (_THIN_PX + ceil(radius_px + _MAX_SHIFT_PX)) + 1
    widest_px = [cv2.dilate(side, np.ones((side_px, side_px), np.uint8))[at_edge] for side in (inside, outside)]
    has_room = np.minimum(*widest_px) >= _THIN_PX
    stepped_px = stepped_px[at_edge]
    smooth_px = np.interp(share[at_edge], _SHARES, _DISTANCES_PX)
    max_shift_px = np.where(has_room, _MAX_SHIFT_PX, 0)
    signed_px = np.clip(smooth_px, stepped_px - max_shift_px, stepped_px + max_shift_px)
    alpha[at_edge] = np.clip(0.5 + signed_px / (2 * radius_px), 0, 1)
    return alpha
