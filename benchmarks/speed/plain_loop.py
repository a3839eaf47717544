"""The plain way from pictures to masks, as published scripts do it: what the comparison measures this package against.

One picture after the other: Pillow reads and shrinks it, a network runs in 32 bits, Pillow writes the mask.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from carvanamask.core.card import ModelCard
from carvanamask.model.model_file import ModelFile
from carvanamask.model.preprocess import equalise
from carvanamask.training.config import Config

Network = Callable[[np.ndarray], np.ndarray]
"""Normalised float32 (1, 3, height, width) → probabilities, float32 (1, 1, height, width)."""


class PlainLoop:
    """A network used as its card says, without repairs."""

    def __init__(self, network: Network, card: ModelCard) -> None:
        self.network, self.card = network, card

    def write_mask(self, picture: Path, mask: Path) -> None:
        """Read a picture, write its mask as 8-bit PNG."""
        with Image.open(picture) as image:
            rgb = image.convert("RGB")
        # the mean of the covered pixels, as this package shrinks; also the fastest of Pillow's ways
        pixels = equalise(np.array(rgb.resize(self.card.input_size_wh, Image.Resampling.BOX)), self.card.clahe)
        x = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32) / 255
        probability = self.network((x - np.float32(self.card.mean)) / np.float32(self.card.std))
        enlarged = cv2.resize(probability[0, 0], rgb.size, interpolation=cv2.INTER_LINEAR)
        Image.fromarray((enlarged > self.card.threshold).astype(np.uint8) * 255).save(mask)


def loop_of_model(model: ModelFile) -> PlainLoop:
    """Return a loop over the model's own network by ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model.onnx), providers=["CPUExecutionProvider"])
    (name,) = (each.name for each in session.get_inputs())
    return PlainLoop(lambda x: np.asarray(session.run(None, {name: x})[0]), model.card)


def loop_of_recipe(config: Config) -> PlainLoop:
    """Return a loop over a recipe's network by PyTorch, with random weights, which take as long as trained ones."""
    import torch

    from carvanamask.training.export import Probabilities
    from carvanamask.training.networks import build_network

    network = Probabilities(build_network(config.network)).eval()

    def run(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(x)).numpy())

    fields = config.input.model_dump(include={"mean", "std", "clahe"})
    card = ModelCard(name="", network=config.network.summary, input_size_wh=config.input.size_wh, **fields)
    return PlainLoop(run, card)
