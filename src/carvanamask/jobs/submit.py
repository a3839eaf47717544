"""A model and Kaggle's test pictures → a submission, and the masks themselves when asked for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from carvanamask.core.errors import DataError
from carvanamask.core.folders import KaggleFolder, Sample
from carvanamask.core.mask import ProbabilityMap
from carvanamask.core.model_file import ModelCard, ModelFile
from carvanamask.core.pictures import save_mask
from carvanamask.core.submission import UnfinishedSubmission, version_of, write_submission
from carvanamask.inference.model import build_predictor
from carvanamask.inference.pipeline import predict_all, still_to_predict
from carvanamask.inference.postprocess import cut
from carvanamask.inference.predictor import Predictor


@dataclass(frozen=True)
class SubmitReport:
    """How a submission was made, or why it wasn't."""

    submission: Path | None
    """None when pictures failed: a submission without their rows would count as whole."""
    pictures: int
    kept: int
    """Of the pictures, how many an interrupted run had finished."""
    absent: int
    """Names of sample_submission.csv without a picture in test/, which have no row."""
    unlisted: int
    """Pictures in test/ that sample_submission.csv doesn't name, which have no row either."""
    seconds: float
    pictures_per_second: float
    engine: str
    failures: tuple[tuple[str, str], ...]
    """(picture, reason) pairs, by name."""

    @property
    def advice(self) -> str:
        """How to go on, '' after a whole submission."""
        if not self.failures:
            return ""
        count = "1 picture" if len(self.failures) == 1 else f"{len(self.failures)} pictures"
        finished = self.pictures - len(self.failures)
        return f"no submission: {count} failed. Repair, then run the same command again: {finished} finished are kept"

    def to_dict(self) -> dict[str, Any]:
        submission = str(self.submission) if self.submission else None
        return {**asdict(self), "submission": submission, "advice": self.advice}


def submit(
    model: ModelFile,
    folder: KaggleFolder,
    out: Path,
    masks: Path | None = None,
    device: str = "auto",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> SubmitReport:
    """Cut every test picture and write the submission `out`; with `masks`, a 1-bit `<name>.png` a picture there too.

    Rows stand in the order of sample_submission.csv where there is one, only for pictures at hand. Interrupted, the
    same call goes on where it stopped; rows of another model or engine are never taken over. A picture that can't
    be read is reported, the others are cut, and no submission appears. `on_progress` hears (done, of), `say` the
    engine.
    """
    samples, absent, unlisted = _in_order(folder)
    pictures = [sample.picture for sample in samples]
    predictor = build_predictor(model, device)
    say(f"engine: {predictor.engine}")
    started = time.monotonic()
    failures = []
    with UnfinishedSubmission.beside(out, _key(model, predictor, masks)) as unfinished:
        versions = {picture: version_of(picture) for picture in pictures}
        left = still_to_predict(
            predictor,
            samples,
            lambda sample: (
                unfinished.holds(sample.picture.name, versions[sample.picture])
                and (masks is None or sample.mask_in(masks).exists())
            ),
        )
        kept = len(pictures) - len(left)
        on_progress(kept, len(pictures))
        work = partial(_cut, model.card, masks)
        for done, (sample, rle) in enumerate(predict_all(predictor, left, work), start=kept + 1):
            if isinstance(rle, DataError):
                failures.append((str(sample.picture), str(rle)))
            else:
                unfinished.add(sample.picture.name, versions[sample.picture], rle)
            on_progress(done, len(pictures))
        if not failures:
            write_submission(out, unfinished.rows([picture.name for picture in pictures]))
            unfinished.discard()
    seconds = time.monotonic() - started
    return SubmitReport(
        submission=None if failures else out,
        pictures=len(pictures),
        kept=kept,
        absent=absent,
        unlisted=unlisted,
        seconds=seconds,
        pictures_per_second=len(left) / seconds,
        engine=predictor.engine,
        failures=tuple(sorted(failures)),
    )


def _in_order(folder: KaggleFolder) -> tuple[list[Sample], int, int]:
    """The pictures that get a row, the number of rows without a picture, and of pictures without a row."""
    at_hand = {sample.picture.name: sample for sample in folder.test_samples()}
    names = folder.submission_names()
    if names is None:
        return list(at_hand.values()), 0, 0
    samples = [at_hand[name] for name in dict.fromkeys(names) if name in at_hand]
    if not samples:
        raise DataError(f"{folder.test} holds none of the pictures that sample_submission.csv names: check both")
    return samples, len(set(names)) - len(samples), len(at_hand) - len(samples)


def _cut(card: ModelCard, masks: Path | None, sample: Sample, _: np.ndarray, probabilities: ProbabilityMap) -> str:
    """The run-length code; the mask itself goes to `masks`."""
    mask = cut(probabilities, card)
    if masks is not None:
        save_mask(sample.mask_in(masks), mask)
    return mask.to_rle()


def _key(model: ModelFile, predictor: Predictor, masks: Path | None) -> str:
    """Names the model, then all that decides about the rows and masks: its card, the engine, where masks go."""
    options = f"{model.card.model_dump_json()} {predictor.engine} {masks and masks.absolute()}"
    return f"{model.card.sha256[:8]}-{hashlib.sha256(options.encode()).hexdigest()[:8]}"
