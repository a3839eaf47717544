"""The way from file to mask file as work for a stopwatch: whole, and each of its parts alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from carvanamask.batch.pipeline import Predicted, predict_all, threads_for_pictures
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.data.picture_list import BatchItem
from carvanamask.errors import DataError
from carvanamask.io.read import load_picture
from carvanamask.io.write import save_mask
from carvanamask.jobs.stopwatch import Work
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.model.predictor import Predictor, network_input, shrink

IN_MEMORY = 8
"""Pictures that are shrunk again and again: one of a studio's camera can take half a gigabyte."""

SmallMap = tuple[np.ndarray, tuple[int, int]]
"""Probabilities at the network's size, float32 (height, width), and the picture's width and height."""


See = Callable[[np.ndarray], np.ndarray]
"""A picture → what the network sees of it."""

Ask = Callable[[Sequence[np.ndarray]], list[np.ndarray]]
"""What the network sees of one picture, or of one car's → its probabilities, not enlarged."""

Look = Callable[[ProbabilityMap, Mask], object]
"""What a batch does with a mask besides writing it."""

T = TypeVar("T")


@dataclass(frozen=True)
class Workload:
    """Each part finds what it needs at hand, and runs in as many threads as the whole way has."""

    stages: tuple[Work, ...]
    """All but the network."""
    networks: tuple[Work, ...]
    """One picture at a time, and as many as on the whole way: what an engine is better at differs."""
    whole: Work


@contextmanager
def workload(
    predictor: Predictor,
    card: ModelCard,
    items: Sequence[BatchItem],
    folder: Path,
    look: Look = lambda found, mask: None,
) -> Iterator[Workload]:
    """Masks go to `folder`. Raises DataError for a picture that can't be read."""
    threads = threads_for_pictures()
    see, ask = _network_alone(predictor, card)
    pictures, seen, maps = _prepared(predictor, items, see, ask)
    finish = partial(_finish, card, look)
    masks = [(folder / f"{place}.png", finish(small)) for place, small in enumerate(maps)]
    with ThreadPoolExecutor(threads) as pool:  # one for all: a thread's first request to an engine takes longer

        def part(name: str, work: Callable[[T], object], things: Sequence[T], count: int = len(items)) -> Work:
            return Work(name, threads, lambda: _exhausted(pool.map(work, things), count))

        stages = (
            part("decode", lambda item: load_picture(item.picture), items),
            part("shrink", see, pictures, len(pictures)),
            part("enlarge, threshold, clean up, look", finish, maps),
            part("write mask PNG", lambda mask: save_mask(*mask), masks),
        )
        networks = (
            Work("network, one picture at a time", 1, lambda: _exhausted(map(ask, seen), len(items))),
            part("network, as on the whole way", ask, seen),
        )
        whole = Work("file to mask file", threads, partial(_whole_way, predictor, card, items, folder, look))
        yield Workload(stages, networks, whole)


def _network_alone(predictor: Predictor, card: ModelCard) -> tuple[See, Ask]:
    """Of several networks, or passes, nothing can be taken apart: they get pictures that are small already."""
    infer = getattr(predictor, "infer", None)
    if infer is not None:
        return lambda picture: network_input(picture, card), lambda seen: [infer(levels) for levels in seen]
    return (
        lambda picture: shrink(picture, card.input_size_wh),
        lambda seen: [predictor.predict(picture).values for picture in seen],
    )


def _prepared(
    predictor: Predictor, items: Sequence[BatchItem], see: See, ask: Ask
) -> tuple[list[np.ndarray], list[list[np.ndarray]], list[SmallMap]]:
    """Some pictures; what the network sees of all, one by one or car by car; and what it says of them."""
    units = [[item] for item in items]
    pictures: list[np.ndarray] = []
    seen: list[list[np.ndarray]] = []
    maps: list[SmallMap] = []
    for unit in units:
        views = [load_picture(item.picture) for item in unit]
        pictures += views[: IN_MEMORY - len(pictures)]
        seen.append([see(view) for view in views])
        sizes_wh = [(view.shape[1], view.shape[0]) for view in views]
        maps += zip(ask(seen[-1]), sizes_wh, strict=True)
    return pictures, seen, maps


def _finish(card: ModelCard, look: Look, small: SmallMap) -> Mask:
    values, size_wh = small
    return _cut_and_look(ProbabilityMap(values).resized(size_wh), card, look)


def _cut_and_look(probabilities: ProbabilityMap, card: ModelCard, look: Look) -> Mask:
    mask = make_mask(probabilities, card)
    look(probabilities, mask)
    return mask


def _exhausted(results: Iterable[object], pictures: int) -> int:
    for _ in results:
        pass
    return pictures


def _whole_way(predictor: Predictor, card: ModelCard, items: Sequence[BatchItem], folder: Path, look: Look) -> int:
    def keep(found: Predicted[BatchItem]) -> None:
        save_mask(folder / f"{found.sample.output_name}.png", _cut_and_look(found.probabilities, card, look))

    for _, error in predict_all(predictor, items, keep):
        if isinstance(error, DataError):
            raise error
    return len(items)
