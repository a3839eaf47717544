from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.errors import ModelError, PictureError
from carvanamask.model.model_file import ModelFile
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.registry import BUILT_IN


def test_probabilities_follow_the_formula_of_the_network(tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path)
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[:, 4:] = (140, 150, 160)
    grey = np.where(np.arange(8) < 4, 0, 150)
    expected = 1 / (1 + np.exp(-20 * (grey - 127.5) / 127.5))

    values = OpenVinoPredictor(model, "f32").predict(picture).values

    assert np.allclose(values, np.tile(expected, (8, 1)), atol=1e-5)


def test_the_channels_are_red_green_blue(tmp_path: Path) -> None:
    """The brightness model weighs channels alike, so one that looks at red only is made of it."""
    from onnx import load, numpy_helper

    model = save_brightness_model(tmp_path)
    network = load(model.onnx)
    red = np.array([20, 0, 0], dtype=np.float32).reshape(1, 3, 1, 1)
    network.graph.initializer[0].CopyFrom(numpy_helper.from_array(red, "weights"))
    model = type(model).save(tmp_path, network.SerializeToString(), model.card)
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[:, :4, 0] = picture[:, 4:, 2] = 255

    is_car = OpenVinoPredictor(model).predict(picture).to_mask(0.5).pixels

    assert is_car[:, :4].all()
    assert not is_car[:, 4:].any()


def test_a_map_has_its_picture_s_size_and_is_enlarged_before_the_threshold(tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path)
    picture = np.zeros((16, 24, 3), dtype=np.uint8)
    picture[:, 12:] = 255

    values = OpenVinoPredictor(model).predict(picture).values

    assert values.shape == (16, 24)
    assert len(np.unique(values[0].round(3))) > 2  # between the dark and the bright half it rises, in steps
    assert (np.diff(values[0]) >= 0).all()


def test_the_same_picture_gives_the_same_bytes_from_any_thread(tmp_path: Path) -> None:
    predictor = OpenVinoPredictor(save_brightness_model(tmp_path))
    pictures = [np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8) for seed in range(4)]
    alone = [predictor.predict(picture).values.tobytes() for picture in pictures]

    with ThreadPoolExecutor(4) as pool:
        together = [result.values.tobytes() for result in pool.map(predictor.predict, pictures * 8)]

    assert together == alone * 8


def test_a_map_stays_as_it_was_when_the_next_picture_is_predicted(tmp_path: Path) -> None:
    predictor = OpenVinoPredictor(save_brightness_model(tmp_path))
    black = predictor.predict(np.zeros((8, 8, 3), dtype=np.uint8)).values
    predictor.predict(np.full((8, 8, 3), 255, dtype=np.uint8))
    assert black.max() < 0.5


@pytest.mark.parametrize("wrong", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))])
def test_only_rgb_uint8_pictures_are_taken(tmp_path: Path, wrong: np.ndarray) -> None:
    predictor = OpenVinoPredictor(save_brightness_model(tmp_path))
    with pytest.raises(PictureError, match="RGB uint8"):
        predictor.predict(wrong)


def test_a_network_that_does_not_fit_its_card_is_refused_in_one_line(tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path, input_size_wh=(8, 8))
    wider = type(model)(model.folder, model.card.model_copy(update={"input_size_wh": (16, 8)}))
    with pytest.raises(ModelError, match="16x8") as refusal:
        OpenVinoPredictor(wider)
    assert "\n" not in str(refusal.value)


def test_the_engine_names_what_computes(tmp_path: Path) -> None:
    assert (
        OpenVinoPredictor(save_brightness_model(tmp_path), "f32", threads=1).engine == "OpenVINO on CPU, 1 thread, f32"
    )


def test_openvino_s_telemetry_is_shut_out() -> None:
    assert sys.modules["openvino_telemetry"] is None
    assert "openvino_telemetry.main" not in sys.modules


@pytest.mark.parametrize("name", sorted(card.parent.name for card in BUILT_IN.glob("*/card.json")))
def test_however_many_pictures_are_computed_at_once_a_picture_gives_the_same_bytes(name: str) -> None:
    """The built-in models' weights are stored in 8 bits, which streams of one network would get wrong at times."""
    model = ModelFile.load(BUILT_IN / name)
    width, height = model.card.input_size_wh
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    alone = OpenVinoPredictor(model, threads=2, concurrency=1).infer(picture).tobytes()
    for _ in range(4):
        several = OpenVinoPredictor(model, threads=2, concurrency=2)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(several.infer, [picture] * 4))
        assert {each.tobytes() for each in found} == {alone}
