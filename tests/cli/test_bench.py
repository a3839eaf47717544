from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.cli import app as cli
from carvanamask.cli.bench import ORIGINAL, print_bench
from carvanamask.jobs.bench import BenchReport
from carvanamask.jobs.fresh_process import FreshProcess
from carvanamask.jobs.stopwatch import Rate
from carvanamask.training.recipe import load_config


def measured(rounds: int = 3, peak: float | None = 312.4) -> BenchReport:
    return BenchReport(
        model="studio-s",
        engine="OpenVINO on CPU, 2 threads, bf16",
        machine="a CPU, 2 cores, Linux",
        pictures=32,
        left_out=5 if rounds > 1 else 0,
        rounds=rounds,
        fresh=FreshProcess(1.24, 0.96, 32, peak),
        stages=(Rate("decode", 4, 32, 0.1),),
        networks=(Rate("network, one picture at a time", 1, 32, 4.0), Rate("network, as on the whole way", 4, 32, 3.2)),
        whole=Rate("file to mask file", 4, 32, 3.4),
        others=(Rate("plain loop, the same network", 1, 8, 17.0),) if rounds > 1 else (),
        not_run=(("rembg, isnet-general-use", "no network"),) if rounds > 1 else (),
    )


def test_a_table_of_stages_and_the_share_that_is_left_of_the_network(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(measured())
    out = capsys.readouterr().out
    for words in (
        "studio-s on OpenVINO on CPU, 2 threads, bf16; a CPU, 2 cores, Linux",
        "32 pictures (5 left out)",
        "the best of 3 rounds, taken in turns: speeds of one run compare, speeds of two don't",
        "320.0",
        "file to mask file reaches 94% of what the network alone does (9.4 of 10.0 pictures a second)",
        "first mask of a fresh process after 1.2 s, 1.0 s again; peak memory after 32 pictures 312 MB",
        "plain loop, the same network",
        "20.0",  # times as fast: 9.4 against 0.47
        "rembg, isnet-general-use did not run: no network",
    ):
        assert words in out


def test_what_was_not_measured_is_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(measured(rounds=1, peak=None))
    out = capsys.readouterr().out
    assert "one round" in out
    for words in ("left out", "memory", "other ways", "did not run"):
        assert words not in out


def test_the_original_is_a_recipe_that_ships() -> None:
    config = load_config(ORIGINAL)
    assert config.network.summary == "unet, 6 levels from 16 filters"
    assert config.input.size_wh == (1024, 1024)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_brightness_model(tmp_path / "runs" / "bright" / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def type_in(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["carvanamask", *map(str, words)])
    return cli.run()


def test_the_verb_measures_the_pictures_it_is_given(
    folder: Path, drawn_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", drawn_folder / "test", "--model", "bright", "--repeats", 1, "--device", "cpu", "--json"]
    assert type_in(monkeypatch, *words) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["pictures"] == 4
    assert "engine: OpenVINO on CPU" in err
    assert sorted(path.name for path in folder.iterdir()) == ["runs"]


def test_a_comparison_without_pytorch_is_one_line(
    folder: Path, drawn_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert type_in(monkeypatch, "bench", drawn_folder / "test", "--model", "bright", "--against") == 2
    assert capsys.readouterr().err == (
        "error: a plain loop needs PyTorch: pip install 'carvanamask[train]', or leave --against out\n"
    )
