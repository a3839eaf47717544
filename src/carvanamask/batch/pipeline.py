"""Process many pictures with one predictor: while the network has one, others are read, cut out and written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import cv2
import numpy as np

from carvanamask.core.mask import ProbabilityMap
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import S
from carvanamask.errors import DataError, FileNameError, PictureError
from carvanamask.io.process import cpu_count
from carvanamask.io.read import load_picture_with_digest
from carvanamask.model.predictor import MAX_CONCURRENCY, Predictor

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Predicted(Generic[S]):
    """One picture, read and predicted."""

    sample: S
    picture: np.ndarray
    """RGB uint8 (height, width, 3)."""
    probabilities: ProbabilityMap
    """The probabilities at the picture's size."""
    content_hash: str
    """Hash of the file's bytes."""


Finish = Callable[[Predicted[S]], T]
"""Turns a predicted picture into its result, such as a file or a score; runs in a thread, and may raise DataError."""


def predict_all(predictor: Predictor, samples: Iterable[S], finish: Finish[S, T]) -> Iterator[tuple[S, T | DataError]]:
    """Yield each sample with what `finish` returned, or with the error of its picture, in their order."""
    threads = threads_for_pictures()
    work = partial(process_pictures, predictor, finish)
    # twice as many: while the first picture is slow, the other threads still have work
    for outcomes in map_in_order(work, ([sample] for sample in samples), threads, ahead=2 * threads):
        yield from outcomes


def finish_all(
    predictor: Predictor, samples: Sequence[S], finish: Finish[S, T], on_progress: OnProgress = ignore_progress
) -> Iterator[T]:
    """Yield what `finish` returned for each sample, in their order. Raises the first DataError of a picture."""
    for done, (_, outcome) in enumerate(predict_all(predictor, samples, finish), start=1):
        if isinstance(outcome, DataError):
            raise outcome
        yield outcome
        on_progress(Progress(len(samples), done))


def process_pictures(predictor: Predictor, finish: Finish[S, T], samples: Iterable[S]) -> list[tuple[S, T | DataError]]:
    """Return each sample with what `finish` returned, or with the error of its picture, one after the other.

    One thread takes a picture from file to result, so no more pictures than threads are in memory.
    """
    outcomes: list[tuple[S, T | DataError]] = []
    for sample in samples:
        try:
            picture, content_hash = load_picture_with_digest(sample.picture)
            outcomes.append((sample, finish(Predicted(sample, picture, predictor.predict(picture), content_hash))))
        except DataError as error:
            outcomes.append((sample, error))
        except FileNameError as error:  # only this result can't be written: the others can
            outcomes.append((sample, PictureError(error.reason, error.repair, error.path)))
        except (MemoryError, cv2.error) as error:  # a picture too large for this machine, or for OpenCV
            reason = " ".join(str(error).split()) or "not enough memory"
            outcomes.append((sample, PictureError(f"can't be processed ({reason})", "shrink it", sample.picture)))
    return outcomes


def threads_for_pictures() -> int:
    """Return how many pictures one process has in progress."""
    return min(MAX_CONCURRENCY, cpu_count() + 2)


def map_in_order(work: Callable[[T], R], items: Iterable[T], threads: int, ahead: int) -> Iterator[R]:
    """Yield `work(item)` for every item, in their order, with at most `ahead` items taken before their turn.

    Unlike `Executor.map` it takes items only as results are used. When the caller stops early, or after an error, items
    that haven't begun are dropped.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
