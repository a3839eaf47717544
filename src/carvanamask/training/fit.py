"""Fitting a network: device and precision, checkpoints, what is written down after each epoch."""

from __future__ import annotations

import io
import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar, Timer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from carvanamask.data.kaggle_folder import Sample
from carvanamask.data.run_dir import RunDir
from carvanamask.errors import CarvanaMaskError, ConfigError
from carvanamask.io.atomic import save_bytes_atomically
from carvanamask.training.config import Config
from carvanamask.training.dataset import SHARED_MEMORY, CarPictures
from carvanamask.training.export import load_network
from carvanamask.training.module import DICE, UNCERTAIN, CarSegmentation
from carvanamask.training.networks import build_network
from carvanamask.training.recipe import option_values
from carvanamask.training.run_files import load_metrics, load_run_config, save_metrics

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """What a training runs on."""

    accelerator: str
    precision: str
    description: str


def this_machine(precision: str = "auto") -> Machine:
    """The best device at hand, and bf16 where it is faster than fp32 there."""
    if torch.cuda.is_available():
        device, name = "cuda", torch.cuda.get_device_name()
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    elif torch.backends.mps.is_available():
        device, name, has_bf16 = "mps", "Apple GPU", False
    else:
        device, name = "cpu", f"CPU, {torch.get_num_threads()} threads"
        # without these instructions bf16 is emulated, and slower than fp32
        has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    is_bf16 = precision == "bf16" or (precision == "auto" and has_bf16)
    return Machine(device, "bf16-mixed" if is_bf16 else "32-true", f"{name}, {'bf16' if is_bf16 else 'fp32'}")


def fit(
    config: Config,
    training: Sequence[Sample],
    validation: Sequence[Sample],
    run: RunDir,
    start_from: Path | None = None,
    has_progress_bar: bool = True,
    pseudo: Sequence[Sample] = (),
) -> None:
    """Train until the recipe's end and leave the best and the last checkpoint in the run.

    A run that was interrupted goes on after its last whole epoch, with the same losses as if it had never
    stopped. `start_from` is a checkpoint whose weights a new run begins with. `say` is told of each epoch, and why
    pictures are read anew in all of them where they don't fit into memory. `pseudo` are pictures with pseudo-labels,
    which train beside the others. Ctrl-C raises KeyboardInterrupt; a picture that can't be read, DataError.
    """
    L.seed_everything(config.training.seed, workers=True, verbose=False)
    module = CarSegmentation(config)
    if start_from is not None:
        _begin(module.network, config, start_from)
    machine = this_machine(config.training.precision)
    checkpoints: dict[str, Any] = {"dirpath": run.last_checkpoint.parent, "enable_version_counter": False}
    callbacks: list[Callback] = [
        MovableCheckpoint(filename=run.best_checkpoint.stem, monitor=DICE, mode="max", **checkpoints),
        EarlyStopping(DICE, mode="max", patience=config.training.early_stop_patience),
        EpochTable(run),
        PicturesInTensorBoard(),
    ]
    if config.training.max_minutes:
        callbacks.append(Timer(timedelta(minutes=config.training.max_minutes), interval="epoch", verbose=False))
    if has_progress_bar:
        callbacks.append(RichProgressBar())
    # the last checkpoint is written after everything else that an epoch changes
    callbacks.append(MovableCheckpoint(filename=run.last_checkpoint.stem, save_on_train_epoch_end=True, **checkpoints))
    with warnings.catch_warnings(), quiet_lightning():
        warnings.filterwarnings("ignore", message=".*(num_workers|dataloader).*")
        # a resumed run finds its own checkpoints there, and that is meant
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        warnings.filterwarnings("ignore", message=".*number of training batches.*")
        # an encoder's frozen layers, and that is meant
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        # Lightning asks torch in its old words
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        trainer = L.Trainer(
            accelerator=machine.accelerator,
            devices=config.training.devices or ("auto" if machine.accelerator != "cpu" else 1),
            num_nodes=config.training.nodes,
            precision=machine.precision,  # type: ignore[arg-type]
            max_epochs=config.training.epochs,
            accumulate_grad_batches=config.training.accumulate,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            logger=TensorBoardLogger(run.root, name=run.tensorboard.name, version=""),
            log_every_n_steps=10,
            callbacks=callbacks,
            plugins=[WholeCheckpoints()],
            enable_progress_bar=has_progress_bar,
            enable_model_summary=False,
        )
        data = CarPictures(config, training, validation, pseudo)
        if data.why_not_cached:
            log.info(f"pictures are read anew in every epoch: {data.why_not_cached}")
        try:
            trainer.fit(
                module, data, ckpt_path=run.last_checkpoint if run.last_checkpoint.exists() else None, weights_only=True
            )
        except SystemExit:
            # Lightning turns Ctrl-C into an exit of its own
            raise KeyboardInterrupt from None
        except CarvanaMaskError as error:
            raise type(error)(_last_line(error)) from None
        except RuntimeError as error:
            if "shared memory" not in str(error):
                raise
            raise ConfigError(
                f"{SHARED_MEMORY} is too small for what reading processes pass on: use training.workers = 0 or a "
                "smaller training.cache_gb, or give a container more of it (docker run --shm-size 2g)"
            ) from None
    if trainer.interrupted:
        raise KeyboardInterrupt


