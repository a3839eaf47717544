"""The command `bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carvanamask.cli.console import print_json, print_table, progress
from carvanamask.cli.options import RUNS, AsJson, Device, ModelName, RunsDir, app
from carvanamask.model.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from carvanamask.jobs.bench import BenchReport


@app.command()
def bench(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH…", help="pictures or folders; by default the showroom's")
    ] = None,
    model: ModelName = DEFAULT_MODEL,
    repeats: Annotated[int, typer.Option(min=1, help="rounds; the best round of each measurement counts")] = 3,
    seconds: Annotated[float, typer.Option(min=0, help="no new round begins after this time")] = 120,
    device: Device = "auto",
    as_json: AsJson = False,
    runs: RunsDir = RUNS,
) -> None:
    """Measure a model's speed from file to mask file, its network alone, its first mask and its memory."""
    from carvanamask.jobs.bench import BenchOptions, bench
    from carvanamask.model.device import Device
    from carvanamask.model.registry import find_model

    options = BenchOptions(repeats, seconds, Device(device))
    with progress("measuring") as on_progress:
        report = bench(find_model(model, runs), paths or [], options, on_progress)
    print_json(report.to_dict()) if as_json else print_bench(report)


def print_bench(report: BenchReport) -> None:
    """Print a table of rates, and what a fresh process takes."""
    pictures = f"{report.pictures} pictures" + (f" ({report.left_out} left out)" if report.left_out else "")
    rounds = f"the best of {report.rounds} rounds" if report.rounds > 1 else "one round"
    print(f"{report.model} on {report.engine}; {report.machine}")
    print(f"{rounds}: the rates of one run compare with each other, those of two runs don't")
    rows = [
        ("network, one picture at a time", 1, f"{report.network_one_by_one:.1f}"),
        ("network, several at a time", report.concurrency, f"{report.network:.1f}"),
        ("file to mask file", report.concurrency, f"{report.whole:.1f}"),
    ]
    print_table([pictures, "concurrency", "pictures per second"], rows)
    print(f"from file to mask file at {report.whole_to_network:.0%} of the network's own rate")
    print(
        f"first mask of a fresh process after {report.first_mask_seconds:.1f} s, "
        f"of a second one after {report.first_mask_again_seconds:.1f} s"
    )
    if report.peak_megabytes:
        print(f"peak memory after {report.pictures} pictures: {report.peak_megabytes:.0f} MB")
