"""A watched folder, scan by scan: the test says what happens between two scans, and no test sleeps."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from bright_cars import put, tree
from brightness_model import save_brightness_model
from carvanamask.batch.journal import Journal
from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch, BatchReport
from carvanamask.batch.writers import CutoutWriter, FileWriter, MaskWriter, ProbabilityWriter
from carvanamask.core.progress import Progress
from carvanamask.data.picture_list import BatchItem, find_pictures, list_pictures
from carvanamask.errors import ConfigError, DiskError, PictureError
from carvanamask.io.read import load_picture_with_digest
from carvanamask.jobs.predict import predict
from carvanamask.jobs.watch import Pace, watch
from carvanamask.model.build import build_predictor
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import Predictor

Between = Callable[[], object]


def nothing() -> None:
    pass


@dataclass
class Studio:
    """Two folders, and one that watches them; `watch` takes what happens after each scan."""

    root: Path
    model: ModelFile
    news: list[Progress] = field(default_factory=list)

    @property
    def source(self) -> Path:
        return self.root / "in"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def watch(self, *between: Between, out: Path | None = None) -> BatchReport:
        """Ends when two scans after the last event found nothing new."""
        events: Iterator[Between] = iter(between)
        now = 0.0

        def sleep(seconds: float) -> None:
            nonlocal now
            event = next(events, None)
            # time stands still until everything has happened
            now += seconds if event is None else 0.0
            (event or nothing)()

        out = out or self.out
        writer = CutoutWriter(self.model.card, out)
        pace, options = Pace(1.0, 2.0, sleep, lambda: now), BatchOptions(Device.CPU)
        return watch(self.model, self.source, writer, pace, options, self.news.append)

    def times_reported(self, picture: str) -> int:
        """How often a failure appeared among the failures."""
        was = [any(name == picture for name, _ in news.failures) for news in self.news]
        return sum(now and not before for before, now in zip([False, *was], was, strict=False))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    (tmp_path / "in").mkdir()
    return Studio(tmp_path, save_brightness_model(tmp_path / "model", input_size_wh=(24, 16)))


def test_results_are_those_of_cutout(studio: Studio) -> None:
    report = studio.watch(
        lambda: put(studio.source / "1.jpg"),
        lambda: put(studio.source / "monday" / "late" / "2.png", column=8),
        nothing,
        lambda: put(studio.source / "monday" / "3.jpg", column=3),
    )
    assert (report.progress.done, report.progress.kept, report.progress.failures) == (3, 0, ())
    predict(studio.model, find_pictures([studio.source]), CutoutWriter(studio.model.card, studio.root / "straight"))
    assert tree(studio.out) == tree(studio.root / "straight")


@pytest.mark.parametrize("result", [MaskWriter, ProbabilityWriter])
def test_results_are_those_of_predict(studio: Studio, result: type[FileWriter]) -> None:
    put(studio.source / "day" / "1.jpg")
    times = iter(range(100))
    watched, straight = (result(studio.model.card, studio.root / name) for name in ("watched", "straight"))
    pace = Pace(1.0, 2.0, sleep=lambda seconds: None, clock=lambda: next(times))
    watch(studio.model, studio.source, watched, pace)
    predict(studio.model, find_pictures([studio.source]), straight)
    assert tree(studio.root / "watched") == tree(studio.root / "straight") != {}


def test_growing_picture_is_not_read(studio: Studio) -> None:
    complete = put(studio.root / "whole.png").read_bytes()
    growing = studio.source / "1.png"

    def copy(size: int) -> Between:
        def write() -> None:
            assert tree(studio.out) == {}
            growing.write_bytes(complete[:size])

        return write

    report = studio.watch(*(copy(size) for size in range(0, len(complete), len(complete) // 6)), copy(len(complete)))
    assert report.progress.failures == ()
    assert report.progress.done == 1
    assert studio.times_reported("1.png") == 0
    assert (studio.out / "1.png").exists()


def test_hidden_file_waits_until_renamed(studio: Studio) -> None:
    hidden = put(studio.source / ".1.jpg.tmp.jpg")
    report = studio.watch(nothing, nothing, lambda: hidden.rename(studio.source / "1.jpg"))
    assert list(tree(studio.out)) == ["1.png"]
    assert report.progress.done == 1


def test_file_that_vanishes_between_scans_is_no_error(studio: Studio) -> None:
    put(studio.source / "stays.jpg")
    report = studio.watch(lambda: put(studio.source / "goes.jpg"), lambda: (studio.source / "goes.jpg").unlink())
    assert (report.progress.total, report.progress.failures) == (1, ())


def test_file_that_vanishes_while_read_is_no_error(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    goes = put(studio.source / "goes.jpg")
    put(studio.source / "stays.jpg")
    journal_in = Batch.journal_in

    def vanish(batch: Batch, out: Path, items: Sequence[BatchItem]) -> Journal:
        if goes.exists() and items:
            goes.unlink()
            monkeypatch.undo()
        return journal_in(batch, out, items)

    monkeypatch.setattr(Batch, "journal_in", vanish)
    report = studio.watch(nothing, nothing, lambda: put(goes))
    assert (report.progress.done, report.progress.failures) == (2, ())
    assert studio.times_reported("goes.jpg") == 0


def test_bad_picture_is_reported_once_per_change(studio: Studio) -> None:
    complete = put(studio.root / "whole.jpg").read_bytes()
    bad = studio.source / "bad.jpg"
    put(studio.source / "good.jpg")
    bad.write_bytes(complete[:-60])
    report = studio.watch(*[nothing] * 6)
    assert (report.progress.done, len(report.progress.failures)) == (2, 1)
    assert studio.times_reported("bad.jpg") == 1
    studio.news.clear()
    report = studio.watch(
        *[nothing] * 3, lambda: bad.write_bytes(complete[:-50]), *[nothing] * 4, lambda: bad.write_bytes(complete)
    )
    assert studio.times_reported("bad.jpg") == 2
    assert (report.progress.done, report.progress.kept, report.progress.failures) == (1, 1, ())
    assert list(tree(studio.out)) == ["bad.png", "good.png"]


def test_restart_and_cutout_continue_with_the_folder(studio: Studio) -> None:
    for number in range(3):
        put(studio.source / f"{number}.jpg")
    assert studio.watch().progress.done == 3
    times = {path: path.stat().st_mtime_ns for path in studio.out.iterdir() if path.suffix == ".png"}
    put(studio.source / "new.jpg")
    report = studio.watch()
    assert (report.progress.kept, report.progress.done) == (3, 1)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert (
        predict(studio.model, find_pictures([studio.source]), CutoutWriter(studio.model.card, studio.out)).progress.kept
        == 4
    )


def test_changed_picture_is_cut_out_again_a_touched_one_not(studio: Studio) -> None:
    changed, touched = put(studio.source / "changed.jpg"), put(studio.source / "touched.jpg")
    before = studio.root / "before"
    studio.watch(
        nothing,
        nothing,
        lambda: shutil.copytree(studio.out, before),
        lambda: put(changed, column=2),
        lambda: os.utime(touched, (1, 1)),
    )
    assert tree(studio.out)["changed.png"] != tree(before)["changed.png"]
    assert (before / "touched.png").stat().st_mtime_ns == (studio.out / "touched.png").stat().st_mtime_ns


def test_inputs_stay_unchanged(studio: Studio) -> None:
    put(studio.source / "1.jpg")
    (studio.source / "bad.jpg").write_bytes(b"bad")
    before = tree(studio.source)
    studio.watch()
    assert tree(studio.source) == before


def test_the_predictor_is_built_once(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Predictor] = []

    def counting(*words: object) -> Predictor:
        built.append(build_predictor(*words))  # type: ignore[arg-type]
        return built[-1]

    monkeypatch.setattr("carvanamask.batch.runner.build_predictor", counting)
    report = studio.watch(lambda: put(studio.source / "1.jpg"), nothing, nothing, lambda: put(studio.source / "2.jpg"))
    assert report.progress.done == 2
    assert len(built) == 1


def test_missing_folder_is_reported_once_and_waited_for(studio: Studio) -> None:
    studio.source.rmdir()
    report = studio.watch(nothing, nothing, lambda: put(studio.source / "1.jpg"))
    assert studio.times_reported(str(studio.source)) == 1
    assert (report.progress.done, report.progress.failures) == (1, ())


def test_folder_that_never_comes_is_a_failure(studio: Studio) -> None:
    studio.source.rmdir()
    ((_, error),) = studio.watch().progress.failures
    assert "isn't there: waiting for the folder" in str(error)


@pytest.mark.parametrize("is_mount_point_left", [False, True])
def test_share_that_goes_away_for_a_while(studio: Studio, is_mount_point_left: bool) -> None:
    put(studio.source / "1.jpg")
    elsewhere = studio.root / "elsewhere"

    def leave() -> None:
        studio.source.rename(elsewhere)
        if is_mount_point_left:
            studio.source.mkdir()

    def come_back() -> None:
        if is_mount_point_left:
            studio.source.rmdir()
        elsewhere.rename(studio.source)

    report = studio.watch(
        nothing, leave, *[nothing] * 3, lambda: put(elsewhere / "2.jpg"), come_back, nothing, leave, come_back
    )
    assert (report.progress.done, report.progress.kept, report.progress.failures) == (2, 0, ())
    # the second time it is away for one scan only
    assert studio.times_reported(str(studio.source)) == (0 if is_mount_point_left else 1)


def test_failures_of_a_leaving_share_are_retried(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    put(studio.source / "1.jpg")
    is_hanging = True

    def hang(path: Path) -> tuple[np.ndarray, str]:
        if is_hanging:
            raise PictureError(f"{path} can't be read (Input/output error): check its name and disk")
        return load_picture_with_digest(path)

    def leave() -> None:
        nonlocal is_hanging
        studio.source.rename(studio.root / "elsewhere")
        is_hanging = False

    monkeypatch.setattr("carvanamask.batch.pipeline.load_picture_with_digest", hang)
    report = studio.watch(nothing, leave, nothing, lambda: (studio.root / "elsewhere").rename(studio.source))
    assert studio.times_reported("1.jpg") == 1
    assert (report.progress.done, report.progress.failures) == (1, ())


def test_results_inside_the_watched_folder_are_no_input(studio: Studio) -> None:
    put(studio.source / "1.jpg")
    out = studio.source / "day" / ".." / "cut"
    (studio.source / "day").mkdir()
    report = studio.watch(*[nothing] * 5, out=out)
    assert report.progress.total == 1
    assert list(tree(studio.source)) == ["1.jpg", "cut/1.png"]


@pytest.mark.parametrize("out", ["in", ".", "in/../in"])
def test_results_that_could_overwrite_input_are_refused(studio: Studio, out: str) -> None:
    with pytest.raises(
        ConfigError, match="holds the watched pictures, so results can't go there: name a folder in or beside"
    ):
        studio.watch(out=studio.root / out)


def test_file_instead_of_a_folder_is_refused(studio: Studio) -> None:
    studio.source.rmdir()
    put(studio.root / "x.jpg").rename(studio.source)
    with pytest.raises(ConfigError, match="is a file: name the folder"):
        studio.watch()


def test_results_of_other_options_are_refused_at_once(studio: Studio) -> None:
    put(studio.root / "early" / "1.jpg")
    predict(studio.model, find_pictures([studio.root / "early"]), MaskWriter(studio.model.card, studio.out))
    with pytest.raises(ConfigError, match="with other options or of another version"):
        studio.watch()


def test_unwritable_out_is_an_error_only_at_first(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    (studio.root / "blocked").write_text("a file")
    with pytest.raises(DiskError):
        studio.watch(out=studio.root / "blocked")

    synced, is_full = os.fsync, True

    def no_space(file: int) -> None:
        if is_full:
            raise OSError(28, "No space left on device")
        synced(file)

    def tidy_up() -> None:
        nonlocal is_full
        is_full = False

    monkeypatch.setattr(os, "fsync", no_space)
    studio.news.clear()
    report = studio.watch(lambda: put_by_hand(studio.source / "1.jpg"), *[nothing] * 5, tidy_up, nothing)
    assert studio.times_reported(str(studio.out)) == 1
    assert (report.progress.done, report.progress.failures) == (1, ())
    assert (studio.out / "1.png").exists()


def test_stale_share_with_results_is_waited_for(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    put(studio.source / "1.jpg")
    journal_in, is_stale = Batch.journal_in, False

    def stale(batch: Batch, out: Path, items: Sequence[BatchItem]) -> Journal:
        if is_stale:
            raise OSError(116, "Stale file handle")
        return journal_in(batch, out, items)

    def hang(is_hanging: bool) -> None:
        nonlocal is_stale
        is_stale = is_hanging

    monkeypatch.setattr(Batch, "journal_in", stale)
    report = studio.watch(lambda: hang(True), *[nothing] * 4, lambda: hang(False), nothing)
    assert studio.times_reported(str(studio.out)) == 1
    assert (report.progress.done, report.progress.failures) == (1, ())


def put_by_hand(path: Path) -> None:
    """Write as another program does, without `fsync`."""
    cv2.imwrite(str(path), np.full((16, 24, 3), 200, dtype=np.uint8))


def test_second_file_of_a_name_ends_as_with_cutout(studio: Studio) -> None:
    put(studio.source / "x.jpg")
    report = studio.watch(nothing, nothing, lambda: put(studio.source / "x.png", column=9))
    assert {"x.jpg.png", "x.png.png"} <= tree(studio.out).keys()
    assert report.progress.failures == ()
    assert (
        predict(studio.model, find_pictures([studio.source]), CutoutWriter(studio.model.card, studio.out)).progress.kept
        == 2
    )


def test_skipped_endings_are_logged_once(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    raw = studio.source / "IMG_1.cr3"
    studio.watch(lambda: raw.write_bytes(b"raw"), *[nothing] * 3)
    assert [line for line in caplog.messages if "cr3" in line] == ["skipped: .cr3"]


def test_idle_scans_report_no_progress(studio: Studio) -> None:
    put(studio.source / "1.jpg")
    studio.watch(*[nothing] * 30)
    assert len(studio.news) < 10


def test_huge_folder_is_not_scanned_all_the_time(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = 0.0, list[float]()

    def slow(*words: object) -> object:
        nonlocal now
        now += 30
        return list_pictures(*words)  # type: ignore[arg-type]

    monkeypatch.setattr("carvanamask.batch.watch.list_pictures", slow)
    writer = CutoutWriter(studio.model.card, studio.out)
    watch(studio.model, studio.source, writer, Pace(1.0, 100.0, slept.append, lambda: now))
    assert set(slept) == {120.0}


def test_folder_that_holds_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    put(tmp_path / "theirs" / "old" / "1.jpg")
    model = save_brightness_model(tmp_path / "model", input_size_wh=(24, 16))
    with pytest.raises(ConfigError, match=r"theirs holds pictures already, like .*1\.jpg: name another folder"):
        watch(model, tmp_path / "in", MaskWriter(model.card, tmp_path / "theirs"), Pace(1))
