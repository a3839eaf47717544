"""predict, cutout and submit as a photo team, a script and a monitor see them."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from bright_cars import put
from brightness_model import save_brightness_model
from carvanamask.batch.runner import Progress
from carvanamask.cli.app import app
from carvanamask.cli.batch import encode_metrics
from carvanamask.errors import ConfigError
from carvanamask.io.read import load_mask, load_picture
from carvanamask.io.write import save_picture


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with shoot/1.jpg, shoot/late/1.jpg and shoot/note.txt, and a model that calls bright car."""
    monkeypatch.chdir(tmp_path)
    for name in ("shoot/1.jpg", "shoot/late/1.jpg"):
        put(tmp_path / name)
    Path("shoot/note.txt").write_text("call back")
    save_brightness_model(tmp_path / "bright", input_size_wh=(24, 16))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--model", "bright"])


def test_predict_writes_a_mask_for_every_picture_in_the_same_folders() -> None:
    result = run("predict", "shoot")
    assert result.exit_code == 0, result.output
    for name in ("masks/1.png", "masks/late/1.png"):
        assert load_mask(Path(name)).pixels[8, 12]
        assert not load_mask(Path(name)).pixels[1, 1]
    assert "2 pictures" in result.output
    assert "passed over: 1 .txt" in result.output


def test_the_same_command_again_does_nothing_and_says_so() -> None:
    run("predict", "shoot")
    assert "2 pictures, 2 of them finished before" in run("predict", "shoot").output


def test_a_picture_without_a_car_is_one_to_look_at_also_when_it_was_finished_before() -> None:
    put(Path("shoot/empty.jpg"), column=18)
    for verb in ("predict", "cutout"):
        for _ in range(2):
            result = run(verb, "shoot")
            assert result.exit_code == 0
            (line,) = [line for line in result.output.splitlines() if line.startswith("look at ")]
            assert line == "look at empty.jpg: no car found"
        assert json.loads(run(verb, "shoot", "--json").stdout)["needs_review"] == {"empty.jpg": "no car found"}


def test_a_bad_picture_is_one_line_and_exit_code_1_and_the_rest_is_done() -> None:
    Path("shoot/bad.jpg").write_bytes(b"nothing")
    result = run("predict", "shoot")
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("error: ")]
    assert "shoot/bad.jpg" in line
    assert Path("masks/late/1.png").exists()


@pytest.mark.parametrize("name", ["new\nline.jpg", os.fsdecode(b"bad\xff.jpg"), "車 ü.jpg"])
def test_a_bad_picture_s_name_takes_one_line_whatever_it_holds(name: str) -> None:
    Path("shoot", name).write_bytes(b"nothing")
    lines = run("predict", "shoot").output.splitlines()
    (line,) = [line for line in lines if "is no JPEG" in line]
    assert line.startswith("error: shoot/")
    assert not [line for line in lines if line.startswith("error: ") and "is no JPEG" not in line]


def test_predict_speaks_json_at_the_end_or_line_by_line_or_to_a_monitor() -> None:
    report = json.loads(run("predict", "shoot", "--json").stdout)
    assert (report["pictures"], report["failed"], report["skipped"]) == (2, 0, {".txt": 1})
    result = run("predict", "shoot", "--out", "again", "--json-lines", "--metrics", "batch.prom")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events][-1] == "finished"
    assert {"progress", "finished"} == {event["event"] for event in events}
    assert events[-2]["done"] == 2
    assert 'carvanamask_pictures{state="done"} 2\n' in Path("batch.prom").read_text()


def test_metrics_tell_what_is_left_and_what_failed() -> None:
    text = encode_metrics(Progress(total=10, kept=2, done=4, failures=(("x", "bad"),), seconds=2.0))
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values == {
        'carvanamask_pictures{state="kept"}': "2",
        'carvanamask_pictures{state="done"}': "3",
        'carvanamask_pictures{state="failed"}': "1",
        'carvanamask_pictures{state="left"}': "4",
        "carvanamask_pictures_per_second": "2.000",
        "carvanamask_seconds_left": "2.0",
    }


def test_cutout_leaves_the_car_and_makes_all_else_transparent() -> None:
    result = run("cutout", "shoot/1.jpg")
    assert result.exit_code == 0, result.output
    rgba = cv2.imread("cutouts/1.png", cv2.IMREAD_UNCHANGED)
    assert rgba.shape == (16, 24, 4)
    assert rgba[8, 12, 3] == 255
    assert (rgba[1, 1] == 0).all()


