"""The empty stage: what a camera that stands still sees where no car is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from carvanamask.core.atomic_files import save_bytes_atomically
from carvanamask.core.errors import PictureError

STAGE_CHANNELS = 4
"""How many channels a network gets beside the picture's own: three for the difference, one for where it is known."""

GAIN = 4
"""A white roof before a white wall differs by a few of 255 levels: they are spread before they become 8 bits."""


@dataclass(frozen=True, eq=False)
class Stage:
    """Its picture, as far as it is known."""

    levels: np.ndarray
    """RGB uint8 (height, width, 3); anything where it isn't known."""
    is_known: np.ndarray
    """bool (height, width)."""

    def __post_init__(self) -> None:
        if self.levels.dtype != np.uint8 or self.levels.shape != (*self.is_known.shape, 3):
            raise PictureError(f"a stage is an RGB uint8 picture, not {self.levels.dtype} {self.levels.shape}")

    @classmethod
    def unknown(cls, size_wh: tuple[int, int]) -> Stage:
        width, height = size_wh
        return cls(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), bool))

    def difference(self, picture: np.ndarray) -> np.ndarray:
        """How far an RGB uint8 picture of the stage's size is from it: uint8 (height, width, 4).

        `GAIN` times |picture − stage| by channel, 0 where the stage isn't known; then 255 where it is known, else 0.
        """
        known = self.is_known.astype(np.uint8) * 255
        far = cv2.convertScaleAbs(cv2.absdiff(picture, self.levels), alpha=GAIN)
        return np.dstack([cv2.bitwise_and(far, far, mask=known), known])

    def save(self, path: Path) -> None:
        """As PNG whose alpha is 255 where the stage is known. Raises DiskError."""
        bgra = np.dstack([self.levels[..., ::-1], self.is_known.astype(np.uint8) * 255])
        save_bytes_atomically(path, cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())

    @classmethod
    def load(cls, path: Path) -> Stage:
        """Raises PictureError when the file isn't what `save` wrote."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise PictureError(f"{path} can't be read ({error.strerror}): delete it, and it is made again") from None
        # OpenCV raises for an empty file and gives None for any other that it can't read
        bgra = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
        if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4:
            raise PictureError(f"{path} is no stage: delete it, and it is made again")
        return cls(np.ascontiguousarray(bgra[..., 2::-1]), bgra[..., 3] == 255)
