"""The plain way from pictures to masks, as published scripts go it: what a speed of ours is held against.

One picture after the other: Pillow reads and shrinks it, PyTorch runs the network in 32 bits, Pillow writes the mask.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from carvanamask.core.card import ModelCard
from carvanamask.model.preprocess import equalise
from carvanamask.training.config import Config
from carvanamask.training.export import Probabilities
from carvanamask.training.networks import build_network


class PlainLoop:
    """A network that ends in probabilities, asked as its card says but for clean-up: (N, 3, H, W) → (N, 1, H, W)."""

    def __init__(self, network: nn.Module, card: ModelCard, device: str = "auto") -> None:
        """`device` "auto" is an NVIDIA GPU if there is one, as for a Predictor."""
        self.card = card
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        self._network = network.eval().to(self.device)

    @classmethod
    def of_recipe(cls, config: Config, device: str = "auto") -> PlainLoop:
        """Its network with random weights, which take as long as trained ones."""
        seen = config.input.model_dump(include={"mean", "std", "clahe"})
        card = ModelCard(name="", network=config.network.summary, input_size_wh=config.input.size_wh, **seen)
        return cls(Probabilities(build_network(config.network)), card, device)

    def cut(self, picture: Path, mask: Path) -> None:
        """Read a picture, write its mask as 8-bit PNG."""
        with Image.open(picture) as image:
            rgb = image.convert("RGB")
        # the mean of the covered pixels, as our own shrinking takes it: of Pillow's ways also the fastest
        levels = equalise(np.array(rgb.resize(self.card.input_size_wh, Image.Resampling.BOX)), self.card.clahe)
        x = torch.from_numpy(levels).to(self.device).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            probability = self._network((x - self.card.mean) / self.card.std)
            enlarged = F.interpolate(probability, rgb.size[::-1], mode="bilinear")
        is_car = (enlarged[0, 0] > self.card.threshold).cpu().numpy()
        Image.fromarray(is_car.astype(np.uint8) * 255).save(mask)
