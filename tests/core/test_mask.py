from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.errors import MaskError

any_mask = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def plainly_decoded(rle: str, size_wh: tuple[int, int]) -> list[bool]:
    """Kaggle's definition, pixel by pixel."""
    pixels = [False] * (size_wh[0] * size_wh[1])
    numbers = [int(word) for word in rle.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        for pixel in range(start, start + length):
            assert not pixels[pixel - 1], "a pixel is in two runs"
            pixels[pixel - 1] = True
    return pixels


@given(any_mask)
def test_rle_marks_exactly_the_mask_s_pixels(pixels: np.ndarray) -> None:
    mask = Mask(pixels)
    assert plainly_decoded(mask.to_rle(), mask.size_wh) == pixels.ravel().tolist()


@given(any_mask)
def test_rle_round_trip(pixels: np.ndarray) -> None:
    mask = Mask(pixels)
    np.testing.assert_array_equal(Mask.from_rle(mask.to_rle(), mask.size_wh).pixels, pixels)


@given(any_mask)
def test_rle_has_the_fewest_runs(pixels: np.ndarray) -> None:
    numbers = [int(word) for word in Mask(pixels).to_rle().split()]
    ends = [start + length for start, length in zip(numbers[::2], numbers[1::2], strict=True)]
    assert all(end < start for end, start in zip(ends, numbers[2::2], strict=False))


def test_rle_runs_touch_first_and_last_pixel() -> None:
    mask = Mask(np.array([[1, 1, 0], [0, 1, 1]], dtype=bool))
    assert mask.to_rle() == "1 2 5 2"


def test_rle_run_continues_in_the_next_row() -> None:
    mask = Mask(np.array([[0, 0, 1], [1, 0, 0]], dtype=bool))
    assert mask.to_rle() == "3 2"


def test_rle_of_empty_and_full_masks() -> None:
    assert Mask(np.zeros((2, 3), dtype=bool)).to_rle() == ""
    assert Mask(np.ones((2, 3), dtype=bool)).to_rle() == "1 6"
    assert not Mask.from_rle("", (3, 2)).pixels.any()


def test_rle_of_a_view_follows_its_own_rows() -> None:
    pixels = np.array([[1, 0], [1, 0], [1, 0]], dtype=bool)
    assert Mask(pixels.T).to_rle() == "1 3"
    assert Mask(pixels[:, ::-1]).to_rle() == "2 1 4 1 6 1"


def test_rle_runs_may_touch() -> None:
    assert Mask.from_rle("1 2 3 1", (3, 1)).pixels.all()


@pytest.mark.parametrize(
    ("rle", "reason"),
    [
        ("1", "1 numbers"),
        ("1 2 5", "3 numbers"),
        ("1 two", "no whole number"),
        ("1.5 2", "no whole number"),
        ("1_0 2", "no whole number"),
        ("+1 2", "no whole number"),
        ("١ 2", "no whole number"),
        (f"?{'1' * 50}", f"no whole number: '[?]{'1' * 39}'$"),
        ("1 2345678 -90 1", "3x2 .*6"),  # every character that a code may hold
        ("1 99999999999999999999", "no whole number"),
        ("0 2", "^run-length code must count from 1, upwards, in runs of 1 or more that don't overlap$"),
        ("-3 2", "count from 1"),
        ("2 0", "runs of 1 or more"),
        ("2 -1", "runs of 1 or more"),
        ("1 3 3 1", "don't overlap"),
        ("5 1 1 1", "upwards"),
        ("5 3", "3x2 .*6"),
        ("7 1", "3x2 .*6"),
        ("9223372036854775807 9", "3x2 .*6"),  # the sum leaves 64 bits
        ("5 9223372036854775807", "3x2 .*6"),
    ],
)
def test_invalid_rle_is_refused(rle: str, reason: str) -> None:
    with pytest.raises(MaskError, match=reason):
        Mask.from_rle(rle, (3, 2))


@given(st.text(alphabet="0123456789 -", max_size=60))
def test_rle_of_any_numbers_decodes_or_is_refused(rle: str) -> None:
    try:
        mask = Mask.from_rle(rle, (4, 3))
    except MaskError:
        return
    assert plainly_decoded(rle, (4, 3)) == mask.pixels.ravel().tolist()


@pytest.mark.parametrize("pixels", [np.zeros((2, 3), np.uint8), np.zeros(6, np.bool_), np.zeros((2, 3, 1), np.bool_)])
def test_mask_of_another_array_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(MaskError, match="2-D bool array"):
        Mask(pixels)


def test_size_is_width_before_height() -> None:
    assert Mask(np.zeros((2, 3), dtype=bool)).size_wh == (3, 2)
    assert ProbabilityMap(np.zeros((2, 3), dtype=np.float32)).size_wh == (3, 2)


@pytest.mark.parametrize("value", [-0.001, 1.001, float("nan"), float("inf")])
def test_probabilities_outside_0_to_1_are_refused(value: float) -> None:
    values = np.array([[0.5, value]], dtype=np.float32)
    with pytest.raises(MaskError, match=r"lies in \[0, 1\]"):
        ProbabilityMap(values)


def test_negative_zero_is_a_probability() -> None:
    assert ProbabilityMap(np.array([[-0.0, 1.0]], np.float32)).values[0, 0] == 0


def test_probability_map_may_be_empty() -> None:
    assert ProbabilityMap(np.zeros((0, 3), np.float32)).size_wh == (3, 0)


def test_view_that_skips_columns_is_a_probability_map() -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 6)[:, ::-2]
    assert ProbabilityMap(values).values is values


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.zeros(6, np.float32), np.zeros((1, 2, 3), np.float32)])
def test_probabilities_of_another_array_are_refused(values: np.ndarray) -> None:
    with pytest.raises(MaskError, match="2-D float32"):
        ProbabilityMap(values)


def test_pixel_at_the_threshold_is_not_car() -> None:
    probabilities = ProbabilityMap(np.array([[0.0, 0.5, 0.50001, 1.0]], dtype=np.float32))
    assert probabilities.to_mask(0.5).pixels.tolist() == [[False, False, True, True]]
    assert not probabilities.to_mask(1.0).pixels.any()


def test_enlarged_edge_follows_the_probabilities() -> None:
    # 0.2 and 0.8 enlarged to twice the width are 0.2 0.35 0.65 0.8: at 0.3 the edge lies a pixel left of the middle
    probabilities = ProbabilityMap(np.array([[0.2, 0.8]], dtype=np.float32), disagreement=0.25)
    enlarged = probabilities.resized((4, 1))
    assert enlarged.disagreement == 0.25
    np.testing.assert_allclose(enlarged.values, [[0.2, 0.35, 0.65, 0.8]], atol=1e-6)
    assert enlarged.to_mask(0.3).pixels.tolist() == [[False, True, True, True]]


@given(
    arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(0, 1, width=32)),
    st.tuples(st.integers(1, 17), st.integers(1, 17)),
)
def test_resized_probabilities_stay_probabilities(values: np.ndarray, size_wh: tuple[int, int]) -> None:
    assert ProbabilityMap(values).resized(size_wh).size_wh == size_wh


def test_resizing_to_the_same_size_returns_the_map() -> None:
    probabilities = ProbabilityMap(np.array([[0.1, 0.9]], dtype=np.float32))
    assert probabilities.resized((2, 1)) is probabilities
