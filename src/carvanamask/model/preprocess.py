"""Prepare a picture for a network, up to normalisation: the same in training and in prediction."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.errors import PictureError

TILES = (8, 8)
"""Columns and rows of tiles that are equalised one by one."""

MIN_AREA_RATIO = 1.75
"""A picture less than this much larger is shrunk by bilinear interpolation, in a sixth of the time of area means."""


def preprocess(picture: np.ndarray, size_wh: tuple[int, int], clahe: float) -> np.ndarray:
    """Return an RGB uint8 (height, width, 3) picture at `size_wh`, equalised where `clahe` isn't 0.

    Raises PictureError for any other kind of array.
    """
    return equalise(shrink_by_area(require_rgb(picture), size_wh), clahe)


def require_rgb(picture: np.ndarray) -> np.ndarray:
    """Return the picture as it is. Raises PictureError if it isn't RGB uint8 (height, width, 3)."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        shape = "x".join(map(str, picture.shape))
        raise PictureError(f"a picture is an RGB uint8 array (height, width, 3), not {picture.dtype} {shape}")
    return picture


def shrink_by_area(pixels: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Return uint8 (h, w) or (h, w, channels) at `size_wh`, each pixel the mean of those it covers.

    Halves the size while it divides evenly and scales by the rest at the end: a third of the time of one step, and
    within a fifth of a grey level of it. A rest below MIN_AREA_RATIO is scaled by bilinear interpolation.
    """
    width, height = size_wh
    while pixels.shape[0] >= 2 * height and pixels.shape[1] >= 2 * width and not any(s % 2 for s in pixels.shape[:2]):
        pixels = cv2.resize(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if pixels.shape[0] < height or pixels.shape[1] < width:  # OpenCV takes no means at all where one side grows
        part_wh = min(pixels.shape[1], width), min(pixels.shape[0], height)
        pixels = cv2.resize(pixels, part_wh, interpolation=cv2.INTER_AREA)
    is_close = pixels.shape[0] < MIN_AREA_RATIO * height and pixels.shape[1] < MIN_AREA_RATIO * width
    return np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_LINEAR if is_close else cv2.INTER_AREA))


def equalise(picture: np.ndarray, clip_limit: float) -> np.ndarray:
    """Return an RGB uint8 picture with contrast-limited adaptive histogram equalisation (Zuiderveld, 1994).

    Equalises LAB's lightness in 8x8 tiles; with a clip limit of 0 the result is `picture` itself.
    """
    if not clip_limit:
        return picture
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lightness = cv2.createCLAHE(clip_limit, TILES).apply(cv2.extractChannel(lab, 0))
    return np.asarray(cv2.cvtColor(cv2.insertChannel(lightness, lab, 0), cv2.COLOR_LAB2RGB))
