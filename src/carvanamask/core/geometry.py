"""The part of a picture that holds its car: what a second pass looks at more closely."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

MARGIN_WH = (0.05, 0.1)
"""Left free on each side, as shares of the car's width and height: mirrors and antennas that a first pass loses."""


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels inside a picture."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def around(cls, is_car: np.ndarray, size_wh: tuple[int, int], shape_wh: tuple[int, int]) -> Box | None:
        """All that `is_car`, bool (h, w), marks in a picture of `size_wh`, with room around it; None for no car.

        The mask may be smaller than the picture. The box is about as wide for its height as `shape_wh`, as far as
        the picture reaches.
        """
        columns, rows = np.flatnonzero(is_car.any(axis=0)), np.flatnonzero(is_car.any(axis=1))
        if not columns.size:
            return None
        ends = [
            (places[0] / side, (places[-1] + 1) / side)
            for places, side in ((columns, is_car.shape[1]), (rows, is_car.shape[0]))
        ]
        middles = [(low + high) / 2 * side for (low, high), side in zip(ends, size_wh, strict=True)]
        needed = [
            (high - low) * side * (1 + 2 * margin)
            for (low, high), side, margin in zip(ends, size_wh, MARGIN_WH, strict=True)
        ]
        shape = shape_wh[0] / shape_wh[1]
        wanted = max(needed[0], needed[1] * shape), max(needed[1], needed[0] / shape)
        sides = [max(1, min(side, round(want))) for side, want in zip(size_wh, wanted, strict=True)]
        left, top = (
            min(max(0, round(middle - side / 2)), whole - side)
            for middle, side, whole in zip(middles, sides, size_wh, strict=True)
        )
        return cls(left, top, *sides)

    def scaled(self, size_wh: tuple[int, int], other_wh: tuple[int, int]) -> Box:
        """The same part of the same picture at another size, to the nearest whole pixel, and at least one."""
        across, down = other_wh[0] / size_wh[0], other_wh[1] / size_wh[1]
        left, top = min(round(self.left * across), other_wh[0] - 1), min(round(self.top * down), other_wh[1] - 1)
        right, bottom = round((self.left + self.width) * across), round((self.top + self.height) * down)
        return Box(left, top, max(1, right - left), max(1, bottom - top))

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """A view of this part of a picture or a mask, (height, width, …)."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]

    def pasted(self, part: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
        """float32 of any size, enlarged to this box in a map of `size_wh` that is 0 elsewhere."""
        values = np.zeros((size_wh[1], size_wh[0]), np.float32)
        cv2.resize(part, (self.width, self.height), dst=self.of(values), interpolation=cv2.INTER_LINEAR)
        return values
