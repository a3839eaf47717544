from __future__ import annotations

import json
from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.cli.models import print_bench
from carvanamask.jobs.bench import BenchReport
from command_line import Run


def measured(rounds: int = 3, peak: float | None = 312.4) -> BenchReport:
    return BenchReport(
        model="studio-s",
        engine="OpenVINO on CPU, 2 threads, bf16",
        machine="a CPU, 2 cores, Linux",
        pictures=32,
        left_out=5 if rounds > 1 else 0,
        rounds=rounds,
        concurrency=4,
        whole=9.4,
        network=10.0,
        network_one_by_one=8.1,
        first_mask_seconds=1.24,
        first_mask_again_seconds=0.96,
        peak_megabytes=peak,
    )


def test_table_shows_rates_first_mask_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(measured())
    out = capsys.readouterr().out
    for words in (
        "studio-s on OpenVINO on CPU, 2 threads, bf16; a CPU, 2 cores, Linux",
        "32 pictures (5 left out)",
        "the best of 3 rounds: the rates of one run compare with each other, those of two runs don't",
        "8.1",
        "10.0",
        "9.4",
        "from file to mask file at 94% of the network's own rate",
        "first mask of a fresh process after 1.2 s, of a second one after 1.0 s",
        "peak memory after 32 pictures: 312 MB",
    ):
        assert words in out


def test_missing_figures_are_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(measured(rounds=1, peak=None))
    out = capsys.readouterr().out
    assert "one round" in out
    for words in ("left out", "memory"):
        assert words not in out


def test_command_measures_the_given_pictures(run: Run, drawn_folder: Path, tmp_path: Path) -> None:
    save_brightness_model(tmp_path / "runs" / "bright" / "model")
    code, out, err = run(
        "bench", drawn_folder / "test", "--model", "bright", "--repeats", 1, "--device", "cpu", "--json"
    )
    assert code == 0
    assert json.loads(out)["pictures"] == 4
    assert "engine: OpenVINO on CPU" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]
