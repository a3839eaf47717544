"""Many pictures through one predictor: while the network has one, others are read, cut out and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from carvanamask.core.mask import ProbabilityMap
from carvanamask.data.kaggle_folder import S
from carvanamask.errors import DataError, FileNameError, PictureError
from carvanamask.io.process import cpu_count
from carvanamask.io.read import load_picture_with_digest
from carvanamask.model.predictor import MAX_CONCURRENCY, Predictor

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


Finish = Callable[[Predicted[S]], T]
"""Turns a predicted picture into its result, such as a file or a score; runs in a thread, and may raise DataError."""


def predict_all(predictor: Predictor, samples: Iterable[S], finish: Finish[S, T]) -> Iterator[tuple[S, T | DataError]]:
    """Yield each sample with what `finish` returned, or with the error of its picture, in the order they finish."""
    with picture_threads() as (pool, limit):
        futures = (pool.submit(process_pictures, predictor, [sample], finish) for sample in samples)
        for outcomes in in_order_of_finish(futures, lambda: limit):
            yield from outcomes


def process_pictures(predictor: Predictor, samples: Iterable[S], finish: Finish[S, T]) -> list[tuple[S, T | DataError]]:
    """Return each sample with what `finish` returned, or with the error of its picture, one after the other.

    One thread takes a picture from file to result, so no more pictures than threads are in memory.
    """
    outcomes: list[tuple[S, T | DataError]] = []
    for sample in samples:
        try:
            picture, content = load_picture_with_digest(sample.picture)
            outcomes.append((sample, finish(Predicted(sample, picture, predictor.predict(picture), content))))
        except DataError as error:
            outcomes.append((sample, error))
        except FileNameError as error:  # only this result can't be written: the others can
            outcomes.append((sample, PictureError(error.reason, error.repair, error.path)))
        except (MemoryError, cv2.error) as error:  # a picture too large for this machine, or for OpenCV
            reason = " ".join(str(error).split()) or "not enough memory"
            outcomes.append((sample, PictureError(f"can't be processed ({reason})", "shrink it", sample.picture)))
    return outcomes


def in_order_of_finish(futures: Iterable[Future[T]], limit: Callable[[], int]) -> Iterator[T]:
    """Yield the futures' results as they come; the next future is taken once at most `limit()` are running."""
    running: set[Future[T]] = set()
    for future in futures:
        running.add(future)
        if len(running) > limit():
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (each.result() for each in finished)
    yield from (each.result() for each in as_completed(running))


@contextmanager
def picture_threads() -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """Yield this process's threads for pictures, and their number."""
    threads = threads_for_pictures()
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield pool, threads
        finally:  # neither an error nor a caller who stops early waits for pictures that haven't begun
            pool.shutdown(wait=False, cancel_futures=True)


def threads_for_pictures() -> int:
    """Return how many pictures one process has in progress."""
    return min(MAX_CONCURRENCY, cpu_count() + 2)
