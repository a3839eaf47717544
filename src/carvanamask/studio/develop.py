"""From light to a picture: exposure, white balance, tone curve, lens, noise, as a camera's vary."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def develop(light: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Linear RGB (height, width, 3), 1 = white, to sRGB uint8 of the same shape."""
    exposure = rng.normal(1.0, 0.03)
    warmth = rng.normal(0.0, 0.008)
    light = light * np.array([exposure * (1 + warmth), exposure, exposure * (1 - warmth)], np.float32)
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.35, 0.6))
    # shot noise grows with the root of the light, read noise is always there
    grain = rng.normal(0, 1, light.shape) * np.sqrt(3e-6 + 4e-5 * np.maximum(light, 0)) * rng.uniform(0.5, 1.5)
    light = light + grain.astype(np.float32)
    knee = 0.75  # highlights bend softly towards white instead of clipping
    over = np.maximum(light - knee, 0)
    light = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    light = np.clip(light, 0, 1)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    contrast = rng.uniform(0.2, 0.4)
    srgb = srgb - contrast / (2 * np.pi) * np.sin(2 * np.pi * srgb)
    return np.asarray(np.rint(srgb * 255), dtype=np.uint8)
