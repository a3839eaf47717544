"""Each job's report as the few lines a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from carvanamask.cli.console import print_table
from carvanamask.errors import printable

if TYPE_CHECKING:
    from carvanamask.batch.runner import BatchReport, Progress
    from carvanamask.jobs.check_data import DataReport
    from carvanamask.jobs.check_submission import SubmissionReport
    from carvanamask.jobs.ensemble import EnsembleReport
    from carvanamask.jobs.evaluate import EvaluationReport
    from carvanamask.jobs.pseudo_label import PseudoLabelReport
    from carvanamask.jobs.submit import SubmitReport
    from carvanamask.jobs.threshold import ThresholdReport
    from carvanamask.jobs.train import TrainReport

LISTED = 20
"""Doubtful masks that a person is told of one by one."""


def print_train(report: TrainReport) -> None:
    from carvanamask.model.registry import built_in_names

    print(f"Dice {report.dice:.5f} on held-out cars after {report.epochs} epochs, curves in {report.run.curves}")
    # a built-in model goes before a run of the same name
    name = report.run.root if report.run.name in built_in_names() else report.run.name
    print(f"next: eval --model {name}")


def print_evaluation(report: EvaluationReport) -> None:
    print_table(["worst pictures", "Dice"], [(score.sample.name, f"{score.dice:.5f}") for score in report.worst])
    print_table(["worst cars", "mean Dice"], [(car, f"{d:.5f}") for car, d in list(report.dice_by_car.items())[:10]])
    best, best_dice = report.best_threshold
    print(f"mean Dice {report.dice:.5f}, IoU {report.iou:.5f}, boundary IoU {report.boundary_iou:.5f}", end=" ")
    print(f"over {len(report.pictures)} pictures of {len(report.dice_by_car)} held-out cars at full size")
    print(f"threshold {report.card.threshold:g}; these pictures would choose {best:.3f}, Dice {best_dice:.5f}")
    print(_of_review(report))
    print(f"figures and tables in {report.out}")


def _of_review(report: EvaluationReport) -> str:
    """How well the model knows which of its masks are bad."""
    others = [score.dice for score in report.pictures if not score.review_reason]
    line = f"a batch would ask a person to look at {len(report.needs_review)} of the {len(report.pictures)}"
    if not report.needs_review or not others:
        return line
    named = sum(score.dice for score in report.needs_review) / len(report.needs_review)
    return f"{line}, of mean Dice {named:.5f}; the worst of the others has {min(others):.5f}"


def print_threshold(report: ThresholdReport) -> None:
    print(
        f"threshold {report.before:.3f} → {report.after:.3f}: Dice {report.dice_before:.5f} → {report.dice_after:.5f}"
    )
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


def print_pseudo_label(report: PseudoLabelReport) -> None:
    print_failures(report.failures)
    resumed = f", {report.resumed} of them predicted before" if report.resumed else ""
    print(f"{report.pictures} pictures{resumed}, {report.pictures_per_second:.1f} a second ({report.engine})")
    print(f"median agreement {report.typical_agreement:.4f}, median undecided area {report.typical_undecided:.4f}")
    if report.refused_by_reason:
        print_table(["refused for", "pictures"], report.refused_by_reason.items())
    print(f"{report.kept} labels in {report.labels}; the refused, and why, in {report.refused}")
    if report.kept:
        print(f"next: train --extra-labels {report.labels}")


def print_batch(report: BatchReport) -> None:
    print_failures(report.progress.failures)
    if report.skipped:
        listed = ", ".join(f"{count} {printable(ending)}" for ending, count in report.skipped.items())
        print(f"passed over: {listed}")
    _print_needs_review(report.needs_review)
    print(f"{_rate(report.progress, report.engine)}, in {printable(report.out)}")
    if report.progress.failures:
        print("repair what failed, then run the same command again: what is finished is kept")


def print_watch(report: BatchReport) -> None:
    """Of the end; each failure had its line when it came."""
    _print_needs_review(report.needs_review)
    print(f"{_rate(report.progress, report.engine)}, in {printable(report.out)}")
    if report.progress.failures:
        print(f"{len(report.progress.failures)} failed: see above")


def _print_needs_review(needs_review: Sequence[tuple[str, str]]) -> None:
    for picture, why in needs_review[:LISTED]:
        print(f"look at {printable(picture)}: {why}")
    if len(needs_review) > LISTED:
        print(f"… and at {len(needs_review) - LISTED} more: --json names them all")


def print_submit(report: SubmitReport) -> None:
    print_failures(report.progress.failures)
    print(_rate(report.progress, report.engine))
    if report.absent:
        print(f"{report.absent} names of sample_submission.csv have no picture in test/ and no row: not for Kaggle yet")
    if report.unlisted:
        print(f"{report.unlisted} pictures in test/ are not in sample_submission.csv and have no row")
    if report.emptied:
        named = ", ".join(report.emptied[:10]) + (", …" if len(report.emptied) > 10 else "")
        print(f"{len(report.emptied)} empty masks in the place of missing pictures: {named}")
    print(report.advice or f"submission in {report.submission}")


def _rate(progress: Progress, engine: str) -> str:
    finished = progress.kept + progress.done - len(progress.failures)
    kept = f", {progress.kept} of them finished before" if progress.kept else ""
    return f"{finished} pictures{kept}, {progress.pictures_per_second:.1f} a second ({engine})"


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


def print_options_page(options: Iterable[tuple[str, str, str]]) -> None:
    print("# Options\n")
    print("Every option of a recipe. Set one in a TOML file (`[loss]`, `border_weight = 4`) or for one run with")
    print("`--set loss.border_weight=4`. Made by `make docs/options.md`.\n")
    print("| option | default | meaning |\n|---|---|---|")
    for name, default, description in options:
        print(f"| `{name}` | {f'`{default}`' if default else 'none'} | {description} |")


def print_failures(failures: Iterable[tuple[str, str]]) -> None:
    for picture, reason in failures:
        # on one line, whatever the name holds
        named = printable(picture) in reason
        print(f"error: {reason}" if named else f"error: {printable(picture)}: {reason}")
