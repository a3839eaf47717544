"""Augmentation of training pictures: background, flip, shift, scale, colour, blur and noise."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.training.composites import Backgrounds, replace_background
from carvanamask.training.config import AugmentConfig


def augment(pair: np.ndarray, config: AugmentConfig, rng: np.random.Generator, backgrounds: Backgrounds) -> np.ndarray:
    """Return a random variation of a picture and its mask.

    `pair` is uint8 (H, W, 4): RGB and, as the fourth channel, the car's share of the pixel of 255.
    """
    if config.background and rng.random() < config.background:
        pair = replace_background(pair, backgrounds.draw(pair.shape[:2], rng), rng)
    if rng.random() < config.flip:
        pair = pair[:, ::-1]
    pair = _move(pair, config, rng)
    if config.hue or config.saturation or config.value:
        # a new array, as `pair` may still be the cached picture
        pair = np.dstack([_shift_colours(pair[..., :3], config, rng), pair[..., 3:]])
    if config.blur or config.noise:
        pair = np.dstack([_degrade(pair[..., :3], config, rng), pair[..., 3:]])
    return np.ascontiguousarray(pair)


def _move(pair: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    height, width = pair.shape[:2]
    scale = 1 + rng.uniform(-config.scale, config.scale)
    shift = rng.uniform(-config.shift, config.shift, size=2) * (width, height)
    if scale == 1 and not shift.any():
        return pair
    # scaled about the middle, then shifted
    x, y = (1 - scale) * np.array([(width - 1) / 2, (height - 1) / 2]) + shift
    matrix = np.array([[scale, 0, x], [0, scale, y]])
    # the edge is repeated: the studio continues beyond the frame, and so does a car that the frame cuts
    moved = cv2.warpAffine(pair, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved)


def _shift_colours(rgb: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Shift hue, which wraps around at 180, and saturation and value, which are clipped."""
    hue, saturation, value = (
        round(rng.uniform(-limit, limit)) for limit in (config.hue, config.saturation, config.value)
    )
    values = np.arange(256)
    tables = [(values + hue) % 180, np.clip(values + saturation, 0, 255), np.clip(values + value, 0, 255)]
    hsv = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2HSV)
    hsv = cv2.LUT(hsv, np.stack(tables, axis=-1).astype(np.uint8)[None])
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def _degrade(rgb: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Blur half of the pictures, and add noise to half of them."""
    if config.blur and rng.random() < 0.5:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.1, 1) * config.blur)
    if config.noise and rng.random() < 0.5:
        noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(rng.uniform(0, config.noise))
        rgb = cv2.add(rgb, noise, dtype=cv2.CV_8U)
    return np.asarray(rgb)
