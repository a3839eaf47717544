"""predict, cutout and submit as a photo team, a script and a monitor see them."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import numpy as np
import pytest

from bright_cars import put
from brightness_model import save_brightness_model
from carvanamask.cli.listeners import encode_metrics
from carvanamask.core.progress import Progress
from carvanamask.errors import PictureError
from carvanamask.io.read import load_mask, load_picture
from carvanamask.io.write import save_picture
from carvanamask.mask_quality.postprocess import STEPS
from carvanamask.model.openvino_engine import OpenVinoPredictor
from command_line import Run, expect_error


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with shoot/1.jpg, shoot/late/1.jpg and shoot/note.txt, and a model that calls bright car."""
    monkeypatch.chdir(tmp_path)
    for name in ("shoot/1.jpg", "shoot/late/1.jpg"):
        put(tmp_path / name)
    Path("shoot/note.txt").write_text("call back")
    save_brightness_model(tmp_path / "bright", input_size_wh=(24, 16))
    return tmp_path


def load_rgba(path: str) -> np.ndarray:
    pixels: np.ndarray | None = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels


@pytest.fixture
def predict(run: Run) -> Run:
    """Runs a command with the model `bright`."""
    return lambda *words: run(*words, "--model", "bright")


def test_predict_writes_masks_in_the_same_folders(predict: Run) -> None:
    result = predict("predict", "shoot")
    assert result.code == 0, result.output
    for name in ("masks/1.png", "masks/late/1.png"):
        assert load_mask(Path(name)).pixels[8, 12]
        assert not load_mask(Path(name)).pixels[1, 1]
    assert "2 pictures" in result.output
    assert "skipped: 1 .txt" in result.output


def test_same_command_again_does_nothing(predict: Run) -> None:
    predict("predict", "shoot")
    assert "2 pictures, 2 of them finished before" in predict("predict", "shoot").output


def test_picture_without_a_car_needs_review_each_time(predict: Run) -> None:
    put(Path("shoot/empty.jpg"), column=18)
    for verb in ("predict", "cutout"):
        for _ in range(2):
            result = predict(verb, "shoot")
            assert result.code == 0
            (line,) = [line for line in result.output.splitlines() if line.startswith("needs review: ")]
            assert line == "needs review: empty.jpg: no car found"
        assert json.loads(predict(verb, "shoot", "--json").out)["needs_review"] == {"empty.jpg": "no car found"}


def test_bad_picture_is_one_line_and_the_rest_is_done(predict: Run) -> None:
    Path("shoot/bad.jpg").write_bytes(b"nothing")
    result = predict("predict", "shoot")
    assert result.code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("error: ")]
    assert "shoot/bad.jpg" in line
    assert Path("masks/late/1.png").exists()


@pytest.mark.parametrize("name", ["new\nline.jpg", os.fsdecode(b"bad\xff.jpg"), "車 ü.jpg"])
def test_any_picture_name_takes_one_line(predict: Run, name: str) -> None:
    Path("shoot", name).write_bytes(b"nothing")
    lines = predict("predict", "shoot").output.splitlines()
    (line,) = [line for line in lines if "is no JPEG" in line]
    assert line.startswith("error: shoot/")
    assert not [line for line in lines if line.startswith("error: ") and "is no JPEG" not in line]


def test_predict_prints_json_events_and_metrics(predict: Run) -> None:
    report = json.loads(predict("predict", "shoot", "--json").out)
    assert (report["pictures"], report["failed"], report["skipped"]) == (2, 0, {".txt": 1})
    result = predict("predict", "shoot", "--out", "again", "--json-lines", "--metrics", "batch.prom")
    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["event"] for event in events][-1] == "finished"
    assert {"progress", "finished"} == {event["event"] for event in events}
    assert events[-2]["done"] == 2
    assert 'carvanamask_pictures{state="done"} 2\n' in Path("batch.prom").read_text()


def test_metrics_count_every_state() -> None:
    text = encode_metrics(Progress(total=10, kept=2, done=4, failures=(("x", PictureError("bad")),), seconds=2.0))
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values == {
        'carvanamask_pictures{state="kept"}': "2",
        'carvanamask_pictures{state="done"}': "3",
        'carvanamask_pictures{state="failed"}': "1",
        'carvanamask_pictures{state="left"}': "4",
        "carvanamask_pictures_per_second": "2.000",
        "carvanamask_seconds_left": "2.0",
    }


def test_cutout_is_transparent_around_the_car(predict: Run) -> None:
    result = predict("cutout", "shoot/1.jpg")
    assert result.code == 0, result.output
    rgba = load_rgba("cutouts/1.png")
    assert rgba.shape == (16, 24, 4)
    assert rgba[8, 12, 3] == 255
    assert (rgba[1, 1] == 0).all()


def test_cutout_before_each_background(predict: Run) -> None:
    save_picture(Path("beach.png"), np.full((40, 30, 3), (10, 200, 30), dtype=np.uint8))
    for number, background in enumerate(("#0000ff", "room", "beach.png")):
        result = predict("cutout", "shoot/1.jpg", "--out", f"out{number}", "--background", background)
        assert result.code == 0, result.output
        scene = load_picture(Path(f"out{number}/1.jpg")).astype(int)
        assert abs(scene[8, 12] - (240, 230, 220)).max() < 12
        assert abs(scene[8, 12] - scene[1, 1]).max() > 60
    assert abs(load_picture(Path("out0/1.jpg"))[1, 1].astype(int) - (0, 0, 255)).max() < 12
    assert abs(load_picture(Path("out2/1.jpg"))[1, 1].astype(int) - (10, 200, 30)).max() < 12


