"""A wheel: tyre, rim with spokes, hub, brake disc. It stands at the origin, its outside towards +y."""

from __future__ import annotations

import numpy as np

from carvanamask.studio.mesh import Surface, hull, pebble, revolve


def wheel(diameter: float, width: float, spokes: int, rim: str) -> list[Surface]:
    """Return the surfaces of a wheel with the tyre's outer diameter and width; the hub's middle is the origin."""
    radius, half = diameter / 2, width / 2
    rim_radius = radius * 0.70
    # fmt: off
    tyre = [(rim_radius, -half * 0.8), (radius * 0.86, -half), (radius * 0.965, -half * 0.86), (radius, -half * 0.62),
            (radius, half * 0.62), (radius * 0.965, half * 0.86), (radius * 0.86, half), (radius * 0.76, half * 0.93),
            (rim_radius, half * 0.80)]
    lip = [(rim_radius - 0.035, -half * 0.7), (rim_radius - 0.03, half * 0.55), (rim_radius - 0.012, half * 0.80),
           (rim_radius + 0.006, half * 0.86), (rim_radius + 0.004, half * 0.78)]
    # fmt: on
    brake = [(0.0, half * 0.02), (rim_radius * 0.66, half * 0.02), (rim_radius * 0.66, -half * 0.1)]
    back = [(0.0, -half * 0.55), (rim_radius, -half * 0.55)]
    return [
        revolve("rubber", _rounded(tyre), 64),
        revolve(rim, lip, 64),
        revolve("disc", brake[::-1]),
        revolve("well", back[::-1]),
        *_spokes(rim_radius - 0.02, half, spokes, rim),
        pebble(rim, (0, half * 0.50, 0), (radius * 0.145, half * 0.20, radius * 0.145), 0.8),
        pebble("black plastic", (0, half * 0.66, 0), (radius * 0.075, half * 0.1, radius * 0.075), 0.8),
    ]


def _rounded(profile: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the profile with its corners cut twice (Chaikin, 1974) and its ends kept: a tyre has no edges."""
    points = np.array(profile)
    for _ in range(2):
        cut = np.stack([0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], 1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
    # cutting corners must not lift the tyre off the floor
    points[:, 0] *= max(r for r, _ in profile) / points[:, 0].max()
    return [(float(r), float(y)) for r, y in points]


def _spokes(radius: float, half: float, count: int, rim: str) -> list[Surface]:
    """Return tapered bars from the hub to the rim; few are wide or forked, many are slim."""
    # seven or more are single bars; five and six are pairs, as a Y
    pairs = 0.055 if count <= 6 else 0.0
    wide = 0.030 if count <= 6 else 0.24 / count
    spokes = []
    for k in range(count):
        for fork in (-1, 1) if pairs else (0,):
            angle = 2 * np.pi * k / count + np.pi / 2
            spokes.append(_spoke(angle, fork * pairs, radius, half, wide, rim))
    return spokes


def _spoke(angle: float, lean: float, radius: float, half: float, wide: float, rim: str) -> Surface:
    out = np.array([np.cos(angle), 0, np.sin(angle)])
    across = np.array([-np.sin(angle), 0, np.cos(angle)])
    ends = ((0.05, lean * 0.25, wide * 1.15, 0.62), (radius, lean * 1.25, wide * 0.8, 0.74))
    corners = [
        out * reach + across * (middle + side * width) + np.array([0, half * depth, 0])
        for reach, middle, width, front in ends
        for side in (-1, 1)
        for depth in (front - 0.22, front)
    ]
    return hull(rim, np.array(corners))
