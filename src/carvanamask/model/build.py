"""A model as its card describes it: one network or several, with flip averaging or without."""

from __future__ import annotations

import importlib.util
from enum import StrEnum
from pathlib import Path

from carvanamask.errors import ConfigError, nearest
from carvanamask.model.coarse_to_fine import CoarseToFinePredictor
from carvanamask.model.ensemble import Ensemble
from carvanamask.model.flip import FlipAverage
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import NetworkPredictor, Predictor


class Device(StrEnum):
    """Where a network runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


def build_predictor(model: ModelFile, device: str = "auto", threads: int = 0, concurrency: int = 0) -> Predictor:
    """All that a model's card asks for, on `device`; on the CPU with `threads`, or one a core.

    `concurrency` 1 has one picture soonest, 0 many.

    Raises ConfigError for a device that isn't there and ModelError for a network that can't run.
    """
    members = [build_predictor(member, device, threads, concurrency) for member in model.members]
    predictor: Predictor
    if model.card.sees_crop:
        network = build_network_predictor(model, device, threads, concurrency)
        predictor = CoarseToFinePredictor(members[0], network, model.members[0].card.input_size_wh)
    elif members:
        predictor = Ensemble(members, [member.weight for member in model.card.members])
    else:
        predictor = build_network_predictor(model, device, threads, concurrency)
    return FlipAverage(predictor) if model.card.flip else predictor


def build_network_predictor(
    model: ModelFile, device: str = "auto", threads: int = 0, concurrency: int = 0
) -> NetworkPredictor:
    """The engine for `device`: OpenVINO for "cpu", with `threads` or one a core, PyTorch for "cuda" and "mps".

    `concurrency` 1 is for one picture soon, 0 for many: see OpenVinoPredictor.

    "auto" is an NVIDIA GPU if there is one that PyTorch can use, else the CPU; looking for it does not import torch.
    Raises ConfigError for a device that isn't there and ModelError for a network that can't run.
    """
    if device not in list(Device):
        raise ConfigError(f"no device '{device}'{nearest(device, Device)} (devices: {', '.join(Device)})")
    if device in ("cuda", "mps") or (device == "auto" and has_nvidia_gpu() and has_torch_engine()):
        if not has_torch_engine():
            raise ConfigError(f"device '{device}' needs PyTorch: pip install 'carvanamask[train]', or use device 'cpu'")
        from carvanamask.model.torch_engine import TorchPredictor, is_usable

        if is_usable("cuda" if device == "auto" else device):
            return TorchPredictor(model, "cuda" if device == "auto" else device)
        if device != "auto":
            raise ConfigError(f"this machine's PyTorch finds no {device} device: use device 'cpu' or 'auto'")
    from carvanamask.model.openvino_engine import OpenVinoPredictor

    return OpenVinoPredictor(model, threads=threads, concurrency=concurrency)


def has_nvidia_gpu() -> bool:
    """Whether a driver shows a GPU; asks the system, not torch, whose import costs seconds."""
    return Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/version").exists()


def has_torch_engine() -> bool:
    return all(importlib.util.find_spec(package) for package in ("torch", "onnx"))
