"""The camera before the turntable, and where a point of the studio falls in the picture.

Fitted to the outlines of six real cars of known size in nine views each (error 14 pixels of 1918, root mean
square): 6.78 m from the middle of the turntable, 1.79 m high; the lens and the framing differ by stage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carvanamask.studio.mesh import Array

VIEWS = range(1, 17)


def turntable_angle(view: int) -> float:
    """How far the turntable has turned in `view` (1 … 16), in radians: view 1 shows the front, 9 the rear."""
    return -2 * np.pi * (view - 1) / 16


@dataclass(frozen=True)
class Camera:
    """A pinhole at (distance, 0, height) that looks towards −x and down by `pitch` radians.

    The focal length and `shift`, which moves the picture's content down, are fractions of the picture's width.
    """

    size_wh: tuple[int, int]
    distance: float = 6.78
    height: float = 1.79
    pitch: float = float(np.radians(7.0))
    focal: float = 1.05
    shift: float = 0.0

    def project(self, points: Array) -> Array:
        """Studio coordinates (n, 3) → pixels (n, 2), x right and y down; pixel (0, 0) has its middle at (0.5, 0.5)."""
        width, height = self.size_wh
        away, up = self.distance - points[:, 0], points[:, 2] - self.height
        depth = away * np.cos(self.pitch) - up * np.sin(self.pitch)
        rise = away * np.sin(self.pitch) + up * np.cos(self.pitch)
        scale = self.focal * width / depth
        return np.stack([width / 2 + scale * points[:, 1], height / 2 + self.shift * width - scale * rise], 1)
