"""Labelled pictures at the network's size, in an order and with an augmentation that the seed determines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, Subset, default_collate

from carvanamask.core.geometry import Box
from carvanamask.data.kaggle_folder import Sample
from carvanamask.errors import CarvanaMaskError, ConfigError
from carvanamask.io.process import cpu_count
from carvanamask.io.read import load_pair
from carvanamask.model.preprocess import preprocess
from carvanamask.training.augment import augment
from carvanamask.training.composites import Backgrounds
from carvanamask.training.config import AugmentConfig, Config, InputConfig, TrainingConfig
from carvanamask.training.lineage import TrainingData


def load_network_input(sample: Sample, config: InputConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return what the network sees of a labelled picture, uint8 (H, W, 3), and the truth there, bool at full size.

    A refinement network sees the crop around the car. Outside of it there is no car and no prediction finds one, so a
    score on the crop is also the picture's.
    """
    assert sample.mask is not None, f"{sample.picture} has no label"
    picture, mask = load_pair(sample.picture, sample.mask)
    truth = mask.pixels
    box = Box.for_crop(truth, mask.size_wh, config.size_wh) if config.sees_crop else None
    if box:
        picture, truth = box.crop(picture), box.crop(truth)
    return preprocess(picture, config.size_wh, config.clahe), truth


def shrink_pair(sample: Sample, config: InputConfig) -> np.ndarray:
    """Return a picture and its mask at the network's size: uint8 (H, W, 4), RGB and the pixel's car share of 255."""
    pixels, truth = load_network_input(sample, config)
    coverage = cv2.resize(truth.astype(np.uint8) * 255, config.size_wh, interpolation=cv2.INTER_AREA)
    return np.dstack([pixels, coverage])


SHARED_MEMORY = Path("/dev/shm")
"""Where Linux keeps memory that processes share. A container may have 64 MB, and using more ends in a crash."""


class ShrunkenPairs:
    """Pairs at the network's size, cached in memory that worker processes share if they fit."""

    def __init__(self, samples: Sequence[Sample], config: InputConfig, cache_gb: float) -> None:
        self.samples, self.config = samples, config
        width, height = config.size_wh
        self.why_not_cached = _why_not_cached(len(samples) * height * width * 4, cache_gb)
        """'' if they are cached."""
        if not self.why_not_cached:
            self.cache = _share(torch.empty((len(samples), height, width, 4), dtype=torch.uint8))
            self.is_cached = _share(torch.zeros(len(samples), dtype=torch.bool))

    def __getitem__(self, index: int) -> np.ndarray:
        if self.why_not_cached:
            return shrink_pair(self.samples[index], self.config)
        if not self.is_cached[index]:
            self.cache[index] = torch.from_numpy(shrink_pair(self.samples[index], self.config))
            self.is_cached[index] = True  # last, so that no worker reads half a picture
        pair: np.ndarray = self.cache[index].numpy()
        return pair


def _why_not_cached(needed: int, cache_gb: float) -> str:
    """Return why so many bytes can't be cached, or ''; a tenth of the shared memory is left to others."""
    free = shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None
    if needed <= cache_gb * 1e9 and (free is None or needed <= 0.9 * free):
        return ""
    available = "" if free is None else f", and {SHARED_MEMORY} has {free / 1e9:.3g} GB free"
    return f"a cache takes {needed / 1e9:.3g} GB, training.cache_gb allows {cache_gb:.3g}{available}"


class TrainingPictures(Dataset[np.ndarray]):
    """(epoch, index) → an augmented pair, uint8 (H, W, 4); the same key gives the same pixels in any process."""

    def __init__(self, pairs: ShrunkenPairs, config: AugmentConfig, seed: int) -> None:
        self.pairs, self.config, self.seed = pairs, config, seed
        self.backgrounds = Backgrounds(config.background_folder)

    def __getitem__(self, key: tuple[int, int]) -> np.ndarray:
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        index %= len(self.pairs.samples)  # a larger index repeats a picture within the epoch, augmented differently
        return augment(self.pairs[index], self.config, rng, self.backgrounds)


class ValidationPictures(Dataset[tuple[np.ndarray, np.ndarray]]):
    """index → (the network's input, the truth at full size as uint8 0/1)."""

    def __init__(self, samples: Sequence[Sample], config: InputConfig) -> None:
        self.samples, self.config = samples, config

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        pixels, truth = load_network_input(self.samples[index], self.config)
        return pixels, truth.astype(np.uint8)


