"""The contract of every body type."""

from __future__ import annotations

import numpy as np
import pytest

from carvanamask.errors import ConfigError
from carvanamask.studio.body_types import BODY_TYPES, body_type
from carvanamask.studio.camera import Camera, silhouette, turntable_angle
from carvanamask.studio.mesh import Surface
from carvanamask.studio.session import Car, body_of, build_car

SIZE_WH = (96, 64)


def vertices(surfaces: list[Surface]) -> np.ndarray:
    return np.concatenate([each.vertices for each in surfaces])


@pytest.fixture(scope="module", params=list(BODY_TYPES))
def car(request: pytest.FixtureRequest) -> Car:
    return build_car(np.random.default_rng(5), request.param)


def test_four_wheels_touch_the_floor(car: Car) -> None:
    assert vertices(car.surfaces)[:, 2].min() == pytest.approx(0, abs=1e-9)
    tyres = vertices([each for each in car.surfaces if each.material == "rubber"])
    on_floor = tyres[tyres[:, 2] < 0.002]
    corners = {(x > 0, y > 0) for x, y, _ in on_floor}
    assert len(corners) == 4


def test_size_is_the_body_type_s(car: Car) -> None:
    shell = vertices([each for each in car.surfaces if each.material.startswith("skin")])
    length, width, height = np.ptp(shell[:, 0]), np.ptp(shell[:, 1]), shell[:, 2].max()
    assert length == pytest.approx(car.body.length, abs=0.03)
    assert width == pytest.approx(car.body.width, abs=0.05)
    if not car.body.is_open:
        assert height == pytest.approx(car.body.height, abs=0.04)


def test_sides_mirror_each_other(car: Car) -> None:
    shell = vertices([each for each in car.surfaces if each.material == "skin side"])
    left, right = shell[shell[:, 1] > 0], shell[shell[:, 1] < 0] * [1, -1, 1]
    assert np.array_equal(left[np.lexsort(left.T)], right[np.lexsort(right.T)])


def test_surfaces_are_finite_and_consistent(car: Car) -> None:
    for each in car.surfaces:
        assert np.isfinite(each.vertices).all()
        assert np.isfinite(each.normals).all()
        assert each.faces.min() >= 0
        assert each.faces.max() < len(each.vertices) == len(each.normals) == len(each.uv)


def test_silhouette_has_no_holes_above_the_sills(car: Car) -> None:
    mask = silhouette([each.turned(turntable_angle(5)) for each in car.surfaces], Camera((240, 160)))
    sill = Camera((240, 160)).project(np.array([[0.9, 0.0, car.body.wheel]]))[0, 1]
    most = 4 if car.body.is_open else 2  # under a rail, a mirror, an open car's pillars and head rests
    for column in mask[: int(sill)].T:
        inside = np.flatnonzero(column)
        assert len(inside) == 0 or (np.diff(inside) > 1).sum() <= most


@pytest.mark.parametrize("view", [1, 5, 9])
def test_car_fills_a_plausible_part_of_the_picture(car: Car, view: int) -> None:
    mask = silhouette([each.turned(turntable_angle(view)) for each in car.surfaces], Camera(SIZE_WH, focal=1.005))
    # real cars: 15 % (view 9) to 25 % (view 5) on average; the smallest and the largest stray by a half
    assert 0.09 < mask.mean() < 0.36
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert rows[0] > 0
    assert columns[0] > 0
    assert columns[-1] < SIZE_WH[0] - 1


def test_seed_decides_the_car() -> None:
    first, again, other = (build_car(np.random.default_rng(seed), "saloon") for seed in (1, 1, 2))
    assert np.array_equal(vertices(first.surfaces), vertices(again.surfaces))
    assert np.array_equal(first.sheets["side"], again.sheets["side"])
    assert first.body != other.body


def test_nine_cars_in_a_row_show_all_nine_bodies() -> None:
    assert {body_of(number, seed=3) for number in range(9, 18)} == set(BODY_TYPES)


def test_body_type_by_any_spelling() -> None:
    assert body_type("City-Car").name == "city car"
    assert body_type("coupé").name == "coupe"
    with pytest.raises(ConfigError, match=r"no body type called 'tank'.*minivan"):
        body_type("tank")
