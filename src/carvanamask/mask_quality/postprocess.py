"""Repairs of a mask after the threshold: steps that hold at any size and leave a right mask alone.

Each step is pure, and doing it twice is doing it once. Limits are shares of the car or the picture, chosen on true
masks of Carvana's training cars: what a step changes there is its harm. The ideas are those of the challenge's 1st
place (a convex roof) and 5th place (antennas, holes, far blobs, a U in the top but not a pickup's bed).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import ConfigError, nearest


def join_fragments(mask: Mask, thin: float = 0.012, gap: float = 0.06) -> Mask:
    """Tie what is left of an antenna to the car below it by the shortest straight stroke, as thick as the fragment.

    A fragment is at most `thin` across, at most `gap` from the largest component, and all above the place where it
    is nearest; both are shares of the picture's height. Fragments above fragments follow, one after the other.
    """
    height = mask.size_wh[1]
    while (tied := _tied(mask, thin * height, gap * height)) is not None:
        mask = tied
    return mask


def drop_far_blobs(mask: Mask, share: float = 0.05, gap: float = 0.02, speck: float = 1e-4) -> Mask:
    """Take away components that are both small and far: a sticker or the logo on the wall, but not a mirror.

    Small is below `share` of the largest component's area; far is more than `gap` of its diagonal away from it. What is
    below `speck` of that area goes wherever it is.
    """
    crop = _Crop.of(mask)
    parts = _Parts.of(crop.pixels)
    if parts.count < 2:
        return mask
    stays = parts.areas >= share * parts.areas[parts.largest]
    _, _, width, height = parts.boxes_xywh[parts.largest]
    stays[parts.labels[_distance_px(parts.labels != parts.largest) <= gap * math.hypot(width, height)]] = True
    stays &= parts.areas >= speck * parts.areas[parts.largest]
    stays[0] = False
    return mask if stays[1:].all() else crop.replaced_by(stays[parts.labels])


def close_roof(
    mask: Mask,
    level: float = 0.9,
    depth: float = 0.05,
    steepness: float = 0.12,
    rim: float = 0.06,
    slender: float = 0.015,
) -> Mask:
    """Close a U in the roof, as a white roof before a white wall leaves it, by the convex hull across its rims.

    Of the car's top as a line of heights, a U is where rain would stand. It is closed when its lower rim is at least
    `level` of the roof's height (a tailgate and a bonnet are lower), when it is `depth` of that height deep and
    `steepness` of its own width (roof rails make shallow ones), and when each rim is `rim` of the car's width long
    (a mirror and a rear wing are shorter). What is less than `slender` of that width across, an antenna, is no rim.
    """
    while (closed := _closed(mask, level, depth, steepness, rim, slender)) is not None:
        mask = closed
    return mask


def fill_holes(mask: Mask, small: float = 5e-5, large: float = 0.02, deep: float = 0.12) -> Mask:
    """Fill background that car encloses, unless it looks like a place where one sees through a car.

    Two in five true masks have such holes, under roof rails, between spokes, behind running boards: up to 1.3 % of the
    car, and close to its outline. So one between `small` and `large`, as shares of the silhouette's area, stays
    if it comes nearer to the outside than `deep` of the silhouette's height.
    """
    crop = _Crop.of(mask)
    # a frame of background around the car makes all that is open one component, the one in the corner
    background = _Parts.of(1 - np.pad(crop.pixels, 1), connectivity=4)
    outside = background.labels[0, 0]
    if background.count < 2:
        return mask
    shares = background.areas / np.count_nonzero(background.labels != outside)
    fills = (shares <= small) | (shares > large)
    unsure = [hole for hole in np.flatnonzero(~fills) if hole not in (0, outside)]
    if unsure:
        distance_px = _distance_px(background.labels != outside)
        for hole in unsure:
            x, y, width, height = background.boxes_xywh[hole]
            box = np.s_[y : y + height, x : x + width]
            nearest_px = distance_px[box][background.labels[box] == hole].min()
            fills[hole] = nearest_px >= deep * crop.pixels.shape[0]
    fills[[0, outside]] = False
    if not fills.any():
        return mask
    return crop.replaced_by(crop.pixels.astype(bool) | fills[background.labels[1:-1, 1:-1]])


STEPS: dict[str, Callable[[Mask], Mask]] = {
    step.__name__: step for step in (join_fragments, drop_far_blobs, close_roof, fill_holes)
}
"""Every step by its name, in the order they run: fragments are tied before what isn't is dropped, and what a bite
in the roof left open to above is a hole only once the roof is closed."""


def clean_up(mask: Mask, steps: Sequence[str] = tuple(STEPS)) -> Mask:
    """Run the named steps in the order of `STEPS`, whatever order they are named in. Raises ConfigError."""
    check_steps(steps)
    for name, step in STEPS.items():
        if name in steps:
            mask = step(mask)
    return mask


def check_steps(steps: Sequence[str]) -> None:
    """Raises ConfigError for a name that is no step."""
    for name in steps:
        if name not in STEPS:
            raise ConfigError(f"no clean-up step '{name}'{nearest(name, STEPS)} (steps: {', '.join(STEPS)})")


def make_mask(probabilities: ProbabilityMap, card: ModelCard) -> Mask:
    """The mask, by the card's threshold and its clean-up steps."""
    return clean_up(probabilities.to_mask(card.threshold), card.clean_up)


