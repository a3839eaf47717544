"""Picture in, probabilities out: what every engine, average and ensemble is."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from carvanamask.core.errors import ConfigError, ModelError, PictureError, nearest
from carvanamask.core.mask import ProbabilityMap
from carvanamask.core.model_file import ModelCard, ModelFile
from carvanamask.core.network_input import as_network_sees, shrink_by_area

DEVICES = ("auto", "cpu", "cuda", "mps")

AT_ONCE = 8
"""Pictures under way in one process, at most: more cores are served by more processes."""


class Predictor(Protocol):
    """Says of every pixel how likely it is car. Any number of threads may share one."""

    @property
    def engine(self) -> str:
        """What computes, on what: long work prints it, so that a slow device is never a secret."""
        ...

    @property
    def arithmetic(self) -> str:
        """What decides about the bits of a map besides the model: the engine and its numbers, not how many threads."""
        return self.engine

    @property
    def sees_views(self) -> bool:
        """Whether the other views of a car make a view's map better: then they should come together."""
        return False

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        """RGB uint8 (height, width, 3) → probabilities of the same height and width.

        The same picture gives the same bytes. Raises PictureError for any other kind of array.
        """
        ...

    def predict_views(self, pictures: Sequence[np.ndarray]) -> Iterator[ProbabilityMap]:
        """The maps of one car's views, taken by a camera that stood still, one after the other."""
        return map(self.predict, pictures)


class NetworkPredictor(Predictor, Protocol):
    """A Predictor that is one network on one device."""

    card: ModelCard
    engine: str = ""
    arithmetic: str = ""

    def infer(self, levels: np.ndarray) -> np.ndarray:
        """uint8 (height, width, channels) of the network's size → probabilities, float32 (height, width)."""
        ...

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        probability = self.infer(network_input(picture, self.card))
        return ProbabilityMap(probability).resized((picture.shape[1], picture.shape[0]))


def build_network_predictor(
    model: ModelFile, device: str = "auto", threads: int = 0, at_once: int = 0
) -> NetworkPredictor:
    """The engine for `device`: OpenVINO for "cpu", with `threads` or one a core, PyTorch for "cuda" and "mps".

    `at_once` 1 is for one picture soon, 0 for many: see OpenVinoPredictor.

    "auto" is an NVIDIA GPU if there is one that PyTorch can use, else the CPU; looking for it does not import torch.
    Raises ConfigError for a device that isn't there and ModelError for a network that can't run.
    """
    if device not in DEVICES:
        raise ConfigError(f"no device '{device}'{nearest(device, DEVICES)} (devices: {', '.join(DEVICES)})")
    if device in ("cuda", "mps") or (device == "auto" and has_nvidia_gpu() and has_torch_engine()):
        if not has_torch_engine():
            raise ConfigError(f"device '{device}' needs PyTorch: pip install 'carvanamask[train]', or use device 'cpu'")
        from carvanamask.inference.torch_engine import TorchPredictor, is_usable

        if is_usable("cuda" if device == "auto" else device):
            return TorchPredictor(model, "cuda" if device == "auto" else device)
        if device != "auto":
            raise ConfigError(f"this machine's PyTorch finds no {device} device: use device 'cpu' or 'auto'")
    from carvanamask.inference.openvino_engine import OpenVinoPredictor

    return OpenVinoPredictor(model, threads=threads, at_once=at_once)


def has_nvidia_gpu() -> bool:
    """Whether a driver shows a GPU; asks the system, not torch, whose import costs seconds."""
    return Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/version").exists()


def has_torch_engine() -> bool:
    return all(importlib.util.find_spec(package) for package in ("torch", "onnx"))


def shrink(picture: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """RGB uint8 of any size → RGB uint8 of the network's size, each pixel the mean of those it covers."""
    return shrink_by_area(_checked(picture), size_wh)


def network_input(picture: np.ndarray, card: ModelCard) -> np.ndarray:
    """RGB uint8 of any size → what the network sees of it before normalisation, as training made it."""
    return as_network_sees(_checked(picture), card.input_size_wh, card.clahe)


def _checked(picture: np.ndarray) -> np.ndarray:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        shape = "x".join(map(str, picture.shape))
        raise PictureError(f"a picture is an RGB uint8 array (height, width, 3), not {picture.dtype} {shape}")
    return picture


def misfit(model: ModelFile, reason: str) -> ModelError:
    """What to raise when a network can't do what its card says."""
    size = "x".join(map(str, model.card.input_size_wh))
    return ModelError(f"{model.onnx} can't make one {size} map of a {size} picture ({reason}): export it again")
