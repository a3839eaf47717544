"""What needs Mitsuba: masks that lie on the pictures, and both variants giving the same."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.core.metrics import dice
from carvanamask.errors import ConfigError
from carvanamask.studio.camera import turntable_angle
from carvanamask.studio.develop import develop
from carvanamask.studio.renderer import VARIANTS, engine, find_llvm, load_mitsuba
from carvanamask.studio.shoot import Session

SIZE_WH = (96, 64)
ROOM = {"floor", "ring", "table", "wall"}


def test_without_mitsuba_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(ConfigError, match=r"pip install 'carvanamask\[studio\]'"):
        load_mitsuba()


def test_the_slow_renderer_says_what_would_make_it_fast() -> None:
    assert "libllvm19" in engine("scalar_rgb")
    assert engine("llvm_ad_rgb") == "Mitsuba, llvm_ad_rgb, on all cores"


def test_developing_is_reproducible_and_keeps_black_black_and_white_white() -> None:
    light = np.zeros((8, 16, 3), np.float32)
    light[:, 8:] = 3.0
    picture = develop(light, np.random.default_rng(1))
    assert np.array_equal(picture, develop(light, np.random.default_rng(1)))
    assert picture[:, :6].mean() < 8
    assert picture[:, 10:].mean() > 248


def test_the_mask_lies_where_the_renderers_own_rays_hit_the_car() -> None:
    pytest.importorskip("mitsuba")
    session, view = Session(6, 2, "suv", "scalar_rgb"), 3
    scene = session.photo_set.scene(session.camera(SIZE_WH), session.placed(view), turntable_angle(view), samples=1)
    sensor = scene.sensors()[0]
    hit = np.zeros(SIZE_WH[::-1], dtype=bool)
    for row, column in np.ndindex(*hit.shape):
        ray, _ = sensor.sample_ray(0.0, 0.5, [(column + 0.5) / SIZE_WH[0], (row + 0.5) / SIZE_WH[1]], [0.5, 0.5])
        crossing = scene.ray_intersect(ray)
        hit[row, column] = crossing.is_valid() and crossing.shape.id() not in ROOM
    assert dice(Mask(session.mask(view, SIZE_WH)), Mask(hit)) >= 0.999


def test_both_variants_give_the_same_mask_and_nearly_the_same_picture() -> None:
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


def test_a_picture_comes_out_the_same_a_second_time() -> None:
    pytest.importorskip("mitsuba")
    one, other = (Session(6, 1, "saloon", "scalar_rgb").picture(7, SIZE_WH, samples=2) for _ in range(2))
    assert np.array_equal(one, other)
