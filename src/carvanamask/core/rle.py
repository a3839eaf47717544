"""Kaggle's run-length code as runs of pixels: areas and overlaps without decoding a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carvanamask.errors import MaskError


@dataclass(frozen=True, eq=False)
class Runs:
    """The car's pixels as runs in row-major order, ascending, none overlapping.

    Their number grows with the mask's outline, not with its area: a car at 1918x1280 has about a thousand.
    """

    starts: np.ndarray
    """First pixel of each run, counted from 0: int64 (runs,)."""
    ends: np.ndarray
    """The pixel after its last: int64 (runs,)."""

    @classmethod
    def from_rle(cls, rle: str, size_wh: tuple[int, int]) -> Runs:
        """Return the runs of the code "start length …", 1-indexed, for a picture of `size_wh` pixels.

        Raises MaskError for anything but ascending, separate runs inside the picture.
        """
        width, height = size_wh
        try:
            # NumPy would also read "1_0", "+1" and other scripts' digits
            numbers = np.array(rle.split() if set(rle) <= set("0123456789- ") else "?", dtype=np.int64)
        except (ValueError, OverflowError):
            raise MaskError(f"run-length code holds something that is no whole number: '{rle[:40]}'") from None
        if numbers.size % 2:
            raise MaskError(f"run-length code has {numbers.size} numbers; it takes pairs of start and length")
        starts, lengths = numbers[::2] - 1, numbers[1::2]
        if (starts > width * height - lengths).any():  # not by the ends: a huge length would overflow them
            raise MaskError(f"run-length code leaves the picture: {width}x{height} has {width * height} pixels")
        ends = starts + lengths
        if (starts < np.concatenate([[0], ends])[:-1]).any() or (lengths < 1).any():
            raise MaskError("run-length code must count from 1, upwards, in runs of 1 or more that don't overlap")
        return cls(starts, ends)

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int((self.ends - self.starts).sum())

    def overlap(self, other: Runs) -> int:
        """Return how many pixels belong to the car in both."""
        return int((other._pixels_before(self.ends) - other._pixels_before(self.starts)).sum())

    def dice(self, other: Runs) -> float:
        """Return `core.metrics.dice` of the two masks, which must have the same size; 1 for two empty ones."""
        total = self.area + other.area
        return 2 * self.overlap(other) / total if total else 1.0

    def _pixels_before(self, positions: np.ndarray) -> np.ndarray:
        """Return how many of the car's pixels lie before each position."""
        started = np.searchsorted(self.starts, positions)
        # all pixels of the runs that started earlier, less those of the last run that lie beyond the position
        pixels = np.concatenate([[0], np.cumsum(self.ends - self.starts)])[started]
        return np.asarray(pixels - np.maximum(np.concatenate([[0], self.ends])[started] - positions, 0))
