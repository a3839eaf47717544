"""Whole batches on tiny pictures, by every executor that is at hand."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brightness_model import save_brightness_model
from carvanamask.batch.executors import build_executor
from carvanamask.batch.options import BatchOptions, ExecutorName
from carvanamask.batch.pipeline import Predicted
from carvanamask.batch.runner import Batch, BatchReport
from carvanamask.batch.shard import Task
from carvanamask.core.mask import Mask
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.errors import ConfigError, DataError
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_picture
from carvanamask.jobs.predict import predict
from carvanamask.jobs.watch import add, without
from carvanamask.model.model_file import ModelFile

PICTURES = 40
BAD = DataError("bad")


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return save_brightness_model(tmp_path / "model", input_size_wh=(24, 16))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Picture k, in one of four folders, has a bright block from column k % 20 on."""
    root = tmp_path / "pictures"
    for number in range(PICTURES):
        picture = np.zeros((16, 24, 3), dtype=np.uint8)
        picture[4:12, number % 20 :] = 255
        path = root / f"day {number % 4}" / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(path, picture)
    return root


def block(number: int) -> np.ndarray:
    pixels = np.zeros((16, 24), dtype=bool)
    pixels[4:12, number % 20 :] = True
    return pixels


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def cut(
    model: ModelFile,
    pictures: Path,
    out: Path,
    options: BatchOptions | None = None,
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    return predict(model, find_pictures([pictures], out), out, "mask", options, on_progress)


def interrupt_at(count: int) -> Callable[[Progress], None]:
    def on_progress(news: Progress) -> None:
        if news.kept + news.done >= count:
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.parametrize("name", ExecutorName)
def test_every_executor_gives_the_same_files(
    model: ModelFile, pictures: Path, tmp_path: Path, name: ExecutorName
) -> None:
    if name == "ray" and not importlib.util.find_spec("ray"):
        pytest.skip("ray isn't installed")
    out = tmp_path / name
    report = cut(model, pictures, out, BatchOptions(executor=name, processes=2 if name == "processes" else None))
    assert report.progress.is_complete
    for number in range(PICTURES):
        mask = load_mask(out / f"day {number % 4}" / f"{number:02d}.png")
        assert np.array_equal(mask.pixels, block(number))


@pytest.mark.parametrize("at", [0, 1, 7, 39, 40])
def test_an_interrupted_batch_goes_on_and_ends_in_the_same_bytes(
    model: ModelFile, pictures: Path, tmp_path: Path, at: int
) -> None:
    cut(model, pictures, tmp_path / "straight")
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        cut(model, pictures, out, on_progress=interrupt_at(at))
    report = cut(model, pictures, out)
    assert report.progress.kept == at
    assert report.progress.done == PICTURES - at
    assert bytes_of(out) == bytes_of(tmp_path / "straight")


def test_a_finished_batch_does_nothing_and_a_copied_folder_is_as_good(
    model: ModelFile, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cut(model, pictures, out)
    for path in pictures.rglob("*.png"):
        os.utime(path, (1, 1))
    assert cut(model, pictures, out).progress.done == 0


def test_only_what_changed_is_lost_or_is_new_is_done(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cut(model, pictures, out)
    save_picture(pictures / "day 0" / "00.png", np.zeros((16, 24, 3), dtype=np.uint8))
    (out / "day 1" / "01.png").unlink()
    save_picture(pictures / "new.png", np.zeros((16, 24, 3), dtype=np.uint8))
    report = cut(model, pictures, out)
    assert (report.progress.kept, report.progress.done) == (38, 3)
    assert not load_mask(out / "day 0" / "00.png").pixels.any()


def test_another_model_or_option_never_mixes_into_a_folder(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cut(model, pictures, out)
    with pytest.raises(ConfigError, match="another model, version or options"):
        cut(model.with_card(threshold=0.9), pictures, out)
    with pytest.raises(ConfigError, match="another model, version or options"):
        predict(model, find_pictures([pictures]), out, "probability")


def test_what_an_earlier_version_began_is_not_gone_on_with(
    model: ModelFile, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    cut(model, pictures, out)
    monkeypatch.setattr("carvanamask.batch.shard.__version__", "0.0.1")
    with pytest.raises(ConfigError, match="another model, version or options"):
        cut(model, pictures, out)


def test_bad_pictures_are_named_and_a_retry_takes_only_those(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out, bad = tmp_path / "out", pictures / "day 2" / "06.png"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:40])
    (pictures / "folder.jpg").mkdir()
    report = cut(model, pictures, out)
    assert {picture for picture, _ in report.progress.failures} == {"day 2/06.png", str(pictures / "folder.jpg")}
    assert (report.progress.total, report.progress.done, report.to_dict()["failed"]) == (41, 41, 2)
    assert not report.progress.is_complete
    bad.write_bytes(whole)
    (pictures / "folder.jpg").rmdir()
    report = cut(model, pictures, out)
    assert (report.progress.kept, report.progress.done, report.progress.failures) == (39, 1, ())


def test_probabilities_are_8_bit_grey(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict(model, find_pictures([pictures]), out, "probability")
    with Image.open(out / "day 3" / "03.png") as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image) > 127, block(3))


def test_progress_tells_a_rate_and_what_is_left() -> None:
    news = Progress(total=10, kept=2, done=4, failures=(("x", BAD),), seconds=2.0)
    assert (news.per_second, news.seconds_left, news.is_through, news.is_complete) == (2.0, 2.0, False, False)
    assert Progress(total=10, kept=2).seconds_left is None
    assert Progress(total=10, kept=2, done=1, failures=(("x", BAD),)).to_dict()["seconds_left"] is None


def test_progress_adds_up_and_forgets_failures_that_are_tried_again() -> None:
    morning = Progress(total=4, kept=1, done=3, failures=(("x", BAD), ("y", BAD)), seconds=2.0)
    noon = Progress(total=2, kept=0, done=1, seconds=1.0)
    assert add(without(morning, {"x"}), noon) == Progress(5, done=3, kept=1, failures=(("y", BAD),), seconds=3.0)


def test_a_second_batch_takes_the_first_one_s_predictor(
    model: ModelFile, pictures: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    items, options = find_pictures([pictures]).items, BatchOptions()
    first = Batch(model, Nothing(), items[:3], options)
    assert Batch(model, Nothing(), items[3:], options, predictor=first.predictor).predictor is first.predictor
    assert caplog.messages == [f"engine: {first.predictor.engine}"]


@dataclass(frozen=True)
class Nothing:
    def __call__(self, predicted: Predicted[BatchItem]) -> str:
        return Mask(predicted.probabilities.values > 0.5).to_rle()


def test_a_machine_that_computes_otherwise_is_refused(model: ModelFile) -> None:
    task = Task(model, "cpu", "another engine, f16", Nothing())
    with pytest.raises(DataError, match="use machines alike"):
        task.build_predictor()


@pytest.mark.parametrize("options", [BatchOptions(processes=2), BatchOptions(address="auto")])
def test_an_option_of_another_executor_is_refused(options: BatchOptions) -> None:
    with pytest.raises(ConfigError, match=r"belongs to --executor (processes|ray): name that, or leave it out"):
        build_executor(options)


def test_a_result_whose_name_can_t_be_taken_is_one_failure_and_the_others_are_written(
    model: ModelFile, pictures: Path, tmp_path: Path
) -> None:
    out, longest = tmp_path / "out", "y" * 251
    for ending in (".png", ".gif"):  # told apart by their ending, their results would have 259 letters
        (pictures / f"{longest}{ending}").write_bytes((pictures / "day 0" / "00.png").read_bytes())
    report = cut(model, pictures, out)
    assert {picture for picture, _ in report.progress.failures} == {f"{longest}.gif", f"{longest}.png"}
    assert all("name too long" in str(error) for _, error in report.progress.failures)
    assert len(bytes_of(out)) == PICTURES
    assert cut(model, pictures, out).progress.kept == PICTURES


PARENT = """
import os, signal, sys
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from carvanamask.batch import executors

class Nothing:
    def build_predictor(self, threads):
        return None

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, context, executors._settle, (Nothing(), 1))
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")
def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    # a child that lives on would keep this pipe open, and the call would never return
    found = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=60, check=False)
    assert found.returncode == -signal.SIGKILL
    assert int(found.stdout) > 0


def test_no_result_ever_replaces_a_picture(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    before = bytes_of(pictures)
    (tmp_path / "link").symlink_to(pictures)
    tree = find_pictures([pictures])
    for out in (pictures, tmp_path / "link", pictures / ".." / "pictures"):
        with pytest.raises(
            ConfigError, match=r"results can't go to .*day \d, which holds pictures: name another --out"
        ):
            predict(model, tree, out)
    one = find_pictures([pictures / "day 0" / "00.png"])
    with pytest.raises(ConfigError, match="which holds pictures"):
        predict(model, one, pictures / "day 0")
    assert bytes_of(pictures) == before
    assert not list(pictures.rglob(".*"))


class TellWhetherDeaf:
    """Work that tells whether Ctrl-C would reach its process."""

    def __call__(self, predicted: Predicted[BatchItem]) -> str:
        return str(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system has no masks of signals")
def test_ctrl_c_is_the_first_process_s_alone(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    options = BatchOptions(executor=ExecutorName.PROCESSES, processes=1)
    batch = Batch(model, TellWhetherDeaf(), find_pictures([pictures / "day 0"]).items, options)
    with batch.journal(tmp_path / "journal") as journal:
        batch.run(journal)
        assert {value for _, value in journal.values([item.key for item in batch.items])} == {"True"}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_what_lies_in_the_results_place_already_stays(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    theirs = out / "day 1" / "01.png"
    theirs.parent.mkdir(parents=True)
    save_picture(theirs, np.zeros((3, 4, 3), np.uint8))
    before = theirs.read_bytes()
    with pytest.raises(ConfigError, match=r"01\.png is there already and no result of this batch: name another --out"):
        cut(model, pictures, out)
    assert theirs.read_bytes() == before
    theirs.unlink()
    assert cut(model, pictures, out).progress.is_complete
    assert cut(model, pictures, out).progress.kept == PICTURES
