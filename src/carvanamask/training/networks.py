"""The networks, and the one place that builds them by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from carvanamask.training.batch_renorm import renormalise
from carvanamask.training.config import TIMM, NetworkConfig
from carvanamask.training.lite_encoder import WIDTHS, LiteEncoder, load_imagenet
from carvanamask.training.timm_encoder import TimmEncoder


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


class EncoderUNet(nn.Module):
    """U-Net with a ready encoder as its way down, and a thin way up that ends at half size.

    At full size a convolution costs four times as much and sees no more: what the encoder passes over, each pixel by
    itself, comes in by a convolution of its own at half size, and four logits for each place there become four pixels.
    `widths` are the channels of the encoder's maps: of H/2, which an encoder may leave out, H/4, H/8, H/16 and H/32.
    (N, 3, H, W) RGB, normalised with mean and std 0.5 → (N, 1, H, W) logits; H and W divisible by 32.
    """

    DETAILS = 16

    def __init__(self, encoder: nn.Module, widths: Sequence[int], filters: Sequence[int], up: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.details = nn.Conv2d(3, self.DETAILS, kernel_size=4, stride=2, padding=1)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        *half, quarter, eighth, sixteenth, deepest = widths
        skips = [sixteenth, eighth, quarter, sum(half) + self.DETAILS]
        self.up = nn.ModuleList(
            convolutions(up, below + skip, width)
            for below, skip, width in zip([deepest, *filters[:-1]], skips, filters, strict=True)
        )
        self.head = nn.Sequential(nn.Conv2d(filters[-1], 4, kernel_size=3, padding=1), nn.PixelShuffle(2))

    def forward(self, picture: Tensor) -> Tensor:
        *half, quarter, eighth, sixteenth, x = self.encoder(picture)
        skips = [sixteenth, eighth, quarter, torch.cat([*half, self.details(picture)], dim=1)]
        for block, skip in zip(self.up, skips, strict=True):
            x = block(torch.cat([self.enlarge(x), skip], dim=1))
        logits: Tensor = self.head(x)
        return logits


def _unet(config: NetworkConfig) -> UNet:
    return UNet(config.levels, config.filters, config.convolutions_down, config.convolutions_up)


def _lite0_unet(config: NetworkConfig) -> EncoderUNet:
    encoder = LiteEncoder(config.frozen_downsamplings)
    if config.pretrained:
        load_imagenet(encoder)
    return EncoderUNet(encoder, WIDTHS, config.decoder_filters, config.convolutions_up)


def _timm_unet(config: NetworkConfig) -> EncoderUNet:
    encoder = TimmEncoder(config.name.removeprefix(TIMM), config.pretrained)
    return EncoderUNet(encoder, encoder.widths, config.decoder_filters, config.convolutions_up)


NETWORKS: dict[str, Callable[[NetworkConfig], nn.Module]] = {
    "unet": _unet,
    "lite0-unet": _lite0_unet,
    "timm": _timm_unet,
}


def build_network(config: NetworkConfig) -> nn.Module:
    """Return a network to train: (N, 3, H, W) normalised RGB → (N, 1, H, W) logits.

    Its weights are random, a pretrained encoder's excepted. Raises ModelError where one or its weights are missing.
    """
    network = NETWORKS[config.name.partition(":")[0]](config)
    if config.normalisation == "renorm":
        renormalise(network, config.renorm_warm_up)
    return network
