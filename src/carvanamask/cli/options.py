"""What verbs share: the command line they belong to, and the arguments that mean the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carvanamask.errors import ConfigError

if TYPE_CHECKING:
    from carvanamask.model.model_file import ModelFile

BAD_INPUT, SOME_FAILED, INTERRUPTED = 2, 1, 130

app = typer.Typer(
    help="Cuts cars out of studio pictures: trains, proves how good it is, cuts whole folders.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Look a data folder over.", no_args_is_help=True)
submission_app = typer.Typer(help="Submission files: check, compare, make of masks.", no_args_is_help=True)
studio_app = typer.Typer(help="The synthetic photo studio.", no_args_is_help=True)
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
Flip = Annotated[bool, typer.Option("--flip", help="the mean with the mirrored picture, in twice the time")]
CleanUp = Annotated[
    list[str] | None, typer.Option("--clean-up", metavar="STEP", help="repair masks: a step's name, all, or none")
]
CUT_OUTS_REPAIRS = ["all"]
"""Unless others are asked for: a speck is nothing to a score, and the first thing that one sees of a cut-out."""

DATA, RUNS = Path("data"), Path("runs")


def parse_size(text: str) -> tuple[int, int]:
    """'960x640' → (960, 640): width, then height."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ConfigError(f"'{text}' is no size: write it as WIDTHxHEIGHT, like 960x640")
    return int(width), int(height)


def exit_if(has_failed: bool) -> None:
    """What could be done was done, and not all of it could."""
    if has_failed:
        raise typer.Exit(SOME_FAILED)


def asked(name: str, runs: Path, flip: bool, clean_up: Sequence[str] | None) -> ModelFile:
    """The model as the command line wants it asked: its card, with --flip and --clean-up over it."""
    from carvanamask.model.registry import find_model

    return in_the_way_asked(find_model(name, runs), flip, clean_up)


def in_the_way_asked(model: ModelFile, flip: bool, clean_up: Sequence[str] | None) -> ModelFile:
    """The same for a model at hand. Raises ConfigError for a repair that there isn't."""
    from carvanamask.mask_quality.postprocess import STEPS, check_steps

    steps = model.card.clean_up if clean_up is None else () if list(clean_up) == ["none"] else tuple(clean_up)
    if "all" in steps:
        steps = tuple(STEPS)
    check_steps(steps)
    return model.with_card(flip=flip or model.card.flip, clean_up=steps)
