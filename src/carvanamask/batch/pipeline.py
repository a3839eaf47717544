"""Many pictures through one predictor: while the network has one, others are read, cut and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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


Work = Callable[[Predicted[S]], T]
"""What becomes of a picture; runs in a thread, and may raise DataError."""


def predict_all(predictor: Predictor, samples: Iterable[S], work: Work[S, T]) -> Iterator[tuple[S, T | DataError]]:
    """Yield each sample with what `work` made of it, or with the error of its picture, in the order they finish.

    Each thread takes one picture from file to result, so no more pictures than threads are in memory.
    """
    workers = threads_for_pictures()
    running: set[Future[tuple[S, T | DataError]]] = set()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for sample in samples:
                running.add(pool.submit(_process, predictor, sample, work))
                if len(running) > workers:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        yield future.result()
            for future in wait(running).done:
                yield future.result()
        finally:  # neither an error nor a caller who stops early waits for pictures that haven't begun
            pool.shutdown(wait=False, cancel_futures=True)


def threads_for_pictures() -> int:
    """Return how many pictures one process has in progress."""
    return min(MAX_CONCURRENCY, cpu_count() + 2)


def _process(predictor: Predictor, sample: S, work: Work[S, T]) -> tuple[S, T | DataError]:
    try:
        picture, content = load_picture_with_digest(sample.picture)
        return sample, work(Predicted(sample, picture, predictor.predict(picture), content))
    except DataError as error:
        return sample, error
    except FileNameError as error:  # only this result can't be written: the batch goes on
        return sample, PictureError(str(error))
    except (MemoryError, cv2.error) as error:  # a picture too large for this machine, or for OpenCV
        reason = " ".join(str(error).split()) or "not enough memory"
        return sample, PictureError(f"can't be processed ({reason})", "shrink it", sample.picture)
