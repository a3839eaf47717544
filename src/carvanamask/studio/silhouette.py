"""The exact mask: which pixel centres lie under a projected triangle, in float64.

No ray and no renderer is involved, so the mask is the same bit for bit wherever the picture was rendered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carvanamask.studio.camera import Camera
from carvanamask.studio.mesh import Array, Surface


def silhouette(surfaces: list[Surface], camera: Camera) -> NDArray[np.bool_]:
    """(height, width): True where any surface covers the pixel's centre. Glass counts as car."""
    triangles = np.concatenate([camera.project(each.vertices)[each.faces] for each in surfaces])
    return cover(triangles, camera.size_wh)


def cover(triangles: Array, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Rasterise triangles (n, 3, 2) in pixels: for every row of pixel centres, the span inside each triangle."""
    width, height = size_wh
    first = np.maximum(np.ceil(triangles[:, :, 1].min(axis=1) - 0.5), 0).astype(np.int64)
    last = np.minimum(np.floor(triangles[:, :, 1].max(axis=1) - 0.5), height - 1).astype(np.int64)
    count = np.maximum(last - first + 1, 0)
    which = np.repeat(np.arange(len(triangles)), count)
    row = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + first[which]
    y = (row + 0.5)[:, None]

    start = triangles[which]
    end = np.roll(start, -1, axis=1)
    x0, y0, x1, y1 = start[..., 0], start[..., 1], end[..., 0], end[..., 1]
    crosses = (np.minimum(y0, y1) <= y) & (y <= np.maximum(y0, y1)) & (y0 != y1)
    x = x0 + (y - y0) / np.where(crosses, y1 - y0, 1.0) * (x1 - x0)
    left = np.ceil(np.where(crosses, x, np.inf).min(axis=1) - 0.5)
    right = np.floor(np.where(crosses, x, -np.inf).max(axis=1) - 0.5)
    left, right = np.maximum(left, 0), np.minimum(right, width - 1)

    hit = left <= right
    change = np.zeros((height, width + 1), np.int64)
    np.add.at(change, (row[hit], left[hit].astype(np.int64)), 1)
    np.add.at(change, (row[hit], right[hit].astype(np.int64) + 1), -1)
    return np.asarray(np.cumsum(change, axis=1)[:, :width] > 0)