class ErrorsAsItems(Dataset[Any]):
    """Another dataset, which returns its errors: one that a worker process raises would arrive as a traceback."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset

    def __getitem__(self, key: Any) -> Any:
        try:
            return self.dataset[key]
        except CarvanaMaskError as error:
            return error


class EpochSampler(Sampler[tuple[int, int]]):
    """(epoch, index) keys in an order that the seed and the epoch determine; each device takes its own part.

    An epoch shows each of the `real` pictures once and some of the `pseudo` ones that follow them, every one once
    before any is repeated. A repeated picture has an index that is larger by the number of all pictures. With
    `epochs_per_pass` > 1 an epoch shows its part of all that.
    """

    def __init__(self, config: TrainingConfig, real: int, pseudo: int, rank: int, devices: int) -> None:
        self.seed, self.epochs_per_pass = config.seed, config.epochs_per_pass
        self.real, self.pseudo, self.drawn = real, pseudo, config.pseudo_count(real, pseudo)
        self.rank, self.devices = rank, devices
        self.epoch = 0
        if not len(self):
            raise ConfigError(
                f"training.epochs_per_pass = {self.epochs_per_pass}: {real + self.drawn} pictures on {devices} devices "
                "leave none for an epoch",
                "use a smaller one",
            )

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch, also the first after an interruption."""
        self.epoch = epoch

    def __len__(self) -> int:
        # the same on all devices and in all epochs
        return (self.real + self.drawn) // self.epochs_per_pass // self.devices

    def __iter__(self) -> Iterator[tuple[int, int]]:
        passes, part = divmod(self.epoch, self.epochs_per_pass)
        rng = np.random.default_rng((self.seed, passes))
        rounds = -(-self.drawn // self.pseudo) if self.pseudo else 0
        offsets = [self.real + number * (self.real + self.pseudo) for number in range(rounds)]
        drawn = [offset + rng.permutation(self.pseudo) for offset in offsets]
        indices = np.concatenate([np.arange(self.real), *drawn])[: self.real + self.drawn]
        order = rng.permutation(indices)[part :: self.epochs_per_pass]
        for index in order[self.rank :: self.devices][: len(self)]:
            yield self.epoch, int(index)


class CarPictures(L.LightningDataModule):
    """The data loaders of a run."""

    def __init__(self, config: Config, data: TrainingData) -> None:
        super().__init__()
        self.config = config.training
        self.real, self.pseudo = len(data.training), len(data.pseudo)
        pairs = ShrunkenPairs([*data.training, *data.pseudo], config.input, config.training.cache_gb)
        self.training = TrainingPictures(pairs, config.augment, config.training.seed)
        self.validation = ValidationPictures(data.validation, config.input)
        self.why_not_cached = pairs.why_not_cached

    def train_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        sampler = EpochSampler(self.config, self.real, self.pseudo, self.trainer.global_rank, self.trainer.world_size)
        workers = reader_count(self.config.workers)
        return DataLoader(
            ErrorsAsItems(self.training),
            batch_size=min(self.config.batch_size, len(sampler)),
            sampler=sampler,
            num_workers=workers,
            collate_fn=partial(_collate, stack=default_collate),
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            drop_last=True,  # a last batch of one picture would harm batch normalisation
        )

    def val_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        share = range(self.trainer.global_rank, len(self.validation), self.trainer.world_size)
        return DataLoader(
            Subset(ErrorsAsItems(self.validation), share),
            batch_size=self.config.batch_size,
            num_workers=reader_count(self.config.workers),
            collate_fn=partial(_collate, stack=_stack_inputs),
        )

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Raise the error that a worker returned instead of a picture."""
        if isinstance(batch, CarvanaMaskError):
            raise batch
        return batch


def reader_count(workers: int | None) -> int:
    """Return the number of processes that read pictures: enough to feed a GPU, or one besides a CPU's threads."""
    if workers is not None:
        return workers
    return min(12, max(1, cpu_count() - 2)) if torch.cuda.is_available() else min(1, cpu_count() - 1)


def _share(tensor: Tensor) -> Tensor:
    shared: Tensor = tensor.share_memory_()  # type: ignore[no-untyped-call]
    return shared


def _collate(batch: list[Any], stack: Callable[[list[Any]], Any]) -> Any:
    """Return what `stack` makes of the items, or the first error among them."""
    return next((item for item in batch if isinstance(item, CarvanaMaskError)), None) or stack(batch)


def _stack_inputs(batch: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, list[Tensor]]:
    """Return the inputs as one tensor and the truths, whose sizes differ, as a list."""
    pictures, truths = zip(*batch, strict=True)
    return torch.from_numpy(np.stack(pictures)), [torch.from_numpy(truth) for truth in truths]
