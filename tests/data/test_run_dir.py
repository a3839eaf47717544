from pathlib import Path

import pytest

from carvanamask.data.run_dir import RunDir, run_of_model
from carvanamask.errors import ConfigError


def test_files_of_a_run_keep_their_names() -> None:
    run = RunDir.named("first")
    assert run.name == "first"
    files = {name: path.as_posix() for name, path in vars(run).items() if isinstance(path, Path)}
    assert files == {
        "root": "runs/first",
        "config_file": "runs/first/config.toml",
        "split_file": "runs/first/split.json",
        "environment_file": "runs/first/environment.json",
        "metrics_file": "runs/first/metrics.csv",
        "best_checkpoint": "runs/first/checkpoints/best.ckpt",
        "last_checkpoint": "runs/first/checkpoints/last.ckpt",
        "tensorboard": "runs/first/tensorboard",
        "curves": "runs/first/curves.png",
        "model": "runs/first/model",
        "evaluation": "runs/first/evaluation",
        "submission": "runs/first/submission.csv.gz",
        "masks": "runs/first/masks",
    }


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_name_of_a_run_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        RunDir.named(name, tmp_path)
    assert str(error.value) == f"a run can't be called '{name}': use letters, digits, '-' and '_'"


def test_state_of_a_run_is_told_by_its_files(tmp_path: Path) -> None:
    run = RunDir.named("first", tmp_path)
    assert not run.is_started
    run.model.mkdir(parents=True)
    run.config_file.touch()
    assert (run.is_started, run.is_finished) == (True, False)
    (run.model / "card.json").touch()
    assert run.is_finished


def test_results_go_into_the_models_run(tmp_path: Path) -> None:
    assert run_of_model(tmp_path / "first" / "model", tmp_path / "runs").root == tmp_path / "first"
    assert run_of_model(Path("/elsewhere/studio-s"), tmp_path).root == tmp_path / "studio-s"
    assert run_of_model(Path("/elsewhere/studio-s")).root == Path("runs/studio-s")
