"""Shells lofted through plan outlines: walls that rise from a lower edge, a rounded shoulder, a lid on top.

A shell is half a car, y ≥ 0: rows run along the outline from the middle of the nose, along the left side,
to the middle of the tail; columns run up the wall and over the lid to the centre line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from carvanamask.studio.mesh import Array, Surface, grid_faces, grid_normals

Curve = Callable[[Array], Array]

# in metres, (across, up) from low to high: what each orthographic drawing shows of the car (see drawing.py)
EXTENTS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "side": ((-3.1, 0.0), (3.1, 2.1)),
    "front": ((0.0, 0.0), (1.1, 2.1)),
    "rear": ((0.0, 0.0), (1.1, 2.1)),
    "top": ((-3.1, 0.0), (3.1, 1.1)),
}
AXES = {"side": (0, 2), "front": (1, 2), "rear": (1, 2), "top": (0, 1)}


def curve(*knots: tuple[float, float]) -> Curve:
    """Return a smooth curve through (x, y) knots that never overshoots (monotone cubic; Fritsch and Carlson, 1980)."""
    x, y = np.array(sorted(knots), dtype=np.float64).T
    secant = np.diff(y) / np.diff(x)
    before, after = secant[:-1], secant[1:]
    both = before * after
    inner = np.where(both > 0, 2 * both / np.where(both > 0, before + after, 1.0), 0.0)
    slope = np.concatenate([secant[:1], inner, secant[-1:]])

    def at(where: Array) -> Array:
        where = np.clip(where, x[0], x[-1])
        k = np.clip(np.searchsorted(x, where, side="right") - 1, 0, len(x) - 2)
        width = x[k + 1] - x[k]
        s = (where - x[k]) / width
        return np.asarray(
            y[k] * (1 + 2 * s) * (1 - s) ** 2
            + y[k + 1] * s**2 * (3 - 2 * s)
            + width * (slope[k] * s * (1 - s) ** 2 - slope[k + 1] * s**2 * (1 - s))
        )

    return at


def plan_outline(front: float, rear: float, width: float, squareness: tuple[float, float], count: int) -> Array:
    """Return half a superellipse seen from above, (count, 2): x from 1 at the nose to −1 at the tail, y ≥ 0.

    Points are evenly spaced on an outline that reaches `front` and `rear` of its middle and `width` to the side;
    a squareness above 2 makes corners, one for the nose and one for the tail.
    """
    angle = np.linspace(0, np.pi, 20001)
    power = 2 / np.where(angle < np.pi / 2, squareness[0], squareness[1])
    x, y = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power, np.abs(np.sin(angle)) ** power
    steps = np.hypot(np.diff(np.where(x > 0, x * front, x * rear)), np.diff(y * width))
    run = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, run[-1], count)
    outline = np.stack([np.interp(at, run, x), np.interp(at, run, y)], 1)
    outline[[0, -1], 1] = 0.0
    return outline


@dataclass(frozen=True, eq=False)
class Shell:
    """Points and normals (rows, columns, 3), the column where the lid begins, the rows of the two corners."""

    points: Array
    normals: Array
    lid: int
    corners: tuple[int, int]

    def patch(self, drawing: str, keep: Callable[[Array], Array] | None = None) -> Surface:
        """Return the part that `drawing` colours; `keep` decides from face centres (F, 3) which faces it has."""
        first, last = self.corners
        rows = {"front": slice(0, first + 1), "side": slice(first, last + 1), "rear": slice(last, None)}
        part = (slice(None), slice(self.lid, None)) if drawing == "top" else (rows[drawing], slice(0, self.lid + 1))
        points, normals = self.points[part], self.normals[part]
        vertices, faces = points.reshape(-1, 3), grid_faces(*points.shape[:2])
        if keep is not None:
            faces = faces[keep(vertices[faces].mean(axis=1))]
        low, high = np.array(EXTENTS[drawing])
        uv = (vertices[:, AXES[drawing]] - low) / (high - low)
        return Surface(f"skin {drawing}", vertices, faces, normals.reshape(-1, 3), uv)


def loft(
    front: Curve,
    rear: Curve,
    half_width: Curve,
    bottom: Curve,
    top: Callable[[Array, Array], Array],
    shoulder: float,
    squareness: tuple[float, float],
    counts: tuple[int, int, int] = (200, 36, 24),
) -> Shell:
    """Return a shell.

    `front`, `rear` (x) and `half_width` are curves over the height fraction in [0, 1]; `bottom` is the lower edge's z
    over x, `top` the lid's z over (x, y); `shoulder` is the edge's radius; `counts` are the numbers of points along the
    outline, up the wall and across the lid.
    """
    rows, up, across = counts
    half = np.array(0.5)
    reach = float((front(half) - rear(half)) / 2)
    unit = plan_outline(reach, reach, float(half_width(half)), squareness, rows)

    def ring(v: Array, inset: Array) -> tuple[Array, Array]:
        nose, stern = front(v) - inset, rear(v) + inset
        return (nose + stern) / 2 + unit[:, :1] * (nose - stern) / 2, unit[:, 1:] * (half_width(v) - inset)

    round_ = np.linspace(0, np.pi / 2, 10)[1:]
    v = np.concatenate([np.linspace(0, 1, up), np.ones(len(round_))])[None, :]
    inset = np.concatenate([np.zeros(up), shoulder * (1 - np.cos(round_))])[None, :]
    x, y = ring(v, inset)
    ceiling = top(x, y)
    low = bottom(x)
    rise = np.concatenate([np.zeros(up), shoulder * np.sin(round_)])[None, :]
    z = np.where(inset > 0, ceiling - shoulder + rise, low + v * (ceiling - shoulder - low))

    inwards = np.linspace(1, 0, across)[None, 1:]
    lid_x, lid_y = np.broadcast_to(x[:, -1:], (rows, across - 1)), y[:, -1:] * inwards
    points = np.stack(
        [np.concatenate([x, lid_x], 1), np.concatenate([y, lid_y], 1), np.concatenate([z, top(lid_x, lid_y)], 1)], -1
    )
    normals = grid_normals(points)
    plan = np.abs(normals[:, up // 2])
    sideways = np.flatnonzero(plan[:, 1] > plan[:, 0])
    centre = points[..., 1] < 1e-9  # no crease along the centre line
    normals[centre, 1] = 0.0
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    return Shell(points, normals, x.shape[1] - 1, (int(sideways[0]), int(sideways[-1])))


def snap_out(surface: Surface, centre: Sequence[float], radius: float) -> tuple[Surface, Array]:
    """Return the surface with a round hole in (x, z), the wheel arch, and the hole's edge, (n, 3), front to rear.

    Vertices just inside the circle move out to it, so that the edge is smooth.
    """
    away = surface.vertices[:, [0, 2]] - np.asarray(centre)
    distance = np.hypot(away[:, 0], away[:, 1])
    inside = distance < radius
    faces = surface.faces[~inside[surface.faces].all(axis=1)]
    edge = np.unique(faces[inside[faces]])
    vertices = surface.vertices.copy()
    vertices[edge, 0], vertices[edge, 2] = (np.asarray(centre) + away[edge] * (radius / distance[edge])[:, None]).T
    low, high = np.array(EXTENTS["side"])
    uv = surface.uv.copy()
    uv[edge] = (vertices[edge][:, [0, 2]] - low) / (high - low)
    angle = np.arctan2(away[edge, 1], away[edge, 0])
    return Surface(surface.material, vertices, faces, surface.normals, uv), vertices[edge[np.argsort(angle)]]
