"""Read and write the files in which a training run describes itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from carvanamask.data.run_dir import RunDir
from carvanamask.data.split import Split
from carvanamask.errors import ConfigError
from carvanamask.io.atomic import save_text_atomically
from carvanamask.io.table import load_table, save_table
from carvanamask.training.config import Config
from carvanamask.training.recipe import encode_config, load_config


def start_run(run: RunDir, config: Config, split: Split, environment: Mapping[str, object]) -> None:
    """Write the files that describe a run before it starts. Raises DiskError."""
    save_text_atomically(run.split_file, split.encode())
    save_text_atomically(run.environment_file, json.dumps(environment, indent=1))
    save_text_atomically(run.config_file, encode_config(config))  # last: a run with a config has started


def load_run_config(run: RunDir, settings: Sequence[str] = ()) -> Config:
    """Return the options of a run, with `section.option=value` settings applied.

    Raises ConfigError for a run of a version with other options.
    """
    try:
        config = load_config(run.config_file)
    except ConfigError as error:
        reason = f"can't be used by this version ({error})"
        raise ConfigError(reason, "train it again under another --name", run.config_file) from None
    return load_config(run.config_file, settings) if settings else config


def load_split(run: RunDir) -> Split:
    return Split.decode(run.split_file.read_text(encoding="utf-8"))


def load_environment(run: RunDir) -> dict[str, object]:
    """Return what a run depends on besides its options."""
    found: dict[str, object] = json.loads(run.environment_file.read_text(encoding="utf-8"))
    return found


def load_metrics(run: RunDir) -> list[dict[str, float]]:
    """Return one row per epoch, in order; an empty list before the first epoch has ended."""
    if not run.metrics_file.exists():
        return []

    def parse(row: Mapping[str, str]) -> dict[str, float]:
        return {name: float(value) for name, value in row.items()}

    return load_table(run.metrics_file, (), parse, "put it back, or start the run again")


def save_metrics(run: RunDir, rows: Sequence[Mapping[str, float]]) -> None:
    """Write one row per epoch; a column that an earlier version lacked is 0. Raises DiskError."""
    columns = list(rows[-1])
    save_table(run.metrics_file, columns, ([row.get(column, 0) for column in columns] for row in rows))
