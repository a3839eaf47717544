"""What every engine promises, on small networks that are made without training."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, load, numpy_helper

from brightness_model import encode_graph, save_brightness_model
from carvanamask.errors import ModelError, PictureError
from carvanamask.model.model_file import ModelFile
from carvanamask.model.onnxruntime_engine import CPU_PROVIDER, OnnxRuntimePredictor
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.predictor import NetworkPredictor

Engine = Callable[[ModelFile], NetworkPredictor]


def openvino(model: ModelFile) -> NetworkPredictor:
    return OpenVinoPredictor(model, "f32")


def onnxruntime(model: ModelFile) -> NetworkPredictor:
    return OnnxRuntimePredictor(model, CPU_PROVIDER)


@pytest.mark.parametrize("engine", [openvino, onnxruntime])
class TestEveryEngine:
    def test_probabilities_follow_the_network_s_formula(self, tmp_path: Path, engine: Engine) -> None:
        model = save_brightness_model(tmp_path, mean=0.4, std=0.3)
        picture = np.zeros((8, 8, 3), dtype=np.uint8)
        picture[:, 4:] = (140, 150, 160)
        grey = np.where(np.arange(8) < 4, 0, 150)
        expected = 1 / (1 + np.exp(-20 * (grey / 255 - 0.4) / 0.3))

        values = engine(model).predict(picture).values

        assert np.allclose(values, np.tile(expected, (8, 1)), atol=1e-5)

    def test_channels_are_red_green_blue(self, tmp_path: Path, engine: Engine) -> None:
        model = save_brightness_model(tmp_path)
        network = load(model.onnx)
        red = np.array([20, 0, 0], dtype=np.float32).reshape(1, 3, 1, 1)
        network.graph.initializer[0].CopyFrom(numpy_helper.from_array(red, "weights"))
        model = ModelFile.save(tmp_path, network.SerializeToString(), model.card)
        picture = np.zeros((8, 8, 3), dtype=np.uint8)
        picture[:, :4, 0] = picture[:, 4:, 2] = 255

        is_car = engine(model).predict(picture).to_mask(0.5).pixels

        assert is_car[:, :4].all()
        assert not is_car[:, 4:].any()

    def test_map_is_enlarged_to_the_picture_s_size(self, tmp_path: Path, engine: Engine) -> None:
        picture = np.zeros((16, 24, 3), dtype=np.uint8)
        picture[:, 12:] = 255

        values = engine(save_brightness_model(tmp_path)).predict(picture).values

        assert values.shape == (16, 24)
        assert len(np.unique(values[0].round(3))) > 2  # in steps from the dark half to the bright one: no mask is
        assert (np.diff(values[0]) >= 0).all()

    def test_same_picture_gives_same_bytes_from_any_thread(self, tmp_path: Path, engine: Engine) -> None:
        predictor = engine(save_brightness_model(tmp_path))
        pictures = [np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8) for seed in range(4)]
        alone = [predictor.predict(picture).values.tobytes() for picture in pictures]

        with ThreadPoolExecutor(4) as pool:
            together = [result.values.tobytes() for result in pool.map(predictor.predict, pictures * 8)]

        assert together == alone * 8

    def test_next_picture_leaves_a_map_unchanged(self, tmp_path: Path, engine: Engine) -> None:
        predictor = engine(save_brightness_model(tmp_path))
        black = predictor.predict(np.zeros((8, 8, 3), dtype=np.uint8)).values
        predictor.predict(np.full((8, 8, 3), 255, dtype=np.uint8))
        assert black.max() < 0.5

    @pytest.mark.parametrize("wrong", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))])
    def test_only_rgb_uint8_is_accepted(self, tmp_path: Path, engine: Engine, wrong: np.ndarray) -> None:
        predictor = engine(save_brightness_model(tmp_path))
        with pytest.raises(PictureError, match="RGB uint8"):
            predictor.predict(wrong)

    def test_card_of_another_input_size_is_refused(self, tmp_path: Path, engine: Engine) -> None:
        model = save_brightness_model(tmp_path, input_size_wh=(8, 8))
        wider = ModelFile(model.folder, model.card.model_copy(update={"input_size_wh": (16, 8)}))
        with pytest.raises(ModelError, match="one 16x8 map") as refusal:
            engine(wider)
        assert "\n" not in str(refusal.value)

    def test_network_with_a_smaller_map_is_refused(self, tmp_path: Path, engine: Engine) -> None:
        nodes = [helper.make_node("MaxPool", ["picture"], ["probability"], kernel_shape=[2, 2], strides=[2, 2])]
        model = save_brightness_model(tmp_path)
        model = ModelFile.save(tmp_path, encode_graph(nodes, {}, ["n", 3, 8, 8], ["n", 3, 4, 4]), model.card)
        with pytest.raises(ModelError, match="one 8x8 map"):
            engine(model)

    def test_damaged_network_is_refused(self, tmp_path: Path, engine: Engine) -> None:
        model = save_brightness_model(tmp_path)
        model.onnx.write_bytes(b"\xff\xff\xff")
        with pytest.raises(ModelError, match="export it again") as refusal:
            engine(model)
        assert "\n" not in str(refusal.value)
