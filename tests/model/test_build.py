from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from brightness_model import save_brightness_model
from carvanamask.errors import ConfigError, MissingPackageError
from carvanamask.model import device, onnxruntime_engine
from carvanamask.model.build import build_predictor
from carvanamask.model.device import PROVIDERS, Device
from carvanamask.model.model_file import ModelFile


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])


@pytest.fixture
def with_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "has_nvidia_driver", lambda: True)


def test_cpu_loads_neither_torch_nor_onnxruntime(tmp_path: Path) -> None:
    save_brightness_model(tmp_path)
    program = f"""
import sys
from pathlib import Path
import numpy as np
from carvanamask.model.model_file import ModelFile
from carvanamask.model.build import build_predictor
for device in ("cpu", "auto"):
    build_predictor(ModelFile.load(Path({str(tmp_path)!r})), device).predict(np.zeros((8, 8, 3), np.uint8))
assert "torch" not in sys.modules
if not Path("/dev/nvidia0").exists():
    assert "onnxruntime" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_unknown_device_lists_the_known_ones(tmp_path: Path) -> None:
    known = r"did you mean 'cuda'\? \(devices: auto, cpu, cuda, tensorrt, mps, directml\)"
    with pytest.raises(ConfigError, match=known):
        build_predictor(save_brightness_model(tmp_path), "cude")


@pytest.mark.parametrize("name", PROVIDERS)
def test_named_gpu_is_never_replaced(tmp_path: Path, no_gpu: None, name: Device) -> None:
    with pytest.raises(MissingPackageError, match=f"no {PROVIDERS[name]} .*: pip install .*, or use device 'cpu'"):
        build_predictor(save_brightness_model(tmp_path), name)


def test_named_gpu_without_onnxruntime_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "has_onnxruntime", lambda: False)
    with pytest.raises(MissingPackageError, match=r"needs ONNX Runtime: pip install 'carvanamask\[gpu\]'"):
        build_predictor(save_brightness_model(tmp_path), "cuda")


def test_auto_is_the_cpu_where_onnxruntime_has_no_cuda(tmp_path: Path, no_gpu: None, with_driver: None) -> None:
    assert build_predictor(save_brightness_model(tmp_path)).engine.startswith("OpenVINO on CPU")


class OnGpu:
    """Stands for the engine on a machine with a GPU."""

    def __init__(self, model: ModelFile, provider: str) -> None:
        self.engine = provider


class WithoutLibraries:
    def __init__(self, model: ModelFile, provider: str) -> None:
        raise ConfigError(f"ONNX Runtime can't start {provider} on this machine")


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch, with_driver: None) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_gpu_is_used_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_cuda: None, name: str
) -> None:
    monkeypatch.setattr(onnxruntime_engine, "OnnxRuntimePredictor", OnGpu)
    assert build_predictor(save_brightness_model(tmp_path), name).engine == "CUDAExecutionProvider"


def test_gpu_that_does_not_start_is_replaced_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_cuda: None, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(onnxruntime_engine, "OnnxRuntimePredictor", WithoutLibraries)
    with caplog.at_level(logging.WARNING):
        assert build_predictor(save_brightness_model(tmp_path)).engine.startswith("OpenVINO on CPU")
    assert "runs on the CPU, not on the GPU: ONNX Runtime can't start CUDA" in caplog.text
    with pytest.raises(ConfigError, match="can't start"):
        build_predictor(save_brightness_model(tmp_path), "cuda")
