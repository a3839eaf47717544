"""Scores of a mask, in [0, 1]: Dice, IoU and boundary IoU against the truth, and how much of it is uncertain."""

from __future__ import annotations

import cv2
import numpy as np

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import MaskError

BOUNDARY_SHARE = 0.02
"""The boundary band's width as a share of the picture's diagonal (Cheng et al., 2021)."""

UNCERTAIN_BETWEEN = 30 / 255, 210 / 255
"""Probabilities that mean neither car nor background. In Carvana's challenge this area gave a failed minivan away."""


def dice(prediction: Mask, truth: Mask) -> float:
    """Return 2·|A∩B| / (|A|+|B|), Kaggle's metric; 1 for two empty masks. Raises MaskError for different sizes."""
    _require_same_size(prediction, truth)
    both = np.count_nonzero(prediction.pixels & truth.pixels)
    total = np.count_nonzero(prediction.pixels) + np.count_nonzero(truth.pixels)
    return 2 * both / total if total else 1.0


def iou(prediction: Mask, truth: Mask) -> float:
    """Return |A∩B| / |A∪B|; 1 for two empty masks. Raises MaskError for different sizes."""
    overlap = dice(prediction, truth)
    return overlap / (2 - overlap)


def dice_curve(prediction: ProbabilityMap, truth: Mask, steps: int = 256) -> np.ndarray:
    """Return Dice at the thresholds 0, 1/steps, … (steps−1)/steps: float64 of shape (steps,)."""
    _require_same_size(prediction, truth)
    # a pixel in bin b passes the thresholds 0 … (b−1)/steps: those its value exceeds, as in `to_mask`
    bins = np.ceil(prediction.values.ravel() * steps).astype(np.int64)
    counts = np.bincount(bins + (steps + 1) * truth.pixels.ravel(), minlength=2 * (steps + 1)).reshape(2, steps + 1)
    predicted = counts.sum(axis=0)[:0:-1].cumsum()[::-1]
    both = counts[1][:0:-1].cumsum()[::-1]
    total = predicted + counts[1].sum()
    return np.asarray(np.divide(2 * both, total, out=np.ones(steps), where=total > 0))


def boundary_iou(prediction: Mask, truth: Mask, share: float = BOUNDARY_SHARE) -> float:
    """Return the IoU of the two masks' inner bands along their outlines, `share` of the diagonal wide.

    Source: Cheng et al., "Boundary IoU" (CVPR 2021). It shows a wrong edge where the plain IoU, most of which is easy
    interior, hardly moves.
    """
    _require_same_size(prediction, truth)
    radius_px = max(1, round(share * float(np.hypot(*truth.size_wh))))
    return iou(_inner_band(prediction, radius_px), _inner_band(truth, radius_px))


def uncertain_ratio(probabilities: ProbabilityMap, mask: Mask) -> float:
    """Return the area that is neither car nor background, as a share of the mask's area; 0 for an empty mask."""
    area = np.count_nonzero(mask.pixels)
    return cv2.countNonZero(cv2.inRange(probabilities.values, *UNCERTAIN_BETWEEN)) / area if area else 0.0


def _inner_band(mask: Mask, radius_px: int) -> Mask:
    # the picture's border counts as outside, as in the paper: pad by one pixel of background
    padded = np.pad(mask.pixels, 1).astype(np.uint8)
    # the pixels that `radius_px` erosions by a 3x3 square remove are those within that chessboard distance
    distance_px = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    return Mask(mask.pixels & (distance_px <= radius_px))


def _require_same_size(prediction: Mask | ProbabilityMap, truth: Mask) -> None:
    if prediction.size_wh != truth.size_wh:
        raise MaskError(f"masks differ in size: {prediction.size_wh} and {truth.size_wh} (width, height)")
