"""Score a model at full size on cars that it never trained on, and draw some of the pictures."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.pipeline import Predicted, finish_all
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask
from carvanamask.core.metrics import boundary_iou, dice, dice_curve, iou
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.errors import DataError
from carvanamask.figures.pictures import save_comparison
from carvanamask.figures.plots import require_matplotlib
from carvanamask.io.atomic import save_text_atomically
from carvanamask.io.read import load_mask_of, load_pair
from carvanamask.io.table import load_table, save_table
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.mask_quality.uncertainty import review_reason
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile

log = logging.getLogger(__name__)

CURVE_STEPS = 256
WORST = 10

COLUMNS = ("picture", "dice", "iou", "boundary_iou", "doubt")
"""The columns of pictures.csv; `doubt` is the review reason, '' where there is none."""


@dataclass(frozen=True)
class PictureScore:
    """The scores of one held-out picture, in [0, 1]."""

    sample: Sample
    rle: str
    """The predicted mask, of which a few are drawn at the end."""
    dice: float
    iou: float
    boundary_iou: float
    curve: np.ndarray
    """Dice at each threshold."""
    review_reason: str
    """Why the mask needs review; '' if it doesn't."""


@dataclass(frozen=True)
class EvaluationReport:
    """A model's scores on the held-out pictures."""

    card: ModelCard
    engine: str
    pictures: tuple[PictureScore, ...]
    out: Path
    seconds: float

    @property
    def dice(self) -> float:
        """Mean over the pictures, which is Kaggle's score."""
        return _mean(picture.dice for picture in self.pictures)

    @property
    def boundary_iou(self) -> float:
        return _mean(picture.boundary_iou for picture in self.pictures)

    @property
    def iou(self) -> float:
        return _mean(picture.iou for picture in self.pictures)

    @property
    def worst(self) -> list[PictureScore]:
        return sorted(self.pictures, key=lambda picture: picture.dice)[:WORST]

    @property
    def needs_review(self) -> list[PictureScore]:
        return [picture for picture in self.pictures if picture.review_reason]

    @property
    def dice_by_car(self) -> dict[str, float]:
        """Mean over the pictures of each car, worst car first."""
        cars = {picture.sample.car for picture in self.pictures}
        means = {car: _mean(each.dice for each in self.pictures if each.sample.car == car) for car in cars}
        return dict(sorted(means.items(), key=lambda pair: pair[1]))

    @property
    def dice_by_view(self) -> dict[int, float]:
        """Mean over the cars for each number of a view."""
        views = sorted({picture.sample.view for picture in self.pictures})
        return {view: _mean(each.dice for each in self.pictures if each.sample.view == view) for view in views}

    @property
    def curve(self) -> np.ndarray:
        """Mean Dice at the thresholds 0, 1/256, … 255/256: float64 (256,)."""
        return np.asarray(np.mean([picture.curve for picture in self.pictures], axis=0))

    @property
    def best_threshold(self) -> tuple[float, float]:
        """The threshold above 0 with the best mean Dice on these pictures, and that Dice."""
        best = 1 + int(self.curve[1:].argmax())
        return best / CURVE_STEPS, float(self.curve[best])

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON, under the names of earlier versions."""
        best, best_dice = self.best_threshold
        return {
            "model": self.card.name,
            "engine": self.engine,
            "pictures": len(self.pictures),
            "cars": len(self.dice_by_car),
            "threshold": self.card.threshold,
            "flip": self.card.flip,
            "clean_up": list(self.card.clean_up),
            "dice": self.dice,
            "iou": self.iou,
            "boundary_iou": self.boundary_iou,
            "seconds": self.seconds,
            "pictures_per_second": len(self.pictures) / self.seconds,
            "best_threshold": best,
            "dice_at_best_threshold": best_dice,
            "worst_pictures": {picture.sample.name: picture.dice for picture in self.worst},
            "doubtful": {picture.sample.name: picture.review_reason for picture in self.needs_review},
            "dice_by_car": self.dice_by_car,
            "dice_by_view": self.dice_by_view,
        }


def evaluate(
    model: ModelFile,
    folder: KaggleFolder,
    out: Path,
    figures: int,
    device: str = BatchOptions.device,
    seed: int = 0,
    on_progress: OnProgress = ignore_progress,
) -> EvaluationReport:
    """Score every picture of the held-out cars, and draw `figures` random ones and as many of the worst.

    The report, tables and figures in `out` replace those of an earlier evaluation. Raises DataError for a picture or a
    mask that can't be read, because a mean without it isn't comparable.
    """
    if figures:
        require_matplotlib()
    predictor = build_predictor(model, device)
    log.info(f"engine: {predictor.engine}")
    samples = held_out(model, folder.training_samples())
    started = time.monotonic()
    scores = tuple(finish_all(predictor, samples, partial(_score, model.card), on_progress))
    report = EvaluationReport(model.card, predictor.engine, scores, out, time.monotonic() - started)
    _remove_figures(out)
    save_text_atomically(out / "report.json", json.dumps(report.to_dict(), indent=1))
    save_table(out / "pictures.csv", COLUMNS, map(_row, scores))
    chosen = np.random.default_rng(seed).choice(len(scores), min(figures, len(scores)), replace=False)
    _draw((scores[i] for i in sorted(chosen)), out / "figures")
    _draw(report.worst[:figures], out / "worst")
    points = ((f"{step / CURVE_STEPS:.6f}", f"{score:.6f}") for step, score in enumerate(report.curve))
    save_table(out / "threshold.csv", ("threshold", "dice"), points)  # last: scripts in recipes/ wait for it
    return report


def held_out(model: ModelFile, samples: Sequence[Sample]) -> list[Sample]:
    """Return the pictures of the cars that validated the model, or else of cars that it doesn't know at all."""
    validation, training = set(model.card.validation_cars), set(model.card.training_cars)
    chosen = [s for s in samples if s.car in validation] or [s for s in samples if s.car not in training]
    if not chosen:
        raise DataError(
            f"model '{model.card.name}' trained on every car of this folder", "name another with --data DIR"
        )
    return chosen


