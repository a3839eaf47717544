import time

import pytest

from carvanamask.jobs.stopwatch import Rate, Work, measure_in_turns


def nothing(done: int, total: int) -> None:
    pass


def test_a_rate_is_pictures_by_seconds() -> None:
    assert Rate("decode", 4, 32, 0.5).to_dict() == {
        "name": "decode",
        "concurrency": 4,
        "pictures": 32,
        "seconds": 0.5,
        "pictures_per_second": 64,
    }


def test_works_take_turns_and_the_best_round_of_each_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 0, 4, 4, 6, 0, 6, 8, 8, 18])  # when to end; (begin, end) twice; is it over; (begin, end) twice
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    turns, heard = [], []
    works = [Work(name, 1, lambda name=name: turns.append(name) or 10) for name in ("slow, fast", "fast, slow")]
    best, rounds = measure_in_turns(works, 2, 100, lambda done, total: heard.append((done, total)))
    assert turns == ["slow, fast", "fast, slow", "slow, fast", "fast, slow"]
    assert {name: rate.seconds for name, rate in best.items()} == {"slow, fast": 2, "fast, slow": 2}
    assert rounds == 2
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_round_that_did_fewer_pictures_counts_by_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 0, 4, 0, 4, 5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    pictures = iter([8, 1])
    best, _ = measure_in_turns([Work("loop", 1, lambda: next(pictures))], 2, 100, nothing)
    assert best["loop"] == Rate("loop", 1, 8, 4)


def test_no_round_but_the_first_begins_when_time_is_up() -> None:
    rounds = []
    best, count = measure_in_turns([Work("loop", 1, lambda: rounds.append(1) or 1)], 5, 0, nothing)
    assert (len(rounds), count, best["loop"].pictures) == (1, 1, 1)
