from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.mask import Mask
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.run_dir import RunDir
from carvanamask.errors import ConfigError, ModelError
from carvanamask.io.write import save_mask, save_picture
from carvanamask.jobs.ensemble import ensemble
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import find_model

SIZE_WH = (24, 16)


@pytest.fixture
def folder(tmp_path: Path) -> KaggleFolder:
    """Three cars of two views: a white car, half as large as the grey field it stands in."""
    for car in ("a", "b", "c"):
        for view in (1, 2):
            picture = np.zeros((16, 24, 3), np.uint8)
            picture[:8, :8] = 100
            picture[:8, :4] = 255
            save_picture(tmp_path / "train" / f"{car}_{view:02d}.png", picture)
            save_mask(tmp_path / "train_masks" / f"{car}_{view:02d}_mask.gif", Mask(picture[..., 0] == 255))
    return KaggleFolder(tmp_path)


def member(home: Path, name: str, level: float, held_out: tuple[str, ...] = ("b", "c")) -> ModelFile:
    """Finds what is brighter than `level`."""
    trained = tuple({"a", "b", "c"} - set(held_out))
    cars = {"training_cars": trained, "validation_cars": held_out}
    return save_brightness_model(home / "runs" / name / "model", SIZE_WH, level, name=name, **cars)


def test_better_member_gets_the_weight(folder: KaggleFolder, tmp_path: Path) -> None:
    levels = {"wrong": 60, "too": 50, "right": 200}
    members = [member(tmp_path, name, level) for name, level in levels.items()]
    report = ensemble(members, folder, RunDir.named("all", tmp_path / "runs"))
    # 64 pixels found where 32 are car: 2·32 / (64 + 32); two of three outvote the one that is right
    assert report.dice_alone == pytest.approx((2 / 3, 2 / 3, 1.0))
    assert report.dice_equal == pytest.approx(2 / 3)
    assert report.dice == pytest.approx(1.0)
    assert report.weights[2] > 0.5
    assert report.cars == 2


def test_ensemble_is_self_contained(folder: KaggleFolder, tmp_path: Path) -> None:
    members = [member(tmp_path, "one", 90), member(tmp_path, "two", 200)]
    ensemble(members, folder, RunDir.named("both", tmp_path / "runs"), flip=True)
    for path in sorted(tmp_path.glob("runs/[ot][nw]*/**/*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    found = find_model("both", tmp_path / "runs")
    assert [each.name for each in found.card.members] == ["one", "two"]
    assert found.card.validation_cars == ("b", "c")
    predictor = build_predictor(found)
    assert "mirror image" in predictor.engine
    assert predictor.predict(np.full((16, 24, 3), 255, np.uint8)).values.min() > 0.9


def test_different_folds_weigh_the_same(folder: KaggleFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "carvanamask")
    folds = [member(tmp_path, "first", 200, ("a",)), member(tmp_path, "second", 90, ("b",))]
    report = ensemble(folds, folder, RunDir.named("both", tmp_path / "runs"))
    assert report.weights == (0.5, 0.5)
    assert report.dice is None
    assert caplog.messages == ["no car was held out from every member: their weights are equal"]


def test_one_model_twice_is_refused(folder: KaggleFolder, tmp_path: Path) -> None:
    one = member(tmp_path, "one", 200)
    with pytest.raises(ConfigError, match="two different models"):
        ensemble([one, one], folder, RunDir.named("both", tmp_path / "runs"))


def test_run_of_a_training_is_refused(folder: KaggleFolder, tmp_path: Path) -> None:
    run = RunDir.named("one", tmp_path / "runs")
    members = [member(tmp_path, "one", 200), member(tmp_path, "two", 90)]
    run.config_file.write_text("")
    with pytest.raises(ConfigError, match="'one' is a training's run"):
        ensemble(members, folder, run)


def test_changed_member_is_noticed(folder: KaggleFolder, tmp_path: Path) -> None:
    members = [member(tmp_path, "one", 90), member(tmp_path, "two", 200)]
    model = ensemble(members, folder, RunDir.named("both", tmp_path / "runs")).model
    card = model.folder / "members" / "one" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"flip": True}))
    with pytest.raises(ModelError, match="one is not the member that"):
        ModelFile.load(model.folder)
