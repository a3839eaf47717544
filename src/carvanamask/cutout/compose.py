"""The car with transparency, or composited onto another background."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.core.geometry import Box
from carvanamask.core.mask import Mask
from carvanamask.cutout.alpha import estimate_alpha
from carvanamask.cutout.foreground import RADII_PX, estimate_foreground
from carvanamask.cutout.shadow import ground_shadow

HORIZON = 0.52
"""Height at which the wall meets the floor, as a share of the picture's: behind the car, below its roof."""

_GRAIN_PX = 64
"""Columns after which a room's grain repeats."""


def cut_out(picture: np.ndarray, mask: Mask) -> np.ndarray:
    """Return RGBA uint8 (H, W, 4) of an RGB uint8 picture: the car in its own colours; outside it all four are 0."""
    rgba = np.zeros((*mask.pixels.shape, 4), np.uint8)
    box = Box.enclosing(mask.pixels, margin_px=sum(RADII_PX) + 4)  # beyond it nothing changes what is inside
    if not box.width:
        return rgba
    alpha = estimate_alpha(Mask(np.ascontiguousarray(box.crop(mask.pixels))))
    colour = estimate_foreground(box.crop(picture), alpha)
    alpha_8bit = (alpha * 255).round().astype(np.uint8)
    box.crop(rgba)[...] = np.dstack([colour * (alpha_8bit > 0)[..., np.newaxis], alpha_8bit])
    return rgba


def composite_over(cutout: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return an RGBA uint8 cut-out over an RGB uint8 background of the same size: RGB uint8 (H, W, 3)."""
    result = background.copy()
    box = Box.enclosing(cutout[..., 3] > 0)
    car, part = box.crop(cutout), box.crop(result)
    np.copyto(part, car[..., :3], where=(car[..., 3] == 255)[..., np.newaxis])
    edge = (car[..., 3] > 0) & (car[..., 3] < 255)
    alpha = car[edge][:, 3:].astype(np.float32) / 255
    part[edge] = (car[edge][:, :3] * alpha + part[edge] * (1 - alpha)).round().astype(np.uint8)
    return result


def composite(picture: np.ndarray, mask: Mask, background: np.ndarray) -> np.ndarray:
    """Return the car of `picture` on the ground of `background`, with a shadow: RGB uint8, all of one size."""
    light, shaded = ground_shadow(mask), background.copy()
    box = Box.enclosing(light < 1 - 1 / 1024)
    part = box.crop(shaded)
    part[...] = (part * box.crop(light)[..., np.newaxis]).round().astype(np.uint8)
    return composite_over(cut_out(picture, mask), shaded)


def dusk_room(size_wh: tuple[int, int]) -> np.ndarray:
    """Return a plain room in two tones, lighter at the horizon: RGB uint8 (H, W, 3)."""
    width, height = size_wh
    down = np.linspace(0, 1, height)[:, None]
    wall = _mix((38, 52, 74), (128, 148, 170), np.clip(down / HORIZON, 0, 1))
    floor = _mix((150, 152, 156), (84, 86, 92), np.clip((down - HORIZON) / (1 - HORIZON), 0, 1))
    # wall and floor meet in a soft curve, as in a studio
    seam = 1 / (1 + np.exp(-(down - HORIZON) * 60))
    column = wall * (1 - seam) + floor * seam
    # rounded up or down at random: even steps of one grey level show as stripes
    chance = np.random.default_rng(0).random((height, _GRAIN_PX, 1)) - 0.5
    grain = (column[:, np.newaxis] + chance).round().astype(np.uint8)
    return np.tile(grain, (1, -(-width // _GRAIN_PX), 1))[:, :width]


def plain_room(size_wh: tuple[int, int], colour: tuple[int, int, int]) -> np.ndarray:
    """Return one colour everywhere: RGB uint8 (H, W, 3)."""
    return np.full((size_wh[1], size_wh[0], 3), colour, np.uint8)


def cover(background: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return the largest centred part of a background with the aspect ratio of `size_wh`, at that size: RGB uint8."""
    width, height = size_wh
    share = min(background.shape[1] / width, background.shape[0] / height)
    part_wh = max(1, round(width * share)), max(1, round(height * share))
    left, top = (background.shape[1] - part_wh[0]) // 2, (background.shape[0] - part_wh[1]) // 2
    part = background[top : top + part_wh[1], left : left + part_wh[0]]
    return np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA if share > 1 else cv2.INTER_LINEAR))


def _mix(dark: tuple[int, int, int], light: tuple[int, int, int], share: np.ndarray) -> np.ndarray:
    return np.asarray(np.array(dark) * (1 - share) + np.array(light) * share)
