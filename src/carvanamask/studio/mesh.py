"""Triangle surfaces and how to make them.

Metres everywhere; x forward, y left, z up. A car stands on z = 0 with the middle of its length at x = 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles of one material: vertices and normals (V, 3), texture coordinates (V, 2), faces (F, 3)."""

    material: str
    vertices: Array
    faces: Faces
    normals: Array
    uv: Array

    def moved(self, offset: Sequence[float]) -> Surface:
        """Return the surface shifted by `offset`."""
        return replace(self, vertices=self.vertices + np.asarray(offset, dtype=np.float64))

    def mirrored(self) -> Surface:
        """Return the surface on the other side of the car (y → −y), still facing outwards."""
        flip = np.array([1.0, -1.0, 1.0])
        return replace(self, vertices=self.vertices * flip, normals=self.normals * flip, faces=self.faces[:, ::-1])

    def turned(self, angle: float) -> Surface:
        """Return the surface rotated about the vertical axis, counter-clockwise seen from above, by radians."""
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        return replace(self, vertices=self.vertices @ turn.T, normals=self.normals @ turn.T)


def grid_normals(points: Array) -> Array:
    """Return the unit normals (m, n, 3) of a grid of points, facing along ∂row x ∂column."""
    normals = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12))


def grid_faces(rows: int, columns: int) -> Faces:
    """Return two triangles per cell, (2·(rows−1)·(columns−1), 3), facing along ∂row x ∂column."""
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1].ravel(), corner[1:, :-1].ravel(), corner[1:, 1:].ravel(), corner[:-1, 1:].ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def grid(material: str, points: Array) -> Surface:
    """Return a smooth surface through a grid of points (m, n, 3)."""
    faces, normals = grid_faces(*points.shape[:2]), grid_normals(points).reshape(-1, 3)
    return Surface(material, points.reshape(-1, 3), faces, normals, np.zeros((len(normals), 2)))


def revolve(material: str, profile: Sequence[tuple[float, float]], steps: int = 48) -> Surface:
    """Return the surface of a profile of (radius, y) pairs that turns about the y axis, as a wheel does."""
    outline = np.asarray(profile, dtype=np.float64)
    angle = np.linspace(0, 2 * np.pi, steps + 1)[None, :]
    radius, y = outline[:, :1], outline[:, 1:]
    return grid(material, np.stack([radius * np.cos(angle), y + 0 * angle, radius * np.sin(angle)], -1))


def box(material: str, low: Sequence[float], high: Sequence[float]) -> Surface:
    """Return an axis-parallel box with sharp edges."""
    corners = [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    return hull(material, np.array(corners, dtype=np.float64))


def hull(material: str, corners: Array) -> Surface:
    """Return a six-sided solid of 8 corners (8, 3) in a box's order: x slowest, z fastest, low before high."""
    sides = ([0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3])
    vertices = corners[np.array(sides).ravel()]
    quads = np.arange(24).reshape(6, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    normals = np.cross(vertices[quads[:, 1]] - vertices[quads[:, 0]], vertices[quads[:, 2]] - vertices[quads[:, 0]])
    normals = np.repeat(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12), 4, axis=0)
    return Surface(material, vertices, faces, normals, np.zeros((24, 2)))


def pebble(material: str, centre: Sequence[float], radii: Sequence[float], roundness: float = 0.5) -> Surface:
    """Return a superellipsoid: roundness 1 is an ellipsoid, towards 0 a box with rounded edges."""

    def power(value: Array) -> Array:
        return np.asarray(np.sign(value) * np.abs(value) ** roundness)

    down, round_ = np.meshgrid(np.linspace(np.pi / 2, -np.pi / 2, 17), np.linspace(0, 2 * np.pi, 33), indexing="ij")
    flat = power(np.cos(down))
    unit = np.stack([flat * power(np.cos(round_)), flat * power(np.sin(round_)), power(np.sin(down))], -1)
    return grid(material, unit * np.asarray(radii) + np.asarray(centre))


def tube(material: str, path: Sequence[Sequence[float]], radius: float, tip: float | None = None) -> Surface:
    """Return a round bar along a path (n, 3), from `radius` to the radius `tip`, closed at both ends."""
    spine = np.asarray(path, dtype=np.float64)
    along = np.gradient(spine, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    up = np.array([0.0, 0.0, 1.0]) if np.abs(along[:, 2]).max() < 0.9 else np.array([1.0, 0.0, 0.0])
    side = np.cross(along, up)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(side, along)
    angle = np.linspace(0, 2 * np.pi, 13)[None, :, None]
    widths = np.linspace(radius, radius if tip is None else tip, len(spine))
    # a ring of no width before and behind closes the ends
    rings = np.concatenate([[0.0], widths, [0.0]])[:, None, None]
    index = np.r_[0, np.arange(len(spine)), len(spine) - 1]
    around = np.sin(angle) * side[index, None] + np.cos(angle) * other[index, None]
    return grid(material, spine[index, None] + rings * around)


def pair(surfaces: Iterable[Surface]) -> list[Surface]:
    """Return every surface and its mirror image."""
    return [each for surface in surfaces for each in (surface, surface.mirrored())]
