"""Carry out a whole chain of verbs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from carvanamask.apps.arguments import DATA, RUNS, AsJson, DataDir, RunsDir, exit_if, recipe_app
from carvanamask.apps.screen import print_json, say

if TYPE_CHECKING:
    from carvanamask.jobs.chain import Chain, ChainReport


@recipe_app.command("run")
def run_recipe(
    chain: Annotated[str, typer.Argument(metavar="CHAIN", help="a chain's name or TOML file, like carvana")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="of what it makes; the chain's if not given")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="change a setting")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list the steps and which are done")] = False,
    as_json: AsJson = False,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Carry out a chain from training to submission; the same command again goes on where it stopped."""
    from carvanamask.apps.steps import complete, run_step
    from carvanamask.jobs.chain import load_chain, run_chain

    loaded = load_chain(chain, lambda words: complete(words, data, runs), data, runs, name, settings or ())
    if dry_run:
        print_json(loaded.to_dict()) if as_json else print_steps(loaded)
        return
    # what the steps print is no part of the JSON
    output = sys.stderr if as_json else None
    report = run_chain(loaded, lambda words: run_step(words, output), say)
    print_json(report.to_dict()) if as_json else print_chain(report)
    exit_if(bool(report.failure))


def print_steps(chain: Chain) -> None:
    finished = len(chain.finished())
    for place, step in enumerate(chain.steps, start=1):
        print(
            f"step {place} of {len(chain.steps)}, {step.name}{' (done)' if place <= finished else ''}: {step.command}"
        )


def print_chain(report: ChainReport) -> None:
    minutes = sum(step.seconds for step in report.finished) / 60
    print(f"{len(report.finished)} of {len(report.chain.steps)} steps done, {report.kept} of them before", end=", ")
    print(f"in {minutes:.1f} minutes of work")
    if report.failure:
        say(f"error: {report.failure}")
