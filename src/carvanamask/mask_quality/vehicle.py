"""Comparison of one car's views on a turntable: the left side is the right side's mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.mask import Mask

SIZE_WH = (256, 128)

_MARGIN = 0.05
"""Left free around the car's ends on each side, as a share of the silhouette's width and height."""

_OUTLYING = 0.005
"""The car ends where this share of its area lies farther out: an antenna that one view shows and its partner lost
must not stretch the car. With it the lowest mirror Dice of 360 true pairs is 0.942 (0.931 without)."""


@dataclass(frozen=True, eq=False)
class Silhouette:
    """A car's shape, independent of its position and size in the picture: stretched to one size."""

    pixels: np.ndarray
    """The shape as bool pixels of SIZE_WH."""
    area: int
    """Area of the mask, in its own pixels."""

    @classmethod
    def of(cls, mask: Mask) -> Silhouette:
        """Return the silhouette of a mask; an empty mask has an empty one."""
        (width, height), area = SIZE_WH, int(np.count_nonzero(mask.pixels))
        if not area:
            return cls(np.zeros((height, width), dtype=bool), 0)
        (left, right), (top, bottom) = (_ends(mask.pixels.sum(axis=axis)) for axis in (0, 1))
        across, down = (1 - 2 * _MARGIN) * width / (right - left), (1 - 2 * _MARGIN) * height / (bottom - top)
        # OpenCV's coordinates are those of pixel centres
        shift_x = _MARGIN * width - across * (left - 0.5) - 0.5
        shift_y = _MARGIN * height - down * (top - 0.5) - 0.5
        stretch = np.array([[across, 0, shift_x], [0, down, shift_y]], dtype=np.float32)
        pixels = np.ascontiguousarray(mask.pixels).view(np.uint8)
        return cls(cv2.warpAffine(pixels, stretch, SIZE_WH, flags=cv2.INTER_NEAREST) > 0, area)


def mirrored_view(view: int, views: int = 16) -> int:
    """Return the view of the car's other side: 18 − k of 16; front and rear are their own."""
    return (1 - view) % views + 1


def mirror_dice(one: Silhouette, other: Silhouette) -> float:
    """Return the Dice of a silhouette and another one's mirror image, in [0, 1]; 1 for two empty ones."""
    total = np.count_nonzero(one.pixels) + np.count_nonzero(other.pixels)
    return float(2 * np.count_nonzero(one.pixels & other.pixels[:, ::-1]) / total) if total else 1.0


def area_ratio(one: Silhouette, other: Silhouette) -> float:
    """Return the smaller area divided by the larger, in [0, 1]; 1 for two empty ones."""
    smaller, larger = sorted((one.area, other.area))
    return smaller / larger if larger else 1.0


def _ends(counts: np.ndarray) -> tuple[int, int]:
    """Return the first, and one after the last, of the columns or rows that hold all but the outlying area."""
    below = np.cumsum(counts) / counts.sum()
    first, last = np.searchsorted(below, [_OUTLYING, 1 - _OUTLYING])
    return int(first), int(last) + 1
