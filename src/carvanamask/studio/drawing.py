"""An orthographic drawing painted with finishes: windows, lamps, grilles and gaps are drawn, not built."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from carvanamask.studio.loft import EXTENTS
from carvanamask.studio.mesh import Array
from carvanamask.studio.paint import Livery

PIXELS_PER_METRE = 320
Points = Sequence[tuple[float, float]] | Array


class Drawing:
    """One view; `sheet` is float32 (rows, columns, 7): RGB, roughness, metallic, clearcoat, opacity; row 0 lowest."""

    def __init__(self, view: str, livery: Livery) -> None:
        self.low, high = np.array(EXTENTS[view])
        self.livery = livery
        width, height = np.ceil((high - self.low) * PIXELS_PER_METRE).astype(int)
        self.sheet = np.empty((height, width, 7), np.float32)
        self.sheet[:] = self._channels("paint")

    def _channels(self, finish: str) -> list[float]:
        f = self.livery.finish(finish)
        return [*f.rgb, f.roughness, f.metallic, f.clearcoat, f.opacity]

    def _paint(self, finish: str, stencil: NDArray[np.uint8]) -> None:
        x, y, w, h = cv2.boundingRect(stencil)
        part = self.sheet[y : y + h, x : x + w]
        cover = stencil[y : y + h, x : x + w, None].astype(np.float32) / 255
        part += cover * (np.array(self._channels(finish), np.float32) - part)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        sixteenths = (np.asarray(points, dtype=np.float64) - self.low) * PIXELS_PER_METRE * 16
        return np.asarray(np.rint(sixteenths), dtype=np.int32)

    def stencil(self, points: Points, rounding: float = 0.0, within: float = 0.0) -> NDArray[np.uint8]:
        """Return a polygon, uint8, 255 inside: corners rounded by `rounding` metres, shrunk by `within` metres."""
        stencil = np.zeros(self.sheet.shape[:2], np.uint8)
        cv2.fillPoly(stencil, [self._fixed(points)], 255, cv2.LINE_AA, 4)
        for length, operation in ((within, cv2.MORPH_ERODE), (rounding, cv2.MORPH_OPEN)):
            size = 2 * round(length * PIXELS_PER_METRE) + 1
            if size > 1:
                brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
                stencil = cv2.morphologyEx(stencil, operation, brush)
        return np.asarray(stencil, dtype=np.uint8)

    def fill(
        self,
        finish: str,
        points: Points,
        rounding: float = 0.0,
        within: float = 0.0,
        only: NDArray[np.uint8] | None = None,
    ) -> None:
        """Fill a polygon, see `stencil`; `only` limits it to another stencil."""
        stencil = self.stencil(points, rounding, within)
        self._paint(finish, stencil if only is None else np.minimum(stencil, only))

    def line(self, finish: str, points: Points, width: float = 0.006) -> None:
        stencil = np.zeros(self.sheet.shape[:2], np.uint8)
        thickness = max(1, round(width * PIXELS_PER_METRE))
        cv2.polylines(stencil, [self._fixed(points)], False, 255, thickness, cv2.LINE_AA, 4)
        self._paint(finish, stencil)

    def disc(self, finish: str, centre: tuple[float, float], radius: float, width: float | None = None) -> None:
        """A disc, or a ring of the given width."""
        angle = np.linspace(0, 2 * np.pi, 49)
        points = np.array(centre) + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
        if width is None:
            self.fill(finish, points)
        else:
            self.line(finish, points, width)

    def rectangle(
        self, finish: str, low: tuple[float, float], high: tuple[float, float], rounding: float = 0.0
    ) -> None:
        self.fill(finish, [low, (high[0], low[1]), high, (low[0], high[1])], rounding)
