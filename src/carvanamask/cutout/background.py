"""Another background, and the car before it."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.core.mask import Mask
from carvanamask.cutout.alpha import soften
from carvanamask.cutout.foreground import estimate_foreground

HORIZON = 0.52
"""Where the wall meets the floor, as a share of the height: behind the car, below its roof."""


def cut_out(picture: np.ndarray, mask: Mask) -> np.ndarray:
    """RGB uint8 (H, W, 3) → RGBA uint8 (H, W, 4), the car in its own colours; outside it all four are 0."""
    alpha = soften(mask)
    colour = estimate_foreground(picture, alpha)
    rgba = np.dstack([colour, (alpha * 255).round().astype(np.uint8)])
    rgba[rgba[..., 3] == 0] = 0
    return rgba


def lay_over(cutout: np.ndarray, background: np.ndarray) -> np.ndarray:
    """RGBA uint8 over RGB uint8 of the same size → RGB uint8."""
    alpha = cutout[..., 3:].astype(np.float32) / 255
    return np.asarray((cutout[..., :3] * alpha + background * (1 - alpha)).round().astype(np.uint8))


def dusk_room(size_wh: tuple[int, int]) -> np.ndarray:
    """A plain room in two tones, lighter at the horizon: RGB uint8 (H, W, 3)."""
    width, height = size_wh
    down = np.linspace(0, 1, height)[:, None]
    wall = _mix((38, 52, 74), (128, 148, 170), np.clip(down / HORIZON, 0, 1))
    floor = _mix((150, 152, 156), (84, 86, 92), np.clip((down - HORIZON) / (1 - HORIZON), 0, 1))
    # the seam is a soft curve, as a studio's is
    seam = 1 / (1 + np.exp(-(down - HORIZON) * 60))
    column = wall * (1 - seam) + floor * seam
    return np.repeat(column[:, None].round().astype(np.uint8), width, axis=1)


def plain_room(size_wh: tuple[int, int], colour: tuple[int, int, int]) -> np.ndarray:
    """One RGB colour everywhere: RGB uint8 (H, W, 3)."""
    return np.full((size_wh[1], size_wh[0], 3), colour, np.uint8)


def cover(background: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """A picture's middle, as large as it can be, in another size and without stretching it: RGB uint8 (H, W, 3)."""
    width, height = size_wh
    share = min(background.shape[1] / width, background.shape[0] / height)
    part_wh = max(1, round(width * share)), max(1, round(height * share))
    left, top = (background.shape[1] - part_wh[0]) // 2, (background.shape[0] - part_wh[1]) // 2
    part = background[top : top + part_wh[1], left : left + part_wh[0]]
    return np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA if share > 1 else cv2.INTER_LINEAR))


def ground_shadow(mask: Mask) -> np.ndarray:
    """How much light is left on the ground below the car: float32 (H, W) in [0, 1], 1 far from it.

    A tight dark line where the tyres stand and a wide soft patch below the body: with either alone the car floats.
    """
    if not mask.pixels.any():
        return np.ones(mask.pixels.shape, np.float32)
    points = cv2.findNonZero(mask.pixels.astype(np.uint8))
    hull = cv2.fillConvexPoly(np.zeros(mask.pixels.shape, np.uint8), cv2.convexHull(points), 1) > 0
    length_px = int(mask.pixels.any(axis=0).sum())
    lowest, ground = _lowest(mask.pixels), _lowest(hull)
    down = np.arange(mask.pixels.shape[0])[:, None]
    # the convex hull reaches from tyre to tyre: between the car's outline and its edge lies the ground under the body
    below = (down >= lowest) & (down <= ground + length_px / 50) & mask.pixels.any(axis=0)
    # the outline stands on the ground where it comes near the hull: tyres, and no bumper
    stands = np.exp((lowest - ground) / (0.01 * length_px)) * mask.pixels.any(axis=0)
    contact = (down >= lowest - 1) & (down < lowest + max(2, length_px // 110))
    soft = cv2.GaussianBlur(below.astype(np.float32), (0, 0), max(1.0, length_px / 60))
    crisp = cv2.GaussianBlur((contact * stands).astype(np.float32), (0, 0), max(1.0, length_px / 260))
    return np.asarray(np.clip(1 - 0.75 * soft, 0, 1) * np.clip(1 - 0.6 * crisp, 0, 1), np.float32)


def _lowest(pixels: np.ndarray) -> np.ndarray:
    """The row of each column's lowest pixel that is set."""
    return np.asarray(pixels.shape[0] - 1 - pixels[::-1].argmax(axis=0))


def stand_before(picture: np.ndarray, mask: Mask, background: np.ndarray) -> np.ndarray:
    """The car of `picture` on the ground of `background`, with a shadow: RGB uint8, all of one size."""
    shaded = (background * ground_shadow(mask)[..., None]).round().astype(np.uint8)
    return lay_over(cut_out(picture, mask), shaded)


def _mix(dark: tuple[int, int, int], light: tuple[int, int, int], share: np.ndarray) -> np.ndarray:
    return np.asarray(np.array(dark) * (1 - share) + np.array(light) * share)
