"""Tests that need Mitsuba: masks that fit the pictures, and both variants that render the same."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.core.metrics import dice
from carvanamask.errors import MissingPackageError
from carvanamask.studio.camera import turntable_angle
from carvanamask.studio.renderer import VARIANTS, engine, find_llvm, load_mitsuba
from carvanamask.studio.session import Session, develop

SIZE_WH = (96, 64)
ROOM = {"floor", "ring", "table", "wall"}


def test_missing_mitsuba_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'carvanamask\[studio\]'"):
        load_mitsuba()


def test_slow_renderer_names_the_fast_one() -> None:
    assert "libllvm19" in engine("scalar_rgb")
    assert engine("llvm_ad_rgb") == "Mitsuba, llvm_ad_rgb, on all cores"


def test_develop_is_reproducible_and_keeps_black_and_white() -> None:
    light = np.zeros((8, 16, 3), np.float32)
    light[:, 8:] = 3.0
    picture = develop(light, np.random.default_rng(1))
    assert np.array_equal(picture, develop(light, np.random.default_rng(1)))
    assert picture[:, :6].mean() < 8
    assert picture[:, 10:].mean() > 248


def test_mask_is_where_rays_hit_the_car() -> None:
    pytest.importorskip("mitsuba")
    session, view = Session(6, 2, "suv", "scalar_rgb"), 3
    scene = session.photo_set.scene(session.camera(SIZE_WH), session.surfaces(view), turntable_angle(view), samples=1)
    sensor = scene.sensors()[0]
    hit = np.zeros(SIZE_WH[::-1], dtype=bool)
    for row, column in np.ndindex(*hit.shape):
        ray, _ = sensor.sample_ray(0.0, 0.5, [(column + 0.5) / SIZE_WH[0], (row + 0.5) / SIZE_WH[1]], [0.5, 0.5])
        crossing = scene.ray_intersect(ray)
        hit[row, column] = crossing.is_valid() and crossing.shape.id() not in ROOM
    assert dice(Mask(session.mask(view, SIZE_WH)), Mask(hit)) >= 0.999


def test_variants_agree() -> None:
    pytest.importorskip("mitsuba")
    if find_llvm() is None:
        pytest.skip("no LLVM 19 here: only scalar_rgb runs")
    sessions = [Session(6, 0, "city car", variant) for variant in VARIANTS]
    one, other = (session.mask(3, SIZE_WH) for session in sessions)
    assert np.array_equal(one, other)
    # the two draw different random paths: what stays is their noise, without a shift
    one, other = (session.picture(3, SIZE_WH, samples=64).astype(float) for session in sessions)
    assert np.abs(one - other).mean() < 3.0
    assert abs((one - other).mean()) < 0.5


def test_picture_is_reproducible() -> None:
    pytest.importorskip("mitsuba")
    one, other = (Session(6, 1, "saloon", "scalar_rgb").picture(7, SIZE_WH, samples=2) for _ in range(2))
    assert np.array_equal(one, other)
