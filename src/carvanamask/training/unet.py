"""The networks, and the one place that builds them by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from carvanamask.core.config import NetworkConfig
from carvanamask.training.batch_renorm import renormalise
from carvanamask.training.lite_encoder import WIDTHS, LiteEncoder, load_imagenet


class ConvNormRelu(nn.Sequential):
    """3x3 convolution, batch normalisation, ReLU; keeps height and width."""

    def __init__(self, channels_in: int, channels_out: int, dilation: int = 1) -> None:
        super().__init__(
            # the normalisation right after it takes any bias away
            nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


def convolutions(count: int, channels_in: int, channels_out: int) -> nn.Sequential:
    """`count` convolutions in a row; the first changes the number of channels."""
    return nn.Sequential(*(ConvNormRelu(channels_in if i == 0 else channels_out, channels_out) for i in range(count)))


class DilatedConvolutions(nn.ModuleList):
    """Dilated convolutions in a row, each one's output added up: near and far seen at once.

    (N, channels_in, H, W) → (N, channels_out, H, W). The middle of the U-Net that came third in Carvana's challenge,
    with dilations 1, 2, 4, 8, 16, 32 (lyakaap/Kaggle-Carvana-3rd-Place-Solution, `model.py`).
    """

    def __init__(self, channels_in: int, channels_out: int, dilations: Sequence[int]) -> None:
        super().__init__(
            ConvNormRelu(channels_in if i == 0 else channels_out, channels_out, dilation)
            for i, dilation in enumerate(dilations)
        )

    def forward(self, x: Tensor) -> Tensor:
        first, *rest = self
        total: Tensor = first(x)
        x = total
        for convolution in rest:
            x = convolution(x)
            total = total + x
        return total


class UNet(nn.Module):
    """U-Net (Ronneberger et al., 2015) with more convolutions a level on the way up than on the way down.

    With `dilations`, DilatedConvolutions take the place of the plain ones in the middle.
    (N, 3, H, W) normalised RGB → (N, 1, H, W) logits; H and W divisible by 2**levels.
    """

    def __init__(
        self, levels: int = 6, filters: int = 16, down: int = 2, up: int = 3, dilations: Sequence[int] = ()
    ) -> None:
        super().__init__()
        widths = [filters * 2**level for level in range(levels + 1)]
        self.pool = nn.MaxPool2d(2)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.down = nn.ModuleList(
            convolutions(down, channels_in, channels_out)
            for channels_in, channels_out in zip([3, *widths], widths[:-1], strict=False)
        )
        self.middle = (
            DilatedConvolutions(widths[-2], widths[-1], dilations)
            if dilations
            else convolutions(down, widths[-2], widths[-1])
        )
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


class LiteUNet(nn.Module):
    """U-Net with EfficientNet-Lite0 as its way down, and a thin way up.

    The encoder halves before it looks, so the full-size level has the picture itself as its skip: three channels in
    the most expensive place, and the edge is where the picture has it.
    (N, 3, H, W) RGB, normalised with mean and std 0.5 → (N, 1, H, W) logits; H and W divisible by 32.
    """

    def __init__(self, filters: Sequence[int], up: int) -> None:
        super().__init__()
        self.encoder = LiteEncoder()
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        *skips, deepest = [3, *WIDTHS]
        self.up = nn.ModuleList(
            convolutions(up, below + skip, width)
            for below, skip, width in zip([deepest, *filters[:-1]], reversed(skips), filters, strict=True)
        )
        self.head = nn.Conv2d(filters[-1], 1, kernel_size=1)

    def forward(self, picture: Tensor) -> Tensor:
        maps: list[Tensor] = self.encoder(picture)
        *skips, x = [picture, *maps]
        for block, skip in zip(self.up, reversed(skips), strict=True):
            x = block(torch.cat([self.enlarge(x), skip], dim=1))
        logits: Tensor = self.head(x)
        return logits


def _unet(config: NetworkConfig) -> UNet:
    return UNet(config.levels, config.filters, config.convolutions_down, config.convolutions_up, config.dilations)


def _lite0_unet(config: NetworkConfig) -> LiteUNet:
    network = LiteUNet(config.decoder_filters, config.convolutions_up)
    if config.pretrained:
        load_imagenet(network.encoder)
    return network


NETWORKS: dict[str, Callable[[NetworkConfig], nn.Module]] = {"unet": _unet, "lite0-unet": _lite0_unet}


def build_network(config: NetworkConfig) -> nn.Module:
    """A network to train: (N, 3, H, W) normalised RGB → (N, 1, H, W) logits.

    Its weights are random, a pretrained encoder's excepted. Raises ModelError where that one's weights are missing.
    """
    network = NETWORKS[config.name](config)
    if config.normalisation == "renorm":
        renormalise(network, config.renorm_warm_up)
    return network
