"""Kaggle's data folders and submissions."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from carvanamask.batch.options import BatchOptions
from carvanamask.cli.console import SOME_FAILED, print_failures, print_json, print_rate, print_table, progress_bar
from carvanamask.cli.listeners import batch_progress
from carvanamask.cli.options import DATA, Batch, BatchOutput, Count, DataDir, ModelOptions, Output, SizeWh
from carvanamask.core.progress import counted
from carvanamask.data.kaggle_folder import KAGGLE_SIZE_WH, KaggleFolder
from carvanamask.data.run_dir import run_of_model
from carvanamask.errors import printable

if TYPE_CHECKING:
    from carvanamask.jobs.check_data import DataReport
    from carvanamask.jobs.check_submission import SubmissionReport
    from carvanamask.jobs.diff_submissions import SubmissionDifference
    from carvanamask.jobs.submission_from_masks import FromMasksReport
    from carvanamask.jobs.submit import SubmitReport

data = App(name="data", help="Check a data folder.")
submission = App(name="submission", help="Check submission files, compare them, make one of masks.")


class YesNo(StrEnum):
    """The original's `--save True`: a word where a flag would do."""

    TRUE = "True"
    FALSE = "False"


def submit(
    *,
    save: YesNo = YesNo.FALSE,
    out: Path | None = None,
    empty_for_missing: bool = False,
    data: DataDir = DATA,
    model: ModelOptions,
    batch: Batch = BatchOptions(),
    output: BatchOutput = BatchOutput(),
) -> int:
    """Predict every picture of the data folder's test/ and write Kaggle's submission.

    Args:
        save: Keep the masks, as 1-bit PNG.
        out: The submission, .csv.gz; by default in the folder of the model's run.
        empty_for_missing: Write an empty mask for each picture that is missing or can't be read.
    """
    from carvanamask.jobs.submit import submit

    found = model.find()
    run = run_of_model(found.folder, model.runs)
    masks, target = run.masks if save is YesNo.TRUE else None, out or run.submission
    with batch_progress(output, "predicting") as on_progress:
        report = submit(found, KaggleFolder(data), target, masks, empty_for_missing, batch, on_progress)
    output.show(report, print_submit)
    return SOME_FAILED if report.progress.failures else 0


@data.command(name="check")
def check_data(*, data: DataDir = DATA, output: Output = Output()) -> int:
    """Find what would spoil a training before hours are spent on it."""
    from carvanamask.jobs.check_data import check_data

    with progress_bar("checking") as on_progress:
        report = check_data(KaggleFolder(data), on_progress)
    output.show(report, print_data_check)
    return SOME_FAILED if report.errors else 0


@submission.command(name="check")
def check_submission(
    file: Path,
    /,
    *,
    partial: bool = False,
    size_wh: SizeWh = KAGGLE_SIZE_WH,
    data: DataDir = DATA,
    output: Output = Output(),
) -> int:
    """Check that a submission has the right names in the right order and that every mask decodes.

    Args:
        file: A submission, .csv or .csv.gz.
        partial: Accept a submission that lacks names of sample_submission.csv.
    """
    from carvanamask.jobs.check_submission import check_submission

    report = check_submission(file, KaggleFolder(data).submission_names(), size_wh, partial)
    output.show(report, print_submission_check)
    return 0 if report.is_valid else SOME_FAILED


@submission.command(name="diff")
def diff_submissions(
    first: Annotated[Path, Parameter("A")],
    second: Annotated[Path, Parameter("B")],
    /,
    *,
    size_wh: SizeWh = KAGGLE_SIZE_WH,
    worst: Count = 10,
    csv: Path | None = None,
    output: Output = Output(),
) -> None:
    """Compare the masks of two submissions by Dice, picture by picture.

    Args:
        first: A submission, .csv or .csv.gz.
        second: Another one.
        worst: Number of pictures to list, of those that differ most.
        csv: Write the Dice of every picture to this file.
    """
    from carvanamask.jobs.diff_submissions import diff_submissions

    with progress_bar("comparing") as on_progress:
        difference = diff_submissions(first, second, size_wh, csv, on_progress)
    print_json(difference.to_dict(worst)) if output.json else print_difference(difference, worst)


