"""The shadow that a car casts on the ground it stands on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.geometry import Box
from carvanamask.core.mask import Mask

_STEP = 4
"""The shadow is computed at a quarter of the size: it is soft enough to lose nothing."""

_STEEPEST = 1.5
"""Rows per column. Where the hull of a car falls faster it hangs from a mirror, and is no ground."""


def ground_shadow(mask: Mask) -> np.ndarray:
    """Return the share of light that reaches the ground, float32 (H, W) in [0, 1]; 1 far from the car or without one.

    A dark patch under the body, a wide pale one around it, and a line where the tyres stand. Their width and darkness
    are fitted to the shadows in Carvana's own pictures (`benchmarks/experiments/shadows.py`).
    """
    ground = _Ground.of(mask)
    if ground is None:
        return np.ones(mask.pixels.shape, np.float32)
    body = ground.blurred(ground.under_body * ground.end_fade, 0.049)
    around = ground.blurred(ground.under_body, 0.25)
    contact = ground.blurred(ground.contact, 0.0265)
    left = (1 - 0.76 * body) * (1 - 0.25 * around) * (1 - np.minimum(0.88 * contact, 1))
    width, height = mask.size_wh
    size_wh = left.shape[1] * _STEP, left.shape[0] * _STEP
    return np.asarray(cv2.resize(np.clip(left, 0, 1), size_wh)[:height, :width])


@dataclass(frozen=True, eq=False)
class _Ground:
    """The ground under a mask's car, at a quarter of its size; lines are arrays with one value per column."""

    car: np.ndarray
    """Share of each pixel that is car, float32 (h, w)."""
    lowest: np.ndarray
    """The row of each column's lowest car pixel."""
    edge: np.ndarray
    """The row where the car's convex hull ends: it reaches from tyre to tyre."""
    steep: np.ndarray
    """Rows per column by which that edge falls or rises."""
    box_wh: tuple[float, float]

    @classmethod
    def of(cls, mask: Mask) -> _Ground | None:
        """Return None for no car, and for one too small to have a shadow."""
        box = Box.enclosing(mask.pixels)
        if min(box.width, box.height) < 3 * _STEP:
            return None
        size_wh = -(-mask.pixels.shape[1] // _STEP), -(-mask.pixels.shape[0] // _STEP)
        car = cv2.resize(mask.pixels.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA)
        is_car = (car > 0.5).astype(np.uint8)
        points = cv2.findNonZero(is_car)
        if points is None:
            return None
        edge = _lowest(cv2.fillConvexPoly(np.zeros_like(is_car), cv2.convexHull(points), 1))
        steep = cv2.blur(abs(np.gradient(edge.astype(np.float32)))[np.newaxis], (9, 1))[0]
        ground = cls(car, _lowest(is_car), edge, steep, (box.width / _STEP, box.height / _STEP))
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
        """Ground between the car's outline and its hull; from the front the bumper juts out towards the camera."""
        down, height = np.arange(self.car.shape[0])[:, np.newaxis], self.box_wh[1]
        over = height * (0.11 * (1 - self.sideways) + 0.009 * self.sideways) * np.clip(1 - self.steep / 0.7, 0, 1)
        # between the spokes of a wheel, too, but not through the windows
        is_gap = (down < self.lowest) & (down < self.edge - 0.25 * height)
        is_near = (down > self.edge - 0.35 * height) & (down <= self.edge + over)
        return np.asarray(is_near & self.is_floor & ~is_gap)

    @property
    def end_fade(self) -> np.ndarray:
        """From 0.06 at both ends, where light comes in below the car, to 1; the picture's border is no end."""
        columns = np.arange(self.car.shape[1])
        first, last = np.flatnonzero(self.is_floor)[[0, -1]]
        first = -len(columns) if (self.car[:, 0] > 0.5).any() else first
        last = 2 * len(columns) if (self.car[:, -1] > 0.5).any() else last
        reach = max(1.0, 0.18 * self.box_wh[0] * self.sideways)
        inward = np.clip(np.minimum(columns - first, last - columns) / reach, 0, 1)
        return np.asarray(0.06 + 0.94 * inward * inward * (3 - 2 * inward))

    @property
    def contact(self) -> np.ndarray:
        """Where the car touches the ground: its outline comes near the hull at tyres, not at a bumper."""
        down, height = np.arange(self.car.shape[0])[:, np.newaxis], self.box_wh[1]
        stands = np.exp((self.lowest - self.edge) / (0.1 * height)) * self.is_floor
        return np.asarray(((down >= self.lowest - 1) & (down < self.lowest + max(1.0, 0.02 * height))) * stands)

    def blurred(self, values: np.ndarray, spread: float) -> np.ndarray:
        """Return the mean around each pixel over the visible ground; `spread` is a share of the car's height.

        What the car hides neither darkens nor lightens the ground along its outline.
        """
        sigma, free = max(0.5, spread * self.box_wh[1]), 1 - self.car
        visible = cv2.GaussianBlur((values * free).astype(np.float32), (0, 0), sigma)
        return np.asarray(visible / np.maximum(cv2.GaussianBlur(free, (0, 0), sigma), 0.02))


def _lowest(is_car: np.ndarray) -> np.ndarray:
    """Return the row of each column's lowest set pixel; the last row where none is."""
    return np.asarray(is_car.shape[0] - 1 - is_car[::-1].argmax(axis=0))
