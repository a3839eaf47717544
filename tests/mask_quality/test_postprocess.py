from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import ConfigError
from carvanamask.mask_quality.postprocess import (
    STEPS,
    clean_up,
    close_roof,
    drop_far_blobs,
    fill_holes,
    join_fragments,
    make_mask,
)
from drawn_cars import draw_car

Box = tuple[int, int, int, int]
BODY: Box = (20, 40, 180, 90)
WHEELS: tuple[Box, ...] = ((40, 90, 60, 100), (140, 90, 160, 100))

# limits so generous that noise of a few pixels meets them
EAGER: list[Callable[[Mask], Mask]] = [
    partial(join_fragments, max_thickness=0.3, max_gap=0.4),
    partial(drop_far_blobs, max_area=0.5, min_gap=0.2),
    partial(close_roof, min_level=0.3, min_depth=0.05, min_steepness=0.1, min_rim=0.05, slender=0.1),
    partial(fill_holes, small=0.03, large=0.2, deep=0.2),
]


def drawn(*boxes: Box, without: tuple[Box, ...] = (), size_wh: tuple[int, int] = (200, 120)) -> Mask:
    """Return a mask with these boxes as car: (left, top, right, bottom), the last two exclusive."""
    pixels = np.zeros(size_wh[::-1], dtype=bool)
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
def test_step_is_idempotent(step: Callable[[Mask], Mask], pixels: np.ndarray) -> None:
    before = pixels.copy()
    once = step(Mask(pixels))
    np.testing.assert_array_equal(pixels, before)
    assert_same(step(once), once)


@pytest.mark.parametrize("turn", [0, 0.125, 0.25, 0.4])
def test_correct_mask_stays(turn: float) -> None:
    for seed in range(4):
        mask = draw_car(seed, turn, (192, 128))[1]
        assert_same(clean_up(mask), mask)


def test_deep_hole_is_filled() -> None:
    assert_same(fill_holes(drawn(BODY, *WHEELS, without=((90, 60, 100, 70),))), drawn(BODY, *WHEELS))


def test_gap_under_roof_rail_stays() -> None:
    car = drawn(BODY, *WHEELS, without=((70, 42, 110, 44),))
    assert_same(fill_holes(car), car)


def test_tiny_and_large_holes_are_filled_anywhere() -> None:
    # of a silhouette of 8,000 pixels one hole is 1, 0.0125 %, the other 162, 2.0 %
    car = drawn(BODY, without=((30, 41, 31, 42), (50, 42, 131, 44)))
    assert_same(fill_holes(car, small=2e-4), drawn(BODY))


def test_gap_between_wheels_is_no_hole() -> None:
    assert_same(fill_holes(drawn(BODY, *WHEELS)), drawn(BODY, *WHEELS))


def test_gap_between_wheels_at_the_border_is_no_hole() -> None:
    car = drawn(BODY, *WHEELS, size_wh=(200, 100))
    assert_same(fill_holes(car, small=1, large=0, deep=0), car)


def test_background_at_the_border_is_no_hole() -> None:
    car = drawn((0, 0, 200, 120), without=((0, 50, 3, 53), (90, 119, 95, 120)))
    assert_same(fill_holes(car, small=1, large=0, deep=0), car)


def test_hole_may_touch_the_outside_by_a_corner() -> None:
    car = Mask(np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]], dtype=bool))
    assert_same(fill_holes(car), Mask(np.array([[1, 1, 0], [1, 1, 1], [1, 1, 1]], dtype=bool)))


def test_antenna_fragments_are_joined_from_below() -> None:
    upper, lower, antenna = (100, 20, 101, 26), (100, 30, 101, 35), (100, 20, 101, 40)
    assert_same(join_fragments(drawn(BODY, upper, lower)), drawn(BODY, antenna))


@pytest.mark.parametrize("right", [101, 103, 105])
def test_line_is_as_thick_as_its_fragment(right: int) -> None:
    fragment, joined = (100, 26, right, 36), (100, 26, right, 40)
    assert_same(join_fragments(drawn(BODY, fragment), max_thickness=0.05), drawn(BODY, joined))


