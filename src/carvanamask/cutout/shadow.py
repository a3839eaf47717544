"""A car's shadow: how much light is left on the ground that it stands on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.mask import Mask

_STEP = 4
"""Soft as a shadow is, every fourth pixel each way shows all of it."""

_STEEPEST = 1.5
"""Rows a column. Where the hull of a car falls faster it hangs from a mirror, and is no ground."""


def ground_shadow(mask: Mask) -> np.ndarray:
    """How much light is left on the ground: float32 (H, W) in [0, 1], 1 far from the car and everywhere without one.

    A dark patch under the body, a wide pale one around it, and a line where the tyres stand. How wide and dark they are
    was fitted to the shadows that cars have in Carvana's own pictures (`benchmarks/shadows.py`).
    """
    ground = _Ground.of(mask)
    if ground is None:
        return np.ones(mask.pixels.shape, np.float32)
    body = ground.mean_seen(ground.under_body * ground.away_from_the_ends, 0.049)
    around = ground.mean_seen(ground.under_body, 0.25)
    contact = ground.mean_seen(ground.contact, 0.0265)
    left = (1 - 0.76 * body) * (1 - 0.25 * around) * (1 - np.minimum(0.88 * contact, 1))
    width, height = mask.size_wh
    size_wh = left.shape[1] * _STEP, left.shape[0] * _STEP
    return np.asarray(cv2.resize(np.clip(left, 0, 1), size_wh)[:height, :width])


@dataclass(frozen=True, eq=False)
class _Ground:
    """What a mask, at a quarter of its size, tells of the ground; lines are float or int arrays, one value a column."""

    car: np.ndarray
    """Share of each pixel that is car, float32 (h, w)."""
    lowest: np.ndarray
    """The row of each column's lowest car pixel."""
    edge: np.ndarray
    """The row where the car's convex hull ends: it reaches from tyre to tyre."""
    steep: np.ndarray
    """How many rows that edge falls or rises a column."""
    box_wh: tuple[float, float]

    @classmethod
    def of(cls, mask: Mask) -> _Ground | None:
        """None for no car, and for one too small to have a shadow."""
        _, _, width, height = cv2.boundingRect(np.ascontiguousarray(mask.pixels).view(np.uint8))
        if min(width, height) < 3 * _STEP:
            return None
        size_wh = -(-mask.pixels.shape[1] // _STEP), -(-mask.pixels.shape[0] // _STEP)
        car = cv2.resize(mask.pixels.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA)
        is_car = (car > 0.5).astype(np.uint8)
        points = cv2.findNonZero(is_car)
        if points is None:
            return None
        edge = _lowest(cv2.fillConvexPoly(np.zeros_like(is_car), cv2.convexHull(points), 1))
        steep = cv2.blur(abs(np.gradient(edge.astype(np.float32)))[np.newaxis], (9, 1))[0]
        ground = cls(car, _lowest(is_car), edge, steep, (width / _STEP, height / _STEP))
        return ground if ground.is_floor.any() else None

    @property
    def is_floor(self) -> np.ndarray:
        """The columns under which there is ground, bool."""
        return np.asarray((self.car > 0.5).any(axis=0) & (self.steep < _STEEPEST))

    @property
    def sideways(self) -> float:
        """0 for a car seen from the front or rear, 1 from the side."""
        width, height = self.box_wh
        return float(np.clip((width / height - 1.2) / 1.4, 0, 1))

    @property
    def under_body(self) -> np.ndarray:
        """Ground between the car's outline and its hull; from the front the bumper hangs over towards the camera."""
        down, height = np.arange(self.car.shape[0])[:, np.newaxis], self.box_wh[1]
        over = height * (0.11 * (1 - self.sideways) + 0.009 * self.sideways) * np.clip(1 - self.steep / 0.7, 0, 1)
        # between the spokes of a wheel, too, but not through the windows
        is_gap = (down < self.lowest) & (down < self.edge - 0.25 * height)
        is_near = (down > self.edge - 0.35 * height) & (down <= self.edge + over)
        return np.asarray(is_near & self.is_floor & ~is_gap)

    @property
    def away_from_the_ends(self) -> np.ndarray:
        """From 0.06 at either end, where light comes in below the car, to 1; the frame is no end."""
        columns = np.arange(self.car.shape[1])
        first, last = np.flatnonzero(self.is_floor)[[0, -1]]
        first = -len(columns) if (self.car[:, 0] > 0.5).any() else first
        last = 2 * len(columns) if (self.car[:, -1] > 0.5).any() else last
        reach = max(1.0, 0.18 * self.box_wh[0] * self.sideways)
        inward = np.clip(np.minimum(columns - first, last - columns) / reach, 0, 1)
        return np.asarray(0.06 + 0.94 * inward * inward * (3 - 2 * inward))

    @property
    def contact(self) -> np.ndarray:
        """Where the outline stands on the ground: where it comes near the hull, so tyres, and no bumper."""
        down, height = np.arange(self.car.shape[0])[:, np.newaxis], self.box_wh[1]
        stands = np.exp((self.lowest - self.edge) / (0.1 * height)) * self.is_floor
        return np.asarray(((down >= self.lowest - 1) & (down < self.lowest + max(1.0, 0.02 * height))) * stands)

    def mean_seen(self, what: np.ndarray, spread: float) -> np.ndarray:
        """Its mean around each pixel over the ground that is seen; `spread` is a share of the car's height.

        What the car hides neither darkens nor lights the ground along its outline.
        """
        sigma, free = max(0.5, spread * self.box_wh[1]), 1 - self.car
        seen = cv2.GaussianBlur((what * free).astype(np.float32), (0, 0), sigma)
        return np.asarray(seen / np.maximum(cv2.GaussianBlur(free, (0, 0), sigma), 0.02))


def _lowest(is_car: np.ndarray) -> np.ndarray:
    """The row of each column's lowest pixel that is set; the last one where none is."""
    return np.asarray(is_car.shape[0] - 1 - is_car[::-1].argmax(axis=0))
