"""How fast a model is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carvanamask.cli.console import print_json, print_table, progress, say
from carvanamask.cli.options import RUNS, AsJson, Device, ModelName, RunsDir, app
from carvanamask.model.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from carvanamask.jobs.bench import BenchReport
    from carvanamask.jobs.stopwatch import Rate

ORIGINAL = "seed-1024"
"""The recipe of 2017, which --against holds a model against, too."""


@app.command()
def bench(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="pictures, or folders; none: those that come along")
    ] = None,
    model: ModelName = DEFAULT_MODEL,
    against: Annotated[
        bool, typer.Option("--against", help="also plain loops of Pillow and PyTorch, and rembg if it's installed")
    ] = False,
    repeats: Annotated[int, typer.Option(min=1, help="rounds, of which the best counts")] = 3,
    seconds: Annotated[float, typer.Option(min=0, help="no new round begins after this")] = 120,
    device: Device = "auto",
    as_json: AsJson = False,
    runs: RunsDir = RUNS,
) -> None:
    """Measure a model from file to mask file, stage by stage, against what its network alone could do."""
    from carvanamask.jobs.bench import bench
    from carvanamask.model.registry import find_model
    from carvanamask.training.recipe import load_config

    original = load_config(ORIGINAL) if against else None
    with progress("measuring") as on_progress:
        report = bench(find_model(model, runs), paths or [], original, device, repeats, seconds, on_progress, say)
    print_json(report.to_dict()) if as_json else print_bench(report)


def print_bench(report: BenchReport) -> None:
    pictures = f"{report.pictures} pictures" + (f" ({report.left_out} left out)" if report.left_out else "")
    rounds = f"the best of {report.rounds} rounds, taken in turns" if report.rounds > 1 else "one round"
    print(f"{report.model} on {report.engine}; {report.machine}")
    rates = [*report.stages, *report.networks, report.whole]
    print(f"{rounds}: speeds of one run compare, speeds of two don't")
    print_table([pictures, "at once", "pictures a second"], map(_row, rates))
    print(f"file to mask file reaches {report.whole_to_network:.0%} of what the network alone does", end=" ")
    print(f"({report.whole.pictures_per_second:.1f} of {report.network.pictures_per_second:.1f} pictures a second)")
    fresh = report.fresh
    print(f"first mask of a fresh process after {fresh.cold_seconds:.1f} s, {fresh.again_seconds:.1f} s again", end="")
    if fresh.peak_megabytes:
        print(f"; peak memory after {fresh.pictures} pictures {fresh.peak_megabytes:.0f} MB", end="")
    print()
    if report.others:
        rows = [(*_row(rate), f"{report.times_as_fast_as(rate):.1f}") for rate in report.others]
        print_table(["other ways from file to mask file", "at once", "pictures a second", "ours: times as fast"], rows)
    for which, why in report.not_run:
        print(f"{which} did not run: {why}")


def _row(rate: Rate) -> tuple[str, int, str]:
    return rate.name, rate.concurrency, f"{rate.pictures_per_second:.1f}"
