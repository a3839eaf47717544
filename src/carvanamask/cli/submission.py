"""Submission files: check one, compare two, make one of masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carvanamask.cli.console import print_json, print_table, progress
from carvanamask.cli.options import DATA, AsJson, DataDir, exit_if, parse_size, submission_app
from carvanamask.cli.summaries import print_submission_check
from carvanamask.errors import printable

if TYPE_CHECKING:
    from carvanamask.jobs.diff_submissions import SubmissionDifference
    from carvanamask.jobs.submission_from_masks import FromMasksReport

File = Annotated[Path, typer.Argument(help="a submission, .csv or .csv.gz")]
Size = Annotated[str, typer.Option(metavar="WxH", help="of the pictures")]
KAGGLES = "1918x1280"


@submission_app.command("check")
def check_submission(
    file: File,
    partial: Annotated[bool, typer.Option("--partial", help="names of the list may be missing")] = False,
    size: Size = KAGGLES,
    data: DataDir = DATA,
    as_json: AsJson = False,
) -> None:
    """Check that a submission holds the right names in the right order and that every mask decodes."""
    from carvanamask.data.kaggle_folder import KaggleFolder
    from carvanamask.jobs.check_submission import check_submission

    report = check_submission(file, KaggleFolder(data).submission_names(), parse_size(size), partial)
    print_json(report.to_dict()) if as_json else print_submission_check(report)
    exit_if(not report.is_valid)


@submission_app.command("diff")
def diff_submissions(
    first: Annotated[Path, typer.Argument(metavar="A", help="a submission, .csv or .csv.gz")],
    second: Annotated[Path, typer.Argument(metavar="B", help="another one")],
    size: Size = KAGGLES,
    worst: Annotated[int, typer.Option(min=0, help="how many of the pictures that differ most to list")] = 10,
    table: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="write every picture's Dice, too")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the masks of two submissions by Dice, picture by picture."""
    from carvanamask.jobs.diff_submissions import diff_submissions

    with progress("comparing") as on_progress:
        difference = diff_submissions(first, second, parse_size(size), table, on_progress)
    print_json(difference.to_dict(worst)) if as_json else print_difference(difference, worst)


@submission_app.command("from-masks")
def submission_from_masks(
    masks: Annotated[Path, typer.Argument(metavar="DIR", help="masks, <name>.png or <name>_mask.gif")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="the submission, .csv.gz")],
    empty_for_missing: Annotated[
        bool, typer.Option("--empty-for-missing", help="an empty mask for each name without one")
    ] = False,
    size: Size = KAGGLES,
    data: DataDir = DATA,
    as_json: AsJson = False,
) -> None:
    """Make a submission of masks that any tool wrote, its rows as sample_submission.csv of the data folder has them."""
    from carvanamask.data.kaggle_folder import KaggleFolder
    from carvanamask.jobs.submission_from_masks import submission_from_masks

    with progress("encoding") as on_progress:
        report = submission_from_masks(masks, out, KaggleFolder(data), parse_size(size), empty_for_missing, on_progress)
    print_json(report.to_dict()) if as_json else print_from_masks(report)


def print_difference(difference: SubmissionDifference, worst: int) -> None:
    listed = difference.worst(worst)
    if listed:
        rows = [(each.name, f"{each.dice:.5f}", each.first_area, each.second_area) for each in listed]
        print_table(["worst pictures", "Dice", "area in A", "area in B"], rows)
    print(f"mean Dice {difference.dice:.5f} over {len(difference.pictures)} pictures", end=", ")
    print(f"{difference.identical} of them identical")
    low, *rest = difference.quantiles.items()
    print(f"lowest {low[1]:.5f}", *(f"{share:.0%} {dice:.5f}" for share, dice in rest), sep=", ")
    _print_names("only in A", difference.only_first, difference.some_only_first)
    _print_names("only in B", difference.only_second, difference.some_only_second)


def print_from_masks(report: FromMasksReport) -> None:
    _print_names("without a mask, so with an empty one", report.missing, report.some_missing)
    _print_names("masks not in sample_submission.csv, so without a row", report.skipped, report.some_skipped)
    print(f"{report.rows} rows: submission in {report.submission}")


def _print_names(what: str, count: int, some: Sequence[str]) -> None:
    if count:
        print(f"{what}: {count} ({printable(', '.join(some))}{', …' if count > len(some) else ''})")
