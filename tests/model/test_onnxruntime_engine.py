"""ONNX Runtime on its CPU provider, which every machine has, against OpenVINO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from brightness_model import save_brightness_model
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ConfigError
from carvanamask.io.read import load_picture
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.model import onnxruntime_engine
from carvanamask.model.build import assemble
from carvanamask.model.model_file import ModelFile
from carvanamask.model.onnxruntime_engine import CPU_PROVIDER, OnnxRuntimePredictor, device_name
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.registry import BUILT_IN, built_in_names
from carvanamask.studio import SHOWROOM


def test_engine_is_named(tmp_path: Path) -> None:
    assert OnnxRuntimePredictor(save_brightness_model(tmp_path), CPU_PROVIDER).engine == "ONNX Runtime, CPU"


def test_two_kinds_of_gpu_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime_engine, "NVIDIA_GPUS", tmp_path)
    assert device_name("CUDAExecutionProvider") == "CUDA"
    information = tmp_path / "0000:19:00.0" / "information"
    information.parent.mkdir()
    information.write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 1009\nFirewall Model: no\n")
    assert device_name("CUDAExecutionProvider") == "CUDA on NVIDIA H200"
    assert device_name("TensorrtExecutionProvider") == "Tensorrt on NVIDIA H200"
    assert device_name("CoreMLExecutionProvider") == "CoreML"
    information.unlink()
    information.mkdir()  # can't be read
    assert device_name("CUDAExecutionProvider") == "CUDA"


@pytest.mark.parametrize("name", built_in_names())
def test_built_in_models_agree_with_openvino(name: str) -> None:
    model = ModelFile.load(BUILT_IN / name)
    by_openvino = assemble(model, lambda file: OpenVinoPredictor(file, "f32"))
    by_onnxruntime = assemble(model, lambda file: OnnxRuntimePredictor(file, CPU_PROVIDER))
    for sample in KaggleFolder(SHOWROOM).training_samples()[::60]:
        picture = load_picture(sample.picture)
        expected, found = by_openvino.predict(picture), by_onnxruntime.predict(picture)
        assert np.abs(expected.values - found.values).max() < 1e-4
        different = make_mask(expected, model.card).pixels != make_mask(found, model.card).pixels
        assert np.count_nonzero(different) <= 2, f"of {different.size} pixels"


def test_provider_that_does_not_start_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime itself prints a line and runs on the CPU where the GPU's libraries are missing."""
    session = onnxruntime.InferenceSession

    def fall_back(path: Path, options: object, providers: object) -> object:
        print("EP Error")  # noqa: T201
        return session(path, options, [CPU_PROVIDER])

    monkeypatch.setattr(onnxruntime, "InferenceSession", fall_back)
    with pytest.raises(ConfigError, match="can't start CoreMLExecutionProvider on this machine: install its driver"):
        OnnxRuntimePredictor(save_brightness_model(tmp_path), "CoreMLExecutionProvider")
    assert capsys.readouterr().out == ""
