from pathlib import Path

import pytest

from carvanamask.data.run_dir import RunDir
from carvanamask.data.split import Split
from carvanamask.errors import ConfigError
from carvanamask.io.atomic import save_text_atomically
from carvanamask.training.config import Config
from carvanamask.training.run_files import load_metrics, load_run_config, load_split, save_metrics, start_run

SPLIT = Split(("a", "b"), ("c",))


def test_a_run_knows_its_options_and_split_again(tmp_path: Path) -> None:
    run = RunDir.named("first", tmp_path)
    assert not run.is_started
    start_run(run, Config(), SPLIT, {"python": "3"})
    assert run.is_started
    assert not run.is_finished
    assert (load_run_config(run), load_split(run)) == (Config(), SPLIT)


def test_metrics_come_back_as_numbers(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    assert load_metrics(run) == []
    save_metrics(run, [{"epoch": 0, "val_dice": 0.5}, {"epoch": 1, "val_dice": 0.75}])
    assert load_metrics(run) == [{"epoch": 0.0, "val_dice": 0.5}, {"epoch": 1.0, "val_dice": 0.75}]


def test_run_of_another_version_is_one_line(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.config_file.write_text("[training]\nepochs_a_pass = 2\n")
    with pytest.raises(ConfigError) as error:
        load_run_config(run)
    assert str(error.value).startswith(f"{run.config_file} can't be used by this version (no option training.epochs_a")
    assert str(error.value).endswith(": train it again under another --name")


def test_missing_metric_is_0(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    save_metrics(run, [{"epoch": 0}, {"epoch": 1, "val_undecided": 0.05}])
    assert [row["val_undecided"] for row in load_metrics(run)] == [0, 0.05]


def test_run_is_started_once_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, written = RunDir(tmp_path / "run"), save_text_atomically

    def interrupted(path: Path, text: str) -> None:
        written(path, text)
        if path.name == "environment.json":
            raise KeyboardInterrupt

    monkeypatch.setattr("carvanamask.training.run_files.save_text_atomically", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start_run(run, Config(), SPLIT, {})
    assert not run.is_started
    monkeypatch.undo()
    start_run(run, Config(), SPLIT, {})
    assert run.is_started
