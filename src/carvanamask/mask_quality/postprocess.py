"""Post-processing of a mask after the threshold: steps that work at any size and leave a correct mask unchanged.

Each step is pure and idempotent. Limits are shares of the car or the picture, chosen on true masks of Carvana's
training cars: what a step changes there is its harm. The ideas are those of the challenge's 1st place (a convex roof)
and 5th place (antennas, holes, far blobs, a U in the top but not a pickup's bed).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from carvanamask.core.card import ModelCard
from carvanamask.core.geometry import Box, Components
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import ConfigError, nearest


def join_fragments(mask: Mask, max_thickness: float = 0.012, max_gap: float = 0.06) -> Mask:
    """Connect the fragments of an antenna to the car below by the shortest straight line, as thick as the fragment.

    A fragment is at most `max_thickness` thick, at most `max_gap` from the largest component, and completely above the
    point where it is nearest; both are shares of the picture's height. Fragments above fragments follow one by one.
    """
    height = mask.size_wh[1]
    while True:
        joined = _join_adjacent(mask, max_thickness * height, max_gap * height)
        if joined is mask:
            return mask
        mask = joined


def drop_far_blobs(mask: Mask, max_area: float = 0.05, min_gap: float = 0.02, speck: float = 1e-4) -> Mask:
    """Remove components that are both small and far: a sticker or the logo on the wall, but not a mirror.

    Small is below `max_area` of the largest component's area; far is more than `min_gap` of its diagonal away from it.
    Components below `speck` of that area go wherever they are.
    """
    box = Box.enclosing(mask.pixels)
    parts = Components.of(box.crop(mask.pixels))
    if parts.count < 2:
        return mask
    largest = parts.box(parts.largest)
    is_near = _distance_px(parts.labels != parts.largest) <= min_gap * math.hypot(largest.width, largest.height)
    is_kept = parts.areas >= max_area * parts.largest_area
    is_kept[parts.labels[is_near]] = True
    is_kept &= parts.areas >= speck * parts.largest_area
    is_kept[0] = False
    return mask if is_kept[1:].all() else _replace(mask, box, is_kept[parts.labels])


def close_roof(
    mask: Mask,
    min_level: float = 0.9,
    min_depth: float = 0.05,
    min_steepness: float = 0.12,
    min_rim: float = 0.06,
    slender: float = 0.015,
) -> Mask:
    """Close a dip in the roof, as a white roof in front of a white wall leaves it, by the convex hull of its rims.

    The car's top is a line of heights; a dip is where rain would stand. It is closed when its lower rim is at least
    `min_level` of the roof's height (a tailgate and a bonnet are lower), when it is `min_depth` of that height deep and
    `min_steepness` of its own width (roof rails make shallow dips), and when each rim is `min_rim` of the car's width
    long (a mirror and a rear wing are shorter). A part less than `slender` of that width across, an antenna, is no rim.
    """
    while True:
        box = Box.enclosing(mask.pixels)
        closed = box.crop(mask.pixels).copy()
        roof = _Roof.of(closed, slender)
        if roof is None:
            return mask
        for dip in roof.dips():
            is_steep = dip.depth >= max(min_depth * roof.height, min_steepness * (dip.right - dip.left), 1)
            if dip.level >= min_level * roof.height and is_steep and min(dip.rims) >= min_rim * roof.car.width:
                roof.fill(dip, closed)
        if np.array_equal(closed, box.crop(mask.pixels)):
            return mask
        mask = _replace(mask, box, closed)


def fill_holes(mask: Mask, small: float = 5e-5, large: float = 0.02, deep: float = 0.12) -> Mask:
    """Fill background that the car encloses, except where one sees through a car.

    Two in five true masks have such openings, under roof rails, between spokes, behind running boards: up to 1.3 % of
    the car, and close to its outline. So a hole between `small` and `large`, as shares of the silhouette's area, stays
    if it comes nearer to the outside than `deep` of the silhouette's height.
    """
    box = Box.enclosing(mask.pixels)
    # a frame of background joins all that is open to one component, the one in the corner
    background = Components.of(~np.pad(box.crop(mask.pixels), 1), connectivity=4)
    outside = background.labels[0, 0]
    if background.count < 2:
        return mask
    shares = background.areas / np.count_nonzero(background.labels != outside)
    is_filled = (shares <= small) | (shares > large)
    is_filled[[0, outside]] = False
    uncertain = [hole for hole in np.flatnonzero(~is_filled) if hole not in (0, outside)]
    distance_px = _distance_px(background.labels != outside) if uncertain else background.labels
    for hole in uncertain:
        part = background.box(int(hole))
        nearest_px = part.crop(distance_px)[part.crop(background.labels) == hole].min()
        is_filled[hole] = nearest_px >= deep * box.height
    if not is_filled.any():
        return mask
    return _replace(mask, box, box.crop(mask.pixels) | is_filled[background.labels[1:-1, 1:-1]])


STEPS: dict[str, Callable[[Mask], Mask]] = {
    step.__name__: step for step in (join_fragments, drop_far_blobs, close_roof, fill_holes)
}
"""Every step by its name, in the order they run: fragments are joined before the rest is dropped, and what a dip in the
roof left open at the top is a hole only after the roof is closed."""

CUTOUT_CLEAN_UP = tuple(STEPS)
"""The steps of a cut-out, unless others are given: a speck hardly changes a score, but one sees it at once."""


def clean_up(mask: Mask, steps: Sequence[str] = tuple(STEPS)) -> Mask:
    """Run the named steps, always in the order of `STEPS`. Raises ConfigError."""
    check_steps(steps)
    for name, step in STEPS.items():
        if name in steps:
            mask = step(mask)
    return mask


def check_steps(steps: Sequence[str]) -> None:
    """Raise ConfigError for a name that is no step."""
    for name in steps:
        if name not in STEPS:
            raise ConfigError(f"no clean-up step '{name}'{nearest(name, STEPS)} (steps: {', '.join(STEPS)})")


def make_mask(probabilities: ProbabilityMap, card: ModelCard) -> Mask:
    """Return the mask by the card's threshold and its clean-up steps."""
    return clean_up(probabilities.to_mask(card.threshold), card.clean_up)


