"""Render synthetic cars."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from carvanamask.cli.console import log, progress_bar
from carvanamask.cli.options import Count, SizeWh
from carvanamask.core.progress import counted
from carvanamask.studio.options import RenderOptions

studio = App(name="studio", help="Render cars in the synthetic photo studio.")


@Parameter("*")
@dataclass(frozen=True)
class RenderFlags(RenderOptions):
    """The same as options of a command."""

    size_wh: SizeWh = RenderOptions.size_wh
    seed: Count = RenderOptions.seed
    variant: Annotated[str | None, Parameter(parse=False)] = RenderOptions.variant


@studio.command
def render(*, out: Path, options: RenderFlags = RenderFlags()) -> None:
    """Render labelled cars into a Kaggle folder; run it again to continue where it stopped.

    Args:
        out: The Kaggle folder to fill.
    """
    from carvanamask.jobs.render import render

    _log_engine()
    with progress_bar("rendering") as on_progress:
        report = render(out, options, on_progress)
    print(f"{len(report.cars)} cars and {len(report.test_cars)} test cars in {out}", end=": ")
    print(f"{counted(report.rendered, 'picture')} rendered, {report.skipped} were there")


@studio.command
def sheet(*, out: Path, seed: Count = 47, samples: int = 16) -> None:
    """Render every body type in four views onto one sheet, to look at.

    Args:
        out: The sheet, .jpg or .png.
        seed: Another seed makes other cars.
        samples: Light paths per pixel.
    """
    from carvanamask.jobs.render import render_sheet

    _log_engine()
    with progress_bar("rendering") as on_progress:
        render_sheet(out, seed, samples, on_progress=on_progress)
    print(f"sheet in {out}")


def _log_engine() -> None:
    from carvanamask.studio.renderer import engine, load_mitsuba

    log.info("engine: %s", engine(load_mitsuba().variant()))
