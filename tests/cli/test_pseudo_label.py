import json
from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.data.label_list import Label, save_labels
from carvanamask.data.run_dir import RunDir
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_mask
from carvanamask.training.run_files import load_run_config
from command_line import Run
from drawn_cars import draw_kaggle_folder

WORDS = ("pseudo-label", "--model", "bold", "--model", "shy", "--out", "labels")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A working folder with data/, and runs/ of two models that call the bright wall car."""
    draw_kaggle_folder(tmp_path / "data", cars=2, views=4, size_wh=(96, 64), test_cars=1)
    for name, level in {"bold": 120.0, "shy": 121.0}.items():
        save_brightness_model(tmp_path / "runs" / name / "model", (96, 64), level, name=name)
    return tmp_path


def test_refused_labels_are_counted(run: Run, here: Path) -> None:
    result = run(*WORDS, "--max-uncertain", 0)
    assert result.code == 0
    assert "4 pictures" in result.output
    assert "uncertain" in result.output
    assert "0 labels in labels/labels.csv" in result.output
    assert "next:" not in result.output


def test_json_and_exit_code_of_an_unreadable_picture(run: Run, here: Path) -> None:
    bad = next((here / "data" / "test").iterdir())
    bad.write_bytes(b"")
    result = run(*WORDS, "--views", 0, "--max-uncertain", 9, "--json")
    assert result.code == 1
    report = json.loads(result.out)
    assert report["failures"][0][0] == bad.name
    assert (report["pictures"], report["refused_by_reason"]["unreadable"]) == (4, 1)


def test_train_takes_lists_of_labels(run: Run, here: Path, tiny_recipe: Path) -> None:
    more = KaggleFolder(draw_kaggle_folder(here / "more", cars=1, views=2, size_wh=(96, 64), seed=5))
    labels = []
    for sample in more.training_samples():
        assert sample.mask is not None
        save_mask(here / "labels" / f"{sample.name}.png", load_mask(sample.mask))
        from_models = Sample.from_picture(sample.picture, here / "labels" / f"{sample.name}.png")
        labels.append(Label(from_models, 1.0, 0.0, "bold and shy"))
    for number, label in enumerate(labels):
        save_labels(here / "labels" / f"{number}.csv", [label])
    lists = ["--extra-labels", "labels/0.csv", "--extra-labels", "labels/1.csv"]
    result = run("train", "--config", tiny_recipe, "--set", "training.epochs=1", *lists)
    assert result.code == 0, result.output
    assert load_run_config(RunDir(here / "runs" / "tiny")).split.extra_labels == ("labels/0.csv", "labels/1.csv")
