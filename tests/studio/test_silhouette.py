"""The silhouette of hand-made triangles, and against two other ways to compute it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.core.metrics import dice
from carvanamask.studio.camera import Camera, cover
from carvanamask.studio.session import Session


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    return float(dice(Mask(a), Mask(b)))


def test_triangle_covers_contained_pixel_centres() -> None:
    triangle = np.array([[[0.4, 0.4], [3.4, 0.4], [0.4, 3.4]]])
    assert cover(triangle, (4, 3)).astype(int).tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]


def test_triangles_outside_and_large_ones() -> None:
    outside = np.array([[[-9.0, -9.0], [-1.0, -9.0], [-1.0, -1.0]], [[9.0, 0.0], [12.0, 0.0], [9.0, 3.0]]])
    assert not cover(outside, (4, 3)).any()
    assert cover(np.array([[[-50.0, -50.0], [99.0, -50.0], [-50.0, 99.0]]]), (4, 3)).all()


def test_shared_edge_leaves_no_gap() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b, c, d = np.array([[0.0, 0.0], [40.0, 0.0], [40.0, 30.0], [0.0, 30.0]]) + rng.uniform(0, 3, (4, 2))
        both = cover(np.array([[a, b, c], [a, c, d]]), (44, 34))
        assert all((np.diff(np.flatnonzero(row)) == 1).all() for row in both)


def test_camera_projects_floor_below_the_middle() -> None:
    camera = Camera((960, 640), pitch=0.0, distance=5.0, height=1.5, focal=1.0)
    # 1.5 m below the axis at 5 m with a focal length of 960 pixels: 288 pixels down
    assert camera.project(np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 1.5]])).tolist() == [[480.0, 608.0], [672.0, 320.0]]


def drawn_by_opencv(session: Session, view: int, size_wh: tuple[int, int]) -> np.ndarray:
    """Return the silhouette by OpenCV's camera and polygons, drawn 8 times as large and read at pixel centres."""
    camera, (width, height) = session.camera(size_wh), size_wh
    eye = np.array([camera.distance, 0.0, camera.height])
    right, fall = np.array([0.0, 1.0, 0.0]), camera.pitch
    down = np.array([np.sin(fall), 0.0, -np.cos(fall)])
    turn = np.stack([right, down, np.cross(right, down)])
    focal = camera.focal * width
    lens = np.array([[focal, 0, width / 2], [0, focal, height / 2 + camera.shift * width], [0, 0, 1]])
    canvas = np.zeros((height * 8, width * 8), np.uint8)
    for each in session.surfaces(view):
        points, _ = cv2.projectPoints(each.vertices, cv2.Rodrigues(turn)[0], -turn @ eye, lens, None)
        # OpenCV counts from the middle of the first pixel, and 4 more bits are a sixteenth
        corners = np.rint((points[:, 0] * 8 - 0.5) * 16).astype(np.int32)[each.faces]
        for triangle in corners:
            cv2.fillConvexPoly(canvas, triangle, 1, cv2.LINE_8, 4)
    return (canvas[3::8, 3::8] & canvas[4::8, 4::8]).astype(bool)


@pytest.mark.parametrize(("view", "body"), [(1, "pickup"), (4, "minivan"), (8, "saloon")])
def test_mask_agrees_with_opencv(view: int, body: str) -> None:
    session = Session(seed=4, number=view, body=body)
    mask = session.mask(view, (960, 640))
    assert agreement(mask, drawn_by_opencv(session, view, (960, 640))) >= 0.999


@pytest.mark.parametrize("view", [2, 3, 7])
def test_opposite_views_mirror_but_for_one_sided_parts(view: int) -> None:
    session = Session(seed=4, number=1, body="estate")
    session.position = (0.05, 0.0, 0.0)
    here, there = session.mask(view, (240, 160)), session.mask(18 - view, (240, 160))
    assert agreement(here, there[:, ::-1]) > 0.995
    assert agreement(here, there) < 0.95
