"""Describe a batch's task and cut its pictures into shards, so that other processes and machines can do a share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from carvanamask.batch.pipeline import Predicted, predict_all
from carvanamask.batch.writers import ResultWriter
from carvanamask.data.picture_list import BatchItem
from carvanamask.errors import DataError
from carvanamask.io.process import keep_freed_memory
from carvanamask.model.build import build_predictor
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import Predictor
from carvanamask.version import __version__

SHARD_SIZE = 32
"""Pictures in a shard: what crosses a network at a time, and what a killed machine loses."""

MIN_SHARDS = 32
"""Shards of a batch that has as many pictures: each worker gets some, and all end at about the same time."""

Shard = Sequence[BatchItem]


@dataclass(frozen=True)
class FinishedPicture:
    """The journal's entry of a picture whose result is written."""

    content_hash: str
    """Hash of the bytes that were read."""
    value: str
    """The text that the result writer returned."""


Outcome = tuple[BatchItem, FinishedPicture | DataError]


@dataclass(frozen=True)
class Task:
    """The work on each picture of a batch. It pickles, so that other processes can do the same."""

    model: ModelFile
    device: Device
    arithmetic: str
    """Engine and precision of the first process: a batch must not mix the results of several."""
    writer: ResultWriter

    @property
    def key(self) -> str:
        """Name of the journal: 8 hex digits of the model's hash, and 8 of the hash of all that decides about a result.

        That is the model, its card, the version, the precision and the writer's options.
        """
        fingerprint = {
            "model": self.model.identity,
            "card": self.model.card.model_dump_json(),
            "version": __version__,
            "arithmetic": self.arithmetic,
            "writer": self.writer.fingerprint(),
        }
        digest = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()
        return f"{self.model.identity[:8]}-{digest[:8]}"

    def build_predictor(self, threads: int = 0) -> Predictor:
        """Return a predictor of the task's model. Raises DataError where this machine would compute something else."""
        predictor = build_predictor(self.model, self.device, threads)
        if predictor.arithmetic != self.arithmetic:
            raise DataError(
                f"a machine computes with {predictor.arithmetic}, the first with {self.arithmetic}",
                "use machines of the same kind",
            )
        return predictor

    def finish(self, predicted: Predicted[BatchItem]) -> FinishedPicture:
        """Write the picture's result and return what the journal keeps."""
        return FinishedPicture(predicted.content_hash, self.writer.write(predicted))


@dataclass(frozen=True)
class Executor:
    """Takes shards and returns at once; the future holds the outcomes of their pictures."""

    submit: Callable[[Shard], Future[list[Outcome]]]
    limit: Callable[[], int]
    """Returns how many shards may wait or run at a time."""
    shard_size: int = SHARD_SIZE
    """The most pictures in a shard."""


_predictors: dict[str, Predictor] = {}
"""The predictor of this worker's task, by its key."""


def process_in_worker(task: Task, threads: int, shard: Shard) -> list[Outcome]:
    """Process a shard with all threads of this process, which is a worker; return the outcome of each picture."""
    if task.key not in _predictors:
        keep_freed_memory()
        _predictors.clear()
        _predictors[task.key] = task.build_predictor(threads)
    return list(predict_all(_predictors[task.key], shard, task.finish))


def cut_into_shards(items: Sequence[BatchItem], size: int) -> Iterator[Shard]:
    """Yield the items in order, at most `size` at a time; fewer where there are few, so that all workers get some."""
    size = max(1, min(size, len(items) // MIN_SHARDS))
    for start in range(0, len(items), size):
        yield items[start : start + size]
