"""Boxes and connected components: where in a picture the car is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

CROP_MARGIN_WH = (0.05, 0.1)
"""Margin of a crop on each side, as shares of the car's width and height: room for mirrors and antennas that a coarse
pass loses."""


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels inside a picture; width and height are 0 where there is nothing to enclose."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def enclosing(cls, is_set: np.ndarray, margin_px: int = 0) -> Box:
        """Return the smallest box around the set pixels of a bool array (h, w), with a margin as far as there is room.

        Most of a picture is wall, and work costs by the pixel: the box is the part worth working on.
        """
        binary = np.ascontiguousarray(is_set).view(np.uint8)
        left, top, width, height = cv2.boundingRect(binary) if binary.size else (0, 0, 0, 0)
        if not width:
            return cls(0, 0, 0, 0)
        first_x, first_y = max(0, left - margin_px), max(0, top - margin_px)
        end_x, end_y = min(is_set.shape[1], left + width + margin_px), min(is_set.shape[0], top + height + margin_px)
        return cls(first_x, first_y, end_x - first_x, end_y - first_y)

    @classmethod
    def for_crop(cls, is_car: np.ndarray, size_wh: tuple[int, int], aspect_wh: tuple[int, int]) -> Box | None:
        """Return the box of the car, with a margin, in a picture of `size_wh`; None for no car.

        `is_car`, bool (h, w), may be smaller than the picture. The box has the aspect ratio of `aspect_wh` as far as
        the picture has room for it.
        """
        car = cls.enclosing(is_car)
        if not car.width:
            return None
        # pairs of numbers: across and down
        picture_wh, aspect = np.array(size_wh), aspect_wh[0] / aspect_wh[1]
        start = np.array([car.left, car.top]) / is_car.shape[::-1]
        end = np.array([car.left + car.width, car.top + car.height]) / is_car.shape[::-1]
        car_wh = (end - start) * picture_wh * (1 + 2 * np.array(CROP_MARGIN_WH))
        wanted_wh = np.maximum(car_wh, [car_wh[1] * aspect, car_wh[0] / aspect])
        crop_wh = np.clip(wanted_wh.round(), 1, picture_wh)
        corner = np.clip(((start + end) / 2 * picture_wh - crop_wh / 2).round(), 0, picture_wh - crop_wh)
        return cls(*corner.astype(int).tolist(), *crop_wh.astype(int).tolist())

    def crop(self, pixels: np.ndarray) -> np.ndarray:
        """Return a view of this part of an array (height, width, …)."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]

    def scaled(self, size_wh: tuple[int, int], other_wh: tuple[int, int]) -> Box:
        """Return the same part of a picture of `size_wh` at its size `other_wh`, to the nearest pixel, at least one."""
        across, down = other_wh[0] / size_wh[0], other_wh[1] / size_wh[1]
        left, top = min(round(self.left * across), other_wh[0] - 1), min(round(self.top * down), other_wh[1] - 1)
        right, bottom = round((self.left + self.width) * across), round((self.top + self.height) * down)
        return Box(left, top, max(1, right - left), max(1, bottom - top))

    def paste(self, part: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
        """Return a float32 map of `size_wh` with `part`, resized bilinearly, in this box and 0 elsewhere."""
        values = np.zeros((size_wh[1], size_wh[0]), np.float32)
        cv2.resize(part, (self.width, self.height), dst=self.crop(values), interpolation=cv2.INTER_LINEAR)
        return values


@dataclass(frozen=True, eq=False)
class Components:
    """The connected components of a binary array; number 0 is all that isn't set."""

    labels: np.ndarray
    """Number of each pixel's component: int32 (h, w)."""
    areas: np.ndarray
    """Pixels of each component, number 0 included: int32 (count + 1,)."""
    boxes: np.ndarray
    """Left, top, width and height of each: int32 (count + 1, 4)."""

    @classmethod
    def of(cls, is_set: np.ndarray, connectivity: int = 8) -> Components:
        """Find the components of a bool array (h, w); pixels touch by edges and corners (8) or by edges only (4)."""
        if not is_set.size:
            return cls(is_set.astype(np.int32), np.zeros(1, np.int32), np.zeros((1, 4), np.int32))
        binary = np.ascontiguousarray(is_set).view(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=connectivity)
        return cls(labels, stats[:, cv2.CC_STAT_AREA], stats[:, :4])

    @property
    def count(self) -> int:
        return len(self.areas) - 1

    @property
    def largest(self) -> int:
        """Number of the largest component."""
        return int(self.areas[1:].argmax()) + 1

    @property
    def largest_area(self) -> int:
        """Pixels of the largest component, 0 without any."""
        return int(self.areas[1:].max(initial=0))

    def box(self, number: int) -> Box:
        return Box(*map(int, self.boxes[number]))
