"""watch as a photo team starts, kills and stops it: a process of its own, and files that come slowly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bright_cars import put, tree
from brightness_model import save_brightness_model
from carvanamask.batch.runner import Progress
from carvanamask.cli.app import app
from carvanamask.cli.batch import Asked
from carvanamask.errors import ConfigError

OPTIONS = ["--model", "bright", "--device", "cpu", "--every", "0.1"]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("shoot").mkdir()
    save_brightness_model(tmp_path / "bright", input_size_wh=(24, 16))
    return tmp_path


class Team:
    """Starts a watcher, and reads what it prints."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        self.log = Path("printed")

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "carvanamask.cli.app", "watch", "shoot", "cut", *OPTIONS, *words]
        with self.log.open("a") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        self.processes.append(process)
        return process

    def wait_for(self, is_true: Callable[[], object]) -> None:
        """Fails when the watcher ends before."""
        while not is_true():
            assert self.processes[-1].poll() is None, self.log.read_text()
            time.sleep(0.02)

    def lines(self, start: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith(start)]


@pytest.fixture
def team() -> Iterator[Team]:
    team = Team()
    yield team
    for process in team.processes:
        process.kill()
        process.wait()


def test_slow_copies_bad_pictures_a_kill_and_a_restart_end_as_cutout_would_have_it(team: Team, here: Path) -> None:
    whole = put(here / "whole.png").read_bytes()
    process = team.start()
    # in pieces, faster than it looks
    Path("shoot/monday").mkdir()
    with Path("shoot/monday/slow.png").open("wb") as slow:
        for place in range(0, len(whole), 20):
            slow.write(whole[place : place + 20])
            slow.flush()
            time.sleep(0.03)
    jpeg = put(here / "whole.jpg").read_bytes()
    Path("shoot/truncated.jpg").write_bytes(jpeg[:-60])
    put(here / "part.jpg", column=9).rename("shoot/renamed.jpg")
    team.wait_for(lambda: tree(Path("cut")).keys() >= {"monday/slow.png", "renamed.png"} and team.lines("error: "))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(team.lines("error: shoot/truncated.jpg")) == len(team.lines("error: ")) == 1

    times = {path: path.stat().st_mtime_ns for path in Path("cut").rglob("*.png")}
    put(Path("shoot/tuesday/new.jpg"), column=3)
    process = team.start()
    team.wait_for(lambda: "tuesday/new.png" in tree(Path("cut")))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert team.lines("stopped: the same command again goes on from here")
    assert not team.lines("Traceback")
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert run("cutout", "shoot", "--out", "straight", *OPTIONS[:4]).exit_code == 1
    assert tree(Path("cut")) == tree(Path("straight"))
    assert len(tree(Path("cut"))) == 3
    assert not [path for path in Path("cut").rglob(".*") if path.suffix == ".part"]


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.3])
def test_ctrl_c_at_any_moment_ends_cleanly(team: Team, moment: float) -> None:
    for number in range(40):
        put(Path(f"shoot/{number}.jpg"))
    process = team.start()
    team.wait_for(lambda: team.lines("watching shoot, results in cut: Ctrl-C ends"))
    time.sleep(moment)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert not team.lines("Traceback")


def test_a_script_is_told_by_the_exit_code() -> None:
    put(Path("shoot/1.jpg"))
    put(Path("shoot/empty.jpg"), column=18)
    result = run("watch", "shoot", "cut", *OPTIONS, "--until-idle", "0.1")
    assert result.exit_code == 0, result.output
    assert "2 pictures" in result.output
    assert "look at empty.jpg: no car found" in result.output
    Path("shoot/bad.jpg").write_bytes(b"nothing")
    result = run("watch", "shoot", "cut", *OPTIONS, "--until-idle", "0.1")
    assert result.exit_code == 1
    assert len([line for line in result.output.splitlines() if line.startswith("error: shoot/bad.jpg")]) == 1
    assert "2 pictures, 2 of them finished before" in result.output
    assert "1 failed: see above" in result.output


def test_a_script_and_a_monitor_read_each_failure_once_and_the_last_state() -> None:
    put(Path("shoot/1.jpg"))
    Path("shoot/bad.jpg").write_bytes(b"nothing")
    words = ("--json-lines", "--metrics", "watch.prom")
    result = run("watch", "shoot", "cut", *OPTIONS, "--until-idle", "0.3", *words)
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events].count("failed") == 1
    assert (events[-1]["event"], events[-1]["done"], events[-1]["failed"]) == ("finished", 2, 1)
    text = Path("watch.prom").read_text()
    assert 'carvanamask_pictures{state="failed"} 1\n' in text
    assert 'carvanamask_pictures{state="left"} 0\n' in text


@pytest.mark.parametrize(("words", "name"), [(["--as", "mask"], "1.png"), (["--background", "#112233"], "1.jpg")])
def test_results_are_chosen_as_for_predict_and_cutout(words: list[str], name: str) -> None:
    put(Path("shoot/1.jpg"))
    assert run("watch", "shoot", "cut", *OPTIONS, "--until-idle", "0.1", *words).exit_code == 0
    straight = ["predict"] if "--as" in words else ["cutout", *words]
    run(*straight, "shoot", "--out", "straight", *OPTIONS[:4])
    assert tree(Path("cut")) == tree(Path("straight"))
    assert list(tree(Path("cut"))) == [name]


def test_a_background_of_a_mask_ends_in_one_line() -> None:
    result = run("watch", "shoot", "cut", *OPTIONS, "--as", "mask", "--background", "room")
    assert isinstance(result.exception, ConfigError)
    assert "--background room belongs to cut-outs" in str(result.exception)


def test_lines_tell_a_failure_once_and_again_after_it_was_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    bad = ("x.jpg", "x.jpg is bad")
    with Asked().manner() as manner:
        for failures in ((bad,), (bad,), (), (bad,)):
            manner.on_progress(Progress(total=2, kept=0, done=2, failures=failures))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["error: x.jpg is bad", "1 pictures", "2 pictures", "error: x.jpg is bad", "1 pictures"]
