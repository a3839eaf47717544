"""One batch from beginning to end: only what is left is done, and what is done is written down as it comes."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from carvanamask.batch.executors import build_executor
from carvanamask.batch.journal import Journal, Row, version_of
from carvanamask.batch.options import BatchOptions, OnError
from carvanamask.batch.pipeline import Predicted
from carvanamask.batch.shard import SHARD, Task, cut_into_shards
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.picture_list import BatchItem, PictureList
from carvanamask.errors import CarvanaMaskError, ConfigError, printable
from carvanamask.io.read import file_digest
from carvanamask.io.storage import is_local, resolved
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import Predictor

STATE = Path("~/.local/state/carvanamask")
"""What this user's runs keep of themselves where their results can't."""

log = logging.getLogger(__name__)


class Batch:
    """Some pictures and what is done with each."""

    def __init__(
        self,
        model: ModelFile,
        work: Callable[[Predicted[BatchItem]], str],
        items: Sequence[BatchItem],
        options: BatchOptions,
        on_progress: OnProgress = ignore_progress,
        problems: Sequence[tuple[str, CarvanaMaskError]] = (),
        predictor: Predictor | None = None,
    ) -> None:
        """`problems` are (picture, error) pairs known before: they count as pictures that failed.

        `predictor` is an earlier batch's of the same model and device: building one takes seconds.
        """
        self.predictor = predictor or build_predictor(model, options.device)
        self.task = Task(model, options.device, self.predictor.arithmetic, work)
        self.items, self.options, self.on_progress, self.problems = items, options, on_progress, tuple(problems)
        self.executor = build_executor(options)
        self.versions = {item.key: version_of(item.picture) for item in items}
        if predictor is None:
            log.info("engine: %s", self.predictor.engine)

    def journal(self, path: Path) -> Journal:
        """The one that knows this batch's pictures; its key is the task's."""
        pictures = {item.key: item.picture for item in self.items}
        return Journal(path, self.task.key, self.versions, lambda name: file_digest(pictures[name]))

    def run(self, journal: Journal, is_there: Callable[[BatchItem], bool] = lambda item: True) -> Progress:
        """Do what is left and write it down. A finished picture whose results are no longer there is left, too."""
        started = time.monotonic()
        left = [item for item in self.items if not (journal.holds(item.key) and is_there(item))]
        others = sum(journal.was_another(item.key) for item in left)
        if others:
            log.warning("%d pictures differ from those of the same names before: their results are replaced", others)
        on_progress, problems = self.on_progress, self.problems
        progress = Progress(len(self.items) + len(problems), len(problems), len(self.items) - len(left), problems)
        on_progress(progress)
        # few pictures in small shards, so that all who carry get some
        size = max(1, min(SHARD, len(left) // 32))
        shards = cut_into_shards(left, size)
        with closing(self.executor(self.task, self.predictor, shards)) as finished:
            for outcomes in finished:
                rows = [
                    Row(outcome.key, self.versions[outcome.key], outcome.content, outcome.value)
                    for outcome in outcomes
                    if not outcome.error
                ]
                if rows:
                    journal.add(rows)
                failures = tuple((outcome.key, outcome.error) for outcome in outcomes if outcome.error)
                progress = replace(
                    progress,
                    done=progress.done + len(outcomes),
                    failures=progress.failures + failures,
                    seconds=time.monotonic() - started,
                )
                on_progress(progress)
                if failures and self.options.on_error is OnError.STOP:
                    break
        return replace(progress, seconds=time.monotonic() - started)


def journal_in(out: Path, batch: Batch) -> Journal:
    """The journal of a folder of results; raises ConfigError where results of another kind lie.

    Another model, version or option, another result: a folder never holds a mixture. A store's journal is in this
    user's home, since a store's files can't grow.
    """
    folder = out if is_local(out) else STATE.expanduser() / hashlib.sha256(str(out).encode()).hexdigest()[:16]
    mine = folder / f".{batch.task.key}.journal"
    others = sorted(path for path in folder.glob(".*.journal") if path != mine)
    if others:
        model = batch.task.model.card.name
        raise ConfigError(
            f"{printable(out)} was begun with another model, version or options than '{model}' has now: "
            "name another --out, or remove that folder to do all of it again"
        )
    return batch.journal(mine)


class ResultWriter(Protocol):
    """Work that leaves one file of every picture, and returns why a person should look at it, or ''."""

    def __call__(self, predicted: Predicted[BatchItem]) -> str: ...

    def path_of(self, item: BatchItem) -> Path:
        """Where an item's result goes."""
        ...


@dataclass(frozen=True)
class BatchReport:
    """What came of some pictures."""

    out: Path
    engine: str
    progress: Progress
    skipped: dict[str, int]
    """How many files were no pictures, by their ending."""
    needs_review: tuple[tuple[str, str], ...] = ()
    """(picture, why) of finished ones that a person should look at."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "out": str(self.out),
            "engine": self.engine,
            **self.progress.to_dict(),
            "failures": {picture: str(error) for picture, error in self.progress.failures},
            "skipped": self.skipped,
            "needs_review": dict(self.needs_review),
        }


def write_all(
    model: ModelFile,
    work: ResultWriter,
    pictures: PictureList,
    out: Path,
    options: BatchOptions,
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    """A file of every picture in the folder `out`; called again only of those that are left.

    A picture that can't be read is reported and the others are done. Raises ConfigError where results would go among
    the pictures or replace other files, or where `out` holds results of another model, version or options, and
    DiskError for an `out` that can't be written.
    """
    _check_apart(work, pictures.items)
    batch = Batch(model, work, pictures.items, options, on_progress, pictures.problems)
    journal = journal_in(out, batch)
    if not journal.path.exists():
        _check_free(work, pictures.items, out)
    with journal:
        progress = batch.run(journal, lambda item: work.path_of(item).exists())
        needs_review = review_reasons_in(journal, [item.key for item in pictures.items])
    return BatchReport(out, batch.predictor.engine, progress, pictures.skipped, needs_review)


def _check_apart(work: ResultWriter, items: Sequence[BatchItem]) -> None:
    """A result beside a picture would be a picture itself next time."""
    real = cache(resolved)
    folders = {real(item.picture.parent) for item in items}
    for folder in {work.path_of(item).parent for item in items}:
        if real(folder) in folders:
            raise ConfigError(f"results can't go to {printable(folder)}, which holds pictures: name another --out")


def _check_free(work: ResultWriter, items: Sequence[BatchItem], out: Path) -> None:
    """Of a batch that begins here: what lies there already is somebody else's."""
    if not out.is_dir() or not any(out.iterdir()):  # a store would be asked for each
        return
    for item in items:
        path = work.path_of(item)
        if path.exists():
            raise ConfigError(f"{printable(path)} is there already and no result of this batch: name another --out")


def review_reasons_in(journal: Journal, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(picture, why) of those that are finished and needs_review, also by an earlier run."""
    finished = [name for name in names if journal.holds(name)]
    return tuple((name, why) for name, why in journal.values(finished) if why)
