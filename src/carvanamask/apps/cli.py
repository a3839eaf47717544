"""The command line: each verb is thin, and its work is a job. Jobs are imported when their verb is called."""

from __future__ import annotations

import errno
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from carvanamask.apps.screen import is_terminal, print_json, print_table, progress, say
from carvanamask.apps.summaries import (
    print_data_check,
    print_evaluation,
    print_options_page,
    print_submission_check,
    print_submit,
    print_threshold,
    print_train,
)
from carvanamask.core.errors import CarvanaMaskError, ConfigError

BAD_INPUT, SOME_FAILED, INTERRUPTED = 2, 1, 130

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""A wrong word on the command line. typer carries its own click, and gives only the subclass a public name."""

app = typer.Typer(
    help="Cuts cars out of studio pictures: trains, proves how good it is, cuts whole folders.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
studio_app = typer.Typer(help="The synthetic photo studio.", no_args_is_help=True)
data_app = typer.Typer(help="Look a data folder over.", no_args_is_help=True)
submission_app = typer.Typer(help="Check submission files.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(submission_app, name="submission")
app.add_typer(studio_app, name="studio")


class YesNo(StrEnum):
    """The original's `--save True`: a word, where a flag would do."""

    yes = "True"
    no = "False"


DataDir = Annotated[Path, typer.Option("--data", metavar="DIR", help="folder with train/, train_masks/ and test/")]
RunsDir = Annotated[Path, typer.Option("--runs", metavar="DIR", help="folder that keeps the runs")]
ModelName = Annotated[str, typer.Option("--model", metavar="NAME", help="a built-in model, a run, or a path")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps")]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="SECTION.OPTION=VALUE", help="change an option")]
DATA, RUNS = Path("data"), Path("runs")


@app.command()
def train(
    config: Annotated[str | None, typer.Option(metavar="RECIPE", help="a recipe's name or TOML file")] = None,
    settings: Settings = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="of the run; the recipe's name if not given")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="a run to go on from")] = None,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Train a network; the same command again finishes a run that was interrupted."""
    from carvanamask.core.folders import KaggleFolder
    from carvanamask.jobs.train import plan_run, train

    print_train(train(KaggleFolder(data), plan_run(runs, name, config, settings or (), model), say, is_terminal()))


@app.command("eval")
def evaluate(
    model: ModelName,
    size: Annotated[int, typer.Option(min=0, help="how many random pictures to draw, and as many of the worst")] = 8,
    seed: Annotated[int, typer.Option(help="another seed draws other pictures")] = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="where the report and figures go")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Score a model on held-out cars at full size, and draw SIZE of the pictures."""
    from carvanamask.core.folders import KaggleFolder
    from carvanamask.core.model_file import find_model
    from carvanamask.core.run_dir import run_of_model
    from carvanamask.jobs.evaluate import evaluate

    found = find_model(model, runs)
    target = out or run_of_model(found.folder, runs).evaluation
    with progress("scoring") as on_progress:
        report = evaluate(found, KaggleFolder(data), target, size, device, seed, on_progress, say)
    print_json(report.to_dict()) if as_json else print_evaluation(report)


@app.command()
def submit(
    model: ModelName,
    save: Annotated[YesNo, typer.Option(case_sensitive=False, help="keep the masks, as 1-bit PNG")] = YesNo.no,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="the submission, .csv.gz")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Predict every picture of DIR/test and write Kaggle's submission."""
    from carvanamask.core.folders import KaggleFolder
    from carvanamask.core.model_file import find_model
    from carvanamask.core.run_dir import run_of_model
    from carvanamask.jobs.submit import submit

    found = find_model(model, runs)
    run = run_of_model(found.folder, runs)
    with progress("predicting") as on_progress:
        masks = run.masks if save is YesNo.yes else None
        report = submit(found, KaggleFolder(data), out or run.submission, masks, device, on_progress, say)
    print_json(report.to_dict()) if as_json else print_submit(report)
    _exit_if(bool(report.failures))


@data_app.command("check")
def check_data(data: DataDir = DATA, as_json: AsJson = False) -> None:
    """Find what would spoil a training before hours are spent on it."""
    from carvanamask.core.folders import KaggleFolder
    from carvanamask.jobs.check_data import check_data

    with progress("checking") as on_progress:
        report = check_data(KaggleFolder(data), on_progress)
    print_json(report.to_dict()) if as_json else print_data_check(report)
    _exit_if(report.errors > 0)