@dataclass(frozen=True, eq=False)
class _Crop:
    """The part of a mask that holds all its car pixels: most of a picture is wall, and work costs by the pixel."""

    mask: Mask
    pixels: np.ndarray
    """uint8 (height, width), 1 is car; 0 by 0 for an empty mask."""
    x: int
    y: int

    @classmethod
    def of(cls, mask: Mask) -> _Crop:
        pixels = np.ascontiguousarray(mask.pixels).view(np.uint8)
        x, y, width, height = cv2.boundingRect(pixels) if pixels.size else (0, 0, 0, 0)
        return cls(mask, pixels[y : y + height, x : x + width], x, y)

    def replaced_by(self, pixels: np.ndarray) -> Mask:
        """The mask with these bool pixels in the crop's place."""
        height, width = pixels.shape
        whole = self.mask.pixels.copy()
        whole[self.y : self.y + height, self.x : self.x + width] = pixels
        return Mask(whole)


@dataclass(frozen=True, eq=False)
class _Parts:
    """Connected components; number 0 is what was 0."""

    labels: np.ndarray
    areas: np.ndarray
    boxes_xywh: np.ndarray

    @classmethod
    def of(cls, pixels: np.ndarray, connectivity: int = 8) -> _Parts:
        if not pixels.size:
            return cls(pixels.astype(np.int32), np.zeros(1, np.int32), np.zeros((1, 4), np.int32))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(pixels, connectivity=connectivity)
        return cls(labels, stats[:, cv2.CC_STAT_AREA], stats[:, :4])

    @property
    def count(self) -> int:
        return len(self.areas) - 1

    @property
    def largest(self) -> int:
        return int(self.areas[1:].argmax()) + 1


