"""Fit a network: choose device and precision, set the trainer up, resume what was interrupted."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, RichProgressBar, Timer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from carvanamask.data.run_dir import RunDir
from carvanamask.errors import ConfigError
from carvanamask.training.callbacks import AtomicCheckpoints, EpochTable, MovableCheckpoint, PicturesInTensorBoard
from carvanamask.training.config import Config
from carvanamask.training.dataset import SHARED_MEMORY, CarPictures
from carvanamask.training.export import load_network
from carvanamask.training.lineage import TrainingData
from carvanamask.training.module import DICE, CarSegmentation
from carvanamask.training.networks import build_network
from carvanamask.training.recipe import differing_options
from carvanamask.training.run_files import load_run_config

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hardware:
    """The devices and the precision of a training."""

    accelerator: str
    precision: str
    """As Lightning names it."""
    description: str


def find_hardware(precision: str) -> Hardware:
    """Return the best device of this machine; precision "auto" is bf16 where that is faster than fp32."""
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
    return Hardware(device, "bf16-mixed" if is_bf16 else "32-true", f"{name}, {'bf16' if is_bf16 else 'fp32'}")


def is_first_process() -> bool:
    """Return whether this process writes and logs for all that train together."""
    return getattr(rank_zero_only, "rank", 0) == 0


def fit(run: RunDir, config: Config, data: TrainingData, initial: RunDir | None, has_progress_bar: bool) -> None:
    """Train to the end of the recipe, and leave the best and the last checkpoint in the run.

    An interrupted run resumes after its last complete epoch, with the same losses as without the interruption.
    A new run starts with the best weights of the run `initial`. Ctrl-C raises KeyboardInterrupt, and a picture that
    can't be read DataError.
    """
    L.seed_everything(config.training.seed, workers=True, verbose=False)
    module = CarSegmentation(config)
    if initial:
        _load_initial_weights(module.network, config, initial)
    with _quiet_lightning():
        trainer = _build_trainer(run, config, has_progress_bar)
        pictures = CarPictures(config, data)
        if pictures.why_not_cached:
            log.info(f"pictures are read again in every epoch: {pictures.why_not_cached}")
        checkpoint = run.last_checkpoint if run.last_checkpoint.exists() else None
        try:
            trainer.fit(module, pictures, ckpt_path=checkpoint, weights_only=True)
        except SystemExit:
            # Lightning turns Ctrl-C into an exit of its own
            raise KeyboardInterrupt from None
        except RuntimeError as error:
            if "shared memory" not in str(error):
                raise
            raise ConfigError(
                "is too small for the pictures that worker processes pass on",
                "use training.workers = 0 or a smaller training.cache_gb, or give a container more of it "
                "(docker run --shm-size 2g)",
                SHARED_MEMORY,
            ) from None
    if trainer.interrupted:
        raise KeyboardInterrupt


def check_initial_weights(config: Config, initial: RunDir) -> None:
    """Raise ConfigError where a new run's network can't start with the weights of the run `initial`."""
    _load_initial_weights(build_network(config.network.without_pretraining()), config, initial)


def _load_initial_weights(network: nn.Module, config: Config, initial: RunDir) -> None:
    before = load_run_config(initial)
    weights = load_network(initial.best_checkpoint, before).state_dict()
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        differences = [line for line in differing_options(before, config) if line.startswith("network.")]
        raise ConfigError(
            f"the weights of --model {initial.name} belong to another network ({', '.join(differences)})",
            "keep these options, or start without --model",
        ) from None


def _build_trainer(run: RunDir, config: Config, has_progress_bar: bool) -> L.Trainer:
    options, hardware = config.training, find_hardware(config.training.precision)
    return L.Trainer(
        accelerator=hardware.accelerator,
        devices=options.devices or ("auto" if hardware.accelerator != "cpu" else 1),
        num_nodes=options.nodes,
        precision=hardware.precision,  # type: ignore[arg-type]
        max_epochs=options.epochs,
        accumulate_grad_batches=options.accumulate,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        logger=TensorBoardLogger(run.root, name=run.tensorboard.name, version=""),
        log_every_n_steps=10,
        callbacks=_build_callbacks(run, config, has_progress_bar),
        plugins=[AtomicCheckpoints()],
        enable_progress_bar=has_progress_bar,
        enable_model_summary=False,
    )


def _build_callbacks(run: RunDir, config: Config, has_progress_bar: bool) -> list[Callback]:
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
    return callbacks


def seconds_per_picture(config: Config) -> float:
    """Return how long a training picture takes on this machine: the fastest of three steps on noise."""
    hardware = find_hardware(config.training.precision)
    device = torch.device(hardware.accelerator)
    module = CarSegmentation(config).to(device)
    count, (width, height) = config.training.batch_size, config.input.size_wh
    pictures = torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8, device=device)
    target = torch.rand(count, 1, height, width, device=device)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=hardware.precision.startswith("bf16")):
            logits = module.logits(pictures)
        loss = module.loss(logits, target)
        torch.autograd.backward(loss)
        module.zero_grad()
        loss.item()  # waits for the GPU
        seconds.append(time.perf_counter() - start)
    return min(seconds) / count


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's tips, and its warnings about what is intended here."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # the folder of a run that is resumed is not empty, and frozen layers are in eval mode
            intended = "num_workers|dataloader|number of training batches|exists and is not empty|in eval mode"
            warnings.filterwarnings("ignore", f".*({intended})")
            # Lightning uses deprecated calls of torch
            warnings.filterwarnings("ignore", category=FutureWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
