"""An encoder of timm's as the way down of a U-Net, for those who have timm (huggingface/pytorch-image-models)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from carvanamask.errors import ModelError, nearest
from carvanamask.training.config import TIMM

CHOOSE = f"choose another, such as {TIMM}resnet34"

PROBE = (64, 96)
"""Height and width of the picture that shows what maps an encoder gives."""

MAPS = [(PROBE[0] >> downsamplings, PROBE[1] >> downsamplings) for downsamplings in range(1, 6)]


class TimmEncoder(nn.Module):
    """A model of timm's without its classifier.

    (N, 3, H, W) RGB, normalised with mean and std 0.5, H and W divisible by 32 → the last map of each size: H/2, which
    some leave out (ConvNeXt), H/4, H/8, H/16 and H/32, with as many channels as `widths` says.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, name: str, pretrained: bool) -> None:
        """Raises ModelError, naming the repair, for a name without such an encoder, and where timm is missing."""
        super().__init__()
        self.body = _create(name, pretrained)
        # what it learned on was normalised by channel
        mean, std = (torch.tensor(self.body.pretrained_cfg[key]) for key in ("mean", "std"))
        self.register_buffer("scale", (0.5 / std).reshape(3, 1, 1))
        self.register_buffer("offset", ((0.5 - mean) / std).reshape(3, 1, 1))
        self.first = 0
        maps = _maps(self, name)
        kept = [each for each in maps if each.shape[2:] != PROBE]
        sizes = [tuple(each.shape[2:]) for each in kept]
        if sizes not in (MAPS, MAPS[1:]):
            found = ", ".join(f"{width}x{height}" for height, width in sizes)
            raise ModelError(f"network.name {TIMM}{name} halves a {PROBE[1]}x{PROBE[0]} picture to {found}: {CHOOSE}")
        self.first = len(maps) - len(kept)  # VGG's first map is as large as the picture: more than the way up takes
        self.widths = [each.shape[1] for each in kept]

    def forward(self, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.body(x * self.scale + self.offset)
        return maps[self.first :]


def _create(name: str, pretrained: bool) -> Any:
    try:
        import timm
    except ModuleNotFoundError as missing:
        raise ModelError(f"network.name {TIMM}{name} needs {missing.name}: pip install {missing.name}") from None
    except (ImportError, RuntimeError) as error:
        # torchvision, which timm stands on, does not import beside a torch it was not built for
        raise ModelError(
            f"network.name {TIMM}{name}: timm can't be imported ({_first_line(error)}): "
            "pip install torch and torchvision of one release and kind"
        ) from None
    if not timm.is_model(name):
        raise ModelError(f"network.name {TIMM}{name} is no model of timm's{nearest(name, timm.list_models())}")
    try:
        return timm.create_model(name, features_only=True, pretrained=pretrained)
    except OSError as error:
        raise ModelError(
            f"network.pretrained: no weights of {TIMM}{name} ({_first_line(error)}): connect to the internet once"
        ) from None
    except Exception as error:  # there are a thousand models, and each has errors of its own
        raise ModelError(f"network.name {TIMM}{name} can't be made ({_first_line(error)}): {CHOOSE}") from None


def _maps(encoder: TimmEncoder, name: str) -> list[Tensor]:
    """What an encoder makes of the probe; what a model says of itself leaves out what it can't do."""
    try:
        with torch.no_grad():
            maps: list[Tensor] = encoder.eval()(torch.zeros(1, 3, *PROBE))
    except Exception as error:  # as above
        size = f"{PROBE[1]}x{PROBE[0]}"
        raise ModelError(
            f"network.name {TIMM}{name} takes no {size} picture ({_first_line(error)}): {CHOOSE}"
        ) from None
    encoder.train()
    return maps


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
