"""An encoder of the package timm (huggingface/pytorch-image-models), where it is installed, for a U-Net."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from carvanamask.errors import MissingPackageError, ModelError, nearest

REPAIR = "choose another, such as resnet34"

PROBE = (64, 96)
"""Height and width of the picture that shows which maps an encoder computes."""

MAPS = [(PROBE[0] >> downsamplings, PROBE[1] >> downsamplings) for downsamplings in range(1, 6)]


class TimmEncoder(nn.Module):
    """A model of timm without its classifier.

    (N, 3, H, W) RGB, normalised with mean and std 0.5, H and W divisible by 32 → the last map of each size: H/2, which
    some leave out (ConvNeXt), H/4, H/8, H/16 and H/32, with the numbers of `channels`.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, name: str, is_pretrained: bool) -> None:
        """Raises ModelError for a name without such an encoder and MissingPackageError without timm."""
        super().__init__()
        self.body = _create(name, is_pretrained)
        # timm's models are trained on pictures that are normalised by channel
        mean, std = (torch.tensor(self.body.pretrained_cfg[key]) for key in ("mean", "std"))
        self.register_buffer("scale", (0.5 / std).reshape(3, 1, 1))
        self.register_buffer("offset", ((0.5 - mean) / std).reshape(3, 1, 1))
        self.first = 0
        maps = _probe(self, name)
        # VGG's first map is as large as the picture, which the decoder doesn't use
        kept = [each for each in maps if each.shape[2:] != PROBE]
        sizes = [tuple(each.shape[2:]) for each in kept]
        if sizes not in (MAPS, MAPS[1:]):
            found = ", ".join(f"{width}x{height}" for height, width in sizes)
            raise ModelError(f"network.encoder {name} downsamples a {PROBE[1]}x{PROBE[0]} picture to {found}", REPAIR)
        self.first = len(maps) - len(kept)
        self.channels = [each.shape[1] for each in kept]

    def forward(self, x: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.body(x * self.scale + self.offset)
        return maps[self.first :]


def _create(name: str, is_pretrained: bool) -> Any:
    try:
        import timm
    except ModuleNotFoundError as missing:
        raise MissingPackageError(f"network.name timm needs {missing.name}", f"pip install {missing.name}") from None
    except (ImportError, RuntimeError) as error:
        # timm needs torchvision, which can't be imported with a torch that it wasn't built for
        raise MissingPackageError(
            f"network.name timm: timm can't be imported ({_first_line(error)})",
            "pip install torch and torchvision of one release and kind",
        ) from None
    if not timm.is_model(name):
        raise ModelError(f"timm has no model '{name}' for network.encoder{nearest(name, timm.list_models())}")
    try:
        return timm.create_model(name, features_only=True, pretrained=is_pretrained)
    except OSError as error:
        reason = f"network.pretrained: no weights of {name} ({_first_line(error)})"
        raise ModelError(reason, "connect to the internet once") from None
    except Exception as error:  # timm's thousand models raise many kinds
        raise ModelError(f"network.encoder {name} can't be built ({_first_line(error)})", REPAIR) from None


def _probe(encoder: TimmEncoder, name: str) -> list[Tensor]:
    """Return the maps that an encoder computes; a model's own description is not complete."""
    try:
        with torch.no_grad():
            maps: list[Tensor] = encoder.eval()(torch.zeros(1, 3, *PROBE))
    except Exception as error:  # timm's thousand models raise many kinds
        reason = f"network.encoder {name} doesn't accept a {PROBE[1]}x{PROBE[0]} picture ({_first_line(error)})"
        raise ModelError(reason, REPAIR) from None
    encoder.train()
    return maps


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
