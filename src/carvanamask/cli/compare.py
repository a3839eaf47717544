"""Several models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carvanamask.cli.console import print_json, print_table, say
from carvanamask.cli.options import RUNS, AsJson, RunsDir, app

if TYPE_CHECKING:
    from carvanamask.jobs.compare import Candidate, Comparison


@app.command()
def compare(
    models: Annotated[list[str], typer.Argument(metavar="RUN", help="models that eval has scored")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="draw it, too: a PNG")] = None,
    as_json: AsJson = False,
    runs: RunsDir = RUNS,
) -> None:
    """Hold models' scores on the same held-out pictures side by side, the others against the first."""
    from carvanamask.jobs.compare import compare
    from carvanamask.model.registry import find_model

    comparison = compare([find_model(model, runs) for model in models], runs, out)
    print_json(comparison.to_dict()) if as_json else print_comparison(comparison, out)


def print_comparison(comparison: Comparison, out: Path | None) -> None:
    if comparison.warning:
        say(f"warning: {comparison.warning}")
    columns = [_column(comparison, candidate) for candidate in comparison.candidates]
    title = f"{len(comparison.pictures)} pictures of {len(comparison.cars)} held-out cars"
    names = [candidate.name for candidate in comparison.candidates]
    print_table([title, *names], [(row, *(column[row] for column in columns)) for row in columns[0]])
    for difference in comparison.differences[1:]:
        error = difference.standard_error
        over_cars = "" if error is None else f" (standard error over cars {error:.5f})"
        print(f"{difference.name} against {names[0]}: mean Dice {difference.mean:+.5f}{over_cars}", end=", ")
        print(f"better on {difference.share_better:.0%} of the pictures")
    if out:
        print(f"drawn in {out}")


def _column(comparison: Comparison, candidate: Candidate) -> dict[str, str]:
    """What the table says of one model."""
    worst, worst_dice = comparison.worst_picture(candidate)
    speed, minutes = candidate.pictures_per_second, candidate.training_minutes
    return {
        "mean Dice": f"{candidate.dice.mean():.5f}",
        "boundary IoU": f"{candidate.boundary_iou.mean():.5f}",
        "pictures below 0.99": f"{candidate.share_below_good:.1%}",
        "worst picture": f"{worst} {worst_dice:.4f}",
        "worst cars": "\n".join(f"{car} {dice:.4f}" for car, dice in comparison.worst_cars(candidate)),
        "input": ", ".join(f"{width}x{height}" for width, height in candidate.input_sizes_wh),
        "model": f"{candidate.megabytes:.3g} MB",
        "scored": f"{speed:.1f} pictures a second" if speed else "speed not recorded",
        "training": f"{candidate.epochs} epochs, {minutes:.0f} minutes" if candidate.epochs else "not here",
    }
