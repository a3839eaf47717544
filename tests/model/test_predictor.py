from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.errors import ConfigError
from carvanamask.model import build
from carvanamask.model.build import build_predictor


def test_a_cpu_prediction_never_imports_torch(tmp_path: Path) -> None:
    save_brightness_model(tmp_path)
    program = f"""
import sys
from pathlib import Path
import numpy as np
from carvanamask.model.model_file import ModelFile
from carvanamask.model.build import build_predictor
for device in ("cpu", "auto"):
    build_predictor(ModelFile.load(Path({str(tmp_path)!r})), device).predict(np.zeros((8, 8, 3), np.uint8))
if not Path("/dev/nvidia0").exists():
    assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_an_unknown_device_is_answered_with_the_ones_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'cuda'\? \(devices: auto, cpu, cuda, mps\)"):
        build_predictor(save_brightness_model(tmp_path), "cude")


def test_a_gpu_asked_for_by_name_is_never_replaced_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from carvanamask.model import torch_engine

    monkeypatch.setattr(torch_engine, "is_usable", lambda device: False)
    with pytest.raises(ConfigError, match="finds no cuda device"):
        build_predictor(save_brightness_model(tmp_path), "cuda")


def test_a_gpu_that_torch_cannot_use_leaves_auto_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from carvanamask.model import torch_engine

    monkeypatch.setattr(torch_engine, "is_usable", lambda device: False)
    monkeypatch.setattr(build, "has_nvidia_gpu", lambda: True)
    assert build_predictor(save_brightness_model(tmp_path)).engine.startswith("OpenVINO on CPU")


def test_a_gpu_without_torch_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "has_torch_engine", lambda: False)
    with pytest.raises(ConfigError, match="pip install"):
        build_predictor(save_brightness_model(tmp_path), "cuda")
