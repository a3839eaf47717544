"""Show messages and a bar on the error stream, results on the output stream."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from carvanamask.core.progress import OnProgress, Progress, counted
from carvanamask.errors import CarvanaMaskError, printable
from carvanamask.io.process import widen_signal_stack

SOME_FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
"""Exit codes besides 0."""

TABLE_WIDTH = 2000
"""Characters of a table that goes to a file or another program."""

log = logging.getLogger("carvanamask")
"""The parent of every module's logger; --quiet and --verbose set its level."""


class _StderrHandler(logging.Handler):
    """Writes each message as a plain line, after "warning: " or "error: " where it is one."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        # sys.stderr as it is now: a bar replaces it, to draw itself anew below the line
        print(kind + self.format(record), file=sys.stderr, flush=True)


def configure_logging() -> None:
    """Show this package's messages on the error stream. Only the program may do this, never the library."""
    log.handlers = [_StderrHandler()]
    log.setLevel(logging.INFO)


def has_bar() -> bool:
    """Return whether a bar can be seen and is wanted."""
    return sys.stderr.isatty() and log.isEnabledFor(logging.INFO)


def move_no_bar(progress: Progress) -> None:
    """Widen the signal stack and show nothing: the listener without a bar, and the first step of the one with a bar.

    The engine has run its first inference by now, in this thread, so that signal handlers need more room.
    """
    widen_signal_stack()


@contextmanager
def progress_bar(title: str) -> Iterator[OnProgress]:
    """Give the listener that moves a bar with count, rate, failures and time left; under --quiet it shows nothing."""
    if not log.isEnabledFor(logging.INFO):
        yield move_no_bar
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bar = Bar(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=None, rate="")

    def on_progress(progress: Progress) -> None:
        move_no_bar(progress)
        bar.start()  # not before: a job that fails at once leaves no empty bar behind
        speed = bar.tasks[0].speed
        rate = [f"{speed:.1f}/s"] if speed else []
        if progress.failures:
            rate.append(f"{len(progress.failures)} failed")
        bar.update(task, completed=progress.kept + progress.done, total=progress.total, rate=", ".join(rate))

    try:
        yield on_progress
    finally:
        if bar.live.is_started:
            bar.stop()


def print_json(tree: Mapping[str, Any]) -> None:
    print(json.dumps(tree, indent=1))


def print_event(event: str, **fields: Any) -> None:
    """Print one line of JSON, at once."""
    print(json.dumps({"event": event, **fields}), flush=True)


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    # as Text: a name with brackets is no markup; and folded: of two names that differ in their end neither is cut
    table = Table(*(Column(Text(column), overflow="fold") for column in columns))
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    # off a terminal there is no width to respect
    Console(width=None if sys.stdout.isatty() else TABLE_WIDTH).print(table)


def print_failures(failures: Iterable[tuple[str, CarvanaMaskError]]) -> None:
    """Print a line for each (item's name, error)."""
    for name, error in failures:
        subject = "" if error.path is not None else f"{printable(name)}: "
        print(f"error: {subject}{error}")


def print_rate(progress: Progress, engine: str, out: object = None) -> None:
    """Print how many pictures a batch has finished, how fast, and the folder that they are in."""
    kept = f", {progress.kept} of them finished before" if progress.kept else ""
    folder = "" if out is None else f", in {printable(str(out))}"
    print(f"{counted(progress.finished, 'picture')}{kept}, {progress.per_second:.1f} per second ({engine}){folder}")
