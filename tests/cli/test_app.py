"""Whole verbs as a person types them: what is printed, what is left on disk, what the exit code says."""

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.cli import app as cli
from carvanamask.cli import train
from carvanamask.cli.console import print_table
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.io.write import save_mask, save_picture
from carvanamask.jobs.train import plan_run
from carvanamask.model.predictor import Predictor
from drawn_cars import draw_kaggle_folder

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Types a command line in a folder of its own → (exit code, output, error output)."""
    monkeypatch.chdir(tmp_path)

    def type_in(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["carvanamask", *map(str, words)])
        code = cli.run()
        out, err = capsys.readouterr()
        return code, out, err

    return type_in


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_brightness_model(tmp_path / "runs" / "bright" / "model")
    return tmp_path / "runs" / "bright" / "model"


def expect_one_line(result: tuple[int, str, str], *words: str, code: int = 2) -> None:
    exit_code, _, err = result
    last = err.strip().splitlines()[-1]
    assert exit_code == code, err
    assert "Traceback" not in err
    assert last.startswith("error: ")
    for word in words:
        assert word in last


def leftovers(folder: Path) -> list[Path]:
    """Half-written files; the rows that a submission has finished, in a .part of their own, are meant to stay."""
    return list(folder.rglob(".*.part"))


class TestBadInput:
    @pytest.mark.parametrize("verb", ["train", "eval", "submit", "data check"])
    def test_an_empty_folder(self, verb: str, run: Run, model: Path, tmp_path: Path) -> None:
        words = [*verb.split(), *(["--model", "bright"] if verb in ("eval", "submit") else [])]
        expect_one_line(run(*words, "--data", tmp_path / "nothing"), "nothing", "--data DIR")

    def test_a_missing_mask(self, run: Run, drawn_folder: Path, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        lost = next((folder / "train_masks").iterdir())
        lost.unlink()
        expect_one_line(run("train", "--config", "quick"), "has no mask: expected", lost.name)

    def test_a_mask_of_another_size(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        for mask in (folder / "train_masks").iterdir():
            save_mask(mask, Mask(np.zeros((3, 5), bool)))
        expect_one_line(run("train", "--config", tiny_recipe), "_mask.gif is 5x3, its picture 96x64")

    @pytest.mark.parametrize(
        ("content", "reason"), [(b"just some text", "is no JPEG"), (b"\xff\xd8\xff\xe0", ""), (b"", "empty")]
    )
    def test_a_text_file_called_jpg_a_stump_and_an_empty_file(
        self, content: bytes, reason: str, run: Run, model: Path, tmp_path: Path
    ) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2, test_cars=1)
        bad = sorted((folder / "test").iterdir())[1]
        bad.write_bytes(content)
        code, out, err = run("submit", "--model", "bright")
        assert code == 1
        assert f"error: data/test/{bad.name}" in out
        assert reason in out
        assert "run the same command again" in out
        assert "Traceback" not in err
        assert not (tmp_path / "runs" / "bright" / "submission.csv.gz").exists()

    def test_a_truncated_picture_is_named_by_training(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        for picture in (folder / "train").iterdir():
            picture.write_bytes(picture.read_bytes()[:-200])
        expect_one_line(run("train", "--config", tiny_recipe), "data/train/", ".jpg")

    def test_a_mask_file_of_no_bytes(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        for mask in (folder / "train_masks").iterdir():
            mask.write_bytes(b"")
        expect_one_line(run("train", "--config", tiny_recipe), "_mask.gif", "empty")

    def test_an_unknown_model(self, run: Run, model: Path) -> None:
        expect_one_line(run("eval", "--model", "brigth"), "no model called 'brigth'; did you mean 'bright'?")

    def test_an_unknown_option_verb_and_recipe(self, run: Run) -> None:
        expect_one_line(run("train", "--epoch", 3), "--epoch")
        expect_one_line(run("trian"), "trian")
        expect_one_line(run("train", "--config", "quik"), "did you mean 'quick'?")
        expect_one_line(run("train", "--config", "quick", "--set", "loss.nam=x"), "did you mean 'loss.name'?")
        expect_one_line(run("submit", "--model", "x", "--save", "maybe"), "maybe")

    def test_a_full_disk_while_a_submission_is_written(
        self, run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=2, test_cars=1)

        def no_space(file: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        expect_one_line(
            run("submit", "--model", "bright", "--save", "True"), "free some space and run the same command"
        )
        assert leftovers(tmp_path) == []
        assert not (tmp_path / "runs" / "bright" / "submission.csv.gz").exists()
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        assert run("submit", "--model", "bright")[0] == 0

    def test_a_full_disk_while_a_checkpoint_is_written(
        self, run: Run, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        synced = os.fsync

        def no_space_for_checkpoints(file: int) -> None:
            if os.fstat(file).st_size > 20_000:
                raise OSError(28, "No space left on device")
            synced(file)

        monkeypatch.setattr(os, "fsync", no_space_for_checkpoints)
        expect_one_line(
            run("train", "--config", tiny_recipe), "best.ckpt can't be written", "run the same command again"
        )
        assert leftovers(tmp_path) == []
        assert not list(tmp_path.rglob("*.ckpt"))


class Stop(Predictor):
    """A predictor that presses Ctrl-C at its third picture."""

    engine = "test"
    pictures = 0

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        self.pictures += 1
        if self.pictures == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return ProbabilityMap(np.zeros(picture.shape[:2], np.float32))


class TestCtrlC:
    @pytest.mark.parametrize("verb", ["eval", "submit"])
    def test_while_predicting(
        self, verb: str, run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=4, test_cars=3)
        room = {"eval": "carvanamask.jobs.evaluate", "submit": "carvanamask.batch.runner"}[verb]
        monkeypatch.setattr(importlib.import_module(room), "build_predictor", lambda *options: Stop())
        code, _, err = run(verb, "--model", "bright")
        assert code == 130
        assert err.strip().splitlines()[-1] == "stopped: the same command again goes on from here"
        assert leftovers(tmp_path) == []
        assert not list(tmp_path.rglob("submission.csv.gz"))
        assert not list(tmp_path.rglob("report.json"))

    def test_while_a_compiled_module_is_loaded(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def load(**words: object) -> None:
            raise ImportError("initialization failed") from KeyboardInterrupt()

        monkeypatch.setattr(cli, "app", load)
        assert run("models")[0] == 130

    def test_while_a_dataclass_is_made(self, tmp_path: Path) -> None:
        # as a module of its own, the way python -m carvanamask.cli.app ends
        (tmp_path / "pressed.py").write_text(
            "from carvanamask.cli import app as cli\n"
            "def load(**words):\n"
            "    exec('import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)')\n"
            "cli.app = load\n"
            "cli.main()\n"
        )
        ended = subprocess.run([sys.executable, "-m", "pressed"], cwd=tmp_path, capture_output=True, text=True)
        assert (ended.returncode, ended.stderr) == (130, "stopped: the same command again goes on from here\n")

    def test_while_training(self, run: Run, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=4)

        def press(line: str) -> None:
            if line.startswith("epoch 1"):
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(train, "say", press)
        assert run("train", "--config", tiny_recipe)[0] == 130
        assert leftovers(tmp_path) == []
        monkeypatch.setattr(train, "say", lambda line: None)
        code, out, _ = run("train", "--config", tiny_recipe)
        assert code == 0
        assert "after 3 epochs" in out

    def test_while_checking_a_folder(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from carvanamask.jobs import check_data

        draw_kaggle_folder(tmp_path / "data", cars=2, views=4)

        def press(path: Path) -> tuple[np.ndarray, str]:
            os.kill(os.getpid(), signal.SIGINT)
            return np.zeros((2, 2, 3), np.uint8), ""

        monkeypatch.setattr(check_data, "load_picture_with_digest", press)
        assert run("data", "check")[0] == 130


class TestGoodInput:
    def test_the_whole_road(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=4, views=4, test_cars=1)
        assert run("data", "check")[0] == 0
        code, out, err = run("train", "--config", tiny_recipe, "--set", "training.epochs=12")
        assert code == 0
        assert "next: eval --model tiny" in out
        assert "device: CPU" in err
        code, out, _ = run("eval", "--model", "tiny", "--size", 2, "--json")
        assert code == 0
        assert json.loads(out)["cars"] == 1
        assert len(list(Path("runs/tiny/evaluation/figures").iterdir())) == 2
        assert "a batch would ask a person to look at" in run("eval", "--model", "tiny", "--size", 0)[1]
        code, out, _ = run("submit", "--model", "tiny", "--save", "True")
        assert code == 0
        assert len(list(Path("runs/tiny/masks").glob("*.png"))) == 4
        code, out, _ = run("submission", "check", "runs/tiny/submission.csv.gz", "--size", "96x64")
        assert (code, out.strip()) == (0, "4 rows, 0 empty masks: valid")
        assert run("submission", "check", "runs/tiny/submission.csv.gz", "--size", "10x10")[0] == 1

    def test_data_check_lists_what_it_finds_and_exits_1(self, run: Run, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        save_picture(folder / "train" / "extra_01.jpg", np.zeros((4, 4, 3), np.uint8))
        code, out, _ = run("data", "check")
        assert code == 1
        assert "error: data/train/extra_01.jpg has no mask" in out

    def test_options_lists_every_option(self, run: Run) -> None:
        assert "loss.border_weight" in run("options")[1]

    def test_main_py_speaks_the_same_language(self) -> None:
        main_py = Path(__file__).parents[2] / "main.py"
        done = subprocess.run([sys.executable, main_py, "--help"], capture_output=True, text=True, check=True)
        assert all(verb in done.stdout for verb in ("train", "eval", "submit"))


def test_a_name_that_is_too_long_is_one_line(run: Run, model: Path, tmp_path: Path) -> None:
    draw_kaggle_folder(tmp_path / "data", cars=2, views=1, test_cars=1)
    for words in (
        ["predict", "x" * 300],
        ["predict", "data", "--model", "x" * 300],
        ["submit", "--model", "bright", "--out", "x" * 300],
    ):
        expect_one_line(run(*words), "xxx")


def test_without_a_verb_the_help_is_all_that_is_said(run: Run) -> None:
    code, out, err = run()
    assert (code, err) == (2, "")
    assert "predict" in out


def test_an_evaluation_in_another_way_has_a_folder_of_its_own(run: Run, model: Path, tmp_path: Path) -> None:
    draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
    assert run("eval", "--model", "bright", "--size", 0)[0] == 0
    assert run("eval", "--model", "bright", "--size", 0, "--flip", "--clean-up", "all")[0] == 0
    assert run("eval", "--model", "bright", "--size", 0, "--clean-up", "none")[0] == 0  # as its card says
    assert sorted(path.name for path in model.parent.iterdir()) == ["evaluation", "evaluation-flip-all", "model"]


def test_a_run_whose_name_a_built_in_model_has_is_called_otherwise(tmp_path: Path) -> None:
    assert plan_run(tmp_path, recipe="studio-s").run.name == "my-studio-s"
    (tmp_path / "begun" / "studio-s").mkdir(parents=True)
    (tmp_path / "begun" / "studio-s" / "config.toml").touch()
    assert plan_run(tmp_path / "begun", recipe="studio-s").run.name == "studio-s"
    assert plan_run(tmp_path, name="studio-s", recipe="studio-s").run.name == "studio-s"
    assert plan_run(tmp_path, recipe="quick").run.name == "quick"


def test_names_in_tables_are_neither_markup_nor_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a-very-long-name-of-a-run-" * 6
    print_table([f"{long}1", f"{long}2"], [("car[old]_09", "[/b]")], "[red]title")
    out = capsys.readouterr().out
    for text in (f"{long}1", f"{long}2", "car[old]_09", "[/b]", "[red]title"):
        assert text in out