@submission.command(name="from-masks")
def submission_from_masks(
    masks: Annotated[Path, Parameter("DIR")],
    /,
    *,
    out: Path,
    empty_for_missing: bool = False,
    size_wh: SizeWh = KAGGLE_SIZE_WH,
    data: DataDir = DATA,
    output: Output = Output(),
) -> None:
    """Turn a folder of masks into a submission, row order as in sample_submission.csv.

    Args:
        masks: Folder of masks, <name>.png or <name>_mask.gif.
        out: The submission, .csv.gz.
        empty_for_missing: Write an empty mask for each name without one.
    """
    from carvanamask.jobs.submission_from_masks import submission_from_masks

    with progress_bar("encoding") as on_progress:
        report = submission_from_masks(masks, out, KaggleFolder(data), size_wh, empty_for_missing, on_progress)
    output.show(report, print_from_masks)


def print_submit(report: SubmitReport) -> None:
    print_failures(report.progress.failures)
    print_rate(report.progress, report.engine)
    if report.absent:
        print(f"{report.absent} names of sample_submission.csv have no picture in test/ and no row: not for Kaggle yet")
    if report.unlisted:
        print(f"{report.unlisted} pictures in test/ are not in sample_submission.csv and have no row")
    if report.emptied:
        names = ", ".join(report.emptied[:10]) + (", …" if len(report.emptied) > 10 else "")
        print(f"{len(report.emptied)} empty masks for missing pictures: {names}")
    print(report.advice or f"submission in {report.submission}")


def print_data_check(report: DataReport) -> None:
    for finding in report.findings:
        print(f"{finding.severity}: {finding}")
    print(f"{report.cars} cars: {report.training_pictures} training pictures, {report.masks} masks", end=", ")
    print(f"{report.test_pictures} test pictures: {report.errors} errors, {report.warnings} warnings")


def print_submission_check(report: SubmissionReport) -> None:
    for problem in report.problems:
        print(f"error: {problem}")
    if report.problem_count > len(report.problems):
        print(f"… and {report.problem_count - len(report.problems)} more")
    verdict = "valid" if report.is_valid else f"{report.problem_count} problems"
    print(f"{report.rows} rows, {report.empty_masks} empty masks: {verdict}")
    if not report.names_checked:
        print("its names were not checked: there is no sample_submission.csv in the data folder (--data DIR)")


def print_difference(difference: SubmissionDifference, worst: int) -> None:
    listed = difference.worst(worst)
    if listed:
        rows = [(each.name, f"{each.dice:.5f}", each.first_area, each.second_area) for each in listed]
        print_table(["worst pictures", "Dice", "area in A", "area in B"], rows)
    print(f"mean Dice {difference.dice:.5f} over {counted(len(difference.pictures), 'picture')}", end=", ")
    print(f"{difference.identical} of them identical")
    low, *rest = difference.quantiles.items()
    print(f"lowest {low[1]:.5f}", *(f"{share:.0%} {dice:.5f}" for share, dice in rest), sep=", ")
    _print_names("only in A", difference.only_first, 5)
    _print_names("only in B", difference.only_second, 5)


def print_from_masks(report: FromMasksReport) -> None:
    _print_names("without a mask, so with an empty one", report.missing, 10)
    _print_names("masks not in sample_submission.csv, so without a row", report.skipped, 10)
    print(f"{report.rows} rows: submission in {report.submission}")


def _print_names(what: str, names: Sequence[str], listed: int) -> None:
    if names:
        more = ", …" if len(names) > listed else ""
        print(f"{what}: {len(names)} ({printable(', '.join(names[:listed]))}{more})")
