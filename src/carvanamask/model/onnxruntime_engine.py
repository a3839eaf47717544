"""The network by ONNX Runtime and one of its execution providers: NVIDIA, Apple and DirectX GPUs."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import onnxruntime

from carvanamask.errors import ConfigError
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import NetworkPredictor, incompatible

CPU_PROVIDER = "CPUExecutionProvider"

# reproducible 32-bit arithmetic: the fastest convolution would be another one each time, and TF32 has 10 bits
_OPTIONS: dict[str, dict[str, str]] = {
    "CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"},
}


class OnnxRuntimePredictor(NetworkPredictor):
    """One network on one device. Threads take turns on the device; they resize pictures in parallel."""

    def __init__(self, model: ModelFile, provider: str, threads: int = 0) -> None:
        """Load the network; `threads` for the CPU provider, 0: one per core.

        Raises ConfigError for a provider that doesn't start and ModelError for a network that doesn't fit its card.
        """
        self.card = model.card
        self._turn = threading.Lock()
        self._session = _start_session(model, provider, threads)
        self.arithmetic = f"ONNX Runtime, {provider.removesuffix('ExecutionProvider')}, f32"
        self.engine = self.arithmetic
        _require_fit(model, self)

    def infer(self, pixels: np.ndarray) -> np.ndarray:
        # uint8 HWC to normalised float32 NCHW
        planes = pixels.transpose(2, 0, 1).astype(np.float32, order="C")[np.newaxis]
        planes -= np.float32(255 * self.card.mean)
        planes /= np.float32(255 * self.card.std)
        return np.asarray(self.run(planes)[0, 0])

    def run(self, planes: np.ndarray) -> np.ndarray:
        """Return the network's output, float32 (1, 1, height, width), for normalised planes (1, 3, height, width)."""
        with self._turn:
            output: np.ndarray = self._session.run(None, {self._session.get_inputs()[0].name: planes})[0]
        return output


def _start_session(model: ModelFile, provider: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.use_deterministic_compute = True
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only: what matters is raised below
    if provider == "DmlExecutionProvider":
        options.enable_mem_pattern = False  # DirectML requires this
    if provider == "CUDAExecutionProvider":
        onnxruntime.preload_dlls()  # finds the CUDA libraries that pip installed
    # the CPU runs what the provider can't
    providers = {provider: _OPTIONS.get(provider, {})} | ({} if provider == CPU_PROVIDER else {CPU_PROVIDER: {}})
    try:
        session = onnxruntime.InferenceSession(model.onnx, options, list(providers.items()))
    except Exception as error:  # ONNX Runtime's errors share no public class
        raise incompatible(model, _first_line(error)) from None
    if provider not in session.get_providers():  # without its libraries ONNX Runtime would run on the CPU instead
        repair = "install its driver and libraries: pip install 'carvanamask[gpu]', or use device 'cpu'"
        raise ConfigError(f"ONNX Runtime can't start {provider} on this machine", repair)
    return session


def _require_fit(model: ModelFile, predictor: OnnxRuntimePredictor) -> None:
    width, height = model.card.input_size_wh
    try:
        shape = predictor.run(np.zeros((1, 3, height, width), np.float32)).shape
    except Exception as error:
        raise incompatible(model, _first_line(error)) from None
    if shape != (1, 1, height, width):
        raise incompatible(model, f"its output has the shape {shape}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
