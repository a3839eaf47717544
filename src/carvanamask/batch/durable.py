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
from carvanamask.batch.shards import SHARD, Task, carry, cut_into_shards
from carvanamask.core.atomic_files import shown
from carvanamask.core.errors import ConfigError, nearest
from carvanamask.core.journal import Journal, Row, version_of
from carvanamask.core.model_file import ModelFile
from carvanamask.core.picture_tree import Entry, PictureTree
from carvanamask.core.pictures import content_of
from carvanamask.core.places import is_local, resolved
from carvanamask.inference.model import build_predictor
from carvanamask.inference.pipeline import Predicted, still_to_predict
from carvanamask.inference.predictor import Predictor

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
        work: Callable[[Predicted[Entry]], str],
        entries: Sequence[Entry],
        manner: Manner,
        problems: Sequence[tuple[str, str]] = (),
        predictor: Predictor | None = None,
    ) -> None:
        """`problems` are (picture, reason) pairs known before: they count as pictures that failed.

        `predictor` is an earlier batch's of the same model and device: building one takes seconds.
        """
        self.predictor = predictor or build_predictor(model, manner.device)
        self.task = Task(model, manner.device, self.predictor.arithmetic, work)
        self.entries, self.manner, self.problems = entries, manner, tuple(problems)
        self.versions = {entry.key: version_of(entry.picture) for entry in entries}
        if predictor is None:
            manner.say(f"engine: {self.predictor.engine}")

    def journal(self, path: Path) -> Journal:
        """The one that knows this batch's pictures; its key is the task's."""
        pictures = {entry.key: entry.picture for entry in self.entries}
        return Journal(path, self.task.key, self.versions, lambda name: content_of(pictures[name]))

    def run(self, journal: Journal, is_there: Callable[[Entry], bool] = lambda entry: True) -> Progress:
        """Do what is left and write it down. A finished picture whose results are no longer there is left, too."""
        started = time.monotonic()
        left = still_to_predict(
            self.predictor, self.entries, lambda entry: journal.holds(entry.key) and is_there(entry)
        )
        others = sum(journal.was_another(entry.key) for entry in left)
        if others:
            self.manner.say(f"{others} pictures are not those of the same names before: their results are replaced")
        on_progress, problems = self.manner.on_progress, self.problems
        progress = Progress(
            len(self.entries) + len(problems), len(self.entries) - len(left), done=len(problems), failures=problems
        )
        on_progress(progress)
        # few pictures in small shards, so that all who carry get some
        size = max(1, min(SHARD, len(left) // 32))
        shards = cut_into_shards(left, self.predictor.sees_views, size)
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
            f"{shown(out)} was begun with another model, version or options than '{model}' has now: "
            "name another --out, or remove that folder to do all of it again"
        )
    return batch.journal(mine)


class Writing(Protocol):
    """Work that leaves one file of every picture, and returns why a person should look at it, or ''."""

    def __call__(self, predicted: Predicted[Entry]) -> str: ...

    def path_of(self, entry: Entry) -> Path:
        """Where an entry's result goes."""
        ...


@dataclass(frozen=True)
class BatchReport:
    """What came of some pictures."""

    out: Path
    engine: str
    progress: Progress
    passed_over: dict[str, int]
    """How many files were no pictures, by their ending."""
    doubtful: tuple[tuple[str, str], ...] = ()
    """(picture, why) of finished ones that a person should look at."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "out": str(self.out),
            "engine": self.engine,
            **self.progress.to_dict(),
            "failures": dict(self.progress.failures),
            "passed_over": self.passed_over,
            "doubtful": dict(self.doubtful),
        }


def write_all(model: ModelFile, work: Writing, pictures: PictureTree, out: Path, manner: Manner) -> BatchReport:
    """A file of every picture in the folder `out`; called again only of those that are left.

    A picture that can't be read is reported and the others are done. Raises ConfigError where results would go among
    the pictures or replace other files, or where `out` holds results of another model, version or options, and
    DiskError for an `out` that can't be written.
    """
    _check_apart(work, pictures.entries)
    batch = Batch(model, work, pictures.entries, manner, pictures.problems)
    journal = journal_in(out, batch)
    if not journal.path.exists():
        _check_free(work, pictures.entries, out)
    with journal:
        progress = batch.run(journal, lambda entry: work.path_of(entry).exists())
        doubtful = doubtful_in(journal, [entry.key for entry in pictures.entries])
    return BatchReport(out, batch.predictor.engine, progress, pictures.passed_over, doubtful)


def _check_apart(work: Writing, entries: Sequence[Entry]) -> None:
    """A result beside a picture would be a picture itself next time."""
    real = cache(resolved)
    folders = {real(entry.picture.parent) for entry in entries}
    for folder in {work.path_of(entry).parent for entry in entries}:
        if real(folder) in folders:
            raise ConfigError(f"results can't go to {shown(folder)}, which holds pictures: name another --out")


def _check_free(work: Writing, entries: Sequence[Entry], out: Path) -> None:
    """Of a batch that begins here: what lies there already is somebody else's."""
    if not out.is_dir() or not any(out.iterdir()):  # a store would be asked for each
        return
    for entry in entries:
        path = work.path_of(entry)
        if path.exists():
            raise ConfigError(f"{shown(path)} is there already and no result of this batch: name another --out")


def doubtful_in(journal: Journal, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(picture, why) of those that are finished and doubtful, also by an earlier run."""
    finished = [name for name in names if journal.holds(name)]
    return tuple((name, why) for name, why in journal.values(finished) if why)
