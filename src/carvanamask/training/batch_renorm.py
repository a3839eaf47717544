"""Batch renormalisation: training normalises almost by the running statistics, as prediction does."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from carvanamask.errors import ModelError

MOMENTUM = 0.01
"""How far the running statistics move per step, as in the paper: once r and d are free, they must change slowly."""

R_MAX, D_MAX = 3.0, 5.0
"""The final limits of the correction: of the spread as a factor, of the mean in spreads."""


class BatchRenorm2d(nn.BatchNorm2d):
    """Batch renormalisation (Ioffe, 2017, arXiv 1702.03275) of (N, C, H, W).

    In training, with the batch's mean m and spread s = √(variance + ε) and the running ones M and S of each channel,
    y = weight · ((x − m) / s · r + d) + bias, where r = s / S, clipped to [1/r_max, r_max], and d = (m − M) / S,
    clipped to [−d_max, d_max], are constants to the gradient. Unclipped, that is (x − M) / S, as in prediction.
    For `warm_up` steps nothing is corrected (r_max 1, d_max 0: plain batch normalisation); then the limits widen
    linearly, d_max to 5 after 5 warm-ups and r_max to 3 after 8, as in the paper with a warm-up of 5,000 steps.

    Parameters, buffers, evaluation and export are those of nn.BatchNorm2d, and the step is its `num_batches_tracked`:
    each can read the other's checkpoints, and an interrupted run resumes with the limits that it had.
    """

    num_batches_tracked: Tensor  # this layer always has running statistics
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, warm_up: int, eps: float = 1e-5) -> None:
        super().__init__(channels, eps, MOMENTUM)
        self.warm_up = warm_up

    @classmethod
    def like(cls, norm: nn.BatchNorm2d, warm_up: int) -> Self:
        """Return a layer with the same weights and running statistics, at step 0."""
        layer = cls(norm.num_features, warm_up, norm.eps)
        layer.load_state_dict(norm.state_dict())
        layer.num_batches_tracked.zero_()
        return layer

    def limits(self) -> tuple[Tensor, Tensor]:
        """Return (r_max, d_max) at this step."""
        warm_ups = self.num_batches_tracked / self.warm_up
        r_max = 1 + (R_MAX - 1) * ((warm_ups - 1) / 7).clamp(0, 1)
        d_max = D_MAX * ((warm_ups - 1) / 4).clamp(0, 1)
        return r_max, d_max

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        with torch.no_grad():
            variance, mean = torch.var_mean(x.float(), dim=(0, 2, 3), correction=0)
            spread, running_spread = (variance + self.eps).sqrt(), (self.running_var + self.eps).sqrt()
            r_max, d_max = self.limits()
            r = (spread / running_spread).clamp(1 / r_max, r_max)
            d = ((mean - self.running_mean) / running_spread).clamp(-d_max, d_max)
        # with r and d in weight and bias, torch's own fast and exact normalisation does the rest
        y = functional.batch_norm(
            x, None, None, self.weight * r, self.bias + self.weight * d, training=True, eps=self.eps
        )
        with torch.no_grad():
            self.running_mean.lerp_(mean, MOMENTUM)
            # the paper averages spreads; evaluation, export and checkpoints need the variance
            self.running_var.copy_(running_spread.lerp(spread, MOMENTUM).square() - self.eps)
            self.num_batches_tracked.add_(1)
        return y


def renormalise(network: nn.Module, warm_up: int) -> None:
    """Replace every batch normalisation of a network by batch renormalisation.

    Raises ModelError for a layer that does more than normalise, such as those of timm that include an activation.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                if type(child) is not nn.BatchNorm2d:
                    reason = f"network.normalisation renorm has no {type(child).__name__}, which this network needs"
                    raise ModelError(reason, "use batch")
                setattr(module, name, BatchRenorm2d.like(child, warm_up))
