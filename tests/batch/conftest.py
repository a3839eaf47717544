"""A tiny model, and pictures for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.io.write import save_picture
from carvanamask.model.model_file import ModelFile


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return save_brightness_model(tmp_path / "model", input_size_wh=(24, 16))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Picture k, in one of four folders, has a bright block from column k % 20 on."""
    root = tmp_path / "pictures"
    for number in range(40):
        picture = np.zeros((16, 24, 3), dtype=np.uint8)
        picture[4:12, number % 20 :] = 255
        path = root / f"day {number % 4}" / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(path, picture)
    return root
