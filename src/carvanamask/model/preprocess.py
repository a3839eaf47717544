"""What a network sees of a picture before normalisation, the same in training and in prediction."""

from __future__ import annotations

import cv2
import numpy as np

TILES = (8, 8)
NEARLY = 1.75
"""A picture less than this much larger is shrunk between its pixels, in a sixth of the time of their means."""


def preprocess(picture: np.ndarray, size_wh: tuple[int, int], clahe: float) -> np.ndarray:
    """RGB uint8 (height, width, 3) of any size → RGB uint8 of `size_wh`, equalised where `clahe` isn't 0."""
    return equalise(shrink_by_area(picture, size_wh), clahe)


def shrink_by_area(pixels: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """uint8 (h, w) or (h, w, channels) of any size → `size_wh`, each pixel the mean of those it covers.

    Halved as long as it goes without a remainder, and only then by the share that is left: a third of the time, and
    less than a fifth of a grey level away from one step. A share below NEARLY is taken by bilinear interpolation.
    """
    width, height = size_wh
    while pixels.shape[0] >= 2 * height and pixels.shape[1] >= 2 * width and not any(s % 2 for s in pixels.shape[:2]):
        pixels = cv2.resize(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if pixels.shape[0] < height or pixels.shape[1] < width:  # OpenCV takes no means at all where one side grows
        part_wh = min(pixels.shape[1], width), min(pixels.shape[0], height)
        pixels = cv2.resize(pixels, part_wh, interpolation=cv2.INTER_AREA)
    is_nearly = pixels.shape[0] < NEARLY * height and pixels.shape[1] < NEARLY * width
    return np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_LINEAR if is_nearly else cv2.INTER_AREA))


def equalise(picture: np.ndarray, clip_limit: float) -> np.ndarray:
    """Contrast limited adaptive histogram equalisation (Zuiderveld, 1994) of LAB's lightness, in 8x8 tiles.

    uint8 RGB (height, width, 3) → the same; with a clip limit of 0 it is the very picture that came.
    """
    if not clip_limit:
        return picture
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lightness = cv2.createCLAHE(clip_limit, TILES).apply(cv2.extractChannel(lab, 0))
    return np.asarray(cv2.cvtColor(cv2.insertChannel(lightness, lab, 0), cv2.COLOR_LAB2RGB))
