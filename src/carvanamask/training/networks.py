"""The networks, and the one place that builds them from their options."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from carvanamask.training.batch_renorm import renormalise
from carvanamask.training.config import EncoderUNetConfig, LiteUNetConfig, NetworkConfig, TimmUNetConfig, UNetConfig
from carvanamask.training.lite_encoder import LiteEncoder
from carvanamask.training.timm_encoder import TimmEncoder


def build_network(config: NetworkConfig) -> nn.Module:
    """Return a network to train: (N, 3, H, W) normalised RGB → (N, 1, H, W) logits.

    Its weights are random, except those of a pretrained encoder. Raises ModelError for an encoder that doesn't fit,
    and MissingPackageError for one whose package isn't installed.
    """
    network: nn.Module
    match config:
        case UNetConfig():
            network = UNet(config)
        case LiteUNetConfig():
            network = EncoderUNet(LiteEncoder(config), config)
        case TimmUNetConfig():
            network = EncoderUNet(TimmEncoder(config.encoder, config.pretrained), config)
    if config.normalisation == "renorm":
        renormalise(network, config.renorm_warm_up)
    return network


def convolutions(count: int, channels_in: int, channels_out: int) -> nn.Sequential:
    """Return `count` times 3x3 convolution, batch normalisation and ReLU; the first changes the number of channels."""
    blocks = []
    for channels in (channels_in, *[channels_out] * (count - 1)):
        # the normalisation would remove any bias
        convolution = nn.Conv2d(channels, channels_out, kernel_size=3, padding=1, bias=False)
        blocks.append(nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)))
    return nn.Sequential(*blocks)


class UNet(nn.Module):
    """U-Net (Ronneberger et al., 2015) with its own number of convolutions per level in encoder and decoder.

    (N, 3, H, W) normalised RGB → (N, 1, H, W) logits; H and W divisible by 2**levels.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        *channels, deepest = [config.filters * 2**level for level in range(config.levels + 1)]
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.encoder = nn.ModuleList(
            convolutions(config.convolutions_down, channels_in, channels_out)
            for channels_in, channels_out in zip([3, *channels], channels, strict=False)
        )
        self.bottleneck = convolutions(config.convolutions_down, channels[-1], deepest)
        # each level takes the upsampled map of the level below, of twice as many channels, and the encoder's map
        self.decoder = nn.ModuleList(
            convolutions(config.convolutions_up, 2 * count + count, count) for count in reversed(channels)
        )
        self.head = nn.Conv2d(config.filters, 1, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.bottleneck(x)
        for block, skip in zip(self.decoder, reversed(skips), strict=True):
            x = block(torch.cat([self.upsample(x), skip], dim=1))
        logits: Tensor = self.head(x)
        return logits


class EncoderUNet(nn.Module):
    """U-Net with a ready-made encoder and a thin decoder that ends at half size.

    At full size a convolution costs four times as much without a larger view. Details that the encoder loses come
    from one convolution of the picture at half size, and four logits per pixel there become four pixels.
    The encoder's `channels` are those of its maps at H/2, which it may leave out, H/4, H/8, H/16 and H/32.
    (N, 3, H, W) RGB, normalised with mean and std 0.5 → (N, 1, H, W) logits; H and W divisible by 32.
    """

    DETAILS = 16

    def __init__(self, encoder: LiteEncoder | TimmEncoder, config: EncoderUNetConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.details = nn.Conv2d(3, self.DETAILS, kernel_size=4, stride=2, padding=1)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        filters = config.decoder_filters
        *half, quarter, eighth, sixteenth, deepest = encoder.channels
        skips = [sixteenth, eighth, quarter, sum(half) + self.DETAILS]
        self.decoder = nn.ModuleList(
            convolutions(config.convolutions_up, below + skip, count)
            for below, skip, count in zip([deepest, *filters[:-1]], skips, filters, strict=True)
        )
        self.head = nn.Sequential(nn.Conv2d(filters[-1], 4, kernel_size=3, padding=1), nn.PixelShuffle(2))

    def forward(self, picture: Tensor) -> Tensor:
        *half, quarter, eighth, sixteenth, x = self.encoder(picture)
        skips = [sixteenth, eighth, quarter, torch.cat([*half, self.details(picture)], dim=1)]
        for block, skip in zip(self.decoder, skips, strict=True):
            x = block(torch.cat([self.upsample(x), skip], dim=1))
        logits: Tensor = self.head(x)
        return logits
