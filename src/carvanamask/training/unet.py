"""The networks, and the one place that builds them by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from carvanamask.core.config import NetworkConfig


class ConvNormRelu(nn.Sequential):
    """3x3 convolution, batch normalisation, ReLU; keeps height and width."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            # the normalisation right after it takes any bias away
            nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


def convolutions(count: int, channels_in: int, channels_out: int) -> nn.Sequential:
    """`count` convolutions in a row; the first changes the number of channels."""
    return nn.Sequential(*(ConvNormRelu(channels_in if i == 0 else channels_out, channels_out) for i in range(count)))


class UNet(nn.Module):
    """U-Net (Ronneberger et al., 2015) with more convolutions a level on the way up than on the way down.

    (N, 3, H, W) normalised RGB → (N, 1, H, W) logits; H and W divisible by 2**levels.
    """

    def __init__(self, levels: int = 6, filters: int = 16, down: int = 2, up: int = 3) -> None:
        super().__init__()
        widths = [filters * 2**level for level in range(levels + 1)]
        self.levels = levels
        self.pool = nn.MaxPool2d(2)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.down = nn.ModuleList(
            convolutions(down, channels_in, channels_out)
            for channels_in, channels_out in zip([3, *widths], widths[:-1], strict=False)
        )
        self.middle = convolutions(down, widths[-2], widths[-1])
        self.up = nn.ModuleList(
            convolutions(up, width + 2 * width, width) for width in reversed(widths[:-1])
        )  # skip and what comes from below
        self.head = nn.Conv2d(filters, 1, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.middle(x)
        for block, skip in zip(self.up, reversed(skips), strict=True):
            x = block(torch.cat([self.enlarge(x), skip], dim=1))
        logits: Tensor = self.head(x)
        return logits


NETWORKS: dict[str, Callable[[NetworkConfig], nn.Module]] = {
    "unet": lambda config: UNet(config.levels, config.filters, config.convolutions_down, config.convolutions_up),
}


def build_network(config: NetworkConfig) -> nn.Module:
    """A network with random weights: (N, 3, H, W) normalised RGB → (N, 1, H, W) logits."""
    return NETWORKS[config.name](config)
