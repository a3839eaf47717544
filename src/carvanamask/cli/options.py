"""Options that several commands share: each declared once, with its name, default and help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

from cyclopts import Parameter, Token
from cyclopts.validators import Number

from carvanamask.batch.options import BatchOptions
from carvanamask.cli.console import print_event, print_json
from carvanamask.data.run_dir import RUNS
from carvanamask.errors import ConfigError
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import DEFAULT_MODEL, find_model

DATA = Path("data")

DataDir = Annotated[Path, Parameter("--data", help="Folder with train/, train_masks/ and test/.")]
RunsDir = Annotated[Path, Parameter("--runs", help="Folder where --model finds trained models by name.")]
ModelName = Annotated[str, Parameter("--model", help="A built-in model, a run, or the path of a model folder.")]
DeviceName = Annotated[Device, Parameter("--device", help="Where the network runs.")]
Background = Annotated[
    str | None,
    Parameter("--background", help="room, a colour like #e0e0e0, or a picture; by default, a transparent PNG."),
]
Batch = Annotated[BatchOptions, Parameter("*")]

CLEAN_UP_HELP = (
    "Clean-up steps: join_fragments, drop_far_blobs, close_roof, fill_holes, all or none; may be repeated. "
    "By default the model's; for cut-outs, all."
)
"""Names the steps without importing them, which takes long; a test compares the names."""

Count = Annotated[int, Parameter(validator=Number(gte=0))]
NotNegative = Annotated[float, Parameter(validator=Number(gte=0))]
Share = Annotated[float, Parameter(validator=Number(gte=0, lte=1))]


def _parse_size(_: object, tokens: Sequence[Token]) -> tuple[int, int]:
    width, _, height = tokens[0].value.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ConfigError(f"'{tokens[0].value}' is no size", "write it as WIDTHxHEIGHT, like 960x640")
    return int(width), int(height)


SizeWh = Annotated[
    tuple[int, int],
    Parameter(
        "--size",
        converter=_parse_size,
        n_tokens=1,
        metavar="WxH",
        show_default=lambda size_wh: "x".join(map(str, size_wh)),
        help="Width and height of the pictures.",
    ),
]


class Report(Protocol):
    """What a job returns."""

    def to_dict(self) -> dict[str, Any]: ...


R = TypeVar("R", bound=Report)


@Parameter("*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How a report is printed."""

    json: bool = False
    """Print the result as JSON."""

    def show(self, report: R, print_report: Callable[[R], None]) -> None:
        """Print the report as JSON, or by `print_report` for people."""
        if self.json:
            print_json(report.to_dict())
        else:
            print_report(report)


@Parameter("*")
@dataclass(frozen=True, kw_only=True)
class BatchOutput(Output):
    """How a batch shows its progress and its result."""

    json_lines: bool = False
    """Print progress and result as JSON, one event per line."""
    metrics: Path | None = None
    """Keep a text file for Prometheus up to date."""

    def show(self, report: R, print_report: Callable[[R], None]) -> None:
        if self.json_lines:
            print_event("finished", **report.to_dict())
        else:
            super().show(report, print_report)


@Parameter("*")
@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """A model, and what to change of how its card uses it."""

    model: ModelName
    flip: bool = False
    """Average with the prediction of the mirrored picture: a slightly higher Dice, in twice the time."""
    clean_up: Annotated[list[str] | None, Parameter(help=CLEAN_UP_HELP)] = None
    runs: RunsDir = RUNS

    def find(self, clean_up: Sequence[str] | None = None) -> ModelFile:
        """Return the model with these options in its card; `clean_up` is for commands with a default of their own."""
        return self.override(find_model(self.model, self.runs), clean_up)

    def override(self, model: ModelFile, clean_up: Sequence[str] | None = None) -> ModelFile:
        """Return `model` with these options in its card. Raises ConfigError for an unknown step."""
        from carvanamask.mask_quality.postprocess import STEPS, check_steps

        words = self.clean_up or clean_up
        steps = model.card.clean_up if words is None else () if list(words) == ["none"] else tuple(words)
        if "all" in steps:
            steps = tuple(STEPS)
        check_steps(steps)
        return model.with_card(flip=self.flip or model.card.flip, clean_up=steps)


@Parameter("*")
@dataclass(frozen=True, kw_only=True)
class DefaultModelOptions(ModelOptions):
    """The same for commands with a model for those who name none."""

    model: ModelName = DEFAULT_MODEL
