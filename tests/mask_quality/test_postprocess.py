from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from carvanamask.core.mask import Mask
from carvanamask.errors import ConfigError
from carvanamask.mask_quality.postprocess import (
    STEPS,
    clean_up,
    close_roof,
    drop_far_blobs,
    fill_holes,
    join_fragments,
)
from drawn_cars import draw_car

Box = tuple[int, int, int, int]
BODY: Box = (20, 40, 180, 90)
WHEELS: tuple[Box, ...] = ((40, 90, 60, 100), (140, 90, 160, 100))

# Limits so generous that noise of a few pixels meets them
EAGER: list[Callable[[Mask], Mask]] = [
    partial(join_fragments, max_thickness=0.3, max_gap=0.4),
    partial(drop_far_blobs, max_area=0.5, min_gap=0.2),
    partial(close_roof, min_level=0.3, min_depth=0.05, min_steepness=0.1, min_rim=0.05, slender=0.1),
    partial(fill_holes, small=0.03, large=0.2, deep=0.2),
]


def drawn(*boxes: Box, without: tuple[Box, ...] = (), height: int = 120) -> Mask:
    """A mask 200 wide with these boxes as car: (left, top, right, bottom), the last two one further."""
    pixels = np.zeros((height, 200), dtype=bool)
    for is_car, group in ((True, boxes), (False, without)):
        for left, top, right, bottom in group:
            pixels[top:bottom, left:right] = is_car
    return Mask(pixels)


def assert_same(one: Mask, other: Mask) -> None:
    np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("step", [*STEPS.values(), *EAGER, clean_up])
@pytest.mark.parametrize("is_car", [True, False])
def test_empty_and_full_masks_pass_through(step: Callable[[Mask], Mask], is_car: bool) -> None:
    for shape in ((5, 7), (1, 1), (0, 3)):
        assert_same(step(Mask(np.full(shape, is_car))), Mask(np.full(shape, is_car)))


@pytest.mark.parametrize("step", [*STEPS.values(), *EAGER])
@given(pixels=arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=16), elements=st.booleans()))
def test_a_step_done_twice_is_done_once(step: Callable[[Mask], Mask], pixels: np.ndarray) -> None:
    before = pixels.copy()
    once = step(Mask(pixels))
    np.testing.assert_array_equal(pixels, before)
    assert_same(step(once), once)


@pytest.mark.parametrize("turn", [0, 0.125, 0.25, 0.4])
def test_a_right_mask_stays_as_it_is(turn: float) -> None:
    for seed in range(4):
        mask = draw_car(seed, turn, (192, 128))[1]
        assert_same(clean_up(mask), mask)


def test_a_hole_deep_inside_is_filled() -> None:
    assert_same(fill_holes(drawn(BODY, *WHEELS, without=((90, 60, 100, 70),))), drawn(BODY, *WHEELS))


def test_a_gap_under_a_roof_rail_stays_open() -> None:
    car = drawn(BODY, *WHEELS, without=((70, 42, 110, 44),))
    assert_same(fill_holes(car), car)


def test_a_speck_and_a_void_are_filled_wherever_they_are() -> None:
    # of a silhouette of 8,000 pixels the speck is 1, 0.0125 %, and the void 162, 2.0 %
    car = drawn(BODY, without=((30, 41, 31, 42), (50, 42, 131, 44)))
    assert_same(fill_holes(car, small=2e-4), drawn(BODY))


def test_the_gap_between_the_wheels_is_no_hole() -> None:
    assert_same(fill_holes(drawn(BODY, *WHEELS)), drawn(BODY, *WHEELS))


def test_the_gap_between_the_wheels_is_no_hole_where_the_picture_ends_either() -> None:
    car = drawn(BODY, *WHEELS, height=100)
    assert_same(fill_holes(car, small=1, large=0, deep=0), car)


def test_background_that_touches_the_frame_is_no_hole() -> None:
    car = drawn((0, 0, 200, 120), without=((0, 50, 3, 53), (90, 119, 95, 120)))
    assert_same(fill_holes(car, small=1, large=0, deep=0), car)


def test_an_antenna_in_pieces_is_tied_together_from_below() -> None:
    upper, lower, antenna = (100, 20, 101, 26), (100, 30, 101, 35), (100, 20, 101, 40)
    assert_same(join_fragments(drawn(BODY, upper, lower)), drawn(BODY, antenna))


