"""Make a submission, check one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carvanamask.apps.arguments import (
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
    parse_size,
    submission_app,
)
from carvanamask.apps.screen import print_json, progress, say
from carvanamask.apps.summaries import print_submission_check, print_submit


@app.command()
def submit(
    model: ModelName,
    save: Annotated[YesNo, typer.Option(case_sensitive=False, help="keep the masks, as 1-bit PNG")] = YesNo.no,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="the submission, .csv.gz")] = None,
    flip: Flip = False,
    clean_up: CleanUp = None,
    device: Device = "auto",
    as_json: AsJson = False,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Predict every picture of DIR/test and write Kaggle's submission."""
    from carvanamask.core.folders import KaggleFolder
    from carvanamask.core.run_dir import run_of_model
    from carvanamask.jobs.submit import submit

    found = asked(model, runs, flip, clean_up)
    run = run_of_model(found.folder, runs)
    with progress("predicting") as on_progress:
        masks = run.masks if save is YesNo.yes else None
        report = submit(found, KaggleFolder(data), out or run.submission, masks, device, on_progress, say)
    print_json(report.to_dict()) if as_json else print_submit(report)
    exit_if(bool(report.failures))


@submission_app.command("check")
def check_submission(
    file: Annotated[Path, typer.Argument(help="a submission, .csv or .csv.gz")],
    partial: Annotated[bool, typer.Option("--partial", help="names of the list may be missing")] = False,
    size: Annotated[str, typer.Option(metavar="WxH", help="of the pictures")] = "1918x1280",
    data: DataDir = DATA,
    as_json: AsJson = False,
) -> None:
    """Check that a submission holds the right names in the right order and that every mask decodes."""
    from carvanamask.core.folders import KaggleFolder
    from carvanamask.jobs.check_submission import check_submission

    report = check_submission(file, KaggleFolder(data).submission_names(), parse_size(size), partial)
    print_json(report.to_dict()) if as_json else print_submission_check(report)
    exit_if(not report.is_valid)
