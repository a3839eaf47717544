from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.progress import OnProgress, Progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.label_list import load_labels
from carvanamask.errors import ConfigError
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_picture
from carvanamask.jobs.pseudo_label import PseudoLabelReport, pseudo_label
from carvanamask.mask_quality.label_limits import LabelLimits
from carvanamask.model.model_file import ModelFile

SIZE_WH = (48, 32)
CAR, UNCERTAIN = 255, 128
"""Brightness: above both models' level, and close to both."""


@pytest.fixture
def models(tmp_path: Path) -> list[ModelFile]:
    """One calls bright what is above 125, the other what is above 131; a thing of 150 is car to both, barely."""
    levels = {"bold": 125.0, "shy": 131.0}
    return [save_brightness_model(tmp_path / name, SIZE_WH, level, name=name) for name, level in levels.items()]


@pytest.fixture
def folder(tmp_path: Path) -> KaggleFolder:
    """Two cars of 16 views: a block with a bonnet on its left, or on its right in the views of the other side."""
    for car in "ab":
        for view in range(1, 17):
            show(tmp_path / "data" / "test" / f"{car}_{view:02d}.png", car_of(view))
    return KaggleFolder(tmp_path / "data")


def car_of(view: int) -> np.ndarray:
    """Grey (32, 48)."""
    grey = np.zeros(SIZE_WH[::-1], dtype=np.uint8)
    grey[8:24, 12:36] = CAR
    if view not in (1, 9):
        grey[8:16, 12:20] = 0
    return grey if view <= 9 else grey[:, ::-1].copy()