def _distance_px(is_far: np.ndarray) -> np.ndarray:
    """How far each pixel is from the nearest that is not far."""
    return np.asarray(cv2.distanceTransform(is_far.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _tied(mask: Mask, thin_px: float, gap_px: float) -> Mask | None:
    """The mask with every fragment that is next to the body tied to it; None if there is none."""
    crop = _Crop.of(mask)
    parts = _Parts.of(crop.pixels)
    if parts.count < 2:
        return None
    is_body = parts.labels == parts.largest
    distance_px = _distance_px(~is_body)
    tied = crop.pixels.copy()
    for part, (x, y, width, height) in enumerate(parts.boxes_xywh):
        if part in (0, parts.largest):
            continue
        own_yx = np.argwhere(parts.labels[y : y + height, x : x + width] == part) + np.array([y, x])
        own_distance_px = distance_px[own_yx[:, 0], own_yx[:, 1]]
        if own_distance_px.min() > gap_px:
            continue
        sides_px = [side + 1 for side in cv2.minAreaRect(own_yx.astype(np.float32))[1]]  # it counts pixels' middles
        closest_yx = own_yx[own_distance_px <= own_distance_px.min() + 0.5]
        start_yx = closest_yx[len(closest_yx) // 2]  # the middle of the end that faces the car
        end_yx = _nearest_yx(is_body, start_yx, radius_px=math.ceil(gap_px) + 2)
        if min(sides_px) <= thin_px and end_yx[0] >= y + height:
            thickness_px = max(1, round(len(own_yx) / max(sides_px)))
            # side by side, because OpenCV draws one line of 3 pixels 5 wide
            for aside in range(-((thickness_px - 1) // 2), thickness_px // 2 + 1):
                start_xy, end_xy = ((int(x) + aside, int(y)) for y, x in (start_yx, end_yx))
                cv2.line(tied, start_xy, end_xy, 1)
    return None if np.array_equal(tied, crop.pixels) else crop.replaced_by(tied.astype(bool))


def _nearest_yx(pixels: np.ndarray, to_yx: np.ndarray, radius_px: int) -> np.ndarray:
    """The True pixel nearest to a place, looked for no further than a square of `radius_px` around it."""
    corner = np.maximum(to_yx - radius_px, 0)
    found = np.argwhere(pixels[corner[0] : to_yx[0] + radius_px + 1, corner[1] : to_yx[1] + radius_px + 1]) + corner
    return np.asarray(found[((found - to_yx) ** 2).sum(axis=1).argmin()])


def _closed(mask: Mask, level: float, depth: float, steepness: float, rim: float, slender: float) -> Mask | None:
    """The mask with every U in its roof closed; None if there is none."""
    crop = _Crop.of(mask)
    parts = _Parts.of(crop.pixels)
    if not parts.count:
        return None
    x, y, width, height = parts.boxes_xywh[parts.largest]
    body = (parts.labels[y : y + height, x : x + width] == parts.largest).view(np.uint8)
    heights = _heights(body, round(slender * width))
    roof = np.quantile(heights, 0.9)  # a tenth of the car is as high: no rack or dome light decides
    grown = crop.pixels.astype(bool)
    for left, right in _basins(heights):
        water = heights[left - 1 : right + 1][[0, -1]].min()
        deepest = water - heights[left:right].min()
        is_steep = deepest >= max(depth * roof, steepness * (right - left), 1)
        rims = [_plateau(side, water - 0.05 * roof) for side in (heights[:left][::-1], heights[right:])]
        if water >= level * roof and is_steep and min(rims) >= rim * width:
            # the higher rim goes on rising for a while: from there the hull runs down to the lower one
            reach = [min(length, max(1, (right - left) // 2)) for length in rims]
            first, last = left - reach[0], right + reach[1]
            hull = _upper_hull(heights[first:last])
            for column, top in enumerate(hull, start=first):
                grown[y + height - top : y + height - heights[column], x + column] = True
    return None if np.array_equal(grown, crop.pixels) else crop.replaced_by(grown)


def _heights(body: np.ndarray, slender_px: int) -> np.ndarray:
    """int64 (width,): each column's top over the lowest pixel, without what is narrower than `slender_px`."""
    # of odd side, or an opening shifts what it keeps; in a frame of background, or it widens what touches the edge
    side = slender_px | 1
    framed = cv2.morphologyEx(np.pad(body, side), cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    opened = framed[side:-side, side:-side]
    return np.where(opened.any(axis=0), len(opened) - opened.argmax(axis=0), 0)


def _basins(heights: np.ndarray) -> list[tuple[int, int]]:
    """Where rain would stand: (first column, one after the last) of each stretch below a rim on either side."""
    water = np.minimum(np.maximum.accumulate(heights), np.maximum.accumulate(heights[::-1])[::-1])
    edges = np.flatnonzero(np.diff(water > heights, prepend=False, append=False))
    return [(int(left), int(right)) for left, right in edges.reshape(-1, 2)]


def _plateau(heights: np.ndarray, at_least: float) -> int:
    """How many columns from the first on are as high."""
    low = np.flatnonzero(heights < at_least)
    return int(low[0]) if low.size else len(heights)


def _upper_hull(heights: np.ndarray) -> np.ndarray:
    """The lowest line without a dent that is nowhere below the heights, rounded down: int64 (columns,)."""
    columns = np.arange(len(heights))
    ground = [[0, -1], [len(heights) - 1, -1]]  # two corners below all, which the hull's lower side consists of
    corners = cv2.convexHull(np.concatenate([np.column_stack([columns, heights]), ground]).astype(np.int32))[:, 0]
    upper = corners[corners[:, 1] >= 0]
    upper = upper[upper[:, 0].argsort(kind="stable")]
    return np.asarray(np.floor(np.interp(columns, upper[:, 0], upper[:, 1]) + 1e-9), dtype=np.int64)
