from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.model.model_file import ModelFile
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.registry import BUILT_IN, built_in_names


def test_engine_is_named(tmp_path: Path) -> None:
    predictor = OpenVinoPredictor(save_brightness_model(tmp_path), "f32", threads=1)
    assert predictor.engine == "OpenVINO on CPU, 1 thread, f32"
    assert predictor.arithmetic == "OpenVINO on CPU, f32"


def test_import_leaves_no_telemetry() -> None:
    program = """
import sys
import carvanamask.model.openvino_engine
assert not [name for name in sys.modules if name.startswith("openvino_telemetry")]
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", built_in_names())
def test_concurrency_changes_no_bytes(name: str) -> None:
    """The built-in models' weights are stored in 8 bits, which streams of one network would sometimes get wrong."""
    model = ModelFile.load(BUILT_IN / name)
    width, height = model.card.input_size_wh
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    alone = OpenVinoPredictor(model, threads=2, concurrency=1).infer(picture).tobytes()
    for _ in range(4):
        several = OpenVinoPredictor(model, threads=2, concurrency=2)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(several.infer, [picture] * 4))
        assert {each.tobytes() for each in found} == {alone}
