"""Commands as a person types them: what is printed, what is left on disk, what the exit code says."""

import importlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cyclopts import App

from brightness_model import save_brightness_model
from carvanamask.cli import app as cli
from carvanamask.cli import models
from carvanamask.cli.console import print_table
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.io.write import save_mask, save_picture
from carvanamask.jobs.train import plan_run
from carvanamask.model.predictor import Predictor
from carvanamask.version import __version__
from command_line import Run, expect_error
from drawn_cars import draw_kaggle_folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_brightness_model(tmp_path / "runs" / "bright" / "model")
    return tmp_path / "runs" / "bright" / "model"


def leftovers(folder: Path) -> list[Path]:
    """Half-written files; the rows that a submission has finished, in a .part of their own, are meant to stay."""
    return list(folder.rglob(".*.part"))


class TestBadInput:
    @pytest.mark.parametrize("command", ["train", "eval", "submit", "data check"])
    def test_empty_folder(self, command: str, run: Run, model: Path, tmp_path: Path) -> None:
        words = [*command.split(), *(["--model", "bright"] if command in ("eval", "submit") else [])]
        expect_error(run(*words, "--data", tmp_path / "nothing"), "nothing", "--data DIR")

    def test_missing_mask(self, run: Run, drawn_folder: Path, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        lost = next((folder / "train_masks").iterdir())
        lost.unlink()
        expect_error(run("train", "--config", "quick"), "has no mask: expected", lost.name)

    def test_mask_of_another_size(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        for mask in (folder / "train_masks").iterdir():
            save_mask(mask, Mask(np.zeros((3, 5), bool)))
        expect_error(run("train", "--config", tiny_recipe), "_mask.gif is 5x3, its picture 96x64")

    @pytest.mark.parametrize(
        ("content", "reason"), [(b"just some text", "is no JPEG"), (b"\xff\xd8\xff\xe0", ""), (b"", "empty")]
    )
    def test_files_that_are_no_pictures(
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

    def test_truncated_picture_is_named_by_training(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        for picture in (folder / "train").iterdir():
            picture.write_bytes(picture.read_bytes()[:-200])
        expect_error(run("train", "--config", tiny_recipe), "data/train/", ".jpg")

    def test_empty_mask_file(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        for mask in (folder / "train_masks").iterdir():
            mask.write_bytes(b"")
        expect_error(run("train", "--config", tiny_recipe), "_mask.gif", "empty")

    def test_unknown_model(self, run: Run, model: Path) -> None:
        expect_error(run("eval", "--model", "brigth"), "no model called 'brigth'; did you mean 'bright'?")

    def test_unknown_option_command_and_recipe(self, run: Run) -> None:
        expect_error(run("train", "--epoch", 3), "--epoch")
        expect_error(run("trian"), "trian")
        expect_error(run("train", "--config", "quik"), "did you mean 'quick'?")
        expect_error(run("train", "--config", "quick", "--set", "loss.nam=x"), "did you mean 'loss.name'?")
        expect_error(run("submit", "--model", "x", "--save", "maybe"), "maybe")

    def test_full_disk_while_a_submission_is_written(
        self, run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=2, test_cars=1)

        def no_space(file: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        expect_error(run("submit", "--model", "bright", "--save", "True"), "free some space and run the same command")
        assert leftovers(tmp_path) == []
        assert not (tmp_path / "runs" / "bright" / "submission.csv.gz").exists()
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        assert run("submit", "--model", "bright").code == 0

    def test_full_disk_while_a_checkpoint_is_written(
        self, run: Run, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        synced = os.fsync

        def no_space_for_checkpoints(file: int) -> None:
            if os.fstat(file).st_size > 20_000:
                raise OSError(28, "No space left on device")
            synced(file)

        monkeypatch.setattr(os, "fsync", no_space_for_checkpoints)
        expect_error(run("train", "--config", tiny_recipe), "best.ckpt can't be written", "run the same command again")
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


class PressAt(logging.Handler):
    """Presses Ctrl-C at a message."""

    def __init__(self, start: str) -> None:
        super().__init__()
        self.start = start

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(self.start):
            os.kill(os.getpid(), signal.SIGINT)


class TestCtrlC:
    @pytest.mark.parametrize("command", ["eval", "submit"])
    def test_while_predicting(
        self, command: str, run: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=4, test_cars=3)
        module = {"eval": "carvanamask.jobs.evaluate", "submit": "carvanamask.batch.runner"}[command]
        monkeypatch.setattr(importlib.import_module(module), "build_predictor", lambda *options: Stop())
        code, _, err = run(command, "--model", "bright")
        assert code == 130
        assert err.strip().splitlines()[-1] == "stopped: the same command again goes on from here"
        assert leftovers(tmp_path) == []
        assert not list(tmp_path.rglob("submission.csv.gz"))
        assert not list(tmp_path.rglob("report.json"))

    def test_while_a_compiled_module_is_loaded(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def load(*words: object) -> None:
            raise ImportError("initialization failed") from KeyboardInterrupt()

        monkeypatch.setattr(models, "model_folders", load)
        assert run("models").code == 130

    def test_while_a_dataclass_is_made(self, tmp_path: Path) -> None:
        # as a module of its own, the way python -m carvanamask ends
        (tmp_path / "pressed.py").write_text(
            "import sys\n"
            "from carvanamask.cli import app, models\n"
            "def load(*words):\n"
            "    exec('import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)')\n"
            "models.model_folders = load\n"
            "sys.argv = ['carvanamask', 'models']\n"
            "app.main()\n"
        )
        ended = subprocess.run([sys.executable, "-m", "pressed"], cwd=tmp_path, capture_output=True, text=True)
        assert (ended.returncode, ended.stderr) == (130, "stopped: the same command again goes on from here\n")

    def test_while_training(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=2, views=4)
        press = PressAt("epoch 1")
        logging.getLogger("carvanamask.training").addHandler(press)
        assert run("train", "--config", tiny_recipe).code == 130
        logging.getLogger("carvanamask.training").removeHandler(press)
        assert leftovers(tmp_path) == []
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
        assert run("data", "check").code == 130


class TestGoodInput:
    def test_from_pictures_to_a_submission(self, run: Run, tiny_recipe: Path, tmp_path: Path) -> None:
        draw_kaggle_folder(tmp_path / "data", cars=4, views=4, test_cars=1)
        assert run("data", "check").code == 0
        code, out, err = run("train", "--config", tiny_recipe, "--set", "training.epochs=12")
        assert code == 0
        assert "next: eval --model tiny" in out
        assert "device: CPU" in err
        code, out, _ = run("eval", "--model", "tiny", "--size", 2, "--json")
        assert code == 0
        assert json.loads(out)["cars"] == 1
        assert len(list(Path("runs/tiny/evaluation/figures").iterdir())) == 2
        assert "masks need review" in run("eval", "--model", "tiny", "--size", 0).out
        code, out, _ = run("submit", "--model", "tiny", "--save", "True")
        assert code == 0
        assert len(list(Path("runs/tiny/masks").glob("*.png"))) == 4
        code, out, _ = run("submission", "check", "runs/tiny/submission.csv.gz", "--size", "96x64")
        assert (code, out.strip()) == (0, "4 rows, 0 empty masks: valid")
        assert run("submission", "check", "runs/tiny/submission.csv.gz", "--size", "10x10").code == 1

    def test_data_check_lists_what_it_finds_and_exits_1(self, run: Run, tmp_path: Path) -> None:
        folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
        save_picture(folder / "train" / "extra_01.jpg", np.zeros((4, 4, 3), np.uint8))
        code, out, _ = run("data", "check")
        assert code == 1
        assert "error: data/train/extra_01.jpg has no mask" in out

    def test_options_lists_every_option(self, run: Run) -> None:
        assert "loss.border_weight" in run("options").out

    def test_main_py_has_the_same_commands(self) -> None:
        main_py = Path(__file__).parents[2] / "main.py"
        done = subprocess.run([sys.executable, main_py, "--help"], capture_output=True, text=True, check=True)
        assert all(command in done.stdout for command in ("train", "eval", "submit"))


def test_name_that_is_too_long_is_one_line(run: Run, model: Path, tmp_path: Path) -> None:
    draw_kaggle_folder(tmp_path / "data", cars=2, views=1, test_cars=1)
    for words in (
        ["predict", "x" * 300],
        ["predict", "data", "--model", "x" * 300],
        ["submit", "--model", "bright", "--out", "x" * 300],
    ):
        expect_error(run(*words), "xxx")


@pytest.mark.parametrize(("words", "command"), [([], "predict"), (["data"], "check"), (["--quiet"], "predict")])
def test_missing_command_prints_the_help(words: list[str], command: str, run: Run) -> None:
    code, out, err = run(*words)
    assert (code, err) == (2, "")
    assert command in out
    assert out.count("--quiet") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_help_prints_in_any_encoding(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for words in (["--help"], ["predict", "--help"], ["submission", "diff", "--help"]):
        command = [sys.executable, "-m", "carvanamask", *words]
        done = subprocess.run(command, env=environment, capture_output=True, encoding=encoding, check=True)
        assert "Usage: carvanamask" in done.stdout
        assert done.stderr == ""


def test_results_print_in_any_encoding(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "carvanamask", "predict", ".", "--model", str(model)]
    (tmp_path / "車.jpg").write_bytes(b"nothing")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="ascii")
    assert done.returncode == 1
    assert "error: \\u8eca.jpg is no JPEG" in done.stdout


def every_command(app: App, *words: str) -> Iterator[tuple[tuple[str, ...], App]]:
    """Each command of the app with the words that name it."""
    for name, command in app.resolved_commands().items():
        if not name.startswith("-"):
            yield from every_command(command, *words, name)
    if app.default_command and words:
        yield words, app


def test_every_option_has_help() -> None:
    commands = dict(every_command(cli.app))
    assert len(commands) == 21
    for words, command in commands.items():
        assert command.help.splitlines()[0].endswith("."), words
        for argument in command.assemble_argument_collection(parse_docstring=True):
            assert argument.parameter.help or argument.children, (words, argument.name)


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"{__version__}\n", "")
    assert run("predict", "--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("before", [True, False])
def test_quiet_shows_warnings_only(before: bool, run: Run, model: Path, tmp_path: Path) -> None:
    draw_kaggle_folder(tmp_path / "data", cars=2, views=1, test_cars=1)
    words = ["predict", "data/test", "--model", "bright"]
    code, out, err = run(*(["--quiet", *words] if before else [*words, "--quiet"]))
    assert (code, err) == (0, "")
    assert "1 picture," in out
    assert "engine: " in run(*words, "--out", "again").err
    (picture,) = (tmp_path / "data" / "test").iterdir()
    save_picture(picture, np.zeros((64, 96, 3), np.uint8))
    assert run(*words, "--quiet").err.startswith("warning: 1 picture has changed")


def test_verbose_shows_where_an_error_was_raised(run: Run) -> None:
    assert "Traceback" not in run("predict", "nothing").err
    ended = run("predict", "nothing", "--verbose")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("error: ")


def test_completion_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("--install-completion", "--shell", "bash").code == 0
    (script,) = (tmp_path / ".local").rglob("carvanamask")
    assert "pseudo-label" in script.read_text()
    assert "carvanamask" in (tmp_path / ".bashrc").read_text()


def test_picture_may_start_with_a_hyphen_and_stand_anywhere(run: Run, model: Path, tmp_path: Path) -> None:
    for name in ("-1.png", "2.png"):
        save_picture(tmp_path / name, np.full((12, 18, 3), 255, np.uint8))
    code, out, _ = run("predict", "2.png", "--model", "bright", "--out", "masks", "--", "-1.png")
    assert code == 0
    assert "2 pictures" in out


def test_last_of_a_repeated_option_counts(run: Run, model: Path, tmp_path: Path) -> None:
    save_picture(tmp_path / "1.png", np.full((12, 18, 3), 255, np.uint8))
    assert run("predict", "1.png", "--model", "none", "--model", "bright").code == 0


def test_save_takes_a_word_in_any_case(run: Run, model: Path, tmp_path: Path) -> None:
    draw_kaggle_folder(tmp_path / "data", cars=2, views=1, test_cars=1)
    for word, count in (("False", 0), ("true", 1)):
        assert run("submit", "--model", "bright", "--save", word).code == 0
        assert len(list(tmp_path.rglob("masks/*.png"))) == count


def test_evaluation_with_overrides_has_its_own_folder(run: Run, model: Path, tmp_path: Path) -> None:
    draw_kaggle_folder(tmp_path / "data", cars=2, views=2)
    assert run("eval", "--model", "bright", "--size", 0).code == 0
    assert run("eval", "--model", "bright", "--size", 0, "--flip", "--clean-up", "all").code == 0
    assert run("eval", "--model", "bright", "--size", 0, "--clean-up", "none").code == 0  # as its card says
    assert sorted(path.name for path in model.parent.iterdir()) == ["evaluation", "evaluation-flip-all", "model"]


def test_run_never_takes_the_name_of_a_built_in_model(tmp_path: Path) -> None:
    assert plan_run(tmp_path, recipe="studio-s").run.name == "my-studio-s"
    (tmp_path / "begun" / "studio-s").mkdir(parents=True)
    (tmp_path / "begun" / "studio-s" / "config.toml").touch()
    assert plan_run(tmp_path / "begun", recipe="studio-s").run.name == "studio-s"
    assert plan_run(tmp_path, name="studio-s", recipe="studio-s").run.name == "studio-s"
    assert plan_run(tmp_path, recipe="quick").run.name == "quick"


def test_names_in_tables_are_neither_markup_nor_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a-very-long-name-of-a-run-" * 6
    print_table([f"{long}1", f"{long}2", "[red]title"], [("car[old]_09", "[/b]", "")])
    out = capsys.readouterr().out
    for text in (f"{long}1", f"{long}2", "car[old]_09", "[/b]", "[red]title"):
        assert text in out
