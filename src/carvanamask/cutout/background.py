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


def ground_shadow(mask: Mask) -> np.ndarray:
    """How much light is left on the ground below the car: float32 (H, W) in [0, 1], 1 far from it.

    A tight dark line where the tyres stand and a wide soft patch below the body: with either alone the car floats.
    """
    rows, columns = np.flatnonzero(mask.pixels.any(axis=1)), np.flatnonzero(mask.pixels.any(axis=0))
    if not rows.size:
        return np.ones(mask.pixels.shape, np.float32)
    height, foot, length_px = mask.pixels.shape[0], rows[-1], columns.size
    # the car's lowest pixel in each column, and how near it comes to the ground there: 1 at a tyre, 0 at a bumper
    lowest = height - 1 - mask.pixels[::-1].argmax(axis=0)
    nearness = np.where(mask.pixels.any(axis=0), np.exp((lowest - foot) / (0.04 * length_px)), 0)
    down = np.arange(height)[:, None]
    below = (down >= lowest) & (down <= foot) & mask.pixels.any(axis=0)
    contact = (down >= lowest) & (down < lowest + max(2, length_px // 110))
    soft = cv2.GaussianBlur(below.astype(np.float32), (0, 0), max(1.0, length_px / 45))
    crisp = cv2.GaussianBlur((contact * nearness).astype(np.float32), (0, 0), max(1.0, length_px / 260))
    return np.asarray(np.clip(1 - 0.6 * soft, 0, 1) * np.clip(1 - 0.6 * crisp, 0, 1), np.float32)


def stand_before(picture: np.ndarray, mask: Mask, background: np.ndarray) -> np.ndarray:
    """The car of `picture` on the ground of `background`, with a shadow: RGB uint8, all of one size."""
    shaded = (background * ground_shadow(mask)[..., None]).astype(np.uint8)
    return lay_over(cut_out(picture, mask), shaded)


def _mix(dark: tuple[int, int, int], light: tuple[int, int, int], share: np.ndarray) -> np.ndarray:
    return np.asarray(np.array(dark) * (1 - share) + np.array(light) * share)
