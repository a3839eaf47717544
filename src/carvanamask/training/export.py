"""From trained weights to the ONNX file that prediction reads."""

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
    """A network that ends in probabilities: logits don't leave training."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits.sigmoid()


def load_network(checkpoint: Path, config: Config) -> nn.Module:
    """The network of a checkpoint, ready to predict. Only tensors are read from the file, never code."""
    try:
        weights = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    except (OSError, RuntimeError, KeyError, EOFError, ValueError) as error:
        raise ModelError(f"{checkpoint} is no whole checkpoint ({error}): train the run again") from None
    # the checkpoint's weights take the place of any that training began with
    network = build_network(config.network.model_copy(update={"pretrained": False}))
    prefix = "network."
    network.load_state_dict({name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)})
    return network.eval()


def encode_onnx(network: nn.Module, size_wh: tuple[int, int]) -> bytes:
    """(N, 3, H, W) float32 normalised → (N, 1, H, W) float32 probabilities; N is free, H and W are fixed."""
    file = io.BytesIO()
    width, height = size_wh
    with warnings.catch_warnings():
        # the exporter by tracing needs nothing installed and is exact for networks without branches
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=UserWarning)
        torch.onnx.export(
            Probabilities(network).eval(),
            (torch.zeros(1, 3, height, width),),
            file,  # type: ignore[arg-type]  # takes any binary file, whatever its annotation says
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
            opset_version=17,
            dynamo=False,
        )
    return file.getvalue()
