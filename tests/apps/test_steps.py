import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.apps import cli
from carvanamask.apps.steps import complete, run_step
from carvanamask.core.errors import ConfigError
from carvanamask.jobs.chain import SHIPPED_CHAINS, load_chain
from drawn_cars import draw_kaggle_folder

DATA, RUNS = Path("my photos"), Path("runs")


def test_folders_are_added_where_a_verb_takes_them_and_names_none() -> None:
    assert complete(["threshold", "--model", "x"], DATA, RUNS)[3:] == ["--runs", "runs"]
    assert complete(["data", "check"], DATA, RUNS) == ["data", "check", "--data", "my photos"]
    assert complete(["eval", "--model=x", "--data=other"], DATA, RUNS)[3:] == ["--runs", "runs"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tarin", "no verb 'tarin': did you mean 'train'"),
        ("submission chek x", "no verb 'chek': did you mean 'check'"),
        ("submission", "no verb ''"),
        ("train --confg x", "train --confg x: No such option: --confg"),
        ("threshold", "Missing parameter: model"),
        ("eval --model x --size many", "eval --model x --size many: "),
    ],
)
def test_a_typo_is_found_before_anything_runs(line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        complete(line.split(), DATA, RUNS)


@pytest.mark.parametrize("name", SHIPPED_CHAINS)
def test_the_command_line_understands_every_step_of_a_shipped_chain(name: str) -> None:
    assert load_chain(name, lambda words: complete(words, DATA, RUNS), DATA, RUNS).steps


def test_the_small_chain_ships_and_is_the_large_one() -> None:
    large, small = (load_chain(name, list, DATA, RUNS) for name in ("carvana", "carvana-small"))
    assert [step.name for step in small.steps] == [step.name for step in large.steps]


def test_a_step_s_exit_code_is_that_of_its_verb() -> None:
    assert run_step(["submission", "check", "nothing.csv"], sys.stderr) == cli.BAD_INPUT


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_step_ends_with_its_chain_whatever_ends_that(how: signal.Signals, tmp_path: Path) -> None:
    pipe = tmp_path / "submission.csv"
    os.mkfifo(pipe)
    code = f"from carvanamask.apps.steps import run_step; run_step(['submission', 'check', {str(pipe)!r}])"
    chain = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    with pipe.open("wb"):  # opens when the step has begun to read
        writing_end = select.poll()
        writing_end.register(os.open(pipe, os.O_WRONLY), 0)
        assert writing_end.poll(0) == []
        chain.send_signal(how)
        assert writing_end.poll(60_000)  # nobody reads any more
    assert chain.wait() != 0


class TestRecipeRun:
    """The whole verb in a process of its own, as a person starts it."""

    CHAIN = """
[settings]
size = "96x64"
[[step]]
name = "submission"
run = "submit --model bright --save True"
[[step]]
name = "check"
run = "submission check {runs}/bright/submission.csv.gz --size {size}"
"""

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=1, test_cars=1)
        save_brightness_model(tmp_path / "runs" / "bright" / "model")
        (tmp_path / "two.toml").write_text(self.CHAIN)
        return tmp_path

    def recipe_run(self, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "carvanamask.apps.cli", "recipe", "run", "two.toml", *words]
        return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)

    def test_it_says_where_it_is_and_a_second_call_has_nothing_left_to_do(self, home: Path) -> None:
        listed = self.recipe_run(home, "--dry-run")
        assert listed.stdout.startswith("step 1 of 2, submission: submit --model bright --save True --data data ")
        assert not (home / "runs" / "two").exists()
        first = self.recipe_run(home)
        assert "step 2 of 2, check: submission check runs/bright/submission.csv.gz" in first.stderr
        assert "1 rows, 0 empty masks: valid" in first.stdout
        assert "2 of 2 steps done, 0 of them before" in first.stdout
        again = self.recipe_run(home, "--json")
        assert json.loads(again.stdout)["done_before"] == 2
        assert (first.returncode, again.returncode) == (0, 0)
        assert "step 1 of 2, submission (done): " in self.recipe_run(home, "--dry-run").stdout

    def test_a_failing_step_ends_it_with_one_line_and_the_same_command_goes_on(self, home: Path) -> None:
        failed = self.recipe_run(home, "--set", "size=10x10", "--json")
        assert failed.returncode == cli.SOME_FAILED
        assert json.loads(failed.stdout)["failure"].startswith("step 2 of 2, check, failed (exit code 1): submission")
        assert "Traceback" not in failed.stderr
        assert "1 of them before" in self.recipe_run(home).stdout
