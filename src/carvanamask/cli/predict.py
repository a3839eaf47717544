"""Pictures wherever they lie: masks of them, or cars cut out."""

from __future__ import annotations

from typing import Annotated

import typer

from carvanamask.cli.batch import (
    Address,
    Asked,
    Background,
    ExecutorName,
    JsonLines,
    MetricsFile,
    OnErrorWord,
    Processes,
    print_event,
)
from carvanamask.cli.console import print_json
from carvanamask.cli.options import (
    CUT_OUTS_REPAIRS,
    RUNS,
    AsJson,
    CleanUp,
    Device,
    Flip,
    ModelName,
    RunsDir,
    app,
    asked,
    exit_if,
)
from carvanamask.cli.summaries import print_batch
from carvanamask.model.registry import DEFAULT_MODEL

Pictures = Annotated[list[str], typer.Argument(metavar="PATH…", help="pictures, or folders of them at any depth")]
Results = Annotated[str, typer.Option("--out", metavar="DIR", help="where results go, in the same sub-folders")]


@app.command()
def predict(
    paths: Pictures,
    out: Results = "masks",
    model: ModelName = DEFAULT_MODEL,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="8-bit grey in the place of masks")] = False,
    flip: Flip = False,
    clean_up: CleanUp = None,
    device: Device = "auto",
    executor: ExecutorName = "threads",
    processes: Processes = None,
    address: Address = None,
    on_error: OnErrorWord = "skip",
    json_lines: JsonLines = False,
    metrics: MetricsFile = None,
    as_json: AsJson = False,
    runs: RunsDir = RUNS,
) -> None:
    """Write a mask for every picture; the same command again does only what is left."""
    from carvanamask.data.picture_list import find_pictures
    from carvanamask.io.storage import to_path
    from carvanamask.jobs.predict import predict

    results = to_path(out)
    pictures = find_pictures([to_path(path) for path in paths], results)
    found = asked(model, runs, flip, clean_up)
    how = Asked(device, executor, processes, address, on_error, json_lines, metrics)
    with how.manner("predicting") as manner:
        report = predict(found, pictures, results, "probability" if probabilities else "mask", manner)
    if json_lines:
        print_event("finished", **report.to_dict())
    else:
        print_json(report.to_dict()) if as_json else print_batch(report)
    exit_if(bool(report.progress.failures))


@app.command()
def cutout(
    paths: Pictures,
    out: Results = "cutouts",
    model: ModelName = DEFAULT_MODEL,
    background: Background = None,
    flip: Flip = False,
    clean_up: CleanUp = None,
    device: Device = "auto",
    executor: ExecutorName = "threads",
    processes: Processes = None,
    address: Address = None,
    on_error: OnErrorWord = "skip",
    json_lines: JsonLines = False,
    metrics: MetricsFile = None,
    as_json: AsJson = False,
    runs: RunsDir = RUNS,
) -> None:
    """Cut the car out of every picture; the same command again does only what is left."""
    from carvanamask.data.picture_list import find_pictures
    from carvanamask.io.storage import to_path
    from carvanamask.jobs.cutout import Scene, cutout

    results = to_path(out)
    pictures = find_pictures([to_path(path) for path in paths], results)
    found = asked(model, runs, flip, clean_up or CUT_OUTS_REPAIRS)
    scene = None if background is None else Scene.named(background)
    how = Asked(device, executor, processes, address, on_error, json_lines, metrics)
    with how.manner("cutting") as manner:
        report = cutout(found, pictures, results, scene, manner)
    if json_lines:
        print_event("finished", **report.to_dict())
    else:
        print_json(report.to_dict()) if as_json else print_batch(report)
    exit_if(bool(report.progress.failures))
