"""The two pictures a network and a person exchange: probabilities and the mask cut from them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.rle import Runs
from carvanamask.errors import MaskError

_ONE = np.float32(1).view(np.uint32)


@dataclass(frozen=True, eq=False)
class Mask:
    """Which pixels are car: a bool array of shape (height, width)."""

    pixels: np.ndarray

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.bool_:
            raise MaskError(f"a mask is a 2-D bool array, not {self.pixels.ndim}-D {self.pixels.dtype}")

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    def to_rle(self) -> str:
        """Encode as Kaggle does: "start length …", 1-indexed, row-major (left to right, then down)."""
        flat = self.pixels.ravel()
        changes = np.flatnonzero(flat[1:] != flat[:-1]) + 2
        # a run that touches the first or the last pixel begins or ends there without a change
        edges = np.concatenate([np.flatnonzero(flat[:1]) + 1, changes, np.flatnonzero(flat[-1:]) + flat.size + 1])
        edges[1::2] -= edges[::2]
        return " ".join(map(str, edges.tolist()))

    @classmethod
    def from_rle(cls, rle: str, size_wh: tuple[int, int]) -> Mask:
        """Decode what `to_rle` encodes into a mask of `size_wh` pixels.

        Raises MaskError for anything but ascending, separate runs inside the picture.
        """
        width, height = size_wh
        runs = Runs.from_rle(rle, size_wh)
        # background, car, background …: where each stretch begins, and where the last one ends
        edges = np.concatenate([[0], np.stack([runs.starts, runs.ends], axis=1).ravel(), [width * height]])
        stretches = np.diff(edges)
        return cls(np.repeat(np.arange(stretches.size) % 2 == 1, stretches).reshape(height, width))


@dataclass(frozen=True, eq=False)
class ProbabilityMap:
    """How sure a model is that a pixel is car: float32 of shape (height, width), in [0, 1]."""

    values: np.ndarray
    disagreement: float = 0.0
    """Share of the car that two looks saw differently, beyond what the second may change; 0 after one look."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype != np.float32:
            raise MaskError(f"a probability map is 2-D float32, not {self.values.ndim}-D {self.values.dtype}")
        # read as whole numbers, floats from 0 to 1 are in their order, and negative ones and NaN above them: one look
        if self.values.view(np.uint32).max(initial=0) > _ONE:
            low, high = float(self.values.min()), float(self.values.max())
            if not (low >= 0.0 and high <= 1.0):  # written so that NaN fails too; -0 passes
                raise MaskError(f"a probability map lies in [0, 1], not [{low:g}, {high:g}]")

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.values.shape[1], self.values.shape[0]

    def to_mask(self, threshold: float) -> Mask:
        """A pixel is car when its probability exceeds the threshold."""
        return Mask(self.values > threshold)

    def resized(self, size_wh: tuple[int, int]) -> ProbabilityMap:
        """Bilinear. Enlarge probabilities before the threshold: masks enlarged after it lose their edge."""
        if size_wh == self.size_wh:
            return self
        return ProbabilityMap(cv2.resize(self.values, size_wh, interpolation=cv2.INTER_LINEAR), self.disagreement)
