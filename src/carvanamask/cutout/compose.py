"""Another background, and the car before it."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.core.mask import Mask
from carvanamask.cutout.alpha import estimate_alpha
from carvanamask.cutout.foreground import RADII_PX, estimate_foreground
from carvanamask.cutout.shadow import ground_shadow

HORIZON = 0.52
"""Where the wall meets the floor, as a share of the height: behind the car, below its roof."""

_GRAIN_PX = 64
"""After so many columns a room's grain begins anew."""


def cut_out(picture: np.ndarray, mask: Mask) -> np.ndarray:
    """RGB uint8 (H, W, 3) → RGBA uint8 (H, W, 4), the car in its own colours; outside it all four are 0."""
    rgba = np.zeros((*mask.pixels.shape, 4), np.uint8)
    if not mask.pixels.any():
        return rgba
    box = _box_of(mask.pixels, sum(RADII_PX) + 4)  # beyond it nothing changes what is inside
    alpha = estimate_alpha(Mask(np.ascontiguousarray(mask.pixels[box])))
    colour = estimate_foreground(picture[box], alpha)
    levels = (alpha * 255).round().astype(np.uint8)
    rgba[box] = np.dstack([colour * (levels > 0)[..., np.newaxis], levels])
    return rgba


def composite_over(cutout: np.ndarray, background: np.ndarray) -> np.ndarray:
    """RGBA uint8 over RGB uint8 of the same size → RGB uint8."""
    laid = background.copy()
    box = _box_of(cutout[..., 3] > 0)
    car, part = cutout[box], laid[box]
    np.copyto(part, car[..., :3], where=(car[..., 3] == 255)[..., np.newaxis])
    edge = (car[..., 3] > 0) & (car[..., 3] < 255)
    alpha = car[edge][:, 3:].astype(np.float32) / 255
    part[edge] = (car[edge][:, :3] * alpha + part[edge] * (1 - alpha)).round().astype(np.uint8)
    return laid


def _box_of(pixels: np.ndarray, margin_px: int = 0) -> tuple[slice, slice]:
    """The part of a picture that holds all pixels that are set, and a margin: most of a picture is wall."""
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(pixels).view(np.uint8))
    rows = slice(max(0, y - margin_px), y + height + margin_px)
    return (rows, slice(max(0, x - margin_px), x + width + margin_px)) if width else (slice(0), slice(0))


def dusk_room(size_wh: tuple[int, int]) -> np.ndarray:
    """A plain room in two tones, lighter at the horizon: RGB uint8 (H, W, 3)."""
    width, height = size_wh
    down = np.linspace(0, 1, height)[:, None]
    wall = _mix((38, 52, 74), (128, 148, 170), np.clip(down / HORIZON, 0, 1))
    floor = _mix((150, 152, 156), (84, 86, 92), np.clip((down - HORIZON) / (1 - HORIZON), 0, 1))
    # the seam is a soft curve, as a studio's is
    seam = 1 / (1 + np.exp(-(down - HORIZON) * 60))
    column = wall * (1 - seam) + floor * seam
    # rounded up or down by chance: even steps of one level show as stripes
    chance = np.random.default_rng(0).random((height, _GRAIN_PX, 1)) - 0.5
    grain = (column[:, np.newaxis] + chance).round().astype(np.uint8)
    return np.tile(grain, (1, -(-width // _GRAIN_PX), 1))[:, :width]


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


def composite(picture: np.ndarray, mask: Mask, background: np.ndarray) -> np.ndarray:
    """The car of `picture` on the ground of `background`, with a shadow: RGB uint8, all of one size."""
    light, shaded = ground_shadow(mask), background.copy()
    box = _box_of(light < 1 - 1 / 1024)
    shaded[box] = (shaded[box] * light[box][..., np.newaxis]).round().astype(np.uint8)
    return composite_over(cut_out(picture, mask), shaded)


def _mix(dark: tuple[int, int, int], light: tuple[int, int, int], share: np.ndarray) -> np.ndarray:
    return np.asarray(np.array(dark) * (1 - share) + np.array(light) * share)
