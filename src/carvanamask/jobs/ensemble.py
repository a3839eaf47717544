"""Make one model of several: weights and threshold from pictures that none of them trained on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from carvanamask.batch.pipeline import Predicted, predict_all
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.data.run_dir import RunDir
from carvanamask.errors import ConfigError, DataError
from carvanamask.io.read import load_mask_of
from carvanamask.model.build import build_predictor
from carvanamask.model.ensemble import Ensemble, JointMap
from carvanamask.model.ensemble_weights import best_blend
from carvanamask.model.model_file import ModelFile
from carvanamask.version import __version__

log = logging.getLogger(__name__)

THRESHOLD = 0.5
"""The members' weights are chosen at this one; `eval` and `threshold` find the ensemble's own."""


@dataclass(frozen=True)
class EnsembleReport:
    """What an ensemble is made of, and what its held-out pictures say; scores are mean Dice at full size."""

    model: ModelFile
    names: tuple[str, ...]
    weights: tuple[float, ...]
    cars: int
    """Held out from every member; 0: the weights are equal and nothing was scored."""
    dice_alone: tuple[float, ...] = ()
    dice_equal: float | None = None
    dice: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"model": str(self.model.folder)}


def ensemble(
    models: Sequence[ModelFile],
    folder: KaggleFolder,
    run: RunDir,
    flip: bool = False,
    device: str = "auto",
    on_progress: OnProgress = ignore_progress,
) -> EnsembleReport:
    """Leave a model in `run` that asks all of `models`, whose files it copies; with `flip`, mirrored pictures, too.

    Weights are those with the best mean Dice on the cars that every member held out; models of different folds have
    none in common and weigh the same. Raises ConfigError for fewer than two models, DataError for unreadable pictures.
    """
    if len({model.card.sha256 or model.folder for model in models}) < max(2, len(models)):
        names = ", ".join(model.card.name for model in models)
        raise ConfigError(f"--model {names}: an ensemble takes two different models or more")
    if run.is_started:
        raise ConfigError(f"'{run.name}' is a training's run: give the ensemble another --name")
    asked = [model.with_card(flip=model.card.flip or flip) for model in models]
    judges = _judges(models, folder.training_samples())
    if not judges:
        log.info("no car was held out from every member: their weights are equal")
        weights = (1 / len(models),) * len(models)
        report = EnsembleReport(_save(run, models, weights, flip, None), _names(models), weights, 0)
    else:
        predictor = Ensemble([build_predictor(model, device) for model in asked], [1.0] * len(asked))
        log.info(f"engine: {predictor.engine}")
        blend = best_blend(_held_out(predictor, judges, on_progress), THRESHOLD)
        model = _save(run, models, blend.weights, flip, blend.dice)
        cars = len({sample.car for sample in judges})
        report = EnsembleReport(
            model, _names(models), blend.weights, cars, blend.dice_alone, blend.dice_equal, blend.dice
        )
    return report


def _names(models: Sequence[ModelFile]) -> tuple[str, ...]:
    return tuple(model.card.name for model in models)


def _judges(models: Sequence[ModelFile], samples: Sequence[Sample]) -> list[Sample]:
    """The pictures of the cars that every member was validated on and none trained on."""
    common = set.intersection(*(set(model.card.validation_cars) for model in models))
    known = set().union(*(model.card.training_cars for model in models))
    return [sample for sample in samples if sample.car in common - known]


def _held_out(
    predictor: Ensemble, samples: Sequence[Sample], on_progress: OnProgress
) -> Iterator[tuple[Sequence[ProbabilityMap], Mask]]:
    for done, (sample, result) in enumerate(predict_all(predictor, samples, _with_truth), start=1):
        if isinstance(result, DataError):
            raise DataError(f"{sample.name} can't judge: {result}")
        yield result
        on_progress(Progress(len(samples), done))


def _with_truth(predicted: Predicted[Sample]) -> tuple[Sequence[ProbabilityMap], Mask]:
    assert predicted.sample.mask is not None
    assert isinstance(predicted.probabilities, JointMap)
    return predicted.probabilities.members, load_mask_of(predicted.picture, predicted.sample.mask)


def _save(
    run: RunDir, models: Sequence[ModelFile], weights: Sequence[float], flip: bool, dice: float | None
) -> ModelFile:
    cards = [model.card for model in models]
    trained = sorted(set().union(*(card.training_cars for card in cards)))
    card = ModelCard(
        name=run.name,
        network=" + ".join(card.name for card in cards),
        input_size_wh=max((card.input_size_wh for card in cards), key=lambda size: size[0] * size[1]),
        threshold=THRESHOLD,
        flip=flip,
        training_cars=tuple(trained),
        validation_cars=tuple(sorted(set.intersection(*(set(c.validation_cars) for c in cards)) - set(trained))),
        scores={} if dice is None else {"validation_dice": dice},
        provenance=f"put together by carvanamask {__version__} from {', '.join(card.name for card in cards)}",
    )
    return ModelFile.save(run.model, None, card, models, weights)
