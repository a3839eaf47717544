"""The same ONNX file by PyTorch, for GPUs."""

from __future__ import annotations

import threading

import numpy as np
import torch
from torch import Tensor

from carvanamask.model.model_file import ModelFile
from carvanamask.model.onnx_network import OnnxNetwork
from carvanamask.model.predictor import NetworkPredictor, incompatible


class TorchPredictor(NetworkPredictor):
    """A Predictor. Threads take turns on the device; shrinking and enlarging go on beside it."""

    def __init__(self, model: ModelFile, device: str) -> None:
        self.card = model.card
        self._device = torch.device(device)
        # bf16 is what recent NVIDIA GPUs are fast in; elsewhere 32 bits are as fast, or the only ones
        self._is_half = self._device.type == "cuda" and torch.cuda.is_bf16_supported()
        self._network = OnnxNetwork(model.onnx).eval().to(self._device)
        self._turn = threading.Lock()
        where = torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else device
        self.engine = f"PyTorch on {where}, {'bf16' if self._is_half else 'f32'}"
        self.arithmetic = self.engine
        self._require_fit(model)

    def infer(self, levels: np.ndarray) -> np.ndarray:
        return np.asarray(self._run(torch.from_numpy(levels)[None])[0, 0].numpy())

    def _run(self, pictures: Tensor) -> Tensor:
        """uint8 NHWC → float32 N1HW on the CPU."""
        half = torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._is_half)
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with self._turn, torch.inference_mode(), half, exact:
            # NHWC seen as NCHW is what channels_last means: nothing is copied
            levels = pictures.to(self._device).permute(0, 3, 1, 2).float() / 255
            result: Tensor = self._network((levels - self.card.mean) / self.card.std)
            return result.float().cpu()

    def _require_fit(self, model: ModelFile) -> None:
        width, height = model.card.input_size_wh
        takes = self._network.input_shape
        if any(fixed not in (0, side) for fixed, side in zip(takes, (1, 3, height, width), strict=False)):
            raise incompatible(model, f"it takes {takes}")
        try:
            shape = self._run(torch.zeros(1, height, width, 3, dtype=torch.uint8)).shape
        except RuntimeError as error:
            raise incompatible(model, str(error).strip().splitlines()[0]) from None
        if tuple(shape) != (1, 1, height, width):
            raise incompatible(model, f"it gives {tuple(shape)}")


def is_usable(device: str) -> bool:
    return torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
