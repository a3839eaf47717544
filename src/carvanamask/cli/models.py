"""Models: list them, show one, write one with its weights in fewer bits, measure one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from carvanamask.batch.options import BatchOptions
from carvanamask.cli.console import SOME_FAILED, log, print_json, print_table, progress_bar
from carvanamask.cli.options import DeviceName, ModelName, NotNegative, Output, RunsDir
from carvanamask.core.progress import counted
from carvanamask.data.run_dir import RUNS
from carvanamask.errors import ModelError
from carvanamask.model.model_file import ModelFile, Precision
from carvanamask.model.registry import BUILT_IN, DEFAULT_MODEL, find_model, model_folders

if TYPE_CHECKING:
    from carvanamask.jobs.bench import BenchReport
    from carvanamask.jobs.export import ExportReport


def models(
    name: Annotated[str | None, Parameter("NAME")] = None,
    /,
    *,
    verify: bool = False,
    runs: RunsDir = RUNS,
    output: Output = Output(),
) -> int:
    """List the models that --model can name, or show one's card.

    Args:
        name: One model; by default all are listed.
        verify: Check every file against its SHA-256.
    """
    if name is not None:
        _print_card(name, find_model(name, runs), verify, output)
        return 0
    rows, broken = [], []
    for found, folder in model_folders(runs).items():
        try:
            rows.append(_describe(found, ModelFile.load(folder)))
        except ModelError as error:
            broken.append(str(error))
    if output.json:
        print_json({"models": rows, "broken": broken})
    else:
        print_table(["name", "network", "input", "MB", "Dice", "SHA-256", "where"], [row.values() for row in rows])
        for line in broken:
            log.error("%s", line)
        if verify and not broken:
            print(f"all {len(rows)} are the files that their cards describe")
    return SOME_FAILED if broken else 0


def export(
    *,
    model: ModelName,
    out: Path,
    precision: Precision = Precision.FP16,
    note: str = "",
    runs: RunsDir = RUNS,
    output: Output = Output(),
) -> None:
    """Write a model to a folder of its own, in fewer bits, and measure how far it is from the first one.

    Args:
        out: Folder for the new model.
        precision: How the weights are stored.
        note: What the cards shall say of the data and its terms.
    """
    from carvanamask.jobs.export import export

    report = export(find_model(model, runs), out, precision, note)
    output.show(report, print_export)


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
    from carvanamask.jobs.bench import bench

    with progress_bar("measuring") as on_progress:
        report = bench(find_model(model, runs), paths, repeats, seconds, device, on_progress)
    output.show(report, print_bench)


def _print_card(name: str, model: ModelFile, verify: bool, output: Output = Output()) -> None:
    card = model.card.model_dump()
    if output.json:
        return print_json(card)
    # a person wants to know how many
    card |= {field: f"{len(card[field])} cars" for field in ("training_cars", "validation_cars")}
    print_table(["card", name], card.items())
    if verify:  # or it would not have been loaded
        print("its files are those that its card describes")
    return None


def _describe(name: str, model: ModelFile) -> dict[str, Any]:
    """Return a row of the list of models."""
    card, folder = model.card, model.folder
    size = sum(file.stat().st_size for file in folder.rglob("*.onnx")) / 1e6
    dice = card.scores.get("validation_dice")
    return {
        "name": name,
        "network": card.network,
        "input": "x".join(map(str, card.input_size_wh)),
        "megabytes": round(size, 1),
        "dice": None if dice is None else round(dice, 5),
        "sha256": card.sha256[:12],
        "where": "built in" if folder.parent == BUILT_IN else str(folder),
    }


def print_export(report: ExportReport) -> None:
    before, after = report.bytes_before / 1e6, report.bytes_after / 1e6
    print(f"{after:.1f} MB (was {before:.1f} MB) as {report.precision}, in {report.model.folder}")
    print(f"largest difference of a probability {report.largest_difference:.5f}, mean {report.mean_difference:.6f}")


def print_bench(report: BenchReport) -> None:
    """Print a table of rates, and what a fresh process takes."""
    pictures = counted(report.pictures, "picture") + (f" ({report.left_out} left out)" if report.left_out else "")
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
        print(f"peak memory after {counted(report.pictures, 'picture')}: {report.peak_megabytes:.0f} MB")
