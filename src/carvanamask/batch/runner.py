"""One batch from beginning to end: only what is left is done, and what is done is written down as it comes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Container, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

from carvanamask.batch.executors import Executor
from carvanamask.batch.journal import Journal, Row, version_of
from carvanamask.batch.pipeline import Predicted
from carvanamask.batch.shard import SHARD, Task, carry, cut_into_shards
from carvanamask.data.picture_list import BatchItem, PictureList
from carvanamask.errors import ConfigError, nearest, printable
from carvanamask.io.pictures import content_of
from carvanamask.io.storage import is_local, resolved
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import Predictor

STATE = Path("~/.local/state/carvanamask")
"""What this user's runs keep of themselves where their results can't."""

OnError = Literal["skip", "stop"]
"""After a picture that failed: go on with the others, or hand out no more."""


ON_ERROR: dict[str, OnError] = {"skip": "skip", "stop": "stop"}


def check_on_error(word: str) -> OnError:
    """Raises ConfigError for another word."""
    if word not in ON_ERROR:
        raise ConfigError(f"--on-error {word}: must be {' or '.join(ON_ERROR)}{nearest(word, ON_ERROR)}")
    return ON_ERROR[word]


@dataclass(frozen=True)
class Progress:
    """Where a batch stands."""

    total: int
    kept: int
    """Pictures that an earlier run had finished."""
    done: int = 0
    """Pictures that this one did, failed ones among them."""
    failures: tuple[tuple[str, str], ...] = ()
    """(picture, reason) pairs, as they came."""
    seconds: float = 0.0

    @property
    def pictures_per_second(self) -> float:
        """Of this run's own pictures."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """At the rate so far; None before there is one."""
        left = self.total - self.kept - self.done
        # pictures known to be bad before the start are done in no time
        return left / self.pictures_per_second if self.pictures_per_second else None

    @property
    def is_through(self) -> bool:
        """Whether every picture was tried."""
        return self.kept + self.done == self.total

    @property
    def is_whole(self) -> bool:
        """Whether every picture is finished."""
        return self.is_through and not self.failures

    def __add__(self, later: Progress) -> Progress:
        """Of both together, one done after the other."""
        return Progress(
            self.total + later.total,
            self.kept + later.kept,
            self.done + later.done,
            self.failures + later.failures,
            self.seconds + later.seconds,
        )

    def without(self, pictures: Container[str]) -> Progress:
        """As if those of the pictures that failed had not been tried."""
        failures = tuple(failure for failure in self.failures if failure[0] not in pictures)
        fewer = len(self.failures) - len(failures)
        return replace(self, total=self.total - fewer, done=self.done - fewer, failures=failures)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        left = self.seconds_left
        return {
            "pictures": self.total,
            "kept": self.kept,
            "done": self.done,
            "failed": len(self.failures),
            "seconds": round(self.seconds, 3),
            "pictures_per_second": round(self.pictures_per_second, 3),
            "seconds_left": None if left is None else round(left, 1),
        }


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Manner:
    """How a batch is done, whatever is done in it."""

    device: str = "auto"
    executor: Executor = carry
    on_error: OnError = "skip"
    on_progress: OnProgress = lambda progress: None
    say: Callable[[str], None] = lambda line: None
    """Told of the engine and of what has no bar."""


class Batch:
    """Some pictures and what is done with each."""

    def __init__(
        self,
        model: ModelFile,
        work: Callable[[Predicted[BatchItem]], str],
        items: Sequence[BatchItem],
        manner: Manner,
        problems: Sequence[tuple[str, str]] = (),
        predictor: Predictor | None = None,
    ) -> None:
        """`problems` are (picture, reason) pairs known before: they count as pictures that failed.

        `predictor` is an earlier batch's of the same model and device: building one takes seconds.
        """
        self.predictor = predictor or build_predictor(model, manner.device)
        self.task = Task(model, manner.device, self.predictor.arithmetic, work)
        self.items, self.manner, self.problems = items, manner, tuple(problems)
        self.versions = {item.key: version_of(item.picture) for item in items}
        if predictor is None:
            manner.say(f"engine: {self.predictor.engine}")

    def journal(self, path: Path) -> Journal:
        """The one that knows this batch's pictures; its key is the task's."""
        pictures = {item.key: item.picture for item in self.items}
        return Journal(path, self.task.key, self.versions, lambda name: content_of(pictures[name]))

    def run(self, journal: Journal, is_there: Callable[[BatchItem], bool] = lambda item: True) -> Progress:
        """Do what is left and write it down. A finished picture whose results are no longer there is left, too."""
        started = time.monotonic()
        left = [item for item in self.items if not (journal.holds(item.key) and is_there(item))]
        others = sum(journal.was_another(item.key) for item in left)
        if others:
            self.manner.say(f"{others} pictures are not those of the same names before: their results are replaced")
        on_progress, problems = self.manner.on_progress, self.problems
        progress = Progress(
            len(self.items) + len(problems), len(self.items) - len(left), done=len(problems), failures=problems
        )
        on_progress(progress)
        # few pictures in small shards, so that all who carry get some
        size = max(1, min(SHARD, len(left) // 32))
        shards = cut_into_shards(left, size)
        with closing(self.manner.executor(self.task, self.predictor, shards)) as finished:
            for outcomes in finished:
                rows = [
                    Row(outcome.key, self.versions[outcome.key], outcome.content, outcome.value)
                    for outcome in outcomes
                    if not outcome.reason
                ]
                if rows:
                    journal.add(rows)
                failures = tuple((outcome.key, outcome.reason) for outcome in outcomes if outcome.reason)
                progress = replace(
                    progress,
                    done=progress.done + len(outcomes),
                    failures=progress.failures + failures,
                    seconds=time.monotonic() - started,
                )
                on_progress(progress)
                if failures and self.manner.on_error == "stop":
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
            "failures": dict(self.progress.failures),
            "skipped": self.skipped,
            "needs_review": dict(self.needs_review),
        }


def write_all(model: ModelFile, work: ResultWriter, pictures: PictureList, out: Path, manner: Manner) -> BatchReport:
    """A file of every picture in the folder `out`; called again only of those that are left.

    A picture that can't be read is reported and the others are done. Raises ConfigError where results would go among
    the pictures or replace other files, or where `out` holds results of another model, version or options, and
    DiskError for an `out` that can't be written.
    """
    _check_apart(work, pictures.items)
    batch = Batch(model, work, pictures.items, manner, pictures.problems)
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
