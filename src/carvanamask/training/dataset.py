"""Labelled pictures at the network's size, in an order and with variations that the seed fixes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from carvanamask.core.geometry import Box
from carvanamask.core.mask import Mask
from carvanamask.data.kaggle_folder import Sample
from carvanamask.errors import ConfigError
from carvanamask.io.process import cpu_count
from carvanamask.io.read import load_pair
from carvanamask.model.preprocess import preprocess
from carvanamask.training.augment import augment
from carvanamask.training.composites import Backgrounds
from carvanamask.training.config import AugmentConfig, Config, InputConfig


def shrink_pair(sample: Sample, options: InputConfig) -> np.ndarray:
    """A picture and its mask, shrunk by area: uint8 (H, W, 4), RGB and the share of the pixel that is car, 0–255."""
    assert sample.mask is not None, f"{sample.picture} is no training picture"
    picture, is_car = _seen_part(*load_pair(sample.picture, sample.mask), options)
    coverage = cv2.resize(is_car.astype(np.uint8) * 255, options.size_wh, interpolation=cv2.INTER_AREA)
    return np.dstack([preprocess(picture, options.size_wh, options.clahe), coverage])


def _seen_part(picture: np.ndarray, mask: Mask, options: InputConfig) -> tuple[np.ndarray, np.ndarray]:
    """The picture and its mask's pixels, or, for a network that zooms, the part that holds the car.

    There is no car outside of it, and no prediction finds one there: a score of the part is the picture's.
    """
    box = Box.for_crop(mask.pixels, mask.size_wh, options.size_wh) if options.sees_crop else None
    return (box.crop(picture), box.crop(mask.pixels)) if box else (picture, mask.pixels)


SHARED_MEMORY = Path("/dev/shm")
"""Where Linux keeps what processes share. In a container that may be 64 MB, and claiming more ends in a crash."""


class ShrunkenPairs:
    """Pairs at the network's size, kept in memory that worker processes share, where they fit."""

    def __init__(self, samples: Sequence[Sample], options: InputConfig, cache_gb: float) -> None:
        self.samples, self.options = samples, options
        width, height = options.size_wh
        self.why_not_cached = _why_not_cached(len(samples) * height * width * 4, cache_gb)
        """'' where they are kept in memory."""
        if not self.why_not_cached:
            self.cache = _shared(torch.empty((len(samples), height, width, 4), dtype=torch.uint8))
            self.is_cached = _shared(torch.zeros(len(samples), dtype=torch.bool))

    def __getitem__(self, index: int) -> np.ndarray:
        if self.why_not_cached:
            return shrink_pair(self.samples[index], self.options)
        if not self.is_cached[index]:
            self.cache[index] = torch.from_numpy(shrink_pair(self.samples[index], self.options))
            self.is_cached[index] = True  # last, so that a worker never reads half a picture
        pair: np.ndarray = self.cache[index].numpy()
        return pair


def _why_not_cached(needed: int, cache_gb: float) -> str:
    """What keeps so many bytes from being kept, in words, or ''; a tenth of the shared memory is for others."""
    free = shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None
    if needed <= cache_gb * 1e9 and (free is None or needed <= 0.9 * free):
        return ""
    has = "" if free is None else f", and {SHARED_MEMORY} has {free / 1e9:.3g} GB free"
    return f"to keep them in memory takes {needed / 1e9:.3g} GB, training.cache_gb allows {cache_gb:.3g}{has}"


class TrainingPictures(Dataset[np.ndarray]):
    """(epoch, index) → a varied pair, uint8 (H, W, 4).

    The same key gives the same pixels on any worker.
    """

    def __init__(self, pairs: ShrunkenPairs, config: AugmentConfig, seed: int) -> None:
        self.pairs, self.config, self.seed = pairs, config, seed
        self.backgrounds = Backgrounds(config.background_folder)

    def __getitem__(self, key: tuple[int, int]) -> np.ndarray:
        epoch, index = key
        rng = np.random.default_rng((self.seed, epoch, index))
        index %= len(self.pairs.samples)  # beyond the last: a picture's next turn in this epoch, varied anew
        return augment(self.pairs[index], self.config, rng, self.backgrounds)


class ValidationPictures(Dataset[tuple[np.ndarray, np.ndarray]]):
    """index → (what the network sees, the truth there at the picture's own scale as uint8 0/1)."""

    def __init__(self, samples: Sequence[Sample], options: InputConfig) -> None:
        self.samples, self.options = samples, options

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        sample = self.samples[index]
        assert sample.mask is not None
        picture, is_car = _seen_part(*load_pair(sample.picture, sample.mask), self.options)
        levels = preprocess(picture, self.options.size_wh, self.options.clahe)
        return levels, is_car.astype(np.uint8)


