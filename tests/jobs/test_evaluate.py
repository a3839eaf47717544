import json
import sys
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.mask import Mask
from carvanamask.core.progress import Progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ConfigError, DataError
from carvanamask.io.read import load_picture
from carvanamask.io.write import save_mask, save_picture
from carvanamask.jobs.evaluate import evaluate, held_out
from carvanamask.model.model_file import ModelFile


def bright_square(size_px: int) -> np.ndarray:
    picture = np.zeros((16, 24, 3), np.uint8)
    picture[:size_px, :size_px] = 255
    return picture


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the figures empty: for tests of which pictures are drawn."""

    def save_empty(path: Path, *arguments: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr("carvanamask.jobs.evaluate.save_comparison", save_empty)


@pytest.fixture
def folder(tmp_path: Path) -> KaggleFolder:
    """Three cars of two views, a bright 8x8 square; car c's truth is only half of what the model will find."""
    for car, truth_px in (("a", 8), ("b", 8), ("c", 4)):
        for view in (1, 2):
            truth = np.zeros((16, 24), bool)
            truth[:8, :truth_px] = True
            save_picture(tmp_path / "train" / f"{car}_{view:02d}.png", bright_square(8))
            save_mask(tmp_path / "train_masks" / f"{car}_{view:02d}_mask.gif", Mask(truth))
    return KaggleFolder(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    """Finds what is bright, at the pictures' own size; knows car a, was validated on b and c."""
    return save_brightness_model(
        tmp_path / "model", input_size_wh=(24, 16), training_cars=("a",), validation_cars=("b", "c")
    )


def test_scores_only_held_out_cars(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    report = evaluate(model, folder, tmp_path / "out", figures=0)
    # b is exact; c finds 64 pixels where 32 are car: 2·32 / (64 + 32)
    assert report.dice_by_car == pytest.approx({"c": 2 / 3, "b": 1.0})
    assert report.dice_by_view == pytest.approx({1: 5 / 6, 2: 5 / 6})
    assert report.dice == pytest.approx((1 + 2 / 3) / 2)
    assert report.iou == pytest.approx((1 + 1 / 2) / 2)
    assert [score.sample.name for score in report.worst[:2]] == ["c_01", "c_02"]


def test_report_table_and_figures(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "out"
    heard: list[Progress] = []
    evaluate(model, folder, out, figures=1, on_progress=heard.append)
    assert [(progress.done, progress.total) for progress in heard] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert json.loads((out / "report.json").read_text())["pictures"] == 4
    assert (out / "pictures.csv").read_text().splitlines()[0] == "picture,dice,iou,boundary_iou,doubt"
    assert len(list((out / "figures").iterdir())) == 1
    assert [path.name for path in (out / "worst").iterdir()] == ["c_01.png"]
    assert load_picture(out / "worst" / "c_01.png").shape == (1170, 1600, 3)


def test_masks_that_need_review(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    assert not evaluate(model, folder, tmp_path / "sure", figures=0).needs_review
    blank = np.zeros((16, 24, 3), dtype=np.uint8)
    save_picture(folder.training_samples()[2].picture, blank)
    report = evaluate(model, folder, tmp_path / "out", figures=0)
    assert [(score.sample.name, score.review_reason) for score in report.needs_review] == [("b_01", "no car found")]
    assert report.to_dict()["doubtful"] == {"b_01": "no car found"}
    assert (tmp_path / "out" / "pictures.csv").read_text().splitlines()[
        1
    ] == "b_01,0.000000,0.000000,0.000000,no car found"


@pytest.mark.usefixtures("no_drawing")
def test_seed_chooses_figures(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    for out in ("first", "second"):
        evaluate(model, folder, tmp_path / out, figures=2, seed=5)
    drawn = [sorted(path.name for path in (tmp_path / out / "figures").iterdir()) for out in ("first", "second")]
    assert drawn[0] == drawn[1]


def test_model_that_knows_every_car_is_refused(folder: KaggleFolder, tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path / "all", training_cars=("a", "b", "c"))
    with pytest.raises(DataError, match="trained on every car of this folder"):
        evaluate(model, folder, tmp_path / "out", figures=1)


def test_unknown_cars_are_held_out(folder: KaggleFolder, tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path / "other", training_cars=("a",), validation_cars=("z",))
    assert {sample.car for sample in held_out(model, folder.training_samples())} == {"b", "c"}


@pytest.mark.usefixtures("no_drawing")
def test_evaluation_replaces_the_last_one(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "mine.png").touch()
    evaluate(model, folder, out, figures=4)
    evaluate(model.with_card(flip=True, clean_up=("fill_holes",)), folder, out, figures=1)
    assert [len(list((out / kind).iterdir())) for kind in ("figures", "worst")] == [2, 1]
    assert (out / "figures" / "mine.png").exists()
    report = json.loads((out / "report.json").read_text())
    assert (report["flip"], report["clean_up"]) == (True, ["fill_holes"])


def test_missing_matplotlib_fails_first(
    folder: KaggleFolder, model: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    heard: list[Progress] = []
    with pytest.raises(ConfigError, match="figures need matplotlib"):
        evaluate(model, folder, tmp_path / "out", figures=1, on_progress=heard.append)
    assert not heard
    assert evaluate(model, folder, tmp_path / "out", figures=0).dice > 0


def test_best_threshold_is_never_0(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    for sample in folder.training_samples():
        save_picture(sample.picture, np.full((16, 24, 3), 255, np.uint8))
        save_mask(folder.train_masks / f"{sample.name}_mask.gif", Mask(np.ones((16, 24), bool)))
    assert evaluate(model, folder, tmp_path / "out", figures=0).best_threshold == (1 / 256, 1.0)
