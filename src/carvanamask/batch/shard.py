"""What other processes and machines need for their share of a batch: the task, some pictures, and how they get them."""

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

Shard = Sequence[BatchItem]


@dataclass(frozen=True)
class Written:
    """What the journal keeps of a picture whose result is written."""

    content: str
    """Hash of the bytes that were read."""
    value: str
    """What the result writer returned."""


Outcome = tuple[BatchItem, Written | DataError]


@dataclass(frozen=True)
class Task:
    """What is done with every picture. It pickles, so that other processes can do the same."""

    model: ModelFile
    device: Device
    arithmetic: str
    """What the first process computes with: a batch must not mix the results of several."""
    writer: ResultWriter

    @property
    def key(self) -> str:
        """Name of the journal: eight digits of the model, eight of all that decides about a result but its picture."""
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

    def finish(self, predicted: Predicted[BatchItem]) -> Written:
        """Write the picture's result and return what the journal keeps."""
        return Written(predicted.content, self.writer.write(predicted))


@dataclass(frozen=True)
class Executor:
    """Takes shards and returns at once; what becomes of their pictures is in the future."""

    submit: Callable[[Shard], Future[list[Outcome]]]
    limit: Callable[[], int]
    """How many shards may wait or run at a time."""
    shard_size: int = SHARD_SIZE
    """The most pictures in a shard."""


_predictors: dict[str, Predictor] = {}
"""The predictor of this worker's task, by its key."""


def process_in_worker(task: Task, threads: int, shard: Shard) -> list[Outcome]:
    """Return what became of each picture, processed by all threads of this process, which is a worker."""
    if task.key not in _predictors:
        keep_freed_memory()
        _predictors.clear()
        _predictors[task.key] = task.build_predictor(threads)
    return list(predict_all(_predictors[task.key], shard, task.finish))


def cut_into_shards(items: Sequence[BatchItem], size: int) -> Iterator[Shard]:
    """Yield the items in order, at most `size` at a time; fewer where there are few, so that all workers get some."""
    size = max(1, min(size, len(items) // 32))
    for start in range(0, len(items), size):
        yield items[start : start + size]
