from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.core.card import ModelCard
from carvanamask.errors import DataError, ModelError, PictureError
from carvanamask.jobs import bench as job
from carvanamask.jobs.bench import BenchReport, bench
from carvanamask.jobs.fresh_process import FreshProcess
from carvanamask.jobs.stopwatch import Rate
from carvanamask.model.model_file import ModelFile
from carvanamask.training.recipe import load_config

FRESH = FreshProcess(2.0, 1.0, 4, 300.0)


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return save_brightness_model(tmp_path / "model", (48, 32))


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/inference/test_fresh_process.py starts them; they take seconds."""
    monkeypatch.setattr(job, "measure_fresh_process", lambda model, pictures, device: FRESH)


def report(networks: tuple[Rate, ...], whole: Rate, others: tuple[Rate, ...] = ()) -> BenchReport:
    return BenchReport("m", "OpenVINO", "a CPU, 2 cores", 32, 0, 3, FRESH, (), networks, whole, others)


def test_the_better_of_the_network_s_rates_is_what_the_whole_is_held_against() -> None:
    one, several = Rate("one", 1, 32, 4.0), Rate("several", 4, 32, 3.2)
    measured = report((one, several), Rate("whole", 4, 32, 4.0), (Rate("loop", 1, 8, 4.0),))
    assert measured.network is several
    assert measured.whole_to_network == pytest.approx(0.8)
    assert measured.times_as_fast_as(measured.others[0]) == pytest.approx(4)
    assert report((several, one), several).network is several


def test_every_stage_is_measured_and_the_report_says_so(model: ModelFile, drawn_folder: Path) -> None:
    lines, heard = [], []
    measured = bench(
        model,
        [drawn_folder / "test"],
        device="cpu",
        repeats=2,
        on_progress=lambda done, total: heard.append((done, total)),
        say=lines.append,
    )
    tree = json.loads(json.dumps(measured.to_dict()))
    assert [stage["name"] for stage in tree["stages"]] == [
        "decode", "shrink", "enlarge, threshold, clean up, look", "write mask PNG",
    ]  # fmt: skip
    assert all(rate["pictures_per_second"] > 0 for rate in [*tree["stages"], *tree["networks"], tree["whole"]])
    assert (tree["pictures"], tree["left_out"], tree["rounds"], tree["whole"]["pictures"]) == (4, 0, 2, 4)
    assert (tree["others"], tree["not_run"]) == ([], [])
    assert tree["fresh_process"]["pictures"] == 4
    assert tree["fresh_process"]["cold_seconds"] > 0
    assert tree["engine"].startswith("OpenVINO on CPU")
    assert "cores" in tree["machine"]
    assert lines == [f"engine: {measured.engine}"]
    assert heard[-1] == (14, 14)


@pytest.mark.usefixtures("without_processes")
class TestPictures:
    def test_without_any_named_the_showroom_s_are_measured(self, model: ModelFile) -> None:
        assert bench(model, device="cpu", repeats=1).pictures == 32

    def test_more_than_enough_are_left_out(
        self, model: ModelFile, drawn_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(job, "MOST_PICTURES", 3)
        measured = bench(model, [drawn_folder / "train"], device="cpu", repeats=1)
        assert (measured.pictures, measured.left_out) == (3, 13)

    def test_a_folder_without_pictures_and_a_picture_that_is_none(self, model: ModelFile, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="empty holds no pictures"):
            bench(model, [tmp_path / "empty"], device="cpu")
        (tmp_path / "car_01.jpg").write_bytes(b"just some text")
        with pytest.raises(PictureError, match="is no JPEG"):
            bench(model, [tmp_path / "car_01.jpg"], device="cpu")


@pytest.mark.usefixtures("without_processes")
class TestOtherWays:
    def measure(self, model: ModelFile, drawn_folder: Path, recipe: Path) -> BenchReport:
        return bench(model, [drawn_folder / "train"], load_config(recipe), "cpu", repeats=1)

    def test_plain_loops_of_both_networks_go_over_a_few_of_the_pictures(
        self, model: ModelFile, drawn_folder: Path, tiny_recipe: Path
    ) -> None:
        measured = self.measure(model, drawn_folder, tiny_recipe)
        assert [other.name for other in measured.others] == [
            "plain loop, the same network",
            "plain loop, unet, 2 levels from 4 filters at 48x32",
        ]
        assert [(other.concurrency, other.pictures) for other in measured.others] == [(1, 8), (1, 8)]
        assert measured.not_run == ()
        same = measured.to_dict()["others"][0]
        ratio = measured.whole.pictures_per_second / same["pictures_per_second"]
        assert same["times_as_fast"] == pytest.approx(ratio)

    def test_a_plain_loop_that_is_out_of_time_does_one_picture(
        self, model: ModelFile, drawn_folder: Path, tiny_recipe: Path
    ) -> None:
        measured = bench(model, [drawn_folder / "train"], load_config(tiny_recipe), "cpu", repeats=5, seconds=0)
        assert measured.rounds == 1
        assert [other.pictures for other in measured.others] == [1, 1]
        assert measured.whole.pictures == 16

    def test_without_pytorch_it_says_what_to_install(
        self, model: ModelFile, drawn_folder: Path, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ModelError, match=r"pip install 'carvanamask\[train\]', or leave --against out"):
            self.measure(model, drawn_folder, tiny_recipe)

    def test_a_model_that_asks_twice_has_no_plain_loop(
        self, model: ModelFile, drawn_folder: Path, tiny_recipe: Path, tmp_path: Path
    ) -> None:
        card = ModelCard(name="both", network="", input_size_wh=(48, 32))
        both = ModelFile.save(tmp_path / "both", None, card, [model, model])
        for each in (both, model.with_card(flip=True)):
            with pytest.raises(ModelError, match="more than one network, or one twice: leave --against out"):
                self.measure(each, drawn_folder, tiny_recipe)

    def test_rembg_runs_where_it_is_installed(
        self, model: ModelFile, drawn_folder: Path, tiny_recipe: Path, rembg: Path
    ) -> None:
        rembg.write_text(
            "from PIL import Image\n"
            "def new_session(name): return name\n"
            "def remove(image, session, only_mask):\n"
            "    assert session == 'isnet-general-use' and only_mask\n"
            "    return Image.new('L', image.size)\n"
        )
        measured = self.measure(model, drawn_folder, tiny_recipe)
        assert [other.name for other in measured.others][2:] == ["rembg, isnet-general-use"]
        assert measured.not_run == ()

    @pytest.mark.parametrize(
        ("code", "why"),
        [
            ("def new_session(name): raise OSError('no network:\\n isnet.onnx')", "no network: isnet.onnx"),
            ("import sys; sys.exit(1)", "1"),  # what it does without its runtime
            ("import a_runtime_that_is_not_here", "No module named 'a_runtime_that_is_not_here'"),
        ],
    )
    def test_a_rembg_that_fails_is_one_line_of_the_report(
        self, code: str, why: str, model: ModelFile, drawn_folder: Path, tiny_recipe: Path, rembg: Path
    ) -> None:
        rembg.write_text(code)
        measured = self.measure(model, drawn_folder, tiny_recipe)
        assert measured.not_run == (("rembg, isnet-general-use", why),)
        assert len(measured.others) == 2

    @pytest.fixture
    def rembg(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A module of that name, to be written."""
        (tmp_path / "peers").mkdir()
        monkeypatch.syspath_prepend(tmp_path / "peers")
        monkeypatch.delitem(sys.modules, "rembg", raising=False)
        return tmp_path / "peers" / "rembg.py"
