"""The commands predict, cutout and watch: write masks or cut-outs of pictures, all at once or as they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from carvanamask.batch.options import BatchOptions
from carvanamask.cli.console import SOME_FAILED, log, print_failures, print_rate
from carvanamask.cli.listeners import batch_progress
from carvanamask.cli.options import Background, Batch, BatchOutput, DefaultModelOptions, DeviceName, NotNegative
from carvanamask.data.picture_list import find_pictures
from carvanamask.errors import ConfigError, printable
from carvanamask.io.storage import to_path

if TYPE_CHECKING:
    from carvanamask.batch.runner import BatchReport
    from carvanamask.batch.writers import FileWriter

LISTED = 20
"""Masks that need review and are listed one by one."""

Paths = Annotated[str, Parameter("PATH", required=True, help="Pictures, or folders of them at any depth.")]
Out = Annotated[str, Parameter("--out", help="Folder for results, in the same sub-folders.")]


class Result(StrEnum):
    """What is written for a picture."""

    CUTOUT = "cutout"
    MASK = "mask"
    PROBABILITY = "probability"


def predict(
    *paths: Paths,
    out: Out = "masks",
    probabilities: bool = False,
    model: DefaultModelOptions = DefaultModelOptions(),
    batch: Batch = BatchOptions(),
    output: BatchOutput = BatchOutput(),
) -> int:
    """Write a mask for every picture; run it again to continue where it stopped.

    Args:
        probabilities: Write 8-bit probability maps instead of masks.
    """
    from carvanamask.batch.writers import MaskWriter, ProbabilityWriter
    from carvanamask.jobs.predict import predict

    pictures = find_pictures([to_path(path) for path in paths], to_path(out))
    found = model.find()
    writer = (ProbabilityWriter if probabilities else MaskWriter)(found.card, to_path(out))
    with batch_progress(output, "predicting") as on_progress:
        report = predict(found, pictures, writer, batch, on_progress)
    output.show(report, print_batch)
    return SOME_FAILED if report.progress.failures else 0


def cutout(
    *paths: Paths,
    out: Out = "cutouts",
    background: Background = None,
    model: DefaultModelOptions = DefaultModelOptions(),
    batch: Batch = BatchOptions(),
    output: BatchOutput = BatchOutput(),
) -> int:
    """Cut the car out of every picture; run it again to continue where it stopped."""
    from carvanamask.batch.writers import CutoutWriter
    from carvanamask.cutout.scene import Scene
    from carvanamask.jobs.predict import predict
    from carvanamask.mask_quality.postprocess import CUTOUT_CLEAN_UP

    pictures = find_pictures([to_path(path) for path in paths], to_path(out))
    found = model.find(CUTOUT_CLEAN_UP)
    scene = None if background is None else Scene.named(background)
    writer = CutoutWriter(found.card, to_path(out), scene)
    with batch_progress(output, "cutting") as on_progress:
        report = predict(found, pictures, writer, batch, on_progress)
    output.show(report, print_batch)
    return SOME_FAILED if report.progress.failures else 0


def watch(
    source: Annotated[str, Parameter("IN")],
    out: Annotated[str, Parameter("OUT")],
    /,
    *,
    result: Annotated[Result, Parameter("--as")] = Result.CUTOUT,
    background: Background = None,
    every: Annotated[float, Parameter(validator=Number(gte=0.05))] = 2.0,
    until_idle: NotNegative | None = None,
    model: DefaultModelOptions = DefaultModelOptions(),
    device: DeviceName = BatchOptions.device,
    output: BatchOutput = BatchOutput(),
) -> int:
    """Cut out pictures as they arrive in a folder, until Ctrl-C; run it again to continue where it stopped.

    Args:
        source: Folder that pictures arrive in, at any depth.
        out: Folder for results, in the same sub-folders.
        result: What is written for each picture.
        every: Seconds between two scans of the folder.
        until_idle: End after that many seconds without a new picture; by default, never.
    """
    from carvanamask.batch.writers import CutoutWriter, MaskWriter, ProbabilityWriter
    from carvanamask.cutout.scene import Scene
    from carvanamask.jobs.watch import Pace, watch
    from carvanamask.mask_quality.postprocess import CUTOUT_CLEAN_UP

    if background and result is not Result.CUTOUT:
        raise ConfigError(f"--background {background} belongs to cut-outs", "leave it out, or --as cutout")
    found, results = model.find(CUTOUT_CLEAN_UP if result is Result.CUTOUT else None), to_path(out)
    if result is Result.CUTOUT:
        scene = None if background is None else Scene.named(background)
        writer: FileWriter = CutoutWriter(found.card, results, scene)
    else:
        writer = (MaskWriter if result is Result.MASK else ProbabilityWriter)(found.card, results)
    with batch_progress(output) as on_progress:
        log.info("watching %s, results in %s: Ctrl-C ends", source, out)
        options = BatchOptions(device=device)
        report = watch(found, to_path(source), writer, Pace(every, until_idle), options, on_progress)
    output.show(report, print_watch)
    return SOME_FAILED if report.progress.failures else 0


def print_batch(report: BatchReport) -> None:
    print_failures(report.progress.failures)
    if report.skipped:
        print("skipped: " + ", ".join(f"{count} {printable(ending)}" for ending, count in report.skipped.items()))
    _print_needs_review(report.needs_review)
    print_rate(report.progress, report.engine, report.out)
    if report.progress.failures:
        print("replace the files that failed, then run the same command again: what is finished is kept")


def print_watch(report: BatchReport) -> None:
    """Print how a watch ended, and the pictures that still fail."""
    _print_needs_review(report.needs_review)
    print_rate(report.progress, report.engine, report.out)
    if report.progress.failures:
        print(f"{len(report.progress.failures)} failed:")
        print_failures(report.progress.failures)


def _print_needs_review(needs_review: Sequence[tuple[str, str]]) -> None:
    for picture, reason in needs_review[:LISTED]:
        print(f"needs review: {printable(picture)}: {reason}")
    if len(needs_review) > LISTED:
        print(f"{len(needs_review) - LISTED} more need review: --json lists them all")
