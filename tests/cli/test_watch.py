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

from bright_cars import put, tree
from brightness_model import save_brightness_model
from carvanamask.cli.console import configure_logging
from carvanamask.cli.listeners import batch_progress
from carvanamask.cli.options import BatchOutput
from carvanamask.core.progress import Progress
from carvanamask.errors import PictureError
from command_line import Run, expect_error

OPTIONS = ["--model", "bright", "--device", "cpu", "--every", "0.1"]


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
        command = [sys.executable, "-m", "carvanamask", "watch", "shoot", "cut", *OPTIONS, *words]
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


def test_slow_copies_kill_and_restart_end_as_one_cutout(run: Run, team: Team, here: Path) -> None:
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
    assert run("cutout", "shoot", "--out", "straight", *OPTIONS[:4]).code == 1
    assert tree(Path("cut")) == tree(Path("straight"))
    assert len(tree(Path("cut"))) == 3
    assert not [path for path in Path("cut").rglob(".*") if path.suffix == ".part"]


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.3])
def test_ctrl_c_at_any_moment(team: Team, moment: float) -> None:
    for number in range(40):
        put(Path(f"shoot/{number}.jpg"))
    process = team.start()
    team.wait_for(lambda: team.lines("watching shoot, results in cut: Ctrl-C ends"))
    time.sleep(moment)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert not team.lines("Traceback")


def test_exit_code_says_whether_pictures_failed(run: Run) -> None:
    put(Path("shoot/1.jpg"))
    put(Path("shoot/empty.jpg"), column=18)
    result = run("watch", "shoot", "cut", *OPTIONS, "--until-idle", "0.1")
    assert result.code == 0, result.output
    assert "2 pictures" in result.output
    assert "needs review: empty.jpg: no car found" in result.output
    Path("shoot/bad.jpg").write_bytes(b"nothing")
    result = run("watch", "shoot", "cut", *OPTIONS, "--until-idle", "0.1")
    assert result.code == 1
    assert "2 pictures, 2 of them finished before" in result.output
    failed = result.output.partition("1 failed:\n")
    assert [text.count("error: shoot/bad.jpg") for text in failed] == [1, 0, 1]  # as it failed, and at the end


def test_events_and_metrics_hold_each_failure_once(run: Run) -> None:
    put(Path("shoot/1.jpg"))
    Path("shoot/bad.jpg").write_bytes(b"nothing")
    words = ("--json-lines", "--metrics", "watch.prom")
    result = run("watch", "shoot", "cut", *OPTIONS, "--until-idle", "0.3", *words)
    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["event"] for event in events].count("failed") == 1
    assert (events[-1]["event"], events[-1]["done"], events[-1]["failed"]) == ("finished", 2, 1)
    text = Path("watch.prom").read_text()
    assert 'carvanamask_pictures{state="failed"} 1\n' in text
    assert 'carvanamask_pictures{state="left"} 0\n' in text


@pytest.mark.parametrize(("words", "name"), [(["--as", "mask"], "1.png"), (["--background", "#112233"], "1.jpg")])
def test_results_are_those_of_predict_and_cutout(run: Run, words: list[str], name: str) -> None:
    put(Path("shoot/1.jpg"))
    assert run("watch", "shoot", "cut", *OPTIONS, "--until-idle", "0.1", *words).code == 0
    straight = ["predict"] if "--as" in words else ["cutout", *words]
    run(*straight, "shoot", "--out", "straight", *OPTIONS[:4])
    assert tree(Path("cut")) == tree(Path("straight"))
    assert list(tree(Path("cut"))) == [name]


def test_background_of_a_mask_is_one_line(run: Run) -> None:
    expect_error(
        run("watch", "shoot", "cut", *OPTIONS, "--as", "mask", "--background", "room"),
        "--background room belongs to cut-outs",
    )


@pytest.mark.usefixtures("run")
def test_failure_has_one_line_until_it_is_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    bad = ("x.jpg", PictureError("is bad", path="x.jpg"))
    with batch_progress(BatchOutput()) as on_progress:
        for failures in ((bad,), (bad,), (), (bad,)):
            on_progress(Progress(total=2, kept=0, done=2, failures=failures))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["error: x.jpg is bad", "1 picture", "2 pictures", "error: x.jpg is bad", "1 picture"]
