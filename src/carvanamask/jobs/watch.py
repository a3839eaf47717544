"""A folder that pictures arrive in → a result for each as it comes, for as long as it is wanted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from carvanamask.batch.arrivals import Arrivals
from carvanamask.batch.journal import version_of
from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch, BatchReport, ResultWriter, journal_in, review_reasons_in
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import PICTURE_ENDINGS
from carvanamask.data.picture_list import BatchItem, PictureList, holds_results, list_pictures
from carvanamask.errors import CarvanaMaskError, ConfigError, DataError, DiskError, printable
from carvanamask.io.atomic import disk_error
from carvanamask.io.storage import is_local
from carvanamask.model.model_file import ModelFile

Problems = tuple[tuple[str, CarvanaMaskError], ...]
log = logging.getLogger(__name__)
"""(what, why) pairs."""

PAUSE_A_LOOK = 4
"""A pause lasts at least this many times as long as the look before it: a huge folder isn't looked at all the time."""


@dataclass(frozen=True)
class Pace:
    """When a watcher looks, and when it has looked enough."""

    every_seconds: float
    until_idle_seconds: float | None = None
    """Ends after that long with nothing new; None: never."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def watch(
    model: ModelFile,
    source: Path,
    work: ResultWriter,
    out: Path,
    pace: Pace,
    options: BatchOptions | None = None,
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    """Look into `source` again and again, and do `work` with every picture that has arrived whole since.

    A picture is whole when two looks find the same size and time. What is finished is known after a restart; what
    fails is tried again when its file changes. A `source` that isn't there is waited for, and so is an `out` that
    can't be written for a while. Raises ConfigError where results would become input, and where `out` holds results of
    another model, version or options, or other pictures, and DiskError for an `out` that can't be written from the
    first.
    """
    _check_apart(source, out)
    first = Batch(model, work, (), options or BatchOptions(), on_progress)
    with journal_in(out, first):
        pass
    watcher = _Watcher(first, source, work, out)
    quiet_since = pace.clock()
    while True:
        started = pace.clock()
        arrived = watcher.look()
        seconds = pace.clock() - started
        is_busy = watcher.is_busy
        watcher.cut(arrived)
        if is_busy:
            quiet_since = pace.clock()
        elif pace.until_idle_seconds is not None and pace.clock() - quiet_since >= pace.until_idle_seconds:
            return watcher.report()
        pace.sleep(max(pace.every_seconds, PAUSE_A_LOOK * seconds))


class _Watcher:
    """What is known between two looks."""

    def __init__(self, first: Batch, source: Path, work: ResultWriter, out: Path) -> None:
        self._first, self._source, self._work, self._out = first, source, work, out
        self._arrivals = Arrivals()
        self._past = Progress(0, 0)
        """Of the rounds so far; its failures are the pictures that still fail."""
        self._problems: Problems | None = None
        """Of the last look."""
        self._standing: Problems = ()
        """Of the last two: one look's alone may be a share that hesitates, or a folder that is being filled."""
        self._blocked: Problems = ()
        """Why results can't be written at present."""
        self._passed_over: dict[str, int] = {}
        self._doubtful: dict[str, str] = {}
        self._endings: set[str] = set()
        self._is_away = self.is_busy = False
        self._told: Progress | None = None

    def report(self) -> BatchReport:
        needs_review = tuple(self._doubtful.items())
        return BatchReport(self._out, self._first.predictor.engine, self._progress(), self._passed_over, needs_review)

    def look(self) -> list[BatchItem]:
        """The pictures that are whole by now and not done; `is_busy` tells whether any are on their way."""
        tree = self._find()
        self._standing = tuple(p for p in tree.problems if self._problems is None or p in self._problems)
        self._problems, was_away = tree.problems, self._is_away
        # a share that isn't mounted looks like an empty folder: what is known of it is kept
        self._is_away = not tree.items
        self._say_passed_over(tree)
        arrived: list[BatchItem] = []
        if not self._is_away:
            failed = {picture for picture, _ in self._past.failures}
            if was_away:  # what failed may have failed because the share was leaving
                self._arrivals.forget(failed)
            marks = {item.key: _mark(item) for item in tree.items}
            names = set(self._arrivals.look({name: mark for name, mark in marks.items() if mark}))
            self._past = without(self._past, failed - marks.keys())
            arrived = [item for item in tree.items if item.key in names]
        self.is_busy = not (self._is_away or self._arrivals.is_through or self._blocked)
        self._tell()
        return arrived

    def cut(self, arrived: Sequence[BatchItem]) -> None:
        """Do these. An `out` that can't be written is told of once, and they stay to be done."""
        if not arrived:
            return
        names, before = {item.key for item in arrived}, self._past
        past = without(before, names)
        by_name = {item.key: item for item in arrived}
        unsettled: dict[str, bool] = {}

        def on_progress(news: Progress) -> None:
            # what fails because it is gone, or written again, wasn't whole
            for picture, _ in news.failures:
                if picture not in unsettled:
                    unsettled[picture] = not self._arrivals.is_as_seen(picture, _mark(by_name[picture]))
            self._past = add(
                past, without(news, {picture for picture, is_unsettled in unsettled.items() if is_unsettled})
            )
            self._tell()

        batch = Batch(
            self._first.task.model,
            self._work,
            arrived,
            self._first.options,
            on_progress,
            predictor=self._first.predictor,
        )
        try:
            with journal_in(self._out, batch) as journal:
                on_progress(batch.run(journal, lambda item: self._work.path_of(item).exists()))
                self._doubtful = {name: why for name, why in self._doubtful.items() if name not in names}
                self._doubtful.update(review_reasons_in(journal, sorted(names)))
        except (DiskError, OSError) as error:
            reason = error if isinstance(error, DiskError) else disk_error(self._out, error)
            # what this round finished, the next one finds finished
            self._past = before
            self._blocked = self._blocked or ((str(self._out), reason),)
        else:
            self._blocked = ()
            self._arrivals.finish(name for name in names if not unsettled.get(name))
        self._tell()

    def _find(self) -> PictureList:
        try:
            if self._source.is_dir():
                return list_pictures([self._source], self._out)
            problem = DataError("isn't there", "waiting for the folder", self._source)
        except DataError as error:  # gone in between
            problem = error
        except OSError as error:
            problem = DataError(f"can't be read ({error.strerror or error})", "waiting for it", self._source)
        return PictureList((), ((str(self._source), problem),), {})

    def _say_passed_over(self, tree: PictureList) -> None:
        """A camera that takes raw pictures alone would else wait for ever, and nobody would know why."""
        new = sorted(tree.skipped.keys() - self._endings)
        if new:
            log.info("skipped: %s", " ".join(new))
        self._passed_over = tree.skipped
        self._endings.update(new)

    def _progress(self) -> Progress:
        problems = self._standing + self._blocked
        return add(self._past, Progress(len(problems), done=len(problems), failures=problems))

    def _tell(self) -> None:
        news = self._progress()
        if news != self._told:
            self._told = news
            self._first.on_progress(news)


