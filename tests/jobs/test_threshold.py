from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.errors import ConfigError, DataError
from carvanamask.jobs.threshold import choose_threshold
from carvanamask.model.model_file import ModelFile


def test_best_threshold_goes_into_card(tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path / "model")
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "threshold.csv").write_text("threshold,dice\n0.25,0.7\n0.375,0.9\n0.5,0.8\n")
    report = choose_threshold(model, tmp_path / "evaluation")
    assert (report.before, report.after) == (0.5, 0.375)
    assert report.gain == pytest.approx(0.1)
    assert ModelFile.load(tmp_path / "model").card.threshold == 0.375
    assert report.figure.exists()


def test_missing_evaluation_names_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="doesn't exist: run eval --model bright"):
        choose_threshold(save_brightness_model(tmp_path), tmp_path / "evaluation")


def test_threshold_0_is_never_chosen(tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path / "model")
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "threshold.csv").write_text("threshold,dice\n0.0,1.0\n0.25,1.0\n0.5,0.9\n")
    assert choose_threshold(model, tmp_path / "evaluation").after == 0.25
    assert ModelFile.load(tmp_path / "model").card.threshold == 0.25


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("", "has no column 'threshold'"),
        ("threshold,dice\n", "holds no threshold above 0"),
        ("dice\n1\n", "has no column 'threshold'"),
        ("threshold,dice\nhigh,1\n", "line 2: could not convert string to float: 'high'"),
    ],
)
def test_damaged_curve(table: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "threshold.csv").write_text(table)
    with pytest.raises(DataError, match=f"{reason}.*: run eval --model bright"):
        choose_threshold(save_brightness_model(tmp_path / "model"), tmp_path / "evaluation")


def test_built_in_model_keeps_its_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carvanamask.jobs.threshold.BUILT_IN", tmp_path)
    with pytest.raises(ConfigError, match="'bright' comes with the package and stays as it is"):
        choose_threshold(save_brightness_model(tmp_path / "bright"), tmp_path / "evaluation")


def test_built_in_model_by_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carvanamask.jobs.threshold.BUILT_IN", tmp_path)
    save_brightness_model(tmp_path / "bright")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="comes with the package"):
        choose_threshold(ModelFile.load(Path("bright")), tmp_path / "evaluation")
