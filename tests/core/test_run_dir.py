from pathlib import Path

import pytest

from carvanamask.core.atomic_files import save_text_atomically
from carvanamask.core.config import Config
from carvanamask.core.errors import ConfigError
from carvanamask.core.run_dir import RunDir, run_of_model
from carvanamask.core.split import Split

SPLIT = Split(("a", "b"), ("c",))


def test_a_run_knows_its_options_and_split_again(tmp_path: Path) -> None:
    run = RunDir.named("first", tmp_path)
    assert not run.is_started
    run.start(Config(), SPLIT, {"python": "3"})
    assert run.is_started
    assert not run.is_finished
    assert (run.config(), run.split()) == (Config(), SPLIT)


def test_metrics_come_back_as_numbers(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    assert run.metrics() == []
    run.save_metrics([{"epoch": 0, "val_dice": 0.5}, {"epoch": 1, "val_dice": 0.75}])
    assert run.metrics() == [{"epoch": 0.0, "val_dice": 0.5}, {"epoch": 1.0, "val_dice": 0.75}]


def test_what_an_earlier_version_did_not_measure_of_its_epochs_is_0(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.save_metrics([{"epoch": 0}, {"epoch": 1, "val_undecided": 0.05}])
    assert [row["val_undecided"] for row in run.metrics()] == [0, 0.05]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_a_run_s_name_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a run can't be called"):
        RunDir.named(name, tmp_path)


def test_results_go_into_the_run_that_trained_the_model(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "first")
    run.start(Config(), SPLIT, {})
    assert run_of_model(run.model, tmp_path) == run
    assert run_of_model(Path("/elsewhere/studio-s"), tmp_path) == RunDir(tmp_path / "studio-s")


def test_a_run_counts_as_started_once_all_of_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, written = RunDir(tmp_path / "run"), save_text_atomically

    def interrupted(path: Path, text: str) -> None:
        written(path, text)
        if path.name == "environment.json":
            raise KeyboardInterrupt

    monkeypatch.setattr("carvanamask.core.run_dir.save_text_atomically", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.start(Config(), SPLIT, {})
    assert not run.is_started
    monkeypatch.undo()
    run.start(Config(), SPLIT, {})
    assert run.is_started
