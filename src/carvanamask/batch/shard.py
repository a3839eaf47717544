"""The one cargo: some pictures and what is to be done with each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from carvanamask.batch.pipeline import Predicted, predict_all
from carvanamask.data.picture_list import BatchItem
from carvanamask.errors import DataError
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import Predictor
from carvanamask.version import __version__

SHARD = 32
"""Pictures a shard: what an interruption loses, and what crosses a network at a time."""


@dataclass(frozen=True)
class Task:
    """What is done with every picture. Travels to other processes, so `work` has to be a value that pickles."""

    model: ModelFile
    device: str
    arithmetic: str
    """What the first process computes with; another result than its bits would be a mixture."""
    work: Callable[[Predicted[BatchItem]], str]
    """Writes what is to be written and returns what is to be kept of it; its repr tells all that decides about both."""

    @property
    def key(self) -> str:
        """Names the model, then all that decides about a result: its card, this program's version, the arithmetic, what
        is made of a map."""
        options = f"{self.model.card.model_dump_json()} {__version__} {self.arithmetic} {self.work!r}"
        return f"{self.model.identity[:8]}-{hashlib.sha256(options.encode()).hexdigest()[:8]}"

    def build_predictor(self, threads: int = 0) -> Predictor:
        """Raises DataError where this machine would compute something else."""
        predictor = build_predictor(self.model, self.device, threads)
        if predictor.arithmetic != self.arithmetic:
            raise DataError(
                f"a machine computes with {predictor.arithmetic}, the first with {self.arithmetic}: use machines alike"
            )
        return predictor


@dataclass(frozen=True)
class Shard:
    """Some pictures of a batch."""

    number: int
    items: tuple[BatchItem, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of one picture."""

    key: str
    content: str = ""
    """Hash of the bytes that were read."""
    value: str = ""
    """What the task's work returned."""
    error: DataError | None = None
    """Why there is no value; None where there is one."""


def cut_into_shards(items: Sequence[BatchItem], size: int = SHARD) -> Iterator[Shard]:
    """Yield the items in their order, `size` in each shard."""
    for number, start in enumerate(range(0, len(items), size)):
        yield Shard(number, tuple(items[start : start + size]))


def carry(task: Task, predictor: Predictor, shards: Iterable[Shard]) -> Generator[list[Outcome]]:
    """Each shard's outcomes once all of it is finished; the next shards' pictures are under way by then."""
    under_way: dict[str, tuple[int, list[Outcome]]] = {}

    def items() -> Iterator[BatchItem]:
        for shard in shards:
            outcomes: list[Outcome] = []
            for item in shard.items:
                under_way[item.key] = len(shard.items), outcomes
            yield from shard.items

    def work(predicted: Predicted[BatchItem]) -> tuple[str, str]:
        return predicted.content, task.work(predicted)

    for item, result in predict_all(predictor, items(), work):
        size, outcomes = under_way.pop(item.key)
        if isinstance(result, DataError):
            outcomes.append(Outcome(item.key, error=result))
        else:
            outcomes.append(Outcome(item.key, *result))
        if len(outcomes) == size:
            yield outcomes
