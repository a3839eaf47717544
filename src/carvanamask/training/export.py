"""Load the network of a checkpoint, and write it as the ONNX file that prediction reads."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from carvanamask.errors import ModelError
from carvanamask.training.config import Config
from carvanamask.training.networks import build_network

INPUT, OUTPUT = "picture", "probability"


class Probabilities(nn.Module):
    """A network with a sigmoid at its end, so that logits never leave training."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits.sigmoid()


def load_network(checkpoint: Path, config: Config) -> nn.Module:
    """Return the network of a checkpoint in evaluation mode. Only tensors are read from the file, never code."""
    try:
        weights = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    except (OSError, RuntimeError, KeyError, EOFError, ValueError) as error:
        raise ModelError(f"is not a complete checkpoint ({error})", "train the run again", checkpoint) from None
    # the checkpoint's weights replace any initial ones
    network = build_network(config.network.without_pretraining())
    prefix = "network."
    network.load_state_dict({name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)})
    return network.eval()


def encode_onnx(network: nn.Module, size_wh: tuple[int, int]) -> bytes:
    """Return ONNX: (N, 3, H, W) float32 normalised → (N, 1, H, W) float32 probabilities; H and W are fixed."""
    file = io.BytesIO()
    width, height = size_wh
    with warnings.catch_warnings():
        # the tracing exporter needs no other package and is exact for networks without branches
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=UserWarning)
        torch.onnx.export(
            Probabilities(network).eval(),
            (torch.zeros(1, 3, height, width),),
            file,  # type: ignore[arg-type]  # it accepts any binary file
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
    return file.getvalue()
