"""Many pictures through one predictor: while the network has one, others are read, cut and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from carvanamask.core.cores import cores
from carvanamask.core.errors import DataError, FileNameError, PictureError
from carvanamask.core.folders import S, Sample, cars_of
from carvanamask.core.heap import keep_freed_memory
from carvanamask.core.mask import ProbabilityMap
from carvanamask.core.pictures import load_with_content
from carvanamask.inference.predictor import AT_ONCE, Predictor

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Predicted(Generic[S]):
    """One picture, read and predicted."""

    sample: S
    picture: np.ndarray
    """RGB uint8 (height, width, 3)."""
    probabilities: ProbabilityMap
    """Of the picture's size."""
    content: str = ""
    """Hash of the file's bytes."""


Work = Callable[[Predicted[S]], T]
"""What becomes of a picture; runs in a thread, and may raise DataError."""


def predict_all(predictor: Predictor, samples: Iterable[S], work: Work[S, T]) -> Iterator[tuple[S, T | DataError]]:
    """Each sample with what `work` made of it, or with the error that its picture caused, in the order they finish.

    A predictor that sees views gets all of a car's pictures that can be read together. Each thread carries one
    picture, or one car, all the way, so no more than that many are in memory.
    """
    units: Iterable[list[S]] = (
        list(cars_of(samples).values()) if predictor.sees_views else ([sample] for sample in samples)
    )
    keep_freed_memory()
    workers = threads_for(predictor)
    running: set[Future[list[tuple[S, T | DataError]]]] = set()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for unit in units:
                running.add(pool.submit(_carry, predictor, unit, work))
                if len(running) > workers:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        yield from future.result()
            for future in wait(running).done:
                yield from future.result()
        finally:  # whoever stops listening, or an error, doesn't wait for what hasn't begun
            pool.shutdown(wait=False, cancel_futures=True)


def threads_for(predictor: Predictor) -> int:
    """How many pictures, or cars of a predictor that sees views, are under way at a time."""
    return 2 if predictor.sees_views else min(AT_ONCE, cores() + 2)


def still_to_predict(predictor: Predictor, samples: Sequence[S], is_done: Callable[[S], bool]) -> list[S]:
    """The samples that aren't done; for a predictor that sees views, all of their cars' again."""
    left = [sample for sample in samples if not is_done(sample)]
    if not predictor.sees_views:
        return left
    cars = {sample.car for sample in left}
    return [sample for sample in samples if sample.car in cars]


def _carry(predictor: Predictor, unit: Sequence[S], work: Work[S, T]) -> list[tuple[S, T | DataError]]:
    results: list[tuple[S, T | DataError]] = []
    readable: list[tuple[S, np.ndarray, str]] = []
    try:
        for sample in unit:
            try:
                readable.append((sample, *load_with_content(sample.picture)))
            except DataError as error:
                results.append((sample, error))
        maps = predictor.predict_views([picture for _, picture, _ in readable])
        for (sample, picture, content), probabilities in zip(readable, maps, strict=True):
            try:
                results.append((sample, work(Predicted(sample, picture, probabilities, content))))
            except DataError as error:
                results.append((sample, error))
            except FileNameError as error:  # of this result alone: it doesn't keep the others from being written
                results.append((sample, PictureError(str(error))))
    except (MemoryError, cv2.error) as error:  # a picture too large for this machine, or for OpenCV
        finished = {sample for sample, _ in results}
        results += [(sample, _too_much(sample, error)) for sample in unit if sample not in finished]
    return results


def _too_much(sample: Sample, error: Exception) -> PictureError:
    reason = " ".join(str(error).split()) or "not enough memory"
    return PictureError(f"{sample.picture} can't be processed ({reason}): shrink it")