def test_folder_never_mixes_backgrounds(predict: Run) -> None:
    predict("cutout", "shoot", "--background", "#ffffff")
    expect_error(predict("cutout", "shoot", "--background", "#000000"), "with other options or of another version")


@pytest.mark.parametrize("background", ["#12", "#gggggg", "#-00001", "#1_2_34"])
def test_wrong_colour_is_one_line(predict: Run, background: str) -> None:
    expect_error(predict("cutout", "shoot", "--background", background), "write it as #rrggbb")


def test_results_go_to_a_store(predict: Run, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    upath = pytest.importorskip("upath")
    monkeypatch.setattr("carvanamask.batch.runner.JOURNALS_OF_STORES", here / "state")
    result = predict("predict", "shoot", "--out", "memory://bucket/masks")
    assert result.code == 0, result.output
    assert upath.UPath("memory://bucket/masks/late/1.png").read_bytes()[:4] == b"\x89PNG"
    assert "2 of them finished before" in predict("predict", "shoot", "--out", "memory://bucket/masks").output


def test_store_without_its_package_is_one_line(predict: Run) -> None:
    pytest.importorskip("upath")
    if importlib.util.find_spec("s3fs"):
        pytest.skip("s3fs is there")
    expect_error(predict("predict", "s3://bucket/shoot"), "s3fs")


def test_results_are_no_pictures_of_the_next_batch(predict: Run) -> None:
    assert predict("predict", ".").code == 0
    result = predict("cutout", ".")
    assert "2 pictures" in result.output
    assert sorted(path.as_posix() for path in Path("cutouts").rglob("*.png")) == [
        "cutouts/shoot/1.png",
        "cutouts/shoot/late/1.png",
    ]


def test_cutouts_are_cleaned_up_by_default(predict: Run, here: Path) -> None:
    picture = np.zeros((160, 240, 3), np.uint8)
    picture[40:120, 40:200] = picture[2:10, 2:10] = 255  # a car, and a speck far from it
    save_picture(here / "speck" / "1.png", picture)
    save_brightness_model(here / "bright", input_size_wh=(240, 160))
    assert predict("cutout", "speck", "--out", "clean").code == 0
    assert predict("cutout", "speck", "--out", "as-it-is", "--clean-up", "none").code == 0
    assert predict("predict", "speck", "--out", "masks").code == 0
    clean, as_it_is = (load_rgba(f"{out}/1.png")[..., 3] for out in ("clean", "as-it-is"))
    assert (clean[5, 5], as_it_is[5, 5], clean[80, 100]) == (0, 255, 255)
    assert load_mask(Path("masks/1.png")).pixels[5, 5]


@pytest.mark.parametrize("background", ["white", "Room", ""])
def test_unknown_background_names_the_choices(predict: Run, background: str) -> None:
    expect_error(
        predict("cutout", "shoot", "--background", background), "name room, a colour like #e0e0e0, or a picture"
    )


def test_background_is_known_by_its_bytes(predict: Run, here: Path) -> None:
    put(here / "wall.png")
    assert predict("cutout", "shoot", "--background", "wall.png").code == 0
    assert "2 of them finished before" in predict("cutout", "shoot", "--background", "./wall.png").output
    put(here / "wall.png", column=9)
    expect_error(predict("cutout", "shoot", "--background", "wall.png"), "with other options or of another version")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--processes", "7"], "--processes 7 belongs to --executor processes"),
        (["--address", "auto"], "--address auto belongs to --executor ray"),
    ],
)
def test_option_of_another_executor_is_refused(predict: Run, words: list[str], message: str) -> None:
    expect_error(predict("predict", "shoot", *words), message)


def test_other_pictures_of_the_same_names_are_reported(predict: Run, here: Path) -> None:
    assert "names before" not in predict("predict", "shoot").output
    put(here / "other" / "1.jpg", column=7)
    assert (
        "1 picture has changed since the results were written: they are replaced" in predict("predict", "other").output
    )


def functions_on_the_stack(outermost: str) -> list[str]:
    """The functions of the package that this thread is in, from the one with this name inwards."""
    names, frame = list[str](), sys._getframe()
    caller: FrameType | None = frame
    while caller is not None:
        module = str(caller.f_globals.get("__name__"))
        if module.startswith("carvanamask."):
            names.append(f"{module}.{caller.f_code.co_qualname}")
        caller = caller.f_back
    return names[: names.index(outermost) + 1][::-1]


def test_five_calls_from_command_to_engine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    submit, infer = ThreadPoolExecutor.submit, OpenVinoPredictor.infer
    command, engine = list[list[str]](), list[list[str]]()

    def traced_submit(pool: ThreadPoolExecutor, *words: Any, **named: Any) -> Any:
        command.append(functions_on_the_stack("carvanamask.cli.predict.predict"))
        return submit(pool, *words, **named)

    def traced_infer(predictor: OpenVinoPredictor, pixels: np.ndarray) -> np.ndarray:
        if threading.current_thread() is not threading.main_thread():  # there it only warms up
            engine.append(functions_on_the_stack("carvanamask.batch.pipeline.process_pictures"))
        return infer(predictor, pixels)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", traced_submit)
    monkeypatch.setattr(OpenVinoPredictor, "infer", traced_infer)
    assert run("predict", "shoot", "--model", "studio-s", "--device", "cpu").code == 0
    assert len(command) == len(engine) == 2
    for before, after in zip(command, engine, strict=True):
        # the functions are one more than the calls between them, and infer comes after these
        assert len(before + after) <= 5, before + after


def test_help_names_every_clean_up_step(run: Run) -> None:
    shown = " ".join(run("predict", "--help").out.replace("│", " ").split())
    assert f"Clean-up steps: {', '.join(STEPS)}, all or none" in shown