def test_fragment_beside_the_roof_ends_just_above_it() -> None:
    fragment = (16, 30, 17, 40)
    joined = join_fragments(drawn(BODY, fragment))
    assert joined.pixels[39:41, 17:20].any(axis=0).all()
    lower = drawn(BODY, (16, 30, 17, 41))
    assert_same(join_fragments(lower), lower)


def test_thick_far_or_lower_parts_are_no_antenna() -> None:
    for box in ((100, 30, 106, 36), (100, 20, 101, 30), (16, 60, 17, 64)):
        assert_same(join_fragments(drawn(BODY, box)), drawn(BODY, box))


def test_sticker_is_dropped_and_mirror_is_not() -> None:
    sticker, mirror = (5, 5, 15, 11), (15, 50, 18, 54)
    assert_same(drop_far_blobs(drawn(BODY, sticker, mirror)), drawn(BODY, mirror))


def test_second_car_is_kept() -> None:
    both = drawn(BODY, (20, 2, 180, 20))
    assert drop_far_blobs(both) is both


def test_dip_in_the_roof_is_closed() -> None:
    assert_same(close_roof(drawn(BODY, *WHEELS, without=((90, 40, 110, 55),))), drawn(BODY, *WHEELS))


def test_two_dips_are_closed_beside_an_antenna() -> None:
    antenna = (100, 25, 101, 40)
    dented = drawn(BODY, antenna, without=((60, 40, 80, 55), (120, 40, 140, 50)))
    assert_same(close_roof(dented), drawn(BODY, antenna))


def test_dip_is_closed_along_a_sloping_roof() -> None:
    # the roof falls 1 pixel in 8; both sides of the dip are on one line, which the hull finds again
    columns = np.arange(200)
    roof = np.where((columns >= 20) & (columns < 180), 40 + (columns - 20) // 8, 120)
    car = np.arange(120)[:, None] >= roof
    car[110:] = False
    dented = car.copy()
    dented[:70, 60:76] = False
    assert np.count_nonzero(car & ~dented) > 300
    closed = close_roof(Mask(dented)).pixels
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
        pytest.param(drawn(BODY, without=((20, 40, 40, 55),)), id="a dip with one rim"),
    ],
)
def test_other_shapes_stay_open(car: Mask) -> None:
    assert_same(close_roof(car), car)


def test_clean_up_is_independent_of_size() -> None:
    dented = drawn(BODY, *WHEELS, (5, 5, 15, 11), without=((90, 40, 110, 55), (60, 60, 70, 70)))
    enlarged = Mask(np.kron(dented.pixels, np.ones((8, 8), dtype=bool)))
    assert_same(clean_up(enlarged), Mask(np.kron(clean_up(dented).pixels, np.ones((8, 8), dtype=bool))))


def test_steps_run_in_their_own_order() -> None:
    # a fragment that is dropped before it is joined would be lost
    broken = drawn(BODY, (100, 30, 101, 35), (5, 5, 15, 11))
    assert_same(clean_up(broken, ["drop_far_blobs", "join_fragments"]), drawn(BODY, (100, 30, 101, 40)))
    assert_same(clean_up(broken, []), broken)


def test_rest_below_an_overhang_is_filled_as_a_hole() -> None:
    dented = drawn(BODY, *WHEELS, without=((90, 40, 110, 55), (75, 50, 125, 60)))
    assert_same(clean_up(dented), drawn(BODY, *WHEELS))


def test_mask_is_made_by_the_card() -> None:
    card = ModelCard(name="m", network="", input_size_wh=(3, 3), threshold=0.3)
    values = np.full((3, 3), 0.4, np.float32)
    values[1, 1] = 0.2
    ring = make_mask(ProbabilityMap(values), card)
    assert ring.pixels.tolist() == (values > 0.3).tolist()
    assert make_mask(ProbabilityMap(values), card.model_copy(update={"clean_up": ("fill_holes",)})).pixels.all()