def test_cutout_stands_a_car_before_a_colour_the_room_or_a_picture() -> None:
    save_picture(Path("beach.png"), np.full((40, 30, 3), (10, 200, 30), dtype=np.uint8))
    for number, background in enumerate(("#0000ff", "room", "beach.png")):
        result = run("cutout", "shoot/1.jpg", "--out", f"out{number}", "--background", background)
        assert result.exit_code == 0, result.output
        scene = load_picture(Path(f"out{number}/1.jpg")).astype(int)
        assert abs(scene[8, 12] - (240, 230, 220)).max() < 12
        assert abs(scene[8, 12] - scene[1, 1]).max() > 60
    assert abs(load_picture(Path("out0/1.jpg"))[1, 1].astype(int) - (0, 0, 255)).max() < 12
    assert abs(load_picture(Path("out2/1.jpg"))[1, 1].astype(int) - (10, 200, 30)).max() < 12


def test_another_background_never_mixes_into_a_folder() -> None:
    run("cutout", "shoot", "--background", "#ffffff")
    result = run("cutout", "shoot", "--background", "#000000")
    assert isinstance(result.exception, ConfigError)
    assert "another model, version or options" in str(result.exception)


@pytest.mark.parametrize("background", ["#12", "#gggggg", "#-00001", "#1_2_34"])
def test_a_colour_that_is_none_ends_in_one_line(background: str) -> None:
    result = run("cutout", "shoot", "--background", background)
    assert isinstance(result.exception, ConfigError)
    assert "write it as #rrggbb" in str(result.exception)


def test_a_store_on_the_other_side_of_a_url_takes_results(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    upath = pytest.importorskip("upath")
    monkeypatch.setattr("carvanamask.batch.runner.STATE", here / "state")
    result = run("predict", "shoot", "--out", "memory://bucket/masks")
    assert result.exit_code == 0, result.output
    assert upath.UPath("memory://bucket/masks/late/1.png").read_bytes()[:4] == b"\x89PNG"
    assert "2 of them finished before" in run("predict", "shoot", "--out", "memory://bucket/masks").output


def test_a_store_whose_package_is_missing_is_one_line() -> None:
    pytest.importorskip("upath")
    if importlib.util.find_spec("s3fs"):
        pytest.skip("s3fs is there")
    result = run("predict", "s3://bucket/shoot")
    assert isinstance(result.exception, ConfigError)
    assert "s3fs" in str(result.exception)


def test_results_of_one_batch_are_no_pictures_of_the_next() -> None:
    assert run("predict", ".").exit_code == 0
    result = run("cutout", ".")
    assert "2 pictures" in result.output
    assert sorted(path.as_posix() for path in Path("cutouts").rglob("*.png")) == [
        "cutouts/shoot/1.png",
        "cutouts/shoot/late/1.png",
    ]


def test_cutouts_are_cleaned_up_unless_told_otherwise(here: Path) -> None:
    picture = np.zeros((160, 240, 3), np.uint8)
    picture[40:120, 40:200] = picture[2:10, 2:10] = 255  # a car, and a speck far from it
    save_picture(here / "speck" / "1.png", picture)
    save_brightness_model(here / "bright", input_size_wh=(240, 160))
    assert run("cutout", "speck", "--out", "clean").exit_code == 0
    assert run("cutout", "speck", "--out", "as-it-is", "--clean-up", "none").exit_code == 0
    assert run("predict", "speck", "--out", "masks").exit_code == 0
    clean, as_it_is = (cv2.imread(f"{out}/1.png", cv2.IMREAD_UNCHANGED)[..., 3] for out in ("clean", "as-it-is"))
    assert (clean[5, 5], as_it_is[5, 5], clean[80, 100]) == (0, 255, 255)
    assert load_mask(Path("masks/1.png")).pixels[5, 5]


@pytest.mark.parametrize("background", ["white", "Room", ""])
def test_a_background_that_names_nothing_is_told_what_there_is(background: str) -> None:
    result = run("cutout", "shoot", "--background", background)
    assert isinstance(result.exception, ConfigError)
    assert "name room, a colour like #e0e0e0, or a picture" in str(result.exception)


def test_a_background_is_known_by_its_bytes_and_not_by_its_path(here: Path) -> None:
    put(here / "wall.png")
    assert run("cutout", "shoot", "--background", "wall.png").exit_code == 0
    assert "2 of them finished before" in run("cutout", "shoot", "--background", "./wall.png").output
    put(here / "wall.png", column=9)
    result = run("cutout", "shoot", "--background", "wall.png")
    assert "another model, version or options" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--processes", "7"], "--processes 7 belongs to --executor processes"),
        (["--address", "auto"], "--address auto belongs to --executor ray"),
    ],
)
def test_an_option_of_another_executor_is_not_ignored(words: list[str], message: str) -> None:
    result = run("predict", "shoot", *words)
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


def test_another_shoot_s_pictures_of_the_same_names_are_told_of(here: Path) -> None:
    assert "names before" not in run("predict", "shoot").output
    put(here / "other" / "1.jpg", column=7)
    assert (
        "1 pictures are not those of the same names before: their results are replaced"
        in run("predict", "other").output
    )