def check_beginning(config: Config, start_from: Path) -> None:
    """Raises ConfigError where a new run's network can't begin with this checkpoint's weights."""
    plain = config.network.model_copy(update={"pretrained": False})
    _begin(build_network(plain), config, start_from)


def _begin(network: nn.Module, config: Config, start_from: Path) -> None:
    """Give a network the weights of another run's."""
    run = RunDir(start_from.parent.parent)
    before = load_run_config(run)
    beginning = load_network(start_from, before).state_dict()
    try:
        network.load_state_dict(beginning)
    except RuntimeError:
        was, now = option_values(before), option_values(config)
        shapes = "network."
        other = [f"{name} was {was[name]}" for name in now if name.startswith(shapes) and was[name] != now[name]]
        raise ConfigError(
            f"the weights of --model {run.name} are another network's ({', '.join(other)}): keep these options, or "
            "begin without --model"
        ) from None


def _last_line(error: CarvanaMaskError) -> str:
    """What it says; one that a reading process met comes with that one's traceback before it."""
    *_, last = str(error).strip().splitlines() or [""]
    return last.removeprefix(f"{type(error).__module__}.{type(error).__qualname__}: ")


def is_first_process() -> bool:
    """Whether this process speaks and writes for all that train together; alone, it is."""
    return getattr(rank_zero_only, "rank", 0) == 0


def seconds_a_picture(config: Config, steps: int = 3) -> float:
    """How long one training picture takes on this machine, by the fastest of a few steps on noise."""
    machine = this_machine(config.training.precision)
    device = torch.device(machine.accelerator)
    module = CarSegmentation(config).to(device)
    width, height = config.input.size_wh
    shape = (config.training.batch_size, height, width)
    pictures = torch.randint(0, 256, (*shape, 3), dtype=torch.uint8, device=device)
    target = torch.rand(config.training.batch_size, 1, height, width, device=device)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.0)
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=machine.precision.startswith("bf16")):
            logits = module.logits(pictures)
        loss = module.loss(logits, target)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for the GPU
        seconds.append(time.perf_counter() - start)
    return min(seconds) / config.training.batch_size


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's own checkpoints, but never half-written: a full disk leaves the one before as it was."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        file = io.BytesIO()
        torch.save(checkpoint, file)
        save_bytes_atomically(Path(path), file.getvalue())


class MovableCheckpoint(ModelCheckpoint):
    """Lightning's own; where its folder was moved, the best epoch so far stays the best."""

    @property
    def state_key(self) -> str:
        # as its base is called in checkpoints: those of an earlier version are read, too
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(self.dirpath or "") / Path(path).name) if path else path

        moved = {name: here(state_dict[name]) for name in ("best_model_path", "kth_best_model_path", "last_model_path")}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "dirpath": self.dirpath, "best_k_models": best})


class EpochTable(Callback):
    """One row an epoch in the run's metrics.csv."""

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
    """A few validation pictures beside what the network makes of them, once an epoch."""

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


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Lightning's advice about loggers and tips is not for the people who read this screen."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
