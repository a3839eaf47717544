"""The network by ONNX Runtime and one of its execution providers: on NVIDIA, Apple and DirectX GPUs."""

from __future__ import annotations

import sys
import threading
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from carvanamask.errors import ConfigError
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import NetworkPredictor, incompatible_error

CPU_PROVIDER = "CPUExecutionProvider"
NVIDIA_PROVIDERS = ("CUDAExecutionProvider", "TensorrtExecutionProvider")
NVIDIA_GPUS = Path("/proc/driver/nvidia/gpus")
"""Where NVIDIA's driver for Linux describes each GPU."""

_OPTIONS = {
    # the same bytes in every run: a search would choose the convolution that is fastest at the moment, and TF32
    # rounds to 10 bits
    "CUDAExecutionProvider": {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"},
}


class OnnxRuntimePredictor(NetworkPredictor):
    """One network on one device. Threads take turns on the device; they resize pictures in parallel."""

    def __init__(self, model: ModelFile, provider: str) -> None:
        """Load the network for an execution provider.

        Raises ConfigError for a provider that doesn't start and ModelError for a network that doesn't fit its card.
        """
        self.card = model.card
        self.engine = self.arithmetic = f"ONNX Runtime, {device_name(provider)}"
        self._turn = threading.Lock()
        width, height = model.card.input_size_wh
        try:
            self._session = _start_session(model, provider)
            shape = self._run(np.zeros((1, 3, height, width), np.float32)).shape
        except ConfigError:
            raise
        except Exception as error:  # ONNX Runtime's errors share no public class
            raise incompatible_error(model, (str(error).strip().splitlines() or [type(error).__name__])[0]) from None
        if shape != (1, 1, height, width):
            raise incompatible_error(model, f"its output has the shape {shape}")

    def infer(self, pixels: np.ndarray) -> np.ndarray:
        # uint8 HWC to normalised float32 NCHW
        planes = pixels.transpose(2, 0, 1).astype(np.float32, order="C")[np.newaxis]
        planes -= np.float32(255 * self.card.mean)
        planes /= np.float32(255 * self.card.std)
        return np.asarray(self._run(planes)[0, 0])

    def _run(self, planes: np.ndarray) -> np.ndarray:
        with self._turn:
            output: np.ndarray = self._session.run(None, {self._session.get_inputs()[0].name: planes})[0]
        return output


def device_name(provider: str) -> str:
    """Return the provider's name, with that of the GPU where it can be read: two kinds compute with other roundings."""
    name = provider.removesuffix("ExecutionProvider")
    models: set[str] = set()
    if provider in NVIDIA_PROVIDERS:
        with suppress(OSError):
            lines = [line for path in NVIDIA_GPUS.glob("*/information") for line in path.read_text().splitlines()]
            models = {line.partition(":")[2].strip() for line in lines if line.startswith("Model:")}
    return f"{name} on {', '.join(sorted(models))}" if models else name


def _start_session(model: ModelFile, provider: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # errors only: what matters is raised
    if provider == "DmlExecutionProvider":
        options.enable_mem_pattern = False  # DirectML requires this
    # the CPU runs the operations that the provider doesn't know
    providers = {provider: _OPTIONS.get(provider, {})} | ({} if provider == CPU_PROVIDER else {CPU_PROVIDER: {}})
    with redirect_stdout(sys.stderr):  # it prints why a provider doesn't start, and stdout is for results
        if provider in NVIDIA_PROVIDERS:
            onnxruntime.preload_dlls()  # finds the CUDA libraries that pip installed
        session = onnxruntime.InferenceSession(model.onnx, options, list(providers.items()))
    if provider not in session.get_providers():  # without its libraries ONNX Runtime would run on the CPU instead
        repair = "install its driver and libraries: pip install 'carvanamask[gpu]', or use device 'cpu'"
        raise ConfigError(f"ONNX Runtime can't start {provider} on this machine", repair)
    return session
