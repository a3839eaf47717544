import signal
from pathlib import Path

import pytest

from carvanamask.io.process import widen_signal_stack
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


# a shell's background jobs ignore Ctrl-C, and so would every process that a test starts and presses it in
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def room_for_signals() -> None:
    """pytest sets a stack aside for them that is too small on a CPU with AMX."""
    widen_signal_stack()


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
