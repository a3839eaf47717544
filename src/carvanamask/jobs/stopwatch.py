"""Speeds that can be held against each other: measured in turns, in rounds, the best round of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from carvanamask.core.progress import OnProgress, Progress


@dataclass(frozen=True)
class Work:
    """Something to be done with pictures, again and again."""

    name: str
    concurrency: int
    """Pictures under way at a time."""
    carry_out: Callable[[], int]
    """Does it once → how many pictures that were."""


@dataclass(frozen=True)
class Rate:
    """The best round of some work."""

    name: str
    concurrency: int
    pictures: int
    seconds: float

    @property
    def pictures_per_second(self) -> float:
        return self.pictures / self.seconds

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "pictures_per_second": self.pictures_per_second}


def measure_in_turns(
    works: Sequence[Work], rounds: int, seconds: float, on_progress: OnProgress
) -> tuple[dict[str, Rate], int]:
    """Each work's best rate by its name, and how many rounds there were: at most `rounds`.

    In turns, so that a busy machine is busy for all alike. No round but the first begins after `seconds`.
    """
    ends = time.perf_counter() + seconds
    best: dict[str, Rate] = {}
    for done in range(rounds):
        if done and time.perf_counter() >= ends:
            return best, done
        for place, work in enumerate(works):
            started = time.perf_counter()
            pictures = work.carry_out()
            rate = Rate(work.name, work.concurrency, pictures, time.perf_counter() - started)
            best[work.name] = max(rate, best.get(work.name, rate), key=lambda rate: rate.pictures_per_second)
            on_progress(Progress(rounds * len(works), done * len(works) + place + 1))
    return best, rounds
