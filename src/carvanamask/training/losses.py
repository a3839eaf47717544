"""What a training step minimises: pixelwise cross-entropy and Dice, with more weight where the edge runs."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from carvanamask.training.config import LossConfig

WINDOW_PX = {128: 11, 256: 21, 512: 21, 1024: 41, 1280: 51}
"""Side of the window that finds boundaries, by the input's height, as the original chose it."""

SMOOTHING = 1.0
"""Keeps Dice defined, at 1, for a picture without a car."""


def window_px(height: int) -> int:
    """Odd, about 4 % of the height between the heights the original used."""
    return WINDOW_PX.get(height, max(3, 2 * round(0.04 * height / 2) + 1))


def boundary(target: Tensor, side_px: int) -> Tensor:
    """1 where a `side_px` window around a pixel holds car and not-car, else 0; same shape as target.

    The zero padding counts in the window's mean, so a car that touches the frame has a boundary there.
    """
    pad = side_px // 2
    # by rows, then by columns: 2k additions a pixel in the place of k²
    share = functional.avg_pool2d(target, (1, side_px), stride=1, padding=(0, pad), count_include_pad=True)
    share = functional.avg_pool2d(share, (side_px, 1), stride=1, padding=(pad, 0), count_include_pad=True)
    return ((share >= 0.01) & (share <= 0.99)).to(target.dtype)


def weighted_bce(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Σ w·bce / Σ w over the whole batch."""
    bce = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (weight * bce).sum() / weight.sum()


def weighted_dice(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """(2 Σ w²py + 1) / (Σ w²p + Σ w²y + 1) for each picture, shape (N,)."""
    p, squared = logits.sigmoid(), weight * weight
    overlap = (squared * p * target).sum(dim=(1, 2, 3))
    total = (squared * (p + target)).sum(dim=(1, 2, 3))
    return (2 * overlap + SMOOTHING) / (total + SMOOTHING)


class BoundaryWeightedBceDiceLoss(nn.Module):
    """BCE + 1 − Dice, both weighing a boundary pixel `1 + border_weight` times an interior one.

    Logits and target (N, 1, H, W), target in [0, 1] → scalar. Source: asanakoy/kaggle_carvana_segmentation,
    with the smoothing term outside the factor 2 (there an empty pair scores 2).
    """

    def __init__(self, border_weight: float = 2.0) -> None:
        super().__init__()
        self.border_weight = border_weight

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        weight = 1 + self.border_weight * boundary(target, window_px(target.shape[-2]))
        weight = weight / weight.mean()
        loss: Tensor = weighted_bce(logits, target, weight) + 1 - weighted_dice(logits, target, weight).mean()
        return loss


class BceDiceLoss(nn.Module):
    """BCE + 1 − Dice, all pixels alike."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        weight = target.new_ones(()).expand_as(target)
        loss: Tensor = weighted_bce(logits, target, weight) + 1 - weighted_dice(logits, target, weight).mean()
        return loss


class BceLogDiceLoss(nn.Module):
    """BCE − ln Dice, all pixels alike: its gradient grows where the overlap is poor."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        weight = target.new_ones(()).expand_as(target)
        loss: Tensor = weighted_bce(logits, target, weight) - weighted_dice(logits, target, weight).log().mean()
        return loss


LOSSES: dict[str, Callable[[LossConfig], nn.Module]] = {
    "boundary": lambda config: BoundaryWeightedBceDiceLoss(config.border_weight),
    "bce-dice": lambda config: BceDiceLoss(),
    "bce-log-dice": lambda config: BceLogDiceLoss(),
}


def build_loss(config: LossConfig) -> nn.Module:
    """(logits, target), both (N, 1, H, W) → scalar."""
    return LOSSES[config.name](config)