def test_a_stroke_is_as_thick_as_its_fragment_and_goes_the_shortest_way() -> None:
    fragment, stroke = (100, 28, 103, 36), (100, 28, 103, 40)
    tied = join_fragments(drawn(BODY, fragment), max_thickness=0.03)
    assert_same(tied, drawn(BODY, stroke))


def test_what_is_thick_or_far_or_not_above_is_no_antenna() -> None:
    for box in ((100, 30, 106, 36), (100, 20, 101, 30), (16, 60, 17, 64)):
        assert_same(join_fragments(drawn(BODY, box)), drawn(BODY, box))


def test_a_sticker_on_the_wall_is_dropped_and_a_mirror_next_to_the_car_is_not() -> None:
    sticker, mirror = (5, 5, 15, 11), (15, 50, 18, 54)
    assert_same(drop_far_blobs(drawn(BODY, sticker, mirror)), drawn(BODY, mirror))


def test_a_second_car_is_not_dropped() -> None:
    both = drawn(BODY, (20, 2, 180, 20))
    assert_same(drop_far_blobs(both), both)


def test_a_bite_out_of_the_roof_is_closed() -> None:
    assert_same(close_roof(drawn(BODY, *WHEELS, without=((90, 40, 110, 55),))), drawn(BODY, *WHEELS))


def test_two_bites_are_closed_and_an_antenna_between_them_stays_as_it_is() -> None:
    antenna = (100, 25, 101, 40)
    bitten = drawn(BODY, antenna, without=((60, 40, 80, 55), (120, 40, 140, 50)))
    assert_same(close_roof(bitten), drawn(BODY, antenna))


def test_a_bite_is_closed_along_the_slope_of_the_roof() -> None:
    # the roof falls 1 pixel in 8; either side of the bite belongs to one line, which the hull finds again
    columns = np.arange(200)
    roof = np.where((columns >= 20) & (columns < 180), 40 + (columns - 20) // 8, 120)
    car = np.arange(120)[:, None] >= roof
    car[110:] = False
    bitten = car.copy()
    bitten[:70, 60:76] = False
    assert np.count_nonzero(car & ~bitten) > 300
    closed = close_roof(Mask(bitten)).pixels
    assert not (closed & ~car).any()
    assert np.count_nonzero(car & ~closed) <= 16  # a line's steps: at most one pixel a column


@pytest.mark.parametrize(
    "car",
    [
        pytest.param(drawn((60, 20, 120, 90), (20, 50, 180, 90), (172, 44, 180, 90), *WHEELS), id="a pickup's bed"),
        pytest.param(drawn((60, 20, 140, 90), (20, 50, 180, 90), *WHEELS), id="bonnet and boot"),
        pytest.param(drawn(BODY, (30, 37, 40, 40), (160, 37, 170, 40)), id="roof rails"),
        pytest.param(drawn(BODY, (20, 30, 26, 40), (174, 30, 180, 40)), id="mirrors and wings"),
        pytest.param(drawn(BODY, (60, 20, 61, 40), (100, 20, 101, 40)), id="two antennas"),
        pytest.param(drawn(BODY, without=((20, 40, 40, 55),)), id="a bite with one rim"),
    ],
)
def test_what_is_no_u_in_the_roof_stays_open(car: Mask) -> None:
    assert_same(close_roof(car), car)


def test_a_step_works_alike_at_any_size() -> None:
    bitten = drawn(BODY, *WHEELS, (5, 5, 15, 11), without=((90, 40, 110, 55), (60, 60, 70, 70)))
    enlarged = Mask(np.kron(bitten.pixels, np.ones((8, 8), dtype=bool)))
    assert_same(clean_up(enlarged), Mask(np.kron(clean_up(bitten).pixels, np.ones((8, 8), dtype=bool))))


def test_clean_up_runs_the_named_steps_in_their_own_order() -> None:
    # a fragment that is dropped before it is tied would be lost
    broken = drawn(BODY, (100, 30, 101, 35), (5, 5, 15, 11))
    assert_same(clean_up(broken, ["drop_far_blobs", "join_fragments"]), drawn(BODY, (100, 30, 101, 40)))
    assert_same(clean_up(broken, []), broken)


def test_what_a_bite_leaves_open_below_an_overhang_is_filled_as_a_hole() -> None:
    bitten = drawn(BODY, *WHEELS, without=((90, 40, 110, 55), (75, 50, 125, 60)))
    assert_same(clean_up(bitten), drawn(BODY, *WHEELS))


def test_a_step_that_does_not_exist_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no clean-up step 'fill-holes'; did you mean 'fill_holes'\? \(steps: join_"):
        clean_up(drawn(BODY), ["fill-holes"])
