"""The loss functions: pixelwise cross-entropy (BCE) plus Dice, with or without more weight near the edge."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn import functional

from carvanamask.training.config import LossConfig

WINDOW_PX = {128: 11, 256: 21, 512: 21, 1024: 41, 1280: 51}
"""Input height → side of the window that finds boundary pixels, as in the original."""

SMOOTHING = 1.0
"""Makes Dice 1 instead of 0/0 for a picture without a car."""


def window_px(height: int) -> int:
    """Return the side of the window: the original's for its heights, else about 4 % of the height; always odd."""
    return WINDOW_PX.get(height, max(3, 2 * round(0.04 * height / 2) + 1))


def boundary(target: Tensor, side_px: int) -> Tensor:
    """Return 1 where the window around a pixel holds both car and background, else 0; same shape as the target.

    Zero padding counts as background, so a car that touches the frame has a boundary there.
    """
    pad = side_px // 2
    # along rows, then along columns: 2k additions per pixel instead of k²
    share = functional.avg_pool2d(target, (1, side_px), stride=1, padding=(0, pad), count_include_pad=True)
    share = functional.avg_pool2d(share, (side_px, 1), stride=1, padding=(pad, 0), count_include_pad=True)
    return ((share >= 0.01) & (share <= 0.99)).to(target.dtype)


def weighted_bce(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return Σ w·bce / Σ w over the batch."""
    bce = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (weight * bce).sum() / weight.sum()


def weighted_dice(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return (2 Σ w²py + 1) / (Σ w²p + Σ w²y + 1) for each picture, shape (N,)."""
    p, squared = logits.sigmoid(), weight * weight
    overlap = (squared * p * target).sum(dim=(1, 2, 3))
    total = (squared * (p + target)).sum(dim=(1, 2, 3))
    return (2 * overlap + SMOOTHING) / (total + SMOOTHING)


def boundary_loss(logits: Tensor, target: Tensor, border_weight: float) -> Tensor:
    """Return BCE + 1 − Dice, where a boundary pixel weighs `1 + border_weight` times as much as an interior one.

    Source: asanakoy/kaggle_carvana_segmentation, with the smoothing term outside the factor 2 (there an empty pair
    scores 2).
    """
    weight = 1 + border_weight * boundary(target, window_px(target.shape[-2]))
    weight = weight / weight.mean()
    return weighted_bce(logits, target, weight) + 1 - weighted_dice(logits, target, weight).mean()


def bce_dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return BCE + 1 − Dice, with the same weight for all pixels."""
    weight = target.new_ones(()).expand_as(target)
    return weighted_bce(logits, target, weight) + 1 - weighted_dice(logits, target, weight).mean()


def bce_log_dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return BCE − ln Dice, with the same weight for all pixels: its gradient grows where the overlap is poor."""
    weight = target.new_ones(()).expand_as(target)
    return weighted_bce(logits, target, weight) - weighted_dice(logits, target, weight).log().mean()


Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits, target), both (N, 1, H, W) → scalar."""


def build_loss(config: LossConfig) -> Loss:
    """Return the loss that the options name."""
    match config.name:
        case "boundary":
            return partial(boundary_loss, border_weight=config.border_weight)
        case "bce-dice":
            return bce_dice_loss
        case "bce-log-dice":
            return bce_log_dice_loss
