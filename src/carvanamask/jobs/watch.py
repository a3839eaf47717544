"""A folder that pictures arrive in: a result for each as it comes, for as long as it is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch, BatchReport
from carvanamask.batch.watch import FolderWatcher
from carvanamask.batch.writers import FileWriter
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.data.kaggle_folder import PICTURE_ENDINGS
from carvanamask.data.picture_list import holds_results
from carvanamask.errors import ConfigError, printable
from carvanamask.io.storage import is_local
from carvanamask.model.model_file import ModelFile

PAUSES_PER_SCAN = 4
"""A pause lasts at least this many times as long as the scan before it: a huge folder isn't scanned all the time."""


@dataclass(frozen=True)
class Pace:
    """How often a folder is scanned, and when watching it ends."""

    every_seconds: float
    until_idle_seconds: float | None = None
    """End after so long with nothing new; None: never."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def watch(
    model: ModelFile,
    source: Path,
    writer: FileWriter,
    pace: Pace,
    options: BatchOptions = BatchOptions(),
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    """Scan `source` again and again, and write the result of every picture that is complete by then.

    A picture is complete when two scans find the same size and time. What is finished is known after a restart; what
    fails is tried again when its file changes. A `source` that isn't there is waited for, and so is a folder of results
    that can't be written for a while. Raises ConfigError where results would become input, and where their folder holds
    those of another model, version or options, or other pictures, and DiskError where it can't be written at the start.
    """
    out = writer.out
    _check_folders(source, out)
    batch = Batch(model, writer, options)
    with batch.journal_in(out, ()):
        pass
    watcher = FolderWatcher(batch, source, out, on_progress)
    idle_since = pace.clock()
    while True:
        started = pace.clock()
        arrived = watcher.scan()
        scan_seconds = pace.clock() - started
        is_busy = watcher.is_busy
        watcher.process(arrived)
        if is_busy:
            idle_since = pace.clock()
        elif pace.until_idle_seconds is not None and pace.clock() - idle_since >= pace.until_idle_seconds:
            return watcher.report()
        pace.sleep(max(pace.every_seconds, PAUSES_PER_SCAN * scan_seconds))


def _check_folders(source: Path, out: Path) -> None:
    """Raise ConfigError where results would be taken for arriving pictures, or mixed with other ones."""
    if not (is_local(source) and is_local(out)):
        return
    if source.is_file():
        raise ConfigError("is a file", "name the folder that it is in", source)
    if out.resolve() in (source.resolve(), *source.resolve().parents):
        raise ConfigError(
            "holds the watched pictures, so results can't go there",
            f"name a folder in or beside {printable(source)}",
            out,
        )
    if not holds_results(out):
        for path in out.rglob("[!.]*"):
            if path.suffix.lower() in PICTURE_ENDINGS:
                raise ConfigError(f"holds pictures already, like {printable(path)}", "name another folder", out)
