"""The command `bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from carvanamask.batch.options import BatchOptions
from carvanamask.cli.console import print_table, progress_bar
from carvanamask.cli.options import DeviceName, ModelName, NotNegative, Output, RunsDir
from carvanamask.data.run_dir import RUNS
from carvanamask.model.registry import DEFAULT_MODEL, find_model

if TYPE_CHECKING:
    from carvanamask.jobs.bench import BenchReport


def bench(
    *paths: Annotated[Path, Parameter("PATH")],
    repeats: int = 3,
    seconds: NotNegative = 120,
    model: ModelName = DEFAULT_MODEL,
    device: DeviceName = BatchOptions.device,
    runs: RunsDir = RUNS,
    output: Output = Output(),
) -> None:
    """Measure a model's speed from file to mask file, its network alone, its first mask and its memory.

    Args:
        paths: Pictures, or folders of them; by default those that ship with the package.
        repeats: Number of rounds; the best round of each measurement counts.
        seconds: No new round begins after this time.
    """
    from carvanamask.jobs.bench import BenchOptions, bench

    with progress_bar("measuring") as on_progress:
        report = bench(find_model(model, runs), paths, BenchOptions(repeats, seconds, device), on_progress)
    output.show(report, print_bench)


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