def _mark(item: BatchItem) -> str:
    """'' for a picture that is gone."""
    version = version_of(item.picture)
    # also where its result goes: another file beside it can make that another name
    return version and f"{version} {item.output_name}"


def _check_apart(source: Path, out: Path) -> None:
    if not (is_local(source) and is_local(out)):
        return
    if source.is_file():
        raise ConfigError(f"{printable(source)} is a file: name the folder that it is in")
    if out.resolve() in (source.resolve(), *source.resolve().parents):
        raise ConfigError(
            f"results can't go to {printable(out)}, which holds the watched pictures: name a folder in or beside "
            f"{printable(source)}"
        )
    if not holds_results(out):
        for path in out.rglob("[!.]*"):
            if path.suffix.lower() in PICTURE_ENDINGS:
                raise ConfigError(
                    f"{printable(out)} holds pictures already, like {printable(path)}: name another folder"
                )


def add(earlier: Progress, later: Progress) -> Progress:
    """Return the progress of two rounds together."""
    return Progress(
        earlier.total + later.total,
        earlier.done + later.done,
        earlier.kept + later.kept,
        earlier.failures + later.failures,
        earlier.seconds + later.seconds,
    )


def without(progress: Progress, pictures: Container[str]) -> Progress:
    """Return the progress as if those of the pictures that failed had not been tried."""
    failures = tuple(failure for failure in progress.failures if failure[0] not in pictures)
    fewer = len(progress.failures) - len(failures)
    return replace(progress, total=progress.total - fewer, done=progress.done - fewer, failures=failures)
