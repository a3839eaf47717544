"""Listeners to a batch's progress: a bar or lines for people, events and metrics for machines."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from carvanamask.cli.console import log, move_no_bar, print_event, print_failures, progress_bar
from carvanamask.cli.options import BatchOutput
from carvanamask.core.progress import OnProgress, Progress, counted
from carvanamask.errors import CarvanaMaskError
from carvanamask.io.atomic import save_text_atomically

SECONDS_BETWEEN_EVENTS = 1.0
"""For machines: a person's bar moves with every shard."""

SECONDS_BETWEEN_LINES = 5.0
"""For people who read lines."""

Failure = tuple[str, CarvanaMaskError]


@contextmanager
def batch_progress(output: BatchOutput, title: str | None = None) -> Iterator[OnProgress]:
    """Give the listener that `output` asks for; on leaving, a bar ends and the latest progress is reported.

    Without a title there are lines instead of a bar: work without an end has none to show.
    """
    reporters: list[_Throttled] = []
    if output.json_lines:
        reporters.append(_Throttled(_print_events, SECONDS_BETWEEN_EVENTS))
    elif title is None:
        reporters.append(_Throttled(_print_lines, SECONDS_BETWEEN_LINES))
    if output.metrics:
        reporters.append(_Throttled(partial(_save_metrics, output.metrics), SECONDS_BETWEEN_EVENTS))
    bar: AbstractContextManager[OnProgress] = nullcontext(move_no_bar)
    if title is not None and not output.json_lines:
        bar = progress_bar(title)
    with bar as move_bar:
        listeners: list[OnProgress] = [move_bar, *reporters]

        def on_progress(progress: Progress) -> None:
            for listen in listeners:
                listen(progress)

        yield on_progress
    for reporter in reporters:
        reporter.report_latest()


class _Throttled:
    """Reports what has changed once in a while, and at once when nothing is left."""

    def __init__(self, report: Callable[[Progress, Sequence[Failure]], None], seconds: float) -> None:
        self._report, self._seconds = report, seconds
        self._latest: Progress | None = None
        self._reported_at = float("-inf")
        self._reported: tuple[int, int, set[Failure]] = (-1, -1, set())
        """Finished and left pictures, and the failures: they come, and go when a picture is repaired."""

    def __call__(self, progress: Progress) -> None:
        self._latest = progress
        if progress.is_through or time.monotonic() - self._reported_at >= self._seconds:
            self.report_latest()

    def report_latest(self) -> None:
        if self._latest is None:
            return
        state = self._latest.finished, self._latest.left, set(self._latest.failures)
        if state != self._reported:
            new_failures = [failure for failure in self._latest.failures if failure not in self._reported[2]]
            self._reported, self._reported_at = state, time.monotonic()
            self._report(self._latest, new_failures)


def _print_events(progress: Progress, new_failures: Sequence[Failure]) -> None:
    for picture, error in new_failures:
        print_event("failed", picture=picture, reason=str(error))
    print_event("progress", **progress.to_dict())


def _print_lines(progress: Progress, new_failures: Sequence[Failure]) -> None:
    print_failures(new_failures)
    if (progress.finished or progress.left) and log.isEnabledFor(logging.INFO):
        print(counted(progress.finished, "picture") + (f", {progress.left} left" if progress.left else ""))
    sys.stdout.flush()


def _save_metrics(path: Path, progress: Progress, new_failures: Sequence[Failure]) -> None:
    save_text_atomically(path, encode_metrics(progress))


def encode_metrics(progress: Progress) -> str:
    """Return Prometheus's text format (version 0.0.4), for the node exporter's text file collector."""
    states = {
        "kept": progress.kept,
        "done": progress.done - len(progress.failures),
        "failed": len(progress.failures),
        "left": progress.left,
    }
    lines = [
        "# HELP carvanamask_pictures Pictures of the batch by state.",
        "# TYPE carvanamask_pictures gauge",
        *(f'carvanamask_pictures{{state="{state}"}} {count}' for state, count in states.items()),
        "# HELP carvanamask_pictures_per_second Rate of this run.",
        "# TYPE carvanamask_pictures_per_second gauge",
        f"carvanamask_pictures_per_second {progress.per_second:.3f}",
        "# HELP carvanamask_seconds_left At this rate.",
        "# TYPE carvanamask_seconds_left gauge",
        f"carvanamask_seconds_left {progress.seconds_left or 0:.1f}",
    ]
    return "\n".join([*lines, ""])