def show(path: Path, grey: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(path, np.repeat(grey[..., None], 3, axis=2))


def reasons(report: PseudoLabelReport) -> dict[str, str]:
    with report.refused.open(newline="") as file:
        return {Path(row["picture"]).stem: row["reason"] for row in csv.DictReader(file)}


def interrupted_after(count: int) -> OnProgress:
    def on_progress(news: Progress) -> None:
        if news.kept + news.done == count:
            raise KeyboardInterrupt

    return on_progress


def test_agreed_pictures_become_labels(models: list[ModelFile], folder: KaggleFolder, tmp_path: Path) -> None:
    report = pseudo_label(models, folder, tmp_path / "out")
    labels = load_labels(report.labels)
    assert [label.sample.picture for label in labels] == [sample.picture for sample in folder.test_samples()]
    for label in labels:
        assert label.sample.mask is not None
        assert label.sample.mask.parent == tmp_path / "out" / "masks"
        assert np.array_equal(load_mask(label.sample.mask).pixels, car_of(label.sample.view) == CAR)
        assert (label.agreement, label.uncertain_ratio) == (1, 0)
        assert label.models == report.models
    assert set(report.models.split(" + ")) == {f"{model.card.name} {model.card.sha256[:12]}" for model in models}
    assert (report.progress.total, report.kept, report.progress.kept, report.refused_by_reason) == (32, 32, 0, {})
    assert reasons(report) == {}
    assert report.to_dict()["labels"] == str(report.labels)


def test_refused_pictures_are_listed_with_their_reason(
    models: list[ModelFile], folder: KaggleFolder, tmp_path: Path
) -> None:
    unsure, lost, scattered, bitten = (car_of(view) for view in (1, 2, 3, 4))
    unsure[8:24, 12:14] = UNCERTAIN  # car to one of the models
    lost[:] = 0
    scattered[:2, :2] = CAR
    bitten[8:16, 12:28] = 0
    for view, grey in enumerate((unsure, lost, scattered, bitten), start=1):
        show(folder.test / f"a_{view:02d}.png", grey)

    report = pseudo_label(models, folder, tmp_path / "out", LabelLimits(max_refused=0.5))

    expected = {"a_01": "agreement", "a_02": "empty", "a_03": "strays", "a_04": "mirror", "a_14": "mirror"}
    assert reasons(report) == expected
    assert report.refused_by_reason == {"mirror": 2, "agreement": 1, "empty": 1, "strays": 1}
    assert {label.sample.name for label in load_labels(report.labels)} == {
        sample.name for sample in folder.test_samples() if sample.name not in expected
    }
    assert (tmp_path / "out" / "masks" / "a_04.png").exists()  # for a person to check
    assert report.kept == 27


def test_other_limits_need_no_new_predictions(models: list[ModelFile], folder: KaggleFolder, tmp_path: Path) -> None:
    unsure = car_of(5)
    unsure[20:24, 12:36] = UNCERTAIN + 5  # car to both, and sure to none
    show(folder.test / "b_05.png", unsure)
    strict = pseudo_label(models, folder, tmp_path / "out")
    assert reasons(strict) == {"b_05": "undecided"}
    wide = pseudo_label(models, folder, tmp_path / "out", LabelLimits(max_uncertain=1))
    assert (wide.progress.kept, wide.kept) == (32, 32)
    whole_cars = pseudo_label(models, folder, tmp_path / "out", LabelLimits(max_refused=0))
    assert (whole_cars.kept, whole_cars.refused_by_reason) == (16, {"car": 15, "undecided": 1})


@pytest.mark.parametrize("finished", [0, 7, 32])
def test_interrupted_run_ends_in_the_same_bytes(
    models: list[ModelFile], folder: KaggleFolder, tmp_path: Path, finished: int
) -> None:
    straight = pseudo_label(models, folder, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        pseudo_label(models, folder, tmp_path / "out", on_progress=interrupted_after(finished))
    assert not (tmp_path / "out" / "labels.csv").exists()
    seen: list[tuple[int, int]] = []
    report = pseudo_label(
        models[::-1],
        folder,
        tmp_path / "out",
        on_progress=lambda news: seen.append((news.kept + news.done, news.total)),
    )
    assert report.progress.kept == finished
    assert seen == [(done, 32) for done in range(finished, 33)]
    assert report.labels.read_bytes() == straight.labels.read_bytes()


def test_changed_picture_or_lost_mask_is_predicted_again(
    models: list[ModelFile], folder: KaggleFolder, tmp_path: Path
) -> None:
    pseudo_label(models, folder, tmp_path / "out")
    (tmp_path / "out" / "masks" / "a_01.png").unlink()
    show(folder.test / "b_09.png", np.zeros(SIZE_WH[::-1], dtype=np.uint8))
    report = pseudo_label(models, folder, tmp_path / "out")
    assert report.progress.kept == 30
    assert reasons(report) == {"b_09": "empty"}


def test_folder_of_other_models_is_refused(models: list[ModelFile], folder: KaggleFolder, tmp_path: Path) -> None:
    pseudo_label(models, folder, tmp_path / "out")
    third = save_brightness_model(tmp_path / "third", SIZE_WH, 120.0, name="third")
    with pytest.raises(ConfigError, match=r"out holds results of another model than .*: name another --out"):
        pseudo_label([models[0], third], folder, tmp_path / "out")


def test_unreadable_picture_is_no_label(models: list[ModelFile], folder: KaggleFolder, tmp_path: Path) -> None:
    bad = folder.test / "a_06.png"
    complete = bad.read_bytes()
    bad.write_bytes(complete[:40])
    report = pseudo_label(models, folder, tmp_path / "out")
    assert [(picture, bad.name in str(error)) for picture, error in report.progress.failures] == [(bad.name, True)]
    assert reasons(report) == {"a_06": "unreadable"}
    assert report.kept == 31
    bad.write_bytes(complete)
    report = pseudo_label(models, folder, tmp_path / "out")
    assert (report.progress.kept, report.kept, report.progress.failures) == (31, 32, ())


def test_another_threshold_needs_no_new_predictions(
    models: list[ModelFile], folder: KaggleFolder, tmp_path: Path
) -> None:
    pseudo_label(models, folder, tmp_path / "out")
    again = [model.with_card(threshold=0.4, scores={"validation_dice": 0.9}) for model in models]
    assert pseudo_label(again, folder, tmp_path / "out").progress.kept == 32


@pytest.mark.parametrize("chosen", [[0], [0, 0], []])
def test_fewer_than_two_models_are_refused(
    models: list[ModelFile], folder: KaggleFolder, tmp_path: Path, chosen: list[int]
) -> None:
    named_anew = [models[place].with_card(name=f"copy {number}") for number, place in enumerate(chosen)]
    with pytest.raises(ConfigError, match="two different models or more"):
        pseudo_label(named_anew, folder, tmp_path / "out")
