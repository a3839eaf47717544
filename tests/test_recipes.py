"""The scripts in recipes/: every command and option in them exists."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from carvanamask.cli.app import app
from carvanamask.training.recipe import load_config

RECIPES = {path.stem: path for path in sorted((Path(__file__).parents[1] / "recipes").glob("*.sh"))}

STUB = """#!/usr/bin/env bash
printf '%s\\x1f' "$@" >> "$CALLS"
echo >> "$CALLS"
"""


def commands_of(recipe: Path, folder: Path, **settings: str) -> list[list[str]]:
    """Return the arguments of every call of carvanamask, from a run of the script with a stub instead."""
    stub, calls = folder / "bin" / "carvanamask", folder / "calls"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(0o755)
    environment = os.environ | {"PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}", "CALLS": str(calls)}
    environment |= {"DATA": "kaggle's data", "RUNS": str(folder / "runs of today"), **settings}
    subprocess.run(["bash", str(recipe)], check=True, cwd=folder, env=environment)
    return [line.split("\x1f")[:-1] for line in calls.read_text().splitlines()]


def test_recipes_exist() -> None:
    assert RECIPES.keys() == {"built-in", "carvana", "carvana-folds", "carvana-small"}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_syntax(recipe: Path) -> None:
    subprocess.run(["bash", "-n", str(recipe)], check=True)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_commands_and_options_exist(recipe: Path, tmp_path: Path) -> None:
    commands = commands_of(recipe, tmp_path)
    assert len(commands) > 5
    for words in commands:
        app.parse_args(words, print_error=False, exit_on_error=False)
        if words[0] == "train":
            load_config(words[words.index("--config") + 1], values_of(words, "--set"))


def test_parser_notices_a_wrong_option() -> None:
    with pytest.raises(Exception, match="--no-such-option"):
        app.parse_args(["eval", "--model", "m", "--no-such-option", "1"], print_error=False, exit_on_error=False)


def test_carvana_builds_on_its_own_results(tmp_path: Path) -> None:
    commands = commands_of(RECIPES["carvana"], tmp_path, NAME="system", TRAINING="--set training.batch_size=2")
    made = [values_of(words, "--name")[0] for words in commands if words[0] in ("train", "ensemble")]
    firsts, seconds = [[f"system-{round_}-{member}" for member in "abc"] for round_ in ("first", "second")]
    assert made == [*firsts, "system-first", *seconds, "system"]
    used = [name for words in commands for name in values_of(words, "--model")]
    assert set(used) == set(made)
    trainings = [words for words in commands if words[0] == "train"]
    assert all("training.batch_size=2" in values_of(words, "--set") for words in trainings)
    assert [bool(values_of(words, "--extra-labels")) for words in trainings] == [False] * 3 + [True] * 3


def test_finished_evaluations_are_not_repeated(tmp_path: Path) -> None:
    evaluation = tmp_path / "runs of today" / "folds-fold-3" / "evaluation"
    evaluation.mkdir(parents=True)
    (evaluation / "threshold.csv").touch()
    commands = commands_of(RECIPES["carvana-folds"], tmp_path, NAME="folds")
    evaluated = [values_of(words, "--model")[0] for words in commands if words[0] == "eval"]
    assert evaluated == [f"folds-fold-{fold}" for fold in (0, 1, 2, 4)]
    thresholds = [values_of(words, "--model")[0] for words in commands if words[0] == "threshold"]
    assert thresholds == [f"folds-fold-{fold}" for fold in range(5)]


def values_of(words: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(words) if name == option]
