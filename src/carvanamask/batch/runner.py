"""Run a batch: process the pictures that are left, and add each to the journal as it is finished."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from carvanamask.batch.executors import build_executor
from carvanamask.batch.journal import Journal, file_stamp
from carvanamask.batch.options import BatchOptions, OnError
from carvanamask.batch.shard import FinishedPicture, Outcome, Task, cut_into_shards
from carvanamask.batch.writers import ResultWriter
from carvanamask.core.progress import OnProgress, Progress, counted, ignore_progress
from carvanamask.data.picture_list import BatchItem, PictureList
from carvanamask.errors import ConfigError, DataError
from carvanamask.io.read import file_digest
from carvanamask.io.storage import is_local, resolved
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile

JOURNALS_OF_STORES = Path("~/.local/state/carvanamask")
"""Folder for the journals of results in a store such as s3://, where a file can't grow line by line."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchReport:
    """The outcome of a batch."""

    out: Path
    engine: str
    progress: Progress
    skipped: dict[str, int]
    """Number of files that were no pictures, by their ending."""
    needs_review: tuple[tuple[str, str], ...] = ()
    """(picture, review reason) of finished pictures whose result a person should check."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "out": str(self.out),
            "engine": self.engine,
            **self.progress.to_dict(),
            "failures": {picture: str(error) for picture, error in self.progress.failures},
            "skipped": self.skipped,
            "needs_review": dict(self.needs_review),
        }


class Batch:
    """A model that is ready to run, the writer of its results, and the options of the run."""

    def __init__(self, model: ModelFile, writer: ResultWriter, options: BatchOptions) -> None:
        """Build the predictor, which takes seconds. Raises ConfigError and ModelError as `build_predictor` does."""
        self.predictor = build_predictor(model, options.device)
        self.task = Task(model, options.device, self.predictor.arithmetic, writer)
        self.writer, self.options = writer, options
        self._start_executor = build_executor(self.task, self.predictor, options)
        log.info("engine: %s", self.predictor.engine)

    def run(self, pictures: PictureList, journal: Journal, on_progress: OnProgress = ignore_progress) -> Progress:
        """Process the pictures that aren't finished or whose results are gone, and add each to the journal.

        The problems of the list count as pictures that failed.
        """
        started = time.monotonic()
        left = [item for item in pictures.items if not (journal.is_finished(item.key) and self.has_result(item))]
        changed = sum(journal.has_changed(item.key) for item in left)
        if changed:
            pictures_changed = f"{counted(changed, 'picture')} {'has' if changed == 1 else 'have'} changed"
            log.warning("%s since the results were written: they are replaced", pictures_changed)
        problems = pictures.problems
        total = len(pictures.items) + len(problems)
        progress = Progress(total, len(problems), len(pictures.items) - len(left), problems)
        on_progress(progress)
        with self._start_executor() as executor:
            shards = cut_into_shards(left, executor.shard_size)
            running: set[Future[list[Outcome]]] = set()
            while progress.failures == problems or self.options.on_error is OnError.SKIP:
                running.update(map(executor.submit, islice(shards, max(0, executor.limit() - len(running)))))
                if not running:
                    break
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    outcomes = future.result()
                    progress = replace(
                        progress,
                        done=progress.done + len(outcomes),
                        failures=progress.failures + _add_finished(outcomes, journal),
                        seconds=time.monotonic() - started,
                    )
                    on_progress(progress)
        return replace(progress, seconds=time.monotonic() - started)

    def open_results(self, out: Path, items: Sequence[BatchItem]) -> Journal:
        """Return the journal of the folder `out` after checking that no result replaces a picture or another file.

        Raises ConfigError where one would, and as `journal_in` does.
        """
        self._check_apart_from_pictures(items)
        journal = self.journal_in(out, items)
        if not journal.path.exists():
            self._check_free(out, items)
        return journal

    def journal_in(self, out: Path, items: Sequence[BatchItem]) -> Journal:
        """Return the journal of a folder of results.

        A folder never holds a mixture: raises ConfigError where another model, version or options have left results.
        """
        folder = (
            out
            if is_local(out)
            else JOURNALS_OF_STORES.expanduser() / hashlib.sha256(str(out).encode()).hexdigest()[:16]
        )
        path = folder / f".{self.task.key}.journal"
        others = [other for other in folder.glob(".*.journal") if other != path]
        if others:
            name, prefix = self.task.model.card.name, self.task.key.partition("-")[0]
            is_same_model = any(other.name.startswith(f".{prefix}-") for other in others)
            raise ConfigError(
                f"holds results of '{name}' with other options or of another version"
                if is_same_model
                else f"holds results of another model than '{name}'",
                "name another --out, or remove that folder to process all pictures again",
                out,
            )
        return self.journal(path, items)

    def journal(self, path: Path, items: Sequence[BatchItem]) -> Journal:
        """Return the journal in the file `path`, which knows these pictures and this batch's key."""
        pictures = {item.key: item.picture for item in items}
        versions = {key: file_stamp(picture) for key, picture in pictures.items()}
        return Journal(path, self.task.key, versions, lambda key: file_digest(pictures[key]))

    def has_result(self, item: BatchItem) -> bool:
        """Return whether the file of an item's result is there, or none is written."""
        path = self.writer.path_of(item)
        return path is None or path.exists()

    def _check_apart_from_pictures(self, items: Sequence[BatchItem]) -> None:
        """Raise ConfigError for a result beside a picture: it would be a picture itself next time."""
        real = cache(resolved)
        folders = {real(item.picture.parent) for item in items}
        for folder in {path.parent for path in map(self.writer.path_of, items) if path is not None}:
            if real(folder) in folders:
                raise ConfigError("holds pictures, so results can't go there", "name another --out", folder)

    def _check_free(self, out: Path, items: Sequence[BatchItem]) -> None:
        """Raise ConfigError before the first run for a file with a result's name: it is somebody else's."""
        if not out.is_dir() or not any(out.iterdir()):  # in a store, each test of a file below is a request
            return
        for path in map(self.writer.path_of, items):
            if path is not None and path.exists():
                raise ConfigError("exists already and is no result of this batch", "name another --out", path)


def _add_finished(outcomes: Sequence[Outcome], journal: Journal) -> tuple[tuple[str, DataError], ...]:
    """Add the pictures that were finished to the journal; return the names and errors of the others."""
    for item, outcome in outcomes:
        if isinstance(outcome, FinishedPicture):
            journal.add(item.key, outcome.value, outcome.content_hash)
    return tuple((item.key, error) for item, error in outcomes if isinstance(error, DataError))


def review_reasons(journal: Journal, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return (picture, review reason) of the finished pictures that need review, also those of earlier runs."""
    return tuple((name, reason) for name in names if journal.is_finished(name) and (reason := journal.value(name)))
