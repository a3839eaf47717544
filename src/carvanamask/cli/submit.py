"""Make a submission."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carvanamask.cli.batch import (
    Address,
    Asked,
    ExecutorName,
    JsonLines,
    MetricsFile,
    OnErrorWord,
    Processes,
    print_event,
)
from carvanamask.cli.console import print_json
from carvanamask.cli.options import (
    DATA,
    RUNS,
    AsJson,
    CleanUp,
    DataDir,
    Device,
    Flip,
    ModelName,
    RunsDir,
    YesNo,
    app,
    asked,
    exit_if,
)
from carvanamask.cli.summaries import print_submit


@app.command()
def submit(
    model: ModelName,
    save: Annotated[YesNo, typer.Option(case_sensitive=False, help="keep the masks, as 1-bit PNG")] = YesNo.no,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="the submission, .csv.gz")] = None,
    flip: Flip = False,
    clean_up: CleanUp = None,
    empty_for_missing: Annotated[
        bool, typer.Option("--empty-for-missing", help="an empty mask for pictures that are missing or can't be read")
    ] = False,
    device: Device = "auto",
    executor: ExecutorName = "threads",
    processes: Processes = None,
    address: Address = None,
    on_error: OnErrorWord = "skip",
    json_lines: JsonLines = False,
    metrics: MetricsFile = None,
    as_json: AsJson = False,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Predict every picture of DIR/test and write Kaggle's submission."""
    from carvanamask.data.kaggle_folder import KaggleFolder
    from carvanamask.data.run_dir import run_of_model
    from carvanamask.jobs.submit import submit

    found = asked(model, runs, flip, clean_up)
    run = run_of_model(found.folder, runs)
    masks = run.masks if save is YesNo.yes else None
    how = Asked(device, executor, processes, address, on_error, json_lines, metrics)
    with how.manner("predicting") as manner:
        report = submit(found, KaggleFolder(data), out or run.submission, masks, empty_for_missing, manner)
    if json_lines:
        print_event("finished", **report.to_dict())
    else:
        print_json(report.to_dict()) if as_json else print_submit(report)
    exit_if(bool(report.progress.failures))
