from __future__ import annotations

import tracemalloc

from carvanamask.batch.arrivals import Arrivals


def test_a_file_is_complete_when_two_looks_find_the_same() -> None:
    arrivals = Arrivals()
    assert arrivals.look({"x": "10 bytes"}) == []
    assert arrivals.look({"x": "20 bytes"}) == []
    assert not arrivals.is_through
    assert arrivals.look({"x": "20 bytes"}) == ["x"]


def test_a_complete_file_is_told_of_until_it_is_finished_and_again_when_it_changes() -> None:
    arrivals = Arrivals()
    arrivals.look({"x": "1", "y": "1"})
    assert arrivals.look({"x": "1", "y": "1"}) == ["x", "y"]
    arrivals.finish(["x"])
    assert arrivals.look({"x": "1", "y": "1"}) == ["y"]
    arrivals.finish(["y"])
    assert arrivals.is_through
    assert arrivals.look({"x": "2", "y": "1"}) == []
    assert arrivals.look({"x": "2", "y": "1"}) == ["x"]


def test_a_file_that_vanishes_is_forgotten_and_new_when_it_comes_back() -> None:
    arrivals = Arrivals()
    arrivals.look({"x": "1"})
    arrivals.look({"x": "1"})
    arrivals.finish(["x"])
    assert arrivals.look({}) == []
    assert arrivals.is_through
    assert arrivals.look({"x": "1"}) == []
    assert arrivals.look({"x": "1"}) == ["x"]


def test_what_is_forgotten_is_told_of_once_more() -> None:
    arrivals = Arrivals()
    arrivals.look({"x": "1"})
    arrivals.look({"x": "1"})
    arrivals.finish(["x"])
    arrivals.forget(["x"])
    assert arrivals.look({"x": "1"}) == ["x"]


def test_a_finished_picture_costs_a_few_hundred_bytes_however_often_it_is_looked_at() -> None:
    pictures, arrivals = 2_000, Arrivals()

    def look() -> None:
        # made anew, as every look makes them
        names = [f"monday/car {number:05d}/IMG_{number:05d}.jpg" for number in range(pictures)]
        arrivals.finish(arrivals.look({name: f"12345678-1700000000{name[-9:-4]}0000" for name in names}))

    tracemalloc.start()
    try:
        look()
        look()
        after_two = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            look()
        after_many = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after_two / pictures < 500
    assert after_many < 1.05 * after_two


def test_memory_goes_with_what_is_there_not_with_what_ever_was() -> None:
    arrivals = Arrivals()
    tracemalloc.start()
    try:
        for hour in range(50):
            marks = {f"hour {hour}/{number}.jpg": "1" for number in range(100)}
            arrivals.look(marks)
            arrivals.finish(arrivals.look(marks))
            if hour == 1:
                early = tracemalloc.get_traced_memory()[0]
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert late < 1.5 * early
