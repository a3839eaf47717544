from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from carvanamask.batch.pipeline import map_in_order


def slow_first(number: int) -> int:
    time.sleep(0.05 if number == 0 else 0)
    return number * 10


@pytest.mark.parametrize("count", [0, 1, 20])
def test_results_are_in_order(count: int) -> None:
    assert list(map_in_order(slow_first, range(count), threads=3, ahead=2)) == [10 * number for number in range(count)]


def test_items_are_taken_as_results_are_used() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = map_in_order(slow_first, items(), threads=2, ahead=4)
    assert [next(results), next(results)] == [0, 10]
    assert len(taken) == 6
    results.close()  # type: ignore[attr-defined]
    assert len(taken) == 6


def test_error_drops_items_that_have_not_begun() -> None:
    begun = []

    def fail(number: int) -> None:
        begun.append(number)
        time.sleep(0.05)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        list(map_in_order(fail, range(100), threads=1, ahead=10))
    assert len(begun) <= 3
