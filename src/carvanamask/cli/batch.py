"""How a batch is asked for on the command line, and how it shows where it stands: to people and to machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carvanamask.cli.console import progress, say
from carvanamask.cli.summaries import print_failures
from carvanamask.io.atomic import save_text_atomically

if TYPE_CHECKING:
    from carvanamask.batch.runner import Manner, OnProgress, Progress

ExecutorName = Annotated[str, typer.Option("--executor", help="who works: threads, processes, or ray")]
Processes = Annotated[int | None, typer.Option(min=1, help="how many, for --executor processes")]
Address = Annotated[str | None, typer.Option(help="of a Ray cluster, like auto; none: this machine alone")]
OnErrorWord = Annotated[str, typer.Option("--on-error", help="after a picture that fails: skip it, or stop")]
JsonLines = Annotated[bool, typer.Option("--json-lines", help="print an event a line as JSON while it works")]
MetricsFile = Annotated[
    Path | None, typer.Option("--metrics", metavar="FILE", help="keep a Prometheus text file up to date")
]

Background = Annotated[
    str | None, typer.Option(help="room, a colour like #e0e0e0, or a picture; none: transparent PNG")
]

SECONDS_BETWEEN_NEWS = 1.0
"""For machines: a person's bar moves with every shard."""

SECONDS_BETWEEN_LINES = 5.0
"""For people who read lines."""


@dataclass(frozen=True)
class Asked:
    """What a verb was told of how to do a batch."""

    device: str = "auto"
    executor: str = "threads"
    processes: int | None = None
    address: str | None = None
    on_error: str = "skip"
    json_lines: bool = False
    metrics: Path | None = None

    @contextmanager
    def manner(self, title: str | None = None) -> Iterator[Manner]:
        """What the batch is given; leaving it ends the bar of that title and brings the last news.

        Without a title there are lines in the place of a bar: work without an end has none to show.
        Raises ConfigError for a word that isn't known.
        """
        from carvanamask.batch.executors import build_executor
        from carvanamask.batch.runner import Manner, check_on_error

        executor, on_error = build_executor(self.executor, self.processes, self.address), check_on_error(self.on_error)
        with self._listeners(title) as listeners:

            def on_progress(news: Progress) -> None:
                for listen in listeners:
                    listen(news)

            yield Manner(self.device, executor, on_error, on_progress, say)

    @contextmanager
    def _listeners(self, title: str | None) -> Iterator[list[OnProgress]]:
        patient: list[_Patient] = []
        if self.json_lines:
            patient.append(_Patient(_Events().tell))
        elif title is None:
            patient.append(_Patient(_Lines().tell, SECONDS_BETWEEN_LINES))
        if self.metrics:
            patient.append(_Patient(lambda news: save_text_atomically(self.metrics or Path(), encode_metrics(news))))
        listeners: list[OnProgress] = [one.listen for one in patient]
        if self.json_lines or title is None:
            yield listeners
        else:
            with progress(title) as bar:
                yield [*listeners, lambda news: bar(news.kept + news.done, news.total, failed=len(news.failures))]
        for one in patient:
            one.tell_last()


class _Patient:
    """Hears all and passes on what is new once in a while, and at once when nothing is left."""

    def __init__(self, tell: Callable[[Progress], None], seconds: float = SECONDS_BETWEEN_NEWS) -> None:
        self._tell, self._seconds = tell, seconds
        self._told = float("-inf")
        self._last: Progress | None = None

    def listen(self, news: Progress) -> None:
        self._last = news
        if news.is_through or time.monotonic() - self._told >= self._seconds:
            self.tell_last()

    def tell_last(self) -> None:
        if self._last is not None:
            self._told = time.monotonic()
            self._tell(self._last)
            self._last = None


class _Events:
    """`progress` events, and a `failed` one for every picture that did."""

    def __init__(self) -> None:
        self._failures = _News()

    def tell(self, news: Progress) -> None:
        for picture, reason in self._failures.of(news.failures):
            print_event("failed", picture=picture, reason=reason)
        print_event("progress", **news.to_dict())


class _Lines:
    """A line for every failure, and one for how many are finished."""

    def __init__(self) -> None:
        self._failures = _News()
        self._line = ""

    def tell(self, news: Progress) -> None:
        print_failures(self._failures.of(news.failures))
        finished, left = news.kept + news.done - len(news.failures), news.total - news.kept - news.done
        line = f"{finished} pictures" + (f", {left} left" if left else "")
        if line != self._line and (finished or left):
            self._line = line
            print(line)
        sys.stdout.flush()


class _News:
    """Of failures, which come, and go when a picture is repaired: those that weren't there before."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def of(self, failures: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        new = [failure for failure in failures if failure not in self._known]
        self._known = set(failures)
        return new


def print_event(event: str, **what: Any) -> None:
    print(json.dumps({"event": event, **what}), flush=True)
    sys.stdout.flush()


def encode_metrics(news: Progress) -> str:
    """Prometheus's text format (version 0.0.4), for the node exporter's text file collector."""
    done = news.done - len(news.failures)
    lines = [
        "# HELP carvanamask_pictures Pictures of the batch by state.",
        "# TYPE carvanamask_pictures gauge",
        *(
            f'carvanamask_pictures{{state="{state}"}} {count}'
            for state, count in (
                ("kept", news.kept),
                ("done", done),
                ("failed", len(news.failures)),
                ("left", news.total - news.kept - news.done),
            )
        ),
        "# HELP carvanamask_pictures_per_second Rate of this run.",
        "# TYPE carvanamask_pictures_per_second gauge",
        f"carvanamask_pictures_per_second {news.pictures_per_second:.3f}",
        "# HELP carvanamask_seconds_left At this rate.",
        "# TYPE carvanamask_seconds_left gauge",
        f"carvanamask_seconds_left {news.seconds_left or 0:.1f}",
    ]
    return "\n".join([*lines, ""])
