"""Train a network."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from carvanamask.cli.console import is_terminal, say
from carvanamask.cli.options import DATA, RUNS, DataDir, RunsDir, Settings, app
from carvanamask.cli.summaries import print_train


@app.command()
def train(
    config: Annotated[str | None, typer.Option(metavar="RECIPE", help="a recipe's name or TOML file")] = None,
    settings: Settings = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="of the run; the recipe's name if not given")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="a run to go on from")] = None,
    extra_labels: Annotated[
        list[str] | None, typer.Option(metavar="LIST", help="labels.csv of pseudo-label, to train on, too")
    ] = None,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Train a network; the same command again finishes a run that was interrupted."""
    from carvanamask.data.kaggle_folder import KaggleFolder
    from carvanamask.jobs.train import plan_run, train

    # a list of plain strings is the same in JSON and TOML
    lists = [f"split.extra_labels={json.dumps(extra_labels)}"] if extra_labels else []
    plan = plan_run(runs, name, config, [*(settings or ()), *lists], model)
    print_train(train(KaggleFolder(data), plan, say, is_terminal()))
