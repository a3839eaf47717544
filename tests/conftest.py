import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from carvanamask.io.process import widen_signal_stack
from carvanamask.model.openvino_engine import OpenVinoPredictor
from command_line import Ended, Run
from drawn_cars import draw_kaggle_folder

TINY_RECIPE = """
[input]
size_wh = [48, 32]
[network]
levels = 2
filters = 4
convolutions_up = 2
[split]
validation_share = 0.25
[optimizer]
name = "adamw"
learning_rate = 1e-2
[training]
epochs = 3
batch_size = 4
workers = 0
precision = "fp32"
"""


# threads of networks this small wait for each other longer than they compute; torch reads it when it is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a busy computer is slow, not wrong
settings.register_profile("carvanamask", deadline=None)
settings.load_profile("carvanamask")

# a shell's background jobs ignore Ctrl-C, and so would every process that a test starts and presses it in
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def room_for_signals() -> None:
    """Give signals a stack that is large enough for a CPU with AMX: pytest sets a small one, and so does OpenVINO.

    The tests are a program, and so do what the command line does once an engine has run its first inference.
    """
    widen_signal_stack()
    build = OpenVinoPredictor.__init__

    def build_and_widen(predictor: OpenVinoPredictor, *args: Any, **options: Any) -> None:
        build(predictor, *args, **options)
        widen_signal_stack()

    pytest.MonkeyPatch().setattr(OpenVinoPredictor, "__init__", build_and_widen)


@pytest.fixture(scope="session")
def drawn_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four labelled cars and one test car, four views each, in Kaggle's layout. Read, never written."""
    return draw_kaggle_folder(tmp_path_factory.mktemp("drawn"), cars=4, views=4, size_wh=(96, 64), test_cars=1)


@pytest.fixture
def tiny_recipe(tmp_path: Path) -> Path:
    """A training of seconds."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Runs a command line in the folder tmp_path, without the settings that belong to a process of its own."""
    from carvanamask.cli import app

    monkeypatch.chdir(tmp_path)

    def run_words(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["carvanamask", *map(str, words)])
        code = app.run()
        return Ended(code, *capsys.readouterr())

    yield run_words
    logging.getLogger("carvanamask").handlers.clear()
    logging.getLogger("carvanamask").setLevel(logging.NOTSET)
