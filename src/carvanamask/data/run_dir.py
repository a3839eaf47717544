"""The files of a training run: the only module that knows their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from carvanamask.errors import ConfigError

RUNS = Path("runs")


@dataclass(frozen=True)
class RunDir:
    """The folder of one run, finished or in progress."""

    root: Path

    @classmethod
    def named(cls, name: str, runs: Path = RUNS) -> RunDir:
        if not name or name.startswith(".") or Path(name).name != name:
            raise ConfigError(f"a run can't be called '{name}'", "use letters, digits, '-' and '_'")
        return cls(runs / name)

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def config_file(self) -> Path:
        return self.root / "config.toml"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def best_checkpoint(self) -> Path:
        return self.root / "checkpoints" / "best.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        return self.root / "checkpoints" / "last.ckpt"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    @property
    def curves(self) -> Path:
        return self.root / "curves.png"

    @property
    def evaluation(self) -> Path:
        return self.root / "evaluation"

    @property
    def submission(self) -> Path:
        return self.root / "submission.csv.gz"

    @property
    def masks(self) -> Path:
        return self.root / "masks"

    @property
    def is_started(self) -> bool:
        return self.config_file.exists()

    @property
    def is_finished(self) -> bool:
        # a model's card is the last thing a run writes
        return (self.model / "card.json").exists()

    @property
    def split_file(self) -> Path:
        return self.root / "split.json"

    @property
    def environment_file(self) -> Path:
        return self.root / "environment.json"

    @property
    def metrics_file(self) -> Path:
        return self.root / "metrics.csv"


def run_of_model(model: Path, runs: Path = RUNS) -> RunDir:
    """Return the run that trained a model, or `runs`/<its name> for a model without one: there its results go."""
    run = RunDir(model.parent)
    return run if run.model == model else RunDir(runs / model.name)