def _score(card: ModelCard, predicted: Predicted[Sample]) -> PictureScore:
    sample, probabilities = predicted.sample, predicted.probabilities
    assert sample.mask is not None
    truth, mask = load_mask_of(predicted.picture, sample.mask), make_mask(probabilities, card)
    scores = dice(mask, truth), iou(mask, truth), boundary_iou(mask, truth)
    reason = review_reason(probabilities, mask, card.max_uncertain_ratio)
    return PictureScore(sample, mask.to_rle(), *scores, dice_curve(probabilities, truth, CURVE_STEPS), reason)


def _mean(scores: Iterable[float]) -> float:
    return float(np.mean(list(scores)))


def _remove_figures(out: Path) -> None:
    """Remove the figures of an earlier evaluation."""
    try:
        names = load_table(out / "pictures.csv", ("picture",), lambda row: row["picture"], "")
    except DataError:
        return
    for name in names:
        for folder in ("figures", "worst"):
            (out / folder / f"{name}.png").unlink(missing_ok=True)


def _row(score: PictureScore) -> tuple[str, ...]:
    measures = (f"{measure:.6f}" for measure in (score.dice, score.iou, score.boundary_iou))
    return score.sample.name, *measures, score.review_reason


def _draw(scores: Iterable[PictureScore], folder: Path) -> None:
    for score in scores:
        assert score.sample.mask is not None
        picture, truth = load_pair(score.sample.picture, score.sample.mask)
        mask = Mask.from_rle(score.rle, truth.size_wh)
        save_comparison(folder / f"{score.sample.name}.png", picture, truth, mask, score.sample.name, score.dice)
