from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.progress import Progress, ignore_progress
from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.errors import ConfigError, DataError, ModelError, PictureError
from carvanamask.io.read import load_mask, load_picture
from carvanamask.io.write import save_picture
from carvanamask.jobs import bench as job
from carvanamask.jobs.bench import BenchReport, bench, measure_in_turns, peak_megabytes, run_fresh
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.model.build import build_predictor
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile

ONCE = 1, 120, Device.CPU
"""Rounds, seconds and device."""


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return save_brightness_model(tmp_path / "model", (48, 32))


@pytest.fixture
def items(drawn_folder: Path) -> tuple[BatchItem, ...]:
    return find_pictures([drawn_folder / "train"]).items


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take seconds; TestFreshProcess starts them."""
    monkeypatch.setattr(job, "run_fresh", lambda model, items, device, cache: (1.0, 300.0))


def report(whole: float, network: float, network_one_by_one: float) -> BenchReport:
    return BenchReport(
        "m", "OpenVINO", "a CPU, 2 cores", 32, 0, 3, 4, whole, network, network_one_by_one, 2.0, 1.0, 300.0
    )


def test_share_of_the_better_network_rate() -> None:
    assert report(8, network=10, network_one_by_one=5).whole_to_network == pytest.approx(0.8)
    assert report(8, network=5, network_one_by_one=10).whole_to_network == pytest.approx(0.8)


def test_report_holds_every_figure(model: ModelFile, drawn_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Progress] = []
    caplog.set_level("INFO")
    measured = bench(model, [drawn_folder / "test"], 2, 120, Device.CPU, heard.append)
    tree = json.loads(json.dumps(measured.to_dict()))
    assert min(tree[rate] for rate in ("whole", "network", "network_one_by_one", "whole_to_network")) > 0
    assert (tree["pictures"], tree["left_out"], tree["rounds"]) == (4, 0, 2)
    assert tree["first_mask_seconds"] > 0
    assert tree["first_mask_again_seconds"] > 0
    assert tree["concurrency"] > 1
    assert tree["engine"].startswith("OpenVINO on CPU")
    assert "cores" in tree["machine"]
    assert f"engine: {measured.engine}" in caplog.messages
    assert [(progress.done, progress.total) for progress in heard] == [(done, 6) for done in range(1, 7)]


@pytest.mark.usefixtures("without_processes")
class TestPictures:
    def test_default_is_the_showroom(self, model: ModelFile) -> None:
        assert bench(model, [], *ONCE).pictures == 32

    def test_too_many_are_left_out(self, model: ModelFile, drawn_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(job, "MAX_PICTURES", 3)
        measured = bench(model, [drawn_folder / "train"], *ONCE)
        assert (measured.pictures, measured.left_out) == (3, 13)

    def test_empty_folder_and_broken_picture(self, model: ModelFile, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="empty holds no pictures"):
            bench(model, [tmp_path / "empty"], *ONCE)
        (tmp_path / "car_01.jpg").write_bytes(b"just some text")
        with pytest.raises(PictureError, match="is no JPEG"):
            bench(model, [tmp_path / "car_01.jpg"], *ONCE)

    def test_no_rounds(self, model: ModelFile) -> None:
        with pytest.raises(ConfigError, match="0 rounds"):
            bench(model, [], 0, 120, Device.CPU)


class TestWriteMasks:
    def test_masks_are_those_of_the_model(self, model: ModelFile, items: tuple[BatchItem, ...], tmp_path: Path) -> None:
        predictor = build_predictor(model, "cpu")
        assert job.write_masks(predictor, model, items, tmp_path) == len(items)
        for item in items:
            wanted = make_mask(predictor.predict(load_picture(item.picture)), model.card)
            assert np.array_equal(load_mask(tmp_path / f"{item.output_name}.png").pixels, wanted.pixels)
            assert 0 < wanted.pixels.mean() < 1

    def test_every_mask_is_checked(
        self, model: ModelFile, items: tuple[BatchItem, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checked: list[tuple[int, int]] = []

        def check(probabilities: ProbabilityMap, mask: Mask, max_uncertain_ratio: float) -> str:
            assert np.array_equal(probabilities.to_mask(model.card.threshold).pixels, mask.pixels)
            checked.append(mask.size_wh)
            return ""

        monkeypatch.setattr("carvanamask.batch.writers.review_reason", check)
        job.write_masks(build_predictor(model, "cpu"), model, items, tmp_path)
        assert checked == [(96, 64)] * len(items)

    def test_broken_picture_is_named(self, model: ModelFile, tmp_path: Path) -> None:
        for view in (1, 2):
            save_picture(tmp_path / f"a_{view:02d}.png", np.zeros((4, 6, 3), np.uint8))
        items = find_pictures([tmp_path]).items
        (tmp_path / "a_02.png").write_bytes(b"nothing")
        with pytest.raises(PictureError, match=r"a_02\.png"):
            job.write_masks(build_predictor(model, "cpu"), model, items, tmp_path / "masks")


class TestTurns:
    def test_best_round_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter([0, 0, 4, 4, 6, 0, 6, 8, 8, 18])  # when to end; (begin, end) twice; is it over; (begin, end) twice
        monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
        turns: list[str] = []
        heard: list[Progress] = []

        def work(name: str) -> int:
            turns.append(name)
            return 10

        works = {name: lambda name=name: work(name) for name in ("slow, fast", "fast, slow")}
        best, rounds = measure_in_turns(works, 2, 100, heard.append)
        assert turns == ["slow, fast", "fast, slow", "slow, fast", "fast, slow"]
        assert best == {"slow, fast": 5, "fast, slow": 5}
        assert rounds == 2
        assert [(progress.done, progress.total) for progress in heard] == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def test_shorter_round_counts_by_its_rate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter([0, 0, 4, 0, 4, 5])
        monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
        pictures: Iterator[int] = iter([8, 1])
        assert measure_in_turns({"loop": lambda: next(pictures)}, 2, 100, ignore_progress)[0] == {"loop": 2}

    def test_no_second_round_when_time_is_up(self) -> None:
        rounds: list[int] = []

        def work() -> int:
            rounds.append(1)
            return 1

        best, count = measure_in_turns({"loop": work}, 5, 0, ignore_progress)
        assert (len(rounds), count) == (1, 1)
        assert best["loop"] > 0


class TestFreshProcess:
    def test_memory_is_the_process_s_own(self, items: tuple[BatchItem, ...], tmp_path: Path) -> None:
        model = save_brightness_model(tmp_path)
        ballast = np.ones(2**26)  # half a gigabyte
        seconds, peak = run_fresh(model, items[:4], "cpu", str(tmp_path / "cache"))
        own = peak_megabytes()
        if peak is None or own is None:
            pytest.skip("this system has no such figure")
        assert own > ballast.nbytes / 2**20
        assert 20 < peak < own - 100
        assert 0 < seconds < 100

    def test_failure_is_one_line(self, items: tuple[BatchItem, ...], tmp_path: Path) -> None:
        model = save_brightness_model(tmp_path)
        model.onnx.write_bytes(b"another network")
        with pytest.raises(ModelError, match=r"'bright' doesn't run in its own process .*is not the network") as raised:
            run_fresh(model, items[:4], "cpu", str(tmp_path / "cache"))
        assert "\n" not in str(raised.value)