class EpochSampler(Sampler[tuple[int, int]]):
    """(epoch, index) keys in an order fixed by the seed and the epoch; each device takes its own share.

    An epoch shows each of `length` pictures once and draws `drawn` of the `pool` that follow them: every one once
    before any comes again. A picture that comes again has an index greater by the number of all pictures. With more
    than one `epochs_per_pass`, an epoch shows its part of all that.
    """

    def __init__(
        self,
        length: int,
        seed: int,
        rank: int,
        devices: int,
        pool: int = 0,
        drawn: int = 0,
        epochs_per_pass: int = 1,
    ) -> None:
        self.length, self.seed, self.rank, self.devices = length, seed, rank, devices
        self.pool, self.drawn, self.epochs_per_pass = pool, drawn, epochs_per_pass
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch, also the first after an interruption."""
        self.epoch = epoch

    def __len__(self) -> int:
        # all devices take equally many steps, in all epochs
        return (self.length + self.drawn) // self.epochs_per_pass // self.devices

    def __iter__(self) -> Iterator[tuple[int, int]]:
        passes, part = divmod(self.epoch, self.epochs_per_pass)
        rng = np.random.default_rng((self.seed, passes))
        turns = -(-self.drawn // self.pool) if self.pool else 0
        later = [self.length + turn * (self.length + self.pool) + rng.permutation(self.pool) for turn in range(turns)]
        printable = np.concatenate([np.arange(self.length), *later])[: self.length + self.drawn]
        order = rng.permutation(printable)[part :: self.epochs_per_pass]
        for index in order[self.rank :: self.devices][: len(self)]:
            yield self.epoch, int(index)


class CarPictures(L.LightningDataModule):
    """The loaders of one run."""

    def __init__(
        self,
        config: Config,
        training: Sequence[Sample],
        validation: Sequence[Sample],
        pseudo: Sequence[Sample] = (),
    ) -> None:
        """Of `pseudo`, the pictures with pseudo-labels, an epoch shows as many as the options ask."""
        super().__init__()
        self.config = config
        self.validation = ValidationPictures(validation, config.input)
        self.real_count = len(training)
        pairs = ShrunkenPairs([*training, *pseudo], config.input, config.training.cache_gb)
        self.training = TrainingPictures(pairs, config.augment, config.training.seed)
        self.why_not_cached = pairs.why_not_cached

    def train_dataloader(self) -> DataLoader[np.ndarray]:
        assert self.trainer is not None
        options = self.config.training
        pool = len(self.training.pairs.samples) - self.real_count
        drawn = options.pseudo_count(self.real_count, pool)
        rank, devices = self.trainer.global_rank, self.trainer.world_size
        sampler = EpochSampler(self.real_count, options.seed, rank, devices, pool, drawn, options.epochs_per_pass)
        if not len(sampler):
            count = self.real_count + drawn
            raise ConfigError(
                f"training.epochs_per_pass = {options.epochs_per_pass}: {count} pictures on {devices} devices leave none "
                "for an epoch: use a smaller one"
            )
        workers = reader_count(options.workers)
        return DataLoader(
            self.training,
            batch_size=min(options.batch_size, len(sampler)),
            sampler=sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            drop_last=True,  # a last batch of one picture would upset batch normalisation
        )

    def val_dataloader(self) -> DataLoader[tuple[np.ndarray, np.ndarray]]:
        assert self.trainer is not None
        share = range(self.trainer.global_rank, len(self.validation), self.trainer.world_size)
        return DataLoader(
            torch.utils.data.Subset(self.validation, share),
            batch_size=self.config.training.batch_size,
            num_workers=reader_count(self.config.training.workers),
            collate_fn=_collate_validation,
        )


def reader_count(workers: int | None) -> int:
    """Processes that read pictures: on a GPU as many as feed it, on the CPU one beside the network's threads."""
    if workers is not None:
        return workers
    return min(12, max(1, cpu_count() - 2)) if torch.cuda.is_available() else min(1, cpu_count() - 1)


def _shared(tensor: Tensor) -> Tensor:
    shared: Tensor = tensor.share_memory_()  # type: ignore[no-untyped-call]
    return shared


def _collate_validation(batch: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, list[Tensor]]:
    """Pictures share a size; truths are as large as their photographs, so they stay a list."""
    pictures, truths = zip(*batch, strict=True)
    return torch.from_numpy(np.stack(pictures)), [torch.from_numpy(truth) for truth in truths]
