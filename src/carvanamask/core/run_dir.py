"""Where one run keeps what: the only code that knows file names inside a run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from carvanamask.core.atomic_files import save_text_atomically
from carvanamask.core.config import Config
from carvanamask.core.errors import ConfigError
from carvanamask.core.recipe import encode_config, load_config
from carvanamask.core.split import Split

RUNS = Path("runs")


@dataclass(frozen=True)
class RunDir:
    """A folder that holds one run, whole or under way."""

    root: Path

    @classmethod
    def named(cls, name: str, runs: Path = RUNS) -> RunDir:
        if not name or name.startswith(".") or Path(name).name != name:
            raise ConfigError(f"a run can't be called '{name}': use letters, digits, '-' and '_'")
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
    def stages(self) -> Path:
        return self.root / "stages"

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

    def start(self, config: Config, split: Split, environment: Mapping[str, object]) -> None:
        """Write down what the run is before it begins."""
        save_text_atomically(self._split, split.encode())
        save_text_atomically(self._environment, json.dumps(environment, indent=1))
        # last: with it the run is one that started
        save_text_atomically(self.config_file, encode_config(config))

    def config(self) -> Config:
        return load_config(self.config_file)

    def split(self) -> Split:
        return Split.decode(self._split.read_text(encoding="utf-8"))

    def environment(self) -> dict[str, object]:
        """What the run was started with besides its options."""
        found: dict[str, object] = json.loads(self._environment.read_text(encoding="utf-8"))
        return found

    def metrics(self) -> list[dict[str, float]]:
        """One row an epoch, in order."""
        if not self._metrics.exists():
            return []
        with self._metrics.open(newline="") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]

    def save_metrics(self, rows: Sequence[Mapping[str, float]]) -> None:
        """What an earlier version didn't measure of its epochs is 0."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[-1]), restval=0, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        save_text_atomically(self._metrics, text.getvalue())

    @property
    def _split(self) -> Path:
        return self.root / "split.json"

    @property
    def _environment(self) -> Path:
        return self.root / "environment.json"

    @property
    def _metrics(self) -> Path:
        return self.root / "metrics.csv"


def run_of_model(model: Path, runs: Path = RUNS) -> RunDir:
    """Where a model's results go: into the run that trained it, or `runs`/<its name> for one that came without."""
    run = RunDir(model.parent)
    return run if run.model == model else RunDir(runs / model.name)
