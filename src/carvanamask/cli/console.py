"""What a person sees while work goes on: a bar on the error stream, results on the output stream."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

WIDE = 2000
"""Characters of a table that no person reads."""


class Bar(Protocol):
    """Moves a bar."""

    def __call__(self, done: int, total: int, failed: int = 0) -> None: ...


def say(line: str) -> None:
    """A line beside the results: what runs where, and how it goes."""
    print(line, file=sys.stderr, flush=True)


def is_terminal() -> bool:
    return sys.stderr.isatty()


@contextmanager
def progress(title: str) -> Iterator[Bar]:
    """A bar with a rate and an end time; gives the `on_progress(done, total)` that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=None, rate="")

    def on_progress(done: int, total: int, failed: int = 0) -> None:
        bar.start()  # at the first news: what fails before it leaves no empty bar behind
        speed = bar.tasks[0].speed
        rate = f"{speed:.1f}/s" if speed else ""
        bar.update(task, completed=done, total=total, rate=f"{rate}, {failed} failed" if failed else rate)

    try:
        yield on_progress
    finally:
        if bar.live.is_started:
            bar.stop()


def print_json(tree: Mapping[str, Any]) -> None:
    print(json.dumps(tree, indent=1))


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]], title: str = "") -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    # as Text: a name with brackets is no markup; and folded: of two names that differ in their end neither is cut
    headings = [Column(Text(column), overflow="fold") for column in columns]
    table = Table(*headings, title=Text(title) if title else None, title_justify="left")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    # off a terminal there is no width to respect
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)
