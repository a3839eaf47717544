"""Contrast of a network's input, the same in training and in prediction."""

from __future__ import annotations

import cv2
import numpy as np

TILES = (8, 8)


def equalise(picture: np.ndarray, clip_limit: float) -> np.ndarray:
    """Contrast limited adaptive histogram equalisation (Zuiderveld, 1994) of LAB's lightness, in 8x8 tiles.

    uint8 RGB (height, width, 3) → the same; with a clip limit of 0 it is the very picture that came.
    """
    if not clip_limit:
        return picture
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lightness = cv2.createCLAHE(clip_limit, TILES).apply(cv2.extractChannel(lab, 0))
    return np.asarray(cv2.cvtColor(cv2.insertChannel(lightness, lab, 0), cv2.COLOR_LAB2RGB))
