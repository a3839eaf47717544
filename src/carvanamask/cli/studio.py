"""Render synthetic cars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App

from carvanamask.cli.console import log, progress_bar
from carvanamask.cli.options import not_negative, parse_size

studio = App(name="studio", help="Render cars in the synthetic photo studio.")


@studio.command
def render(
    *,
    out: Path,
    cars: int = 8,
    test_cars: int = 0,
    size: str = "960x640",
    seed: Annotated[int, not_negative] = 0,
    body: str | None = None,
    samples: int = 32,
    quality: int = 88,
) -> None:
    """Render labelled cars into a Kaggle folder; the same command again finishes what is left.

    Args:
        out: The Kaggle folder to fill.
        cars: Number of training cars, with 16 views each.
        test_cars: Number of cars for test/, without masks.
        size: Width and height of the pictures, as WxH.
        seed: Another seed makes other cars.
        body: Body type of every car, like minivan; by default all types.
        samples: Light paths per pixel: more is slower and less grainy.
        quality: Quality of the JPEGs, 1 to 100.
    """
    from carvanamask.jobs.render import RenderOptions, render

    _log_engine()
    with progress_bar("rendering") as on_progress:
        options = RenderOptions(cars, test_cars, parse_size(size), seed, body, samples, quality)
        report = render(out, options, on_progress)
    print(f"{len(report.cars)} cars and {len(report.test_cars)} test cars in {out}", end=": ")
    print(f"{report.rendered} pictures rendered, {report.skipped} were there")


@studio.command
def sheet(*, out: Path, seed: Annotated[int, not_negative] = 47, samples: int = 16) -> None:
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
