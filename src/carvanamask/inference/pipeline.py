"""Many pictures through one predictor: while the network has one, others are read, cut and written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import numpy as np

from carvanamask.core.errors import DataError
from carvanamask.core.folders import Sample, cars_of
from carvanamask.core.mask import ProbabilityMap
from carvanamask.core.pictures import load_picture
from carvanamask.inference.predictor import Predictor

T = TypeVar("T")

Work = Callable[[Sample, np.ndarray, ProbabilityMap], T]
"""What becomes of a sample, its picture and its map; runs in a thread, and may raise DataError."""


def predict_all(
    predictor: Predictor, samples: Iterable[Sample], work: Work[T]
) -> Iterator[tuple[Sample, T | DataError]]:
    """Each sample with what `work` made of it, or with the error that its picture caused, in the order they finish.

    A predictor that sees views gets all of a car's pictures that can be read together. Each thread carries one
    picture, or one car, all the way, so no more than that many are in memory.
    """
    units: Iterable[list[Sample]] = (
        list(cars_of(samples).values()) if predictor.sees_views else ([sample] for sample in samples)
    )
    workers = 2 if predictor.sees_views else min(8, (os.cpu_count() or 1) + 2)
    running: set[Future[list[tuple[Sample, T | DataError]]]] = set()
    with ThreadPoolExecutor(workers) as pool:
        for unit in units:
            running.add(pool.submit(_carry, predictor, unit, work))
            if len(running) > workers:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield from future.result()
        for future in wait(running).done:
            yield from future.result()


def still_to_predict(
    predictor: Predictor, samples: Sequence[Sample], is_done: Callable[[Sample], bool]
) -> list[Sample]:
    """The samples that aren't done; for a predictor that sees views, all of their cars' again."""
    left = [sample for sample in samples if not is_done(sample)]
    if not predictor.sees_views:
        return left
    cars = {sample.car for sample in left}
    return [sample for sample in samples if sample.car in cars]


def _carry(predictor: Predictor, unit: Sequence[Sample], work: Work[T]) -> list[tuple[Sample, T | DataError]]:
    results: list[tuple[Sample, T | DataError]] = []
    readable: list[tuple[Sample, np.ndarray]] = []
    for sample in unit:
        try:
            readable.append((sample, load_picture(sample.picture)))
        except DataError as error:
            results.append((sample, error))
    maps = predictor.predict_views([picture for _, picture in readable])
    for (sample, picture), probabilities in zip(readable, maps, strict=True):
        try:
            results.append((sample, work(sample, picture, probabilities)))
        except DataError as error:
            results.append((sample, error))
    return results
