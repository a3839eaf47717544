"""Score a model, choose its threshold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carvanamask.cli.console import print_json, progress, say
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
    app,
    in_the_way_asked,
)
from carvanamask.cli.summaries import print_ensemble, print_evaluation, print_threshold


@app.command("eval")
def evaluate(
    model: ModelName,
    size: Annotated[int, typer.Option(min=0, help="how many random pictures to draw, and as many of the worst")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="another seed draws other pictures")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="where the report and figures go")] = None,
    flip: Flip = False,
    clean_up: CleanUp = None,
    device: Device = "auto",
    as_json: AsJson = False,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Score a model on held-out cars at full size, and draw SIZE of the pictures."""
    from carvanamask.data.kaggle_folder import KaggleFolder
    from carvanamask.data.run_dir import run_of_model
    from carvanamask.jobs.evaluate import evaluate
    from carvanamask.model.registry import find_model

    plain = find_model(model, runs)
    found = in_the_way_asked(plain, flip, clean_up)
    target = out or run_of_model(found.folder, runs).evaluation
    if not out and found.card != plain.card:
        # what isn't asked as its card says is no measure of it for `threshold` and `compare`
        target = target.with_name("-".join(["evaluation", *(["flip"] if flip else []), *(clean_up or [])]))
    with progress("scoring") as on_progress:
        report = evaluate(found, KaggleFolder(data), target, size, device, seed, on_progress, say)
    print_json(report.to_dict()) if as_json else print_evaluation(report)


@app.command()
def threshold(model: ModelName, runs: RunsDir = RUNS) -> None:
    """Choose the threshold that was best when the model was evaluated, and write it into the model's card."""
    from carvanamask.data.run_dir import run_of_model
    from carvanamask.jobs.threshold import choose_threshold
    from carvanamask.model.registry import find_model

    found = find_model(model, runs)
    print_threshold(choose_threshold(found, run_of_model(found.folder, runs).evaluation))


@app.command()
def ensemble(
    models: Annotated[list[str], typer.Option("--model", metavar="NAME", help="a member; give two or more")],
    name: Annotated[str, typer.Option(metavar="NAME", help="of the model that it makes")],
    flip: Flip = False,
    device: Device = "auto",
    as_json: AsJson = False,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Make one model of several, weighted by what held-out cars say."""
    from carvanamask.data.kaggle_folder import KaggleFolder
    from carvanamask.data.run_dir import RunDir
    from carvanamask.jobs.ensemble import ensemble
    from carvanamask.model.registry import find_model

    members = [find_model(model, runs) for model in models]
    with progress("scoring") as on_progress:
        report = ensemble(members, KaggleFolder(data), RunDir.named(name, runs), flip, device, on_progress, say)
    print_json(report.to_dict()) if as_json else print_ensemble(report)