def test_unknown_step_suggests_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"no clean-up step 'fill-holes'; did you mean 'fill_holes'\? \(steps: join_fragments, drop_"
    ):
        clean_up(drawn(BODY), ["fill-holes"])


# Each limit at its very edge: the last size that it accepts, and the first that it doesn't.


@pytest.mark.parametrize(("thickness_px", "is_joined"), [(12, True), (13, False)])
def test_fragment_limit_is_1_2_percent_of_the_height(thickness_px: int, is_joined: bool) -> None:
    mask = drawn((0, 500, 400, 800), (100, 440, 100 + thickness_px, 480), size_wh=(400, 1000))
    assert join_fragments(mask).pixels[490, 105] == is_joined


@pytest.mark.parametrize(("gap_px", "is_joined"), [(60, True), (61, False)])
def test_fragment_gap_limit_is_6_percent_of_the_height(gap_px: int, is_joined: bool) -> None:
    bottom = 501 - gap_px  # distances are between pixel centres
    mask = drawn((0, 500, 400, 800), (100, 400, 104, bottom), size_wh=(400, 1000))
    assert join_fragments(mask).pixels[490, 100:104].any() == is_joined


@pytest.mark.parametrize(("area_px", "is_kept"), [(999, False), (1000, True)])
def test_far_blob_limit_is_5_percent_of_the_car(area_px: int, is_kept: bool) -> None:
    pixels = drawn((0, 100, 200, 200), size_wh=(200, 200)).pixels  # 20,000 pixels
    pixels[:10].flat[:area_px] = True
    assert drop_far_blobs(Mask(pixels)).pixels[0, 0] == is_kept


@pytest.mark.parametrize(("gap_px", "is_kept"), [(10, True), (11, False)])
def test_far_is_2_percent_of_the_car_s_diagonal(gap_px: int, is_kept: bool) -> None:
    left = 399 + gap_px  # the car's diagonal is 500; distances are between pixel centres
    mask = drawn((0, 0, 400, 300), (left, 100, left + 20, 120), size_wh=(440, 300))
    assert drop_far_blobs(mask).pixels[110, left] == is_kept


@pytest.mark.parametrize(("area_px", "is_kept"), [(9, False), (10, True)])
def test_speck_limit_is_a_ten_thousandth_of_the_car(area_px: int, is_kept: bool) -> None:
    mask = drawn((0, 5, 400, 255), (50, 2, 50 + area_px, 3), size_wh=(400, 255))  # 100,000 pixels
    assert drop_far_blobs(mask).pixels[2, 50] == is_kept


@pytest.mark.parametrize(("area_px", "is_filled"), [(10, True), (11, False)])
def test_small_hole_limit_is_1_in_20000_of_the_silhouette(area_px: int, is_filled: bool) -> None:
    car = drawn((0, 0, 500, 400), without=((50, 3, 50 + area_px, 4),), size_wh=(500, 400))  # 200,000 pixels
    assert fill_holes(car).pixels[3, 50] == is_filled


@pytest.mark.parametrize(("height_px", "is_filled"), [(200, False), (201, True)])
def test_large_hole_limit_is_2_percent_of_the_silhouette(height_px: int, is_filled: bool) -> None:
    # 40 x 250 is 10,000 pixels; the hole is one pixel wide and never far from the side
    car = drawn((0, 0, 40, 250), without=((1, 10, 2, 10 + height_px),), size_wh=(40, 250))
    assert fill_holes(car).pixels[20, 1] == is_filled


@pytest.mark.parametrize(("row", "is_filled"), [(10, False), (11, True)])
def test_deep_hole_limit_is_12_percent_of_the_height(row: int, is_filled: bool) -> None:
    # a pixel of row 11 is 12 pixels from the outside, of a silhouette 100 pixels high
    car = drawn((0, 0, 200, 100), without=((90, row, 110, row + 1),))
    assert fill_holes(car).pixels[row, 100] == is_filled


def from_heights(*parts: tuple[int, int]) -> Mask:
    """Return a car with a top of these (columns, height) parts from left to right."""
    heights = np.concatenate([np.full(columns, height) for columns, height in parts])
    return Mask(np.arange(heights.max(), 0, -1)[:, np.newaxis] <= heights)


