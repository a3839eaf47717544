"""The training step, the validation at full size and the optimizer, as Lightning needs them."""

from __future__ import annotations

from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.metrics import dice, uncertain_ratio
from carvanamask.training.config import Config
from carvanamask.training.losses import build_loss
from carvanamask.training.networks import build_network

DICE = "val_dice"
"""Mean Dice at full size and threshold 0.5: it selects the best checkpoint, and steers plateau and early stop."""

UNCERTAIN = "val_undecided"
"""The UNCERTAIN_PERCENTILE of the validation pictures' uncertain ratios; metrics.csv has it under this name."""

UNCERTAIN_PERCENTILE = 99.5


class CarSegmentation(L.LightningModule):
    """A network, its loss and its optimizer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        # pictures in memory are NHWC, which is channels_last: no copy is needed
        network = build_network(config.network)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss = build_loss(config.loss)
        self.epoch_losses: list[Tensor] = []
        self.first_batch: list[tuple[Tensor, Tensor]] = []
        self.uncertain_ratios: list[float] = []

    def logits(self, pictures: Tensor) -> Tensor:
        """(N, H, W, 3) uint8 RGB → (N, 1, H, W) float32 logits."""
        x = (pictures.permute(0, 3, 1, 2).float() / 255 - self.config.input.mean) / self.config.input.std
        logits: Tensor = self.network(x)
        return logits.float()

    def on_train_epoch_start(self) -> None:
        self.epoch_losses.clear()

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        coverage = batch[..., 3:4].permute(0, 3, 1, 2).float() / 255
        loss: Tensor = self.loss(self.logits(batch[..., :3]), coverage)
        self.epoch_losses.append(loss.detach())
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        self.uncertain_ratios.clear()

    def validation_step(self, batch: tuple[Tensor, list[Tensor]], index: int) -> None:
        pictures, truths = batch
        probabilities = self.logits(pictures).sigmoid()[:, 0]
        if index == 0:
            self.first_batch = list(zip(pictures[:4].cpu(), probabilities[:4].cpu(), strict=True))
        scores = []
        for values, truth in zip(probabilities.cpu().numpy(), truths, strict=True):
            score, ratio = score_at_full_size(values, truth.cpu().numpy())
            scores.append(score)
            self.uncertain_ratios.append(ratio)
        self.log(DICE, float(np.mean(scores)), batch_size=len(scores), prog_bar=True, sync_dist=True, on_epoch=True)

    def on_validation_epoch_end(self) -> None:
        # each process has its own pictures; the mean of their percentiles is close enough
        self.log(UNCERTAIN, float(np.percentile(self.uncertain_ratios, UNCERTAIN_PERCENTILE)), sync_dist=True)

    def on_train_epoch_end(self) -> None:
        """Step a plateau schedule before the checkpoints are written, so that a restart reads its new state."""
        schedule = self.lr_schedulers()
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(self.trainer.callback_metrics[DICE])

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Leave a plateau schedule out: Lightning steps it after the checkpoints, and not when an epoch is resumed."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()

    def configure_optimizers(self) -> Any:
        options = self.config.optimizer
        parameters = self.network.parameters()
        optimizer: torch.optim.Optimizer
        if options.name == "rmsprop":
            # the defaults of Keras, which the original used
            optimizer = torch.optim.RMSprop(
                parameters, options.learning_rate, alpha=0.9, eps=1e-7, weight_decay=options.weight_decay
            )
        else:
            optimizer = torch.optim.AdamW(parameters, options.learning_rate, weight_decay=options.weight_decay)
        if options.schedule == "plateau":
            plateau = ReduceLROnPlateau(
                optimizer, mode="max", factor=options.plateau_factor, patience=options.plateau_patience
            )
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": DICE}}
        steps = int(self.trainer.estimated_stepping_batches)
        cycle = OneCycleLR(
            optimizer,
            options.learning_rate,
            total_steps=steps,
            pct_start=min(0.3, 1 - 1 / steps),
            cycle_momentum=options.name == "adamw",  # rmsprop has no momentum, and the schedule would add it
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


def score_at_full_size(probabilities: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return one picture's Dice and uncertain ratio, with probabilities enlarged before the threshold."""
    enlarged = ProbabilityMap(probabilities).resized((truth.shape[1], truth.shape[0]))
    mask = enlarged.to_mask(0.5)
    return dice(mask, Mask(truth.astype(bool))), uncertain_ratio(enlarged, mask)
