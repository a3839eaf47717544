from __future__ import annotations

import tracemalloc

from carvanamask.batch.watch import Arrivals, add, without
from carvanamask.core.progress import Progress
from carvanamask.errors import DataError


def test_file_is_complete_after_two_equal_scans() -> None:
    arrivals = Arrivals()
    assert arrivals.scan({"x": "10 bytes"}) == []
    assert arrivals.scan({"x": "20 bytes"}) == []
    assert not arrivals.are_finished
    assert arrivals.scan({"x": "20 bytes"}) == ["x"]


def test_complete_file_returns_until_finished() -> None:
    arrivals = Arrivals()
    arrivals.scan({"x": "1", "y": "1"})
    assert arrivals.scan({"x": "1", "y": "1"}) == ["x", "y"]
    arrivals.mark_finished(["x"])
    assert arrivals.scan({"x": "1", "y": "1"}) == ["y"]
    arrivals.mark_finished(["y"])
    assert arrivals.are_finished
    assert arrivals.scan({"x": "2", "y": "1"}) == []
    assert arrivals.scan({"x": "2", "y": "1"}) == ["x"]


def test_vanished_file_is_new_when_it_comes_back() -> None:
    arrivals = Arrivals()
    arrivals.scan({"x": "1"})
    arrivals.scan({"x": "1"})
    arrivals.mark_finished(["x"])
    assert arrivals.scan({}) == []
    assert arrivals.are_finished
    assert arrivals.scan({"x": "1"}) == []
    assert arrivals.scan({"x": "1"}) == ["x"]


def test_retried_file_returns_again() -> None:
    arrivals = Arrivals()
    arrivals.scan({"x": "1"})
    arrivals.scan({"x": "1"})
    arrivals.mark_finished(["x"])
    arrivals.retry(["x"])
    assert arrivals.scan({"x": "1"}) == ["x"]


def test_finished_picture_takes_a_few_hundred_bytes() -> None:
    pictures, arrivals = 2_000, Arrivals()

    def scan() -> None:
        # made anew, as in every scan
        names = [f"monday/car {number:05d}/IMG_{number:05d}.jpg" for number in range(pictures)]
        arrivals.mark_finished(arrivals.scan({name: f"12345678-1700000000{name[-9:-4]}0000" for name in names}))

    tracemalloc.start()
    try:
        scan()
        scan()
        after_two = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            scan()
        after_many = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after_two / pictures < 500
    assert after_many < 1.05 * after_two


def test_memory_grows_with_the_folder_not_with_time() -> None:
    arrivals = Arrivals()
    tracemalloc.start()
    try:
        for hour in range(50):
            marks = {f"hour {hour}/{number}.jpg": "1" for number in range(100)}
            arrivals.scan(marks)
            arrivals.mark_finished(arrivals.scan(marks))
            if hour == 1:
                early = tracemalloc.get_traced_memory()[0]
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert late < 1.5 * early


def test_progress_of_rounds_adds_up() -> None:
    bad = DataError("bad")
    morning = Progress(total=4, kept=1, done=3, failures=(("x", bad), ("y", bad)), seconds=2.0)
    noon = Progress(total=2, kept=0, done=1, seconds=1.0)
    assert add(without(morning, {"x"}), noon) == Progress(5, done=3, kept=1, failures=(("y", bad),), seconds=3.0)
