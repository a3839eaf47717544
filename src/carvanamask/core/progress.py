"""Progress of a job: the one value that jobs report and that the command line, logs and metrics show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from carvanamask.errors import CarvanaMaskError


@dataclass(frozen=True)
class Progress:
    """Counts of the items of a job, such as pictures."""

    total: int
    done: int = 0
    """Items that this run has tried: those that succeeded and those that failed."""
    kept: int = 0
    """Items that were skipped because an earlier run had finished them."""
    failures: tuple[tuple[str, CarvanaMaskError], ...] = ()
    """(item's name, error), oldest first."""
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Items per second, not counting those finished by earlier runs."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> int:
        return self.total - self.kept - self.done

    @property
    def seconds_left(self) -> float | None:
        """Time to the end at the rate so far; None while there is no rate."""
        return self.left / self.per_second if self.per_second else None

    @property
    def finished(self) -> int:
        """Items that have a result: kept from an earlier run, or done in this one without a failure."""
        return self.kept + self.done - len(self.failures)

    @property
    def is_through(self) -> bool:
        """Whether every item has been tried."""
        return self.left == 0

    @property
    def is_complete(self) -> bool:
        """Whether every item has a result."""
        return self.is_through and not self.failures

    def to_dict(self) -> dict[str, Any]:
        """Return the counts for JSON."""
        return {
            "pictures": self.total,
            "kept": self.kept,
            "done": self.done,
            "failed": len(self.failures),
            "seconds": round(self.seconds, 3),
            "pictures_per_second": round(self.per_second, 3),
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left, 1),
        }


def counted(count: int, noun: str) -> str:
    """Return the count with its noun: "1 picture", "2 pictures"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


OnProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Do nothing: the default of jobs that nobody watches."""
