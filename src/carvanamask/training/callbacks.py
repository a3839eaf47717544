"""Write what a training produces while it runs: checkpoints, a row of metrics per epoch, pictures in TensorBoard."""

from __future__ import annotations

import io
import logging
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO

from carvanamask.data.run_dir import RunDir
from carvanamask.io.atomic import save_bytes_atomically
from carvanamask.training.module import DICE, UNCERTAIN, CarSegmentation
from carvanamask.training.run_files import load_metrics, save_metrics

log = logging.getLogger(__name__)


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes Lightning's checkpoints completely or not at all: a full disk leaves the previous one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        file = io.BytesIO()
        torch.save(checkpoint, file)
        save_bytes_atomically(Path(path), file.getvalue())


class MovableCheckpoint(ModelCheckpoint):
    """Lightning's checkpoints, which also remember the best epoch when their folder was moved."""

    @property
    def state_key(self) -> str:
        # the name of its base class, as in the checkpoints of earlier versions
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(self.dirpath or "") / Path(path).name) if path else path

        moved = {name: here(state_dict[name]) for name in ("best_model_path", "kth_best_model_path", "last_model_path")}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "dirpath": self.dirpath, "best_k_models": best})


class EpochTable(Callback):
    """Writes one row per epoch into the run's metrics.csv."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self.start = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.start = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, CarSegmentation)
        # after an interruption the table may be one epoch ahead of the last checkpoint
        rows = [row for row in load_metrics(self.run) if row["epoch"] < trainer.current_epoch]
        row = {
            "epoch": trainer.current_epoch,
            "train_loss": float(torch.stack(pl_module.epoch_losses).mean()),
            DICE: float(trainer.callback_metrics[DICE]),
            UNCERTAIN: float(trainer.callback_metrics[UNCERTAIN]),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "seconds": round(time.perf_counter() - self.start, 1),
        }
        save_metrics(self.run, [*rows, row])
        log.info("epoch {epoch}: loss {train_loss:.4f}, Dice {val_dice:.5f}, {seconds:.0f} s".format(**row))


class PicturesInTensorBoard(Callback):
    """Shows a few validation pictures above the network's probabilities, once per epoch."""

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, CarSegmentation)
        if not (pl_module.first_batch and trainer.is_global_zero and isinstance(trainer.logger, TensorBoardLogger)):
            return
        columns = [
            torch.cat([picture, (probability * 255).byte()[..., None].expand(-1, -1, 3)])
            for picture, probability in pl_module.first_batch
        ]
        sheet = torch.cat(columns, dim=1)
        trainer.logger.experiment.add_image("validation", sheet, trainer.current_epoch, dataformats="HWC")
