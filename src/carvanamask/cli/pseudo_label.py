"""Label pictures that nobody labelled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carvanamask.cli.batch import Address, Asked, ExecutorName, MetricsFile, OnErrorWord, Processes
from carvanamask.cli.console import print_json
from carvanamask.cli.options import DATA, RUNS, AsJson, DataDir, Device, RunsDir, app, exit_if
from carvanamask.cli.summaries import print_pseudo_label
from carvanamask.mask_quality.limits import Limits


@app.command()
def pseudo_label(
    model: Annotated[
        list[str], typer.Option("--model", metavar="NAME", help="two or more: built-in, a run, or a path")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="for labels.csv, refused.csv and masks/")],
    min_agreement: Annotated[
        float, typer.Option(min=0, max=1, help="mean Dice between the models' masks")
    ] = Limits.min_agreement,
    max_uncertain: Annotated[
        float, typer.Option(min=0, help="area that is neither car nor background, as a share of the mask's")
    ] = Limits.max_uncertain,
    min_mirror: Annotated[
        float, typer.Option(min=0, max=1, help="Dice of a mask and the mirror image of its other side's")
    ] = Limits.min_mirror,
    views: Annotated[int, typer.Option(min=0, help="pictures of a whole turn; 0: compare no views")] = Limits.views,
    device: Device = "auto",
    executor: ExecutorName = "threads",
    processes: Processes = None,
    address: Address = None,
    on_error: OnErrorWord = "skip",
    metrics: MetricsFile = None,
    as_json: AsJson = False,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Predict every picture of DIR/test with several models; keep the masks on which models and views agree."""
    from carvanamask.data.kaggle_folder import KaggleFolder
    from carvanamask.jobs.pseudo_label import pseudo_label
    from carvanamask.model.registry import find_model

    limits = Limits(min_agreement, max_uncertain, min_mirror, views=views)
    found = [find_model(name, runs) for name in model]
    with Asked(device, executor, processes, address, on_error, False, metrics).manner("predicting") as manner:
        report = pseudo_label(found, KaggleFolder(data), out, limits, manner)
    print_json(report.to_dict()) if as_json else print_pseudo_label(report)
    exit_if(bool(report.failures))
