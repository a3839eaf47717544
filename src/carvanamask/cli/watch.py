"""Watch a folder that pictures arrive in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from carvanamask.cli.batch import Asked, Background, JsonLines, MetricsFile, print_event
from carvanamask.cli.console import say
from carvanamask.cli.options import (
    CUT_OUTS_REPAIRS,
    RUNS,
    CleanUp,
    Device,
    Flip,
    ModelName,
    RunsDir,
    app,
    asked,
    exit_if,
)
from carvanamask.cli.summaries import print_watch
from carvanamask.errors import ConfigError
from carvanamask.model.registry import DEFAULT_MODEL


class As(StrEnum):
    """What is written of a picture."""

    cutout = "cutout"
    mask = "mask"
    probability = "probability"


@app.command()
def watch(
    source: Annotated[str, typer.Argument(metavar="IN", help="folder that pictures arrive in, at any depth")],
    out: Annotated[str, typer.Argument(metavar="OUT", help="folder for results, in the same sub-folders")],
    what: Annotated[As, typer.Option("--as", help="what is written of each picture")] = As.cutout,
    background: Background = None,
    model: ModelName = DEFAULT_MODEL,
    flip: Flip = False,
    clean_up: CleanUp = None,
    device: Device = "auto",
    every: Annotated[float, typer.Option(min=0.05, metavar="SECONDS", help="how often it looks")] = 2.0,
    until_idle: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="end after that long with nothing new; none: never")
    ] = None,
    json_lines: JsonLines = False,
    metrics: MetricsFile = None,
    runs: RunsDir = RUNS,
) -> None:
    """Cut pictures as they arrive in a folder, until Ctrl-C; started again it does only what is left."""
    from carvanamask.batch.runner import ResultWriter
    from carvanamask.io.storage import to_path
    from carvanamask.jobs.cutout import CutOut, Scene
    from carvanamask.jobs.predict import SaveResult
    from carvanamask.jobs.watch import Pace, watch

    if background and what is not As.cutout:
        raise ConfigError(f"--background {background} belongs to cut-outs: leave it out, or --as cutout")
    repairs = clean_up or (CUT_OUTS_REPAIRS if what is As.cutout else None)
    results, found = to_path(out), asked(model, runs, flip, repairs)
    if what is As.cutout:
        work: ResultWriter = CutOut(found.card, results, Scene.named(background) if background is not None else None)
    else:
        work = SaveResult(found.card, results, "mask" if what is As.mask else "probability")
    with Asked(device, json_lines=json_lines, metrics=metrics).manner() as manner:
        say(f"watching {source}, results in {out}: Ctrl-C ends")
        report = watch(found, to_path(source), work, results, Pace(every, until_idle), manner)
    print_event("finished", **report.to_dict()) if json_lines else print_watch(report)
    exit_if(bool(report.progress.failures))