def is_closed(car: Mask) -> bool:
    return bool((close_roof(car).pixels != car.pixels).any())


@pytest.mark.parametrize(("rim", "closes"), [(90, True), (89, False)])
def test_rim_level_limit_is_90_percent_of_the_roof(rim: int, closes: bool) -> None:
    assert is_closed(from_heights((60, 100), (40, rim), (20, rim - 20), (40, rim))) == closes


@pytest.mark.parametrize(("depth", "closes"), [(20, True), (19, False)])
def test_dip_depth_limit_is_5_percent_of_the_roof(depth: int, closes: bool) -> None:
    assert is_closed(from_heights((80, 400), (20, 400 - depth), (80, 400))) == closes


@pytest.mark.parametrize(("depth", "closes"), [(24, True), (23, False)])
def test_dip_steepness_limit_is_12_percent_of_its_width(depth: int, closes: bool) -> None:
    assert is_closed(from_heights((80, 100), (200, 100 - depth), (80, 100))) == closes


@pytest.mark.parametrize(("rim_px", "closes"), [(12, True), (11, False)])
def test_rim_length_limit_is_6_percent_of_the_width(rim_px: int, closes: bool) -> None:
    assert is_closed(from_heights((60, 80), (rim_px, 100), (20, 80), (120 - rim_px, 100))) == closes


@pytest.mark.parametrize(("outer_rim", "closes"), [(380, True), (379, False)])
def test_rim_may_be_lower_by_5_percent_of_the_roof(outer_rim: int, closes: bool) -> None:
    parts = (60, 320), (6, outer_rim), (6, 400), (20, 320), (108, 400)
    assert is_closed(from_heights(*parts)) == is_closed(from_heights(*reversed(parts))) == closes


def test_dip_of_one_pixel_in_a_tiny_roof_is_closed() -> None:
    assert is_closed(from_heights((20, 10), (4, 9), (20, 10)))


def test_column_of_slender_parts_only_has_no_roof() -> None:
    # a sill of 2 pixels joins two halves; 0.015 of 340 is 5
    assert is_closed(from_heights((160, 100), (20, 2), (160, 100)))


def test_level_is_that_of_the_rim_s_last_column() -> None:
    # 100 is 90 % of the roof's 111, and 96 is not
    assert is_closed(from_heights((20, 80), (3, 96), (1, 100), (4, 70), (8, 100), (12, 111)))


def test_hull_reaches_half_a_dip_into_each_rim() -> None:
    # from 10 columns before the dip at 100 to 8 after it at 104
    car = close_roof(from_heights((60, 100), (20, 80), (8, 100), (72, 104)))
    heights = np.count_nonzero(car.pixels, axis=0)
    assert heights[[49, 60, 79, 88]].tolist() == [100, 101, 103, 104]


def test_hull_of_a_narrow_dip_reaches_one_column() -> None:
    car = close_roof(from_heights((60, 100), (1, 80), (1, 100), (58, 104)), slender=0)
    assert np.count_nonzero(car.pixels, axis=0)[60] == 100


@pytest.mark.parametrize(("antenna_px", "closes"), [(14, True), (15, False)])
def test_slender_limit_is_1_5_percent_of_the_width(antenna_px: int, closes: bool) -> None:
    # two parts that count would be the rims, too short ones, of all the roof between them
    antenna = (antenna_px, 140)
    car = from_heights((300, 100), antenna, (150, 100), (60, 80), (150, 100), antenna, (340 - 2 * antenna_px, 100))
    assert is_closed(car) == closes


@pytest.mark.parametrize(("tower_px", "closes"), [(19, True), (22, False)])
def test_roof_is_the_height_of_a_tenth_of_the_car(tower_px: int, closes: bool) -> None:
    # a tower that counts makes the rest too low for a roof
    assert is_closed(from_heights((tower_px, 140), (60, 100), (20, 80), (120 - tower_px, 100))) == closes
