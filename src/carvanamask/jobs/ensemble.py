"""Make one model of several, weighted by their scores on pictures that none of them trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.pipeline import Predicted, finish_all
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.data.run_dir import RunDir
from carvanamask.errors import ConfigError
from carvanamask.io.read import load_mask_of
from carvanamask.model.build import build_predictor
from carvanamask.model.ensemble import Ensemble, EnsembleMap
from carvanamask.model.ensemble_weights import best_weights
from carvanamask.model.model_file import ModelFile
from carvanamask.version import __version__

log = logging.getLogger(__name__)

THRESHOLD = 0.5
"""The members' weights are chosen at this threshold; `eval` and `threshold` find the ensemble's own."""


@dataclass(frozen=True)
class EnsembleReport:
    """The members of an ensemble and their scores: mean Dice at full size on held-out cars."""

    model: ModelFile
    names: tuple[str, ...]
    weights: tuple[float, ...]
    cars: int
    """Cars that every member held out; 0: the weights are equal and nothing was scored."""
    dice_alone: tuple[float, ...] = ()
    dice_equal: float | None = None
    dice: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return vars(self) | {"model": str(self.model.folder)}


def ensemble(
    models: Sequence[ModelFile],
    folder: KaggleFolder,
    run: RunDir,
    flip: bool = False,
    device: str = BatchOptions.device,
    on_progress: OnProgress = ignore_progress,
) -> EnsembleReport:
    """Write a model into `run` that averages all of `models`, whose files it copies, and with `flip` mirrored pictures.

    The weights are those with the best mean Dice on the cars that every member held out; models of different folds
    have no such cars and get equal weights. Raises ConfigError for fewer than two models, DataError for a picture that
    can't be read.
    """
    names = tuple(model.card.name for model in models)
    if len({model.card.sha256 or model.folder for model in models}) < max(2, len(models)):
        raise ConfigError(f"--model {', '.join(names)}", "an ensemble takes two different models or more")
    if run.is_started:
        raise ConfigError(f"'{run.name}' is a training's run", "give the ensemble another --name")
    samples = _held_out_by_all(models, folder.training_samples())
    if not samples:
        log.info("no car was held out from every member: their weights are equal")
        weights = (1 / len(models),) * len(models)
        return EnsembleReport(_save(run, models, weights, flip, {}), names, weights, 0)
    members = [build_predictor(model.with_card(flip=model.card.flip or flip), device) for model in models]
    predictor = Ensemble(members, [1.0] * len(members))
    log.info(f"engine: {predictor.engine}")
    blend = best_weights(finish_all(predictor, samples, _with_truth, on_progress), THRESHOLD)
    model = _save(run, models, blend.weights, flip, {"validation_dice": blend.dice})
    cars = len({sample.car for sample in samples})
    return EnsembleReport(model, names, blend.weights, cars, blend.dice_alone, blend.dice_equal, blend.dice)


def _held_out_by_all(models: Sequence[ModelFile], samples: Sequence[Sample]) -> list[Sample]:
    """Return the pictures of the cars that every member was validated on and none trained on."""
    common = set.intersection(*(set(model.card.validation_cars) for model in models))
    known = set().union(*(model.card.training_cars for model in models))
    return [sample for sample in samples if sample.car in common - known]


def _with_truth(predicted: Predicted[Sample]) -> tuple[Sequence[ProbabilityMap], Mask]:
    """Return a picture's maps, one per member, and its true mask."""
    assert predicted.sample.mask is not None
    assert isinstance(predicted.probabilities, EnsembleMap)
    return predicted.probabilities.members, load_mask_of(predicted.picture, predicted.sample.mask)


def _save(
    run: RunDir, models: Sequence[ModelFile], weights: Sequence[float], flip: bool, scores: dict[str, float]
) -> ModelFile:
    cards = [model.card for model in models]
    trained = set().union(*(card.training_cars for card in cards))
    validated = set.intersection(*(set(card.validation_cars) for card in cards))
    names = [card.name for card in cards]
    card = ModelCard(
        name=run.name,
        network=" + ".join(names),
        input_size_wh=max((card.input_size_wh for card in cards), key=lambda size: size[0] * size[1]),
        threshold=THRESHOLD,
        flip=flip,
        training_cars=tuple(sorted(trained)),
        validation_cars=tuple(sorted(validated - trained)),
        scores=scores,
        provenance=f"put together by carvanamask {__version__} from {', '.join(names)}",
    )
    return ModelFile.save(run.model, None, card, models, weights)
