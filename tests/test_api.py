from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import carvanamask
from brightness_model import save_brightness_model
from carvanamask.core.metrics import dice
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ModelError, PictureError
from carvanamask.io.read import load_pair
from carvanamask.io.write import save_picture
from carvanamask.model.registry import DEFAULT_MODEL
from carvanamask.studio import SHOWROOM


def bright_block() -> np.ndarray:
    picture = np.zeros((16, 24, 3), dtype=np.uint8)
    picture[4:12, 6:18] = 255
    return picture


def test_a_model_cuts_a_file_and_an_array_alike(tmp_path: Path) -> None:
    save_brightness_model(tmp_path / "bright", input_size_wh=(24, 16))
    save_picture(tmp_path / "car.png", bright_block())
    model = carvanamask.load_model(str(tmp_path / "bright"), device="cpu")
    for picture in (tmp_path / "car.png", str(tmp_path / "car.png"), bright_block()):
        mask = model.predict(picture)
        assert np.array_equal(mask.pixels, bright_block()[..., 0] > 0)
    assert model.probabilities(bright_block()).values.dtype == np.float32
    assert "OpenVINO" in model.engine
    assert model.card.input_size_wh == (24, 16)


def test_threads_share_a_model_and_get_the_same_bytes(tmp_path: Path) -> None:
    save_brightness_model(tmp_path / "bright", input_size_wh=(24, 16))
    model = carvanamask.load_model(str(tmp_path / "bright"), device="cpu")
    with ThreadPoolExecutor(4) as pool:
        maps = list(pool.map(lambda _: model.probabilities(bright_block()).values.tobytes(), range(16)))
    assert len(set(maps)) == 1


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"did you mean '{DEFAULT_MODEL}'"):
        carvanamask.load_model(f"{DEFAULT_MODEL}m")
    save_brightness_model(tmp_path / "bright", input_size_wh=(24, 16))
    model = carvanamask.load_model(str(tmp_path / "bright"), device="cpu")
    with pytest.raises(PictureError, match="doesn't exist"):
        model.predict(tmp_path / "none.jpg")
    with pytest.raises(PictureError, match="RGB uint8"):
        model.predict(np.zeros((4, 4), np.uint8))
    with pytest.raises(AttributeError, match="has no attribute 'predict'"):
        carvanamask.predict  # noqa: B018


def test_the_built_in_model_cuts_synthetic_cars_that_it_never_saw_and_needs_no_torch() -> None:
    script = "import carvanamask, sys; carvanamask.load_model(device='cpu'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
    model = carvanamask.load_model(device="cpu")
    scores = []
    for sample in KaggleFolder(SHOWROOM).training_samples()[::8]:
        assert sample.mask is not None
        picture, truth = load_pair(sample.picture, sample.mask)
        scores.append(dice(model.predict(picture), truth))
    assert np.mean(scores) > 0.9
