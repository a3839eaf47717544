"""A mask, and the probability map that it is made from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.rle import Runs
from carvanamask.errors import MaskError

_ONE = np.float32(1).view(np.uint32)


@dataclass(frozen=True, eq=False)
class Mask:
    """Which pixels belong to the car: a bool array of shape (height, width).

    >>> Mask(np.array([[True, True, False], [False, True, True]])).to_rle()
    '1 2 5 2'
    """

    pixels: np.ndarray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.bool_:
            raise MaskError(f"a mask is a 2-D bool array, not {self.pixels.ndim}-D {self.pixels.dtype}")

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    def to_rle(self) -> str:
        """Return Kaggle's run-length code: "start length …", 1-indexed, row-major (left to right, then down)."""
        flat = self.pixels.ravel()
        changes = np.flatnonzero(flat[1:] != flat[:-1]) + 2
        # runs that touch the first or the last pixel have no change there
        edges = np.concatenate([np.flatnonzero(flat[:1]) + 1, changes, np.flatnonzero(flat[-1:]) + flat.size + 1])
        edges[1::2] -= edges[::2]
        return " ".join(map(str, edges.tolist()))

    @classmethod
    def from_rle(cls, rle: str, size_wh: tuple[int, int]) -> Mask:
        """Return the mask of `size_wh` pixels that `to_rle` encoded.

        Raises MaskError for anything but ascending, separate runs inside the picture.
        """
        width, height = size_wh
        runs = Runs.from_rle(rle, size_wh)
        # background, car, background …: where each stretch starts, and where the last one ends
        edges = np.concatenate([[0], np.stack([runs.starts, runs.ends], axis=1).ravel(), [width * height]])
        stretches = np.diff(edges)
        return cls(np.repeat(np.arange(stretches.size) % 2 == 1, stretches).reshape(height, width))


@dataclass(frozen=True, eq=False)
class ProbabilityMap:
    """How likely each pixel belongs to the car: float32 of shape (height, width), in [0, 1].

    >>> ProbabilityMap(np.array([[0.2, 0.5, 0.9]], np.float32)).to_mask(0.5).pixels.tolist()
    [[False, False, True]]
    """

    values: np.ndarray
    disagreement: float = 0.0
    """How far a refinement pass contradicts the coarse pass, beyond the edge that it may move, as a share of the car;
    0 for a model without one."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise MaskError(f"a probability map is 2-D float32, not {self.values.ndim}-D {self.values.dtype}")
        # as unsigned integers, floats in [0, 1] keep their order, and negative ones and NaN lie above: one comparison
        if self.values.view(np.uint32).max(initial=0) > _ONE:
            low, high = float(self.values.min()), float(self.values.max())
            if not (low >= 0.0 and high <= 1.0):  # NaN fails too; -0 passes
                raise MaskError(f"a probability map lies in [0, 1], not [{low:g}, {high:g}]")

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.values.shape[1], self.values.shape[0]

    def to_mask(self, threshold: float) -> Mask:
        """Return the mask of the pixels whose probability exceeds the threshold."""
        return Mask(self.values > threshold)

    def resized(self, size_wh: tuple[int, int]) -> ProbabilityMap:
        """Return the map at another size, by bilinear interpolation; resize before the threshold, never a mask."""
        if size_wh == self.size_wh:
            return self
        return ProbabilityMap(cv2.resize(self.values, size_wh, interpolation=cv2.INTER_LINEAR), self.disagreement)
