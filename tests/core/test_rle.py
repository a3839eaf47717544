from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from carvanamask.core.mask import Mask
from carvanamask.core.metrics import dice
from carvanamask.core.rle import Runs
from carvanamask.errors import MaskError

SIZE_WH = (9, 7)
any_mask = arrays(np.bool_, SIZE_WH[::-1])


def test_area_overlap_and_dice_by_hand() -> None:
    # .###.##.
    # ..####.#
    first, second = Runs.from_rle("2 3 6 2", (8, 1)), Runs.from_rle("3 4 8 1", (8, 1))
    assert (first.area, second.area) == (5, 5)
    assert first.overlap(second) == second.overlap(first) == 3
    assert first.dice(second) == 2 * 3 / 10


def test_run_continues_in_the_next_row() -> None:
    assert Runs.from_rle("3 2", (3, 2)).overlap(Runs.from_rle("4 3", (3, 2))) == 1


@pytest.mark.parametrize(
    ("first", "second", "expected"), [("", "", 1), ("", "1 2", 0), ("1 6", "1 6", 1), ("1 3", "4 3", 0)]
)
def test_empty_equal_and_separate_masks(first: str, second: str, expected: float) -> None:
    assert Runs.from_rle(first, (3, 2)).dice(Runs.from_rle(second, (3, 2))) == expected


@given(any_mask, any_mask)
def test_dice_of_runs_is_dice_of_pixels(first: np.ndarray, second: np.ndarray) -> None:
    runs, others = (Runs.from_rle(Mask(pixels).to_rle(), SIZE_WH) for pixels in (first, second))
    assert runs.dice(others) == dice(Mask(first), Mask(second))
    assert runs.area == first.sum()


@given(any_mask, st.integers(0, 5))
def test_touching_runs_count_as_one(pixels: np.ndarray, length: int) -> None:
    whole = Runs.from_rle(Mask(pixels).to_rle(), SIZE_WH)
    single = " ".join(f"{place + 1} 1" for place in np.flatnonzero(pixels))
    part = Runs.from_rle(f"3 {length}" if length else "", SIZE_WH)
    assert Runs.from_rle(single, SIZE_WH).overlap(part) == whole.overlap(part)
    assert part.dice(Runs.from_rle(single, SIZE_WH)) == part.dice(whole)


def test_invalid_code_is_refused() -> None:
    with pytest.raises(MaskError, match="don't overlap"):
        Runs.from_rle("1 3 3 1", SIZE_WH)