@submission_app.command("check")
def check_submission(
    file: Annotated[Path, typer.Argument(help="a submission, .csv or .csv.gz")],
    partial: Annotated[bool, typer.Option("--partial", help="names of the list may be missing")] = False,
    size: Annotated[str, typer.Option(metavar="WxH", help="of the pictures")] = "1918x1280",
    data: DataDir = DATA,
    as_json: AsJson = False,
) -> None:
    """Check that a submission holds the right names in the right order and that every mask decodes."""
    from carvanamask.core.folders import KaggleFolder
    from carvanamask.jobs.check_submission import check_submission

    report = check_submission(file, KaggleFolder(data).submission_names(), parse_size(size), partial)
    print_json(report.to_dict()) if as_json else print_submission_check(report)
    _exit_if(not report.is_valid)


@app.command()
def threshold(model: ModelName, runs: RunsDir = RUNS) -> None:
    """Choose the threshold that was best when the model was evaluated, and write it into the model's card."""
    from carvanamask.core.model_file import find_model
    from carvanamask.core.run_dir import run_of_model
    from carvanamask.jobs.threshold import choose_threshold

    found = find_model(model, runs)
    print_threshold(choose_threshold(found, run_of_model(found.folder, runs).evaluation))


@studio_app.command("render")
def render(
    out: Annotated[Path, typer.Option(metavar="DIR", help="the Kaggle folder to fill")],
    cars: Annotated[int, typer.Option(help="training cars, 16 views each")] = 8,
    test_cars: Annotated[int, typer.Option(help="cars for test/, without masks")] = 0,
    size: Annotated[str, typer.Option(metavar="WxH", help="of the pictures")] = "960x640",
    seed: Annotated[int, typer.Option(help="another seed makes other cars")] = 0,
    body: Annotated[str | None, typer.Option(help="every car of this body type, like minivan")] = None,
    samples: Annotated[int, typer.Option(help="light paths a pixel: more is slower and less grainy")] = 32,
    quality: Annotated[int, typer.Option(help="of the JPEGs, 1 to 100")] = 88,
) -> None:
    """Render labelled cars into a Kaggle folder; the same command again finishes what is left."""
    from carvanamask.jobs.render import render

    with progress("rendering") as on_progress:
        report = render(out, cars, test_cars, parse_size(size), seed, body, samples, quality, on_picture=on_progress)
    print(f"{len(report.cars)} cars and {len(report.test_cars)} test cars in {out}", end=": ")
    print(f"{report.rendered} pictures rendered, {report.skipped} were there")


@studio_app.command("sheet")
def sheet(
    out: Annotated[Path, typer.Option(metavar="FILE", help="the sheet, .jpg or .png")],
    seed: Annotated[int, typer.Option(help="another seed makes other cars")] = 47,
    samples: Annotated[int, typer.Option(help="light paths a pixel")] = 16,
) -> None:
    """Render every body type in four views onto one sheet, to look at."""
    from carvanamask.studio.contact_sheet import save_contact_sheet

    with progress("rendering") as on_progress:
        save_contact_sheet(out, seed, samples=samples, on_picture=on_progress)
    print(f"sheet in {out}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="where everything goes")] = Path("demo"),
) -> None:
    """Do the whole road on built-in pictures, in a few minutes, and show it on a page."""
    from carvanamask.apps.demo import run_demo

    print(f"done: open {run_demo(out)} in a browser")


@app.command()
def options(markdown: Annotated[bool, typer.Option("--markdown", help="as docs/options.md has it")] = False) -> None:
    """List every option of a recipe with its default."""
    from carvanamask.core.config import options

    if markdown:
        print_options_page(options())
    else:
        print_table(["option", "default", "meaning"], options())


def parse_size(text: str) -> tuple[int, int]:
    """'960x640' → (960, 640): width, then height."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ConfigError(f"'{text}' is no size: write it as WIDTHxHEIGHT, like 960x640")
    return int(width), int(height)


def _exit_if(has_failed: bool) -> None:
    """What could be done was done, and not all of it could."""
    if has_failed:
        raise typer.Exit(SOME_FAILED)


def main() -> NoReturn:
    """Run a verb; whatever a user can cause ends in one line on the error stream, never in a traceback."""
    try:
        code = app(standalone_mode=False)
    except CarvanaMaskError as error:
        say(f"error: {error}")
        code = BAD_INPUT
    except UsageError as error:
        say(f"error: {error} (see --help)".replace("\n", " "))
        code = BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # whoever read the output has seen enough; nothing is left to flush into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = SOME_FAILED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" ({error.filename})" if error.filename else ""
        say(f"error: the disk is full{where}: free some space and run the same command again: what is finished is kept")
        code = BAD_INPUT
    if code == INTERRUPTED:  # typer has a way of its own to say so, too
        say("stopped: the same command again goes on from here")
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
