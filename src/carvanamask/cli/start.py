"""The demo, and the list of options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carvanamask.cli.console import print_table
from carvanamask.cli.options import app
from carvanamask.cli.summaries import print_options_page


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="where everything goes")] = Path("demo"),
) -> None:
    """Do the whole road on built-in pictures, in a few minutes, and show it on a page."""
    from carvanamask.cli.run_demo import run_demo

    print(f"done: open {run_demo(out)} in a browser")


@app.command()
def options(markdown: Annotated[bool, typer.Option("--markdown", help="as docs/options.md has it")] = False) -> None:
    """List every option of a recipe with its default."""
    from carvanamask.training.recipe import options

    if markdown:
        print_options_page(options())
    else:
        print_table(["option", "default", "meaning"], options())
