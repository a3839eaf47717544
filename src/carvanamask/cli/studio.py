"""Render synthetic cars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carvanamask.cli.console import progress, say
from carvanamask.cli.options import parse_size, studio_app


@studio_app.command("render")
def render(
    out: Annotated[Path, typer.Option(metavar="DIR", help="the Kaggle folder to fill")],
    cars: Annotated[int, typer.Option(help="training cars, 16 views each")] = 8,
    test_cars: Annotated[int, typer.Option(help="cars for test/, without masks")] = 0,
    size: Annotated[str, typer.Option(metavar="WxH", help="of the pictures")] = "960x640",
    seed: Annotated[int, typer.Option(min=0, help="another seed makes other cars")] = 0,
    body: Annotated[str | None, typer.Option(help="every car of this body type, like minivan")] = None,
    samples: Annotated[int, typer.Option(help="light paths a pixel: more is slower and less grainy")] = 32,
    quality: Annotated[int, typer.Option(help="of the JPEGs, 1 to 100")] = 88,
) -> None:
    """Render labelled cars into a Kaggle folder; the same command again finishes what is left."""
    from carvanamask.jobs.render import RenderOptions, render
    from carvanamask.studio.renderer import engine, load_mitsuba

    say(f"engine: {engine(load_mitsuba().variant())}")
    with progress("rendering") as on_progress:
        options = RenderOptions(cars, test_cars, parse_size(size), seed, body, samples, quality)
        report = render(out, options, on_progress)
    print(f"{len(report.cars)} cars and {len(report.test_cars)} test cars in {out}", end=": ")
    print(f"{report.rendered} pictures rendered, {report.skipped} were there")


@studio_app.command("sheet")
def sheet(
    out: Annotated[Path, typer.Option(metavar="FILE", help="the sheet, .jpg or .png")],
    seed: Annotated[int, typer.Option(min=0, help="another seed makes other cars")] = 47,
    samples: Annotated[int, typer.Option(help="light paths a pixel")] = 16,
) -> None:
    """Render every body type in four views onto one sheet, to look at."""
    from carvanamask.jobs.render import render_sheet
    from carvanamask.studio.renderer import engine, load_mitsuba

    say(f"engine: {engine(load_mitsuba().variant())}")
    with progress("rendering") as on_progress:
        render_sheet(out, seed, samples, on_progress=on_progress)
    print(f"sheet in {out}")
