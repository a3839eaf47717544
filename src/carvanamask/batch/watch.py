"""Watch a folder that pictures arrive in: find those that are complete, and keep their outcomes."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from carvanamask.batch.journal import file_stamp
from carvanamask.batch.runner import Batch, BatchReport, review_reasons
from carvanamask.core.progress import OnProgress, Progress
from carvanamask.data.picture_list import BatchItem, PictureList, list_pictures
from carvanamask.errors import CarvanaMaskError, DataError, DiskError
from carvanamask.io.atomic import disk_error

log = logging.getLogger(__name__)

Failures = tuple[tuple[str, CarvanaMaskError], ...]
"""(name, error) pairs, as in Progress."""


class Arrivals:
    """Tells the files that are complete from those that are still being copied, which change from scan to scan.

    A file that is gone is forgotten, so memory grows with the folder, not with the hours.
    """

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        self._finished: set[str] = set()

    def scan(self, versions: Mapping[str, str]) -> list[str]:
        """Return the names that have the same version as in the scan before and aren't finished."""
        unchanged = {name for name, version in versions.items() if self.is_unchanged(name, version)}
        self._finished &= unchanged
        self._versions = dict(versions)
        return [name for name in versions if name in unchanged and name not in self._finished]

    def mark_finished(self, names: Iterable[str]) -> None:
        """Leave these files out of the scans until they change."""
        self._finished.update(names)

    def retry(self, names: Iterable[str]) -> None:
        """Return these files in the next scan again."""
        self._finished.difference_update(names)

    def is_unchanged(self, name: str, version: str) -> bool:
        """Return whether the file had this version in the last scan."""
        return self._versions.get(name) == version

    @property
    def are_finished(self) -> bool:
        """Whether every file of the last scan is finished."""
        return len(self._finished) >= len(self._versions)


class FolderWatcher:
    """Keeps the state of a watched folder between two scans."""

    def __init__(self, batch: Batch, source: Path, out: Path, on_progress: OnProgress) -> None:
        self._batch, self._source, self._out, self._on_progress = batch, source, out, on_progress
        self._arrivals = Arrivals()
        self._past = Progress(0)
        """Progress of all rounds so far; its failures are the pictures that still fail."""
        self._problems: Failures | None = None
        """Problems of the last scan; None before the first."""
        self._lasting_problems: Failures = ()
        """Problems that the last two scans have in common: those of a single one may be a network share that answers
        slowly, or a folder that is being filled."""
        self._output_problems: Failures = ()
        """Why results can't be written at present."""
        self._skipped: dict[str, int] = {}
        self._known_endings: set[str] = set()
        self._needs_review: dict[str, str] = {}
        self._source_is_empty = False
        self._last_progress: Progress | None = None
        self.is_busy = False
        """Whether pictures of the last scan are still arriving or waiting."""

    def scan(self) -> list[BatchItem]:
        """Return the pictures that are complete by now and have to be processed."""
        found = self._list_source()
        self._lasting_problems = tuple(p for p in found.problems if self._problems is None or p in self._problems)
        self._problems, source_was_empty = found.problems, self._source_is_empty
        # a share that isn't mounted looks like an empty folder: what is known of it is kept
        self._source_is_empty = not found.items
        self._log_skipped(found)
        arrived: list[BatchItem] = []
        if not self._source_is_empty:
            failed = {name for name, _ in self._past.failures}
            if source_was_empty:  # what failed may have failed because the share was leaving
                self._arrivals.retry(failed)
            versions = {item.key: _arrival_version(item) for item in found.items}
            names = set(self._arrivals.scan({name: version for name, version in versions.items() if version}))
            self._past = without(self._past, failed - versions.keys())
            arrived = [item for item in found.items if item.key in names]
        self.is_busy = not (self._source_is_empty or self._arrivals.are_finished or self._output_problems)
        self._report_progress()
        return arrived

    def process(self, arrived: Sequence[BatchItem]) -> None:
        """Process these pictures; where `out` can't be written they are tried again in the next round."""
        if not arrived:
            return
        items, before = {item.key: item for item in arrived}, self._past
        past = without(before, items)

        @cache
        def is_incomplete(name: str) -> bool:
            """Return whether a picture failed because it is gone, or is written again."""
            return not self._arrivals.is_unchanged(name, _arrival_version(items[name]))

        def on_progress(news: Progress) -> None:
            self._past = add(past, without(news, {name for name, _ in news.failures if is_incomplete(name)}))
            self._report_progress()

        try:
            with self._batch.journal_in(self._out, arrived) as journal:
                progress = self._batch.run(PictureList(tuple(arrived)), journal, on_progress)
                on_progress(progress)
                for name in items:
                    self._needs_review.pop(name, None)
                self._needs_review.update(review_reasons(journal, sorted(items)))
        except (DiskError, OSError) as error:
            problem = error if isinstance(error, DiskError) else disk_error(self._out, error)
            # the next round finds finished what this one finished
            self._past = before
            self._output_problems = self._output_problems or ((str(self._out), problem),)
        else:
            self._output_problems = ()
            self._arrivals.mark_finished(items.keys() - {name for name, _ in progress.failures if is_incomplete(name)})
        self._report_progress()

    def report(self) -> BatchReport:
        """Return what became of all pictures since the start."""
        engine, needs_review = self._batch.predictor.engine, tuple(self._needs_review.items())
        return BatchReport(self._out, engine, self._progress(), self._skipped, needs_review)

    def _list_source(self) -> PictureList:
        try:
            if self._source.is_dir():
                return list_pictures([self._source], self._out)
            problem = DataError("isn't there", "waiting for the folder", self._source)
        except DataError as error:  # gone in between
            problem = error
        except OSError as error:
            problem = DataError(f"can't be read ({error.strerror or error})", "waiting for it", self._source)
        return PictureList((), ((str(self._source), problem),))

    def _log_skipped(self, found: PictureList) -> None:
        """Log each new ending once, so that whoever copies only raw pictures learns why nothing happens."""
        new = sorted(found.skipped.keys() - self._known_endings)
        if new:
            log.info("skipped: %s", " ".join(new))
        self._skipped = found.skipped
        self._known_endings.update(new)

    def _progress(self) -> Progress:
        problems = self._lasting_problems + self._output_problems
        return add(self._past, Progress(len(problems), len(problems), failures=problems))

    def _report_progress(self) -> None:
        progress = self._progress()
        if progress != self._last_progress:
            self._last_progress = progress
            self._on_progress(progress)


def add(earlier: Progress, later: Progress) -> Progress:
    """Return the progress of two rounds together."""
    return Progress(
        earlier.total + later.total,
        earlier.done + later.done,
        earlier.kept + later.kept,
        earlier.failures + later.failures,
        earlier.seconds + later.seconds,
    )


def without(progress: Progress, names: Container[str]) -> Progress:
    """Return the progress as if the pictures of these names that failed had not been tried."""
    failures = tuple(failure for failure in progress.failures if failure[0] not in names)
    fewer = len(progress.failures) - len(failures)
    return replace(progress, total=progress.total - fewer, done=progress.done - fewer, failures=failures)


def _arrival_version(item: BatchItem) -> str:
    """Return the version of the picture and the name of its result; '' for a picture that is gone."""
    version = file_stamp(item.picture)
    # another file beside it can change the name of its result
    return version and f"{version} {item.output_name}"
