"""What a network sees besides the picture: how far it is from the empty stage, and where that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from carvanamask.core.stage import Stage

RGB = 3

UNSEEN_SHARE = 0.1
"""Of the training pictures, how many come without their stage, so that the network does not depend on it."""


class Stages:
    """The stages of a run's cars, read from their files once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[str, Stage] = {}

    def __getitem__(self, car: str) -> Stage:
        if car not in self.known:
            self.known[car] = Stage.load(self.folder / f"{car}.png")
        return self.known[car]


def beside(pair: np.ndarray, stage: Stage) -> np.ndarray:
    """The pair with the difference of its first three channels from the stage: uint8 (H, W, 4) → (H, W, 8)."""
    return np.dstack([pair, stage.difference(np.ascontiguousarray(pair[..., :RGB]))])


def widen(network: nn.Module, channels: int) -> nn.Module:
    """Let the convolutions that see the picture see `channels`; the weights of new ones are 0, so nothing changes yet.

    The first pass's weights are thus a beginning for a network that sees the stage.
    """
    for layer in [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]:
        if layer.in_channels == RGB and channels > RGB:
            weight = layer.weight.data
            rest = weight.new_zeros(len(weight), channels - RGB, *weight.shape[2:])
            layer.weight = nn.Parameter(torch.cat([weight, rest], dim=1))
            layer.in_channels = channels
    return network