def _replace(mask: Mask, box: Box, part: np.ndarray) -> Mask:
    """Return the mask with these pixels in a box of it."""
    pixels = mask.pixels.copy()
    box.crop(pixels)[...] = part
    return Mask(pixels)


def _distance_px(is_far: np.ndarray) -> np.ndarray:
    """Return each pixel's distance to the nearest one that isn't set."""
    return np.asarray(cv2.distanceTransform(is_far.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _join_adjacent(mask: Mask, max_thickness_px: float, max_gap_px: float) -> Mask:
    """Return the mask with every fragment next to the car joined to it; the same object if there is none."""
    box = Box.enclosing(mask.pixels)
    parts = Components.of(box.crop(mask.pixels))
    if parts.count < 2:
        return mask
    is_body = parts.labels == parts.largest
    distance_px = _distance_px(~is_body)
    joined = box.crop(mask.pixels).astype(np.uint8)
    for number in range(1, parts.count + 1):
        part = parts.box(number)
        is_own = part.crop(parts.labels) == number
        gap_px = part.crop(distance_px)[is_own].min()
        if number == parts.largest or gap_px > max_gap_px:
            continue
        own_yx = np.argwhere(is_own) + np.array([part.top, part.left])
        sides_px = [side + 1 for side in cv2.minAreaRect(own_yx.astype(np.float32))[1]]  # it counts pixels' centres
        closest_yx = own_yx[distance_px[own_yx[:, 0], own_yx[:, 1]] <= gap_px + 0.5]
        start_yx = closest_yx[len(closest_yx) // 2]  # the middle of the end that faces the car
        end_yx = _nearest_yx(is_body, start_yx, radius_px=math.ceil(max_gap_px) + 2)
        if min(sides_px) <= max_thickness_px and end_yx[0] >= part.top + part.height:
            thickness_px = max(1, round(len(own_yx) / max(sides_px)))
            # side by side, because OpenCV draws one line of 3 pixels 5 wide
            for offset in range(-((thickness_px - 1) // 2), thickness_px // 2 + 1):
                start_xy, end_xy = ((int(x) + offset, int(y)) for y, x in (start_yx, end_yx))
                cv2.line(joined, start_xy, end_xy, 1)
    is_same = np.array_equal(joined, box.crop(mask.pixels))
    return mask if is_same else _replace(mask, box, joined.astype(bool))


def _nearest_yx(pixels: np.ndarray, to_yx: np.ndarray, radius_px: int) -> np.ndarray:
    """Return the set pixel nearest to a point, at most a square of `radius_px` away."""
    corner = np.maximum(to_yx - radius_px, 0)
    found = np.argwhere(pixels[corner[0] : to_yx[0] + radius_px + 1, corner[1] : to_yx[1] + radius_px + 1]) + corner
    return np.asarray(found[((found - to_yx) ** 2).sum(axis=1).argmin()])


@dataclass(frozen=True)
class _Dip:
    """A part of the roof between two rims."""

    left: int
    right: int
    """One after its last column."""
    level: float
    """Height of the lower rim."""
    depth: float
    """From there to the lowest point."""
    rims: tuple[int, int]
    """Columns of each rim that are about as high as the lower one."""


@dataclass(frozen=True, eq=False)
class _Roof:
    """The top of the largest component as a line of heights over its lowest pixel."""

    car: Box
    heights: np.ndarray
    """Int64 (car.width,), without parts that are too slender."""
    height: float
    """The height that a tenth of the car reaches: no rack or dome light decides it."""

    @classmethod
    def of(cls, pixels: np.ndarray, slender: float) -> _Roof | None:
        """Return None for an empty mask; a part narrower than `slender` of the car's width doesn't count."""
        parts = Components.of(pixels)
        if not parts.count:
            return None
        car = parts.box(parts.largest)
        body = (car.crop(parts.labels) == parts.largest).view(np.uint8)
        # of odd side, or an opening shifts what it keeps; in a frame of background, or it widens what touches the edge
        side = round(slender * car.width) | 1
        framed = cv2.morphologyEx(np.pad(body, side), cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
        opened = framed[side:-side, side:-side]
        heights = np.where(opened.any(axis=0), len(opened) - opened.argmax(axis=0), 0)
        return cls(car, heights, float(np.quantile(heights, 0.9)))

    def dips(self) -> Iterator[_Dip]:
        """Yield every stretch where rain would stand."""
        heights = self.heights
        water = np.minimum(np.maximum.accumulate(heights), np.maximum.accumulate(heights[::-1])[::-1])
        edges = np.flatnonzero(np.diff(water > heights, prepend=False, append=False))
        for left, right in edges.reshape(-1, 2).tolist():
            level = min(heights[left - 1], heights[right])
            low = level - 0.05 * self.height
            rims = _leading_count(heights[:left][::-1] >= low), _leading_count(heights[right:] >= low)
            yield _Dip(left, right, level, level - heights[left:right].min(), rims)

    def fill(self, dip: _Dip, pixels: np.ndarray) -> None:
        """Set the pixels below the convex hull of the dip and its rims."""
        # the higher rim can go on rising for a while: from there the hull runs down to the lower one
        before, after = (min(rim, max(1, (dip.right - dip.left) // 2)) for rim in dip.rims)
        first, last = dip.left - before, dip.right + after
        bottom = self.car.top + self.car.height
        for column, top in enumerate(_upper_hull(self.heights[first:last]), start=first):
            pixels[bottom - top : bottom - self.heights[column], self.car.left + column] = True


def _leading_count(is_high: np.ndarray) -> int:
    """Return how many values are True before the first False."""
    return len(is_high) if is_high.all() else int(is_high.argmin())


def _upper_hull(heights: np.ndarray) -> np.ndarray:
    """Return the lowest concave line that is nowhere below the heights, rounded down: int64 (columns,)."""
    columns = np.arange(len(heights))
    ground = [[0, -1], [len(heights) - 1, -1]]  # two corners below all, which make the hull's lower side
    corners = cv2.convexHull(np.concatenate([np.column_stack([columns, heights]), ground]).astype(np.int32))[:, 0]
    upper = corners[corners[:, 1] >= 0]
    upper = upper[upper[:, 0].argsort(kind="stable")]
    return np.asarray(np.floor(np.interp(columns, upper[:, 0], upper[:, 1]) + 1e-9), dtype=np.int64)
