"""Batches from beginning to end on tiny pictures, by every executor that is installed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carvanamask.batch.options import BatchOptions, ExecutorName
from carvanamask.batch.runner import Batch, BatchReport
from carvanamask.batch.writers import MaskWriter, ProbabilityWriter
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.picture_list import PictureList, find_pictures
from carvanamask.errors import ConfigError, PictureError
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_picture
from carvanamask.jobs.predict import predict
from carvanamask.model.model_file import ModelFile

PICTURES = 40


def block(number: int) -> np.ndarray:
    pixels = np.zeros((16, 24), dtype=bool)
    pixels[4:12, number % 20 :] = True
    return pixels


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def run(
    model: ModelFile,
    pictures: Path,
    out: Path,
    options: BatchOptions = BatchOptions(),
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    return predict(model, find_pictures([pictures], out), MaskWriter(model.card, out), options, on_progress)


def interrupt_at(count: int) -> Callable[[Progress], None]:
    def on_progress(news: Progress) -> None:
        if news.kept + news.done >= count:
            raise KeyboardInterrupt

    return on_progress


@pytest.mark.parametrize("name", ExecutorName)
def test_every_executor_writes_the_same_files(
    model: ModelFile, pictures: Path, tmp_path: Path, name: ExecutorName
) -> None:
    if name == "ray" and not importlib.util.find_spec("ray"):
        pytest.skip("ray isn't installed")
    out = tmp_path / name
    report = run(model, pictures, out, BatchOptions(executor=name, processes=2 if name == "processes" else None))
    assert report.progress.is_complete
    for number in range(PICTURES):
        mask = load_mask(out / f"day {number % 4}" / f"{number:02d}.png")
        assert np.array_equal(mask.pixels, block(number))


@pytest.mark.parametrize("at", [0, 1, 7, 39, 40])
def test_interrupted_batch_ends_in_the_same_bytes(model: ModelFile, pictures: Path, tmp_path: Path, at: int) -> None:
    run(model, pictures, tmp_path / "straight")
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(model, pictures, out, on_progress=interrupt_at(at))
    report = run(model, pictures, out)
    assert report.progress.kept == at
    assert report.progress.done == PICTURES - at
    assert bytes_of(out) == bytes_of(tmp_path / "straight")


def test_touched_pictures_are_not_processed_again(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(model, pictures, out)
    for path in pictures.rglob("*.png"):
        os.utime(path, (1, 1))
    assert run(model, pictures, out).progress.done == 0


def test_only_changed_lost_and_new_pictures_are_processed(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(model, pictures, out)
    save_picture(pictures / "day 0" / "00.png", np.zeros((16, 24, 3), dtype=np.uint8))
    (out / "day 1" / "01.png").unlink()
    save_picture(pictures / "new.png", np.zeros((16, 24, 3), dtype=np.uint8))
    report = run(model, pictures, out)
    assert (report.progress.kept, report.progress.done) == (38, 3)
    assert not load_mask(out / "day 0" / "00.png").pixels.any()


def test_folder_of_another_model_or_option_is_refused(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(model, pictures, out)
    with pytest.raises(ConfigError, match="holds results of 'bright' with other options or of another version"):
        run(model.with_card(threshold=0.9), pictures, out)
    with pytest.raises(ConfigError, match="holds results of 'bright' with other options or of another version"):
        predict(model, find_pictures([pictures]), ProbabilityWriter(model.card, out))


def test_folder_of_another_version_is_refused(
    model: ModelFile, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(model, pictures, out)
    monkeypatch.setattr("carvanamask.batch.shard.__version__", "0.0.1")
    with pytest.raises(ConfigError, match="holds results of 'bright' with other options or of another version"):
        run(model, pictures, out)


def test_bad_pictures_are_reported_and_retried_alone(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out, bad = tmp_path / "out", pictures / "day 2" / "06.png"
    complete = bad.read_bytes()
    bad.write_bytes(complete[:40])
    (pictures / "folder.jpg").mkdir()
    report = run(model, pictures, out)
    assert {picture for picture, _ in report.progress.failures} == {"day 2/06.png", str(pictures / "folder.jpg")}
    assert (report.progress.total, report.progress.done, report.to_dict()["failed"]) == (41, 41, 2)
    assert not report.progress.is_complete
    bad.write_bytes(complete)
    (pictures / "folder.jpg").rmdir()
    report = run(model, pictures, out)
    assert (report.progress.kept, report.progress.done, report.progress.failures) == (39, 1, ())


def test_probabilities_are_8_bit_grey(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict(model, find_pictures([pictures]), ProbabilityWriter(model.card, out))
    with Image.open(out / "day 3" / "03.png") as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image) > 127, block(3))


def test_result_with_too_long_a_name_is_one_failure(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out, longest = tmp_path / "out", "y" * 251
    for ending in (".png", ".gif"):  # their results keep the ending to differ, and so would have 259 letters
        (pictures / f"{longest}{ending}").write_bytes((pictures / "day 0" / "00.png").read_bytes())
    report = run(model, pictures, out)
    assert {picture for picture, _ in report.progress.failures} == {f"{longest}.gif", f"{longest}.png"}
    assert all("name too long" in str(error) for _, error in report.progress.failures)
    assert len(bytes_of(out)) == PICTURES
    assert run(model, pictures, out).progress.kept == PICTURES


def test_result_never_replaces_a_picture(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    before = bytes_of(pictures)
    (tmp_path / "link").symlink_to(pictures)
    tree = find_pictures([pictures])
    for out in (pictures, tmp_path / "link", pictures / ".." / "pictures"):
        with pytest.raises(ConfigError, match=r"day \d holds pictures, so results can't go there: name another --out"):
            predict(model, tree, MaskWriter(model.card, out))
    one = find_pictures([pictures / "day 0" / "00.png"])
    with pytest.raises(ConfigError, match="holds pictures, so"):
        predict(model, one, MaskWriter(model.card, pictures / "day 0"))
    assert bytes_of(pictures) == before
    assert not list(pictures.rglob(".*"))


def test_existing_file_is_not_replaced(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    theirs = out / "day 1" / "01.png"
    theirs.parent.mkdir(parents=True)
    save_picture(theirs, np.zeros((3, 4, 3), np.uint8))
    before = theirs.read_bytes()
    with pytest.raises(ConfigError, match=r"01\.png exists already and is no result of this batch: name another --out"):
        run(model, pictures, out)
    assert theirs.read_bytes() == before
    theirs.unlink()
    assert run(model, pictures, out).progress.is_complete
    assert run(model, pictures, out).progress.kept == PICTURES


def test_folder_of_version_0_2_0_is_refused(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / f".{model.identity[:8]}-0123abcd.journal").write_text('1234abcd [["00.png", "1-1", "", ""]]\n')
    with pytest.raises(ConfigError) as refusal:
        run(model, pictures, out)
    assert str(refusal.value) == (
        f"{out} holds results of 'bright' with other options or of another version: "
        "name another --out, or remove that folder to process all pictures again"
    )
    assert bytes_of(out) == {}


def test_one_batch_runs_several_lists(
    model: ModelFile, pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    items = find_pictures([pictures]).items
    batch = Batch(model, MaskWriter(model.card, tmp_path / "out"), BatchOptions())
    for part in (items[:3], items[3:5]):
        with batch.journal_in(tmp_path / "out", part) as journal:
            assert batch.run(PictureList(part), journal).done == len(part)
    assert caplog.messages == [f"engine: {batch.predictor.engine}"]


def test_error_keeps_its_fields_through_processes(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    bad = pictures / "day 2" / "06.png"
    bad.write_bytes(b"")
    options = [BatchOptions(), BatchOptions(executor=ExecutorName.PROCESSES, processes=1)]
    here, there = (
        run(model, pictures, tmp_path / str(place), each).progress.failures for place, each in enumerate(options)
    )
    assert here == there
    assert [(name, type(error), error.path) for name, error in here] == [("day 2/06.png", PictureError, bad)]
