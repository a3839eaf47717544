"""Score models on held-out cars: one, several side by side, several as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from carvanamask.batch.options import BatchOptions
from carvanamask.cli.console import log, print_table, progress_bar
from carvanamask.cli.options import DATA, Count, DataDir, DeviceName, ModelName, ModelOptions, Output, RunsDir
from carvanamask.core.progress import counted
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.run_dir import RUNS, RunDir, run_of_model
from carvanamask.model.registry import find_model

if TYPE_CHECKING:
    from carvanamask.jobs.compare import Candidate, Comparison
    from carvanamask.jobs.ensemble import EnsembleReport
    from carvanamask.jobs.evaluate import EvaluationReport
    from carvanamask.jobs.threshold import ThresholdReport


def eval_(
    *,
    size: Annotated[Count, Parameter(metavar="N")] = 8,
    seed: Count = 0,
    out: Path | None = None,
    model: ModelOptions,
    device: DeviceName = BatchOptions.device,
    data: DataDir = DATA,
    output: Output = Output(),
) -> None:
    """Score a model on held-out cars at full size, and draw N random and N worst pictures.

    Args:
        size: Number of random pictures to draw, and as many of the worst.
        seed: Another seed draws other pictures.
        out: Folder for the report and the figures; by default in the folder of the model's run.
    """
    from carvanamask.jobs.evaluate import evaluate

    plain = find_model(model.model, model.runs)
    found = model.override(plain)
    target = out or run_of_model(found.folder, model.runs).evaluation
    if not out and found.card != plain.card:
        # scores with other options than the card's are none for `threshold` and `compare`
        options = [*(["flip"] if model.flip else []), *(model.clean_up or [])]
        target = target.with_name("-".join(["evaluation", *options]))
    with progress_bar("scoring") as on_progress:
        report = evaluate(found, KaggleFolder(data), target, size, device, seed, on_progress)
    output.show(report, print_evaluation)


def threshold(*, model: ModelName, runs: RunsDir = RUNS) -> None:
    """Choose the threshold that was best when the model was evaluated, and write it into the model's card."""
    from carvanamask.jobs.threshold import choose_threshold

    found = find_model(model, runs)
    print_threshold(choose_threshold(found, run_of_model(found.folder, runs).evaluation))


def ensemble(
    *,
    models: Annotated[list[str], Parameter("--model")],
    name: str,
    flip: bool = False,
    device: DeviceName = BatchOptions.device,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
    output: Output = Output(),
) -> None:
    """Average several models; how much each counts is chosen on held-out cars.

    Args:
        models: A member: a built-in model, a run, or the path of a model folder; give two or more.
        name: Name of the new model.
        flip: Average with the prediction of the mirrored picture: a slightly higher Dice, in twice the time.
    """
    from carvanamask.jobs.ensemble import ensemble

    members = [find_model(model, runs) for model in models]
    with progress_bar("scoring") as on_progress:
        report = ensemble(members, KaggleFolder(data), RunDir.named(name, runs), flip, device, on_progress)
    output.show(report, print_ensemble)


def compare(
    *models: Annotated[str, Parameter("MODEL", required=True)],
    out: Path | None = None,
    runs: RunsDir = RUNS,
    output: Output = Output(),
) -> None:
    """Compare the evaluations of several models with the first one's.

    Args:
        models: Models that eval has scored.
        out: Draw the comparison, too: a PNG.
    """
    from carvanamask.jobs.compare import compare

    comparison = compare([find_model(model, runs) for model in models], runs, out)
    output.show(comparison, print_comparison)
    if out and not output.json:
        print(f"drawn in {out}")


def print_evaluation(report: EvaluationReport) -> None:
    print_table(["worst pictures", "Dice"], [(score.sample.name, f"{score.dice:.5f}") for score in report.worst])
    print_table(["worst cars", "mean Dice"], [(car, f"{d:.5f}") for car, d in list(report.dice_by_car.items())[:10]])
    best, best_dice = report.best_threshold
    print(f"mean Dice {report.dice:.5f}, IoU {report.iou:.5f}, boundary IoU {report.boundary_iou:.5f}", end=" ")
    print(f"over {counted(len(report.pictures), 'picture')} of {len(report.dice_by_car)} held-out cars at full size")
    print(f"threshold {report.card.threshold:g}; these pictures would choose {best:.3f}, Dice {best_dice:.5f}")
    print(_review_line(report))
    print(f"figures and tables in {report.out}")


def _review_line(report: EvaluationReport) -> str:
    """Return how well the model knows which of its masks are bad."""
    others = [score.dice for score in report.pictures if not score.review_reason]
    line = f"{len(report.needs_review)} of the {len(report.pictures)} masks need review"
    if not report.needs_review or not others:
        return line
    mean = sum(score.dice for score in report.needs_review) / len(report.needs_review)
    return f"{line}, with a mean Dice of {mean:.5f}; the worst of the others has {min(others):.5f}"


def print_threshold(report: ThresholdReport) -> None:
    print(f"threshold {report.after:.3f} (was {report.before:.3f})", end=": ")
    print(f"Dice {report.dice_after:.5f} (was {report.dice_before:.5f})")
    print(f"a gain of {report.gain:+.5f}, written into the model's card; curve in {report.figure}")


def print_ensemble(report: EnsembleReport) -> None:
    alone = report.dice_alone or [None] * len(report.names)
    rows = [
        (name, f"{weight:.3f}", "" if dice is None else f"{dice:.5f}")
        for name, weight, dice in zip(report.names, report.weights, alone, strict=True)
    ]
    print_table(["member", "weight", "Dice alone"], rows)
    if report.dice is not None:
        print(f"Dice {report.dice:.5f} on {report.cars} held-out cars ({report.dice_equal:.5f} with equal weights)")
    print(f"model '{report.model.card.name}' in {report.model.folder}")


def print_comparison(comparison: Comparison) -> None:
    if comparison.warning:
        log.warning("%s", comparison.warning)
    columns = [_column(comparison, candidate) for candidate in comparison.candidates]
    title = f"{len(comparison.pictures)} pictures of {len(comparison.cars)} held-out cars"
    names = [candidate.name for candidate in comparison.candidates]
    print_table([title, *names], [(row, *(column[row] for column in columns)) for row in columns[0]])
    for difference in comparison.differences[1:]:
        error = difference.standard_error
        over_cars = "" if error is None else f" (standard error over cars {error:.5f})"
        print(f"{difference.name} against {names[0]}: mean Dice {difference.mean:+.5f}{over_cars}", end=", ")
        print(f"better on {difference.share_better:.0%} of the pictures")


def _column(comparison: Comparison, candidate: Candidate) -> dict[str, str]:
    """Return the rows of the table for one model."""
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
        "scored": f"{speed:.1f} pictures per second" if speed else "speed not recorded",
        "training": f"{candidate.epochs} epochs, {minutes:.0f} minutes" if candidate.epochs else "not here",
    }
