"""The files of a training run: the only module that knows their names."""

from __future__ import annotations

from pathlib import Path

from carvanamask.errors import ConfigError

RUNS = Path("runs")


class RunDir:
    """The paths of the files of one run, finished, in progress or not started."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = root.name
        self.config_file = root / "config.toml"
        self.split_file = root / "split.json"
        self.environment_file = root / "environment.json"
        self.metrics_file = root / "metrics.csv"
        self.best_checkpoint = root / "checkpoints" / "best.ckpt"
        self.last_checkpoint = root / "checkpoints" / "last.ckpt"
        self.tensorboard = root / "tensorboard"
        self.curves = root / "curves.png"
        self.model = root / "model"
        self.evaluation = root / "evaluation"
        self.submission = root / "submission.csv.gz"
        self.masks = root / "masks"

    @classmethod
    def named(cls, name: str, runs: Path = RUNS) -> RunDir:
        """Return the run of that name. Raises ConfigError for a name that would lead out of the folder of runs."""
        if not name or name.startswith(".") or Path(name).name != name:
            raise ConfigError(f"a run can't be called '{name}'", "use letters, digits, '-' and '_'")
        return cls(runs / name)

    @property
    def is_started(self) -> bool:
        return self.config_file.exists()

    @property
    def is_finished(self) -> bool:
        # a model's card is the last file that a run writes
        return (self.model / "card.json").exists()


def run_of_model(model: Path, runs: Path = RUNS) -> RunDir:
    """Return the run that trained a model, or `runs`/<its name> for a model without one: there its results go."""
    run = RunDir(model.parent)
    return run if run.model == model else RunDir(runs / model.name)
