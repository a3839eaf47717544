"""Several models and pictures nobody labelled → masks to train on, where the models and a car's views agree."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from carvanamask.batch.journal import Journal
from carvanamask.batch.options import BatchOptions
from carvanamask.batch.pipeline import Predicted
from carvanamask.batch.runner import Batch, journal_in
from carvanamask.core.card import Member, ModelCard
from carvanamask.core.metrics import uncertain_ratio
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder, Sample, cars_of
from carvanamask.data.label_list import Label, save_labels
from carvanamask.data.picture_list import BatchItem, kaggle_item
from carvanamask.errors import CarvanaMaskError, ConfigError
from carvanamask.io.read import load_mask
from carvanamask.io.table import save_table
from carvanamask.io.write import save_mask
from carvanamask.mask_quality.limits import Limits
from carvanamask.mask_quality.refusals import Look, Refusal, refusals_of_car
from carvanamask.mask_quality.uncertainty import stray_share
from carvanamask.mask_quality.vehicle import Silhouette
from carvanamask.model.ensemble import JointMap, agreement
from carvanamask.model.model_file import ModelFile

log = logging.getLogger(__name__)

MAJORITY = 0.5
"""Where the mean is cut, and each model's map to compare it with the others': their own thresholds would shift both."""

READERS = 2
"""Threads that each compare the views of one car."""


@dataclass(frozen=True)
class PseudoLabelReport:
    """How many pictures became labels, and why the others didn't."""

    labels: Path
    refused: Path
    models: str
    engine: str
    pictures: int
    resumed: int
    """Of the pictures, how many an earlier call had predicted."""
    kept: int
    refused_by_reason: dict[str, int]
    typical_agreement: float
    """Median of what could be read; a limit lies well beyond it."""
    typical_undecided: float
    pictures_per_second: float
    failures: tuple[tuple[str, CarvanaMaskError], ...]
    """(picture, reason) pairs of what can't be read, by name."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "labels": str(self.labels), "refused": str(self.refused)}


def pseudo_label(
    models: Sequence[ModelFile],
    folder: KaggleFolder,
    out: Path,
    limits: Limits | None = None,
    options: BatchOptions | None = None,
    on_progress: OnProgress = ignore_progress,
) -> PseudoLabelReport:
    """Predict every test picture; list in `out`/labels.csv what keeps the limits, in refused.csv the others and why.

    A mask is the models' mean cut at a half; `out`/masks has all of them, the refused ones to look at. The same models
    go on where they were interrupted, so that other limits need no new predictions. Raises ConfigError for fewer than
    two models, and for an `out` that other models began.
    """
    models = _different(models)
    masks = out / "masks"
    items = [kaggle_item(sample) for sample in folder.test_samples()]
    batch = Batch(_panel(models), Measure(masks), items, options or BatchOptions(), on_progress)
    with journal_in(out, batch) as journal:
        progress = batch.run(journal, lambda item: item.mask_in(masks).exists())
        finished = [item for item in items if journal.holds(item.key)]
        looks = _looks(finished, journal)

    refusals = _refusals(looks, masks, limits or Limits())
    sources = " + ".join(_source(model) for model in models)
    kept = [_label(look, masks, sources) for look in looks if look.sample not in refusals]
    failures = dict(progress.failures)
    refusals |= {item: Refusal("unreadable", str(failures[item.key])) for item in items if item.key in failures}
    _save_refused(out / "refused.csv", {item: refusals[item] for item in items if item in refusals})
    save_labels(out / "labels.csv", kept)
    return PseudoLabelReport(
        labels=out / "labels.csv",
        refused=out / "refused.csv",
        models=sources,
        engine=batch.predictor.engine,
        pictures=progress.total,
        resumed=progress.kept,
        kept=len(kept),
        refused_by_reason=dict(Counter(review_reason.reason for review_reason in refusals.values()).most_common()),
        typical_agreement=median([look.agreement for look in looks] or [0.0]),
        typical_undecided=median([look.undecided for look in looks] or [0.0]),
        pictures_per_second=progress.per_second,
        failures=progress.failures,
    )


def _different(models: Sequence[ModelFile]) -> list[ModelFile]:
    """In an order of their own, so that the user's doesn't matter."""
    by_identity = {model.identity: model for model in models}
    if len(by_identity) < len(models) or len(models) < 2:
        names = ", ".join(model.card.name for model in models) or "none"
        raise ConfigError(f"--model {names}: labels take two different models or more, that can disagree")
    return [by_identity[identity] for identity in sorted(by_identity)]


def _source(model: ModelFile) -> str:
    return f"{model.card.name} {model.identity[:12]}"


def _panel(models: Sequence[ModelFile]) -> ModelFile:
    """All of them as one model, each with equal weight; a threshold that was chosen since makes no other panel."""
    cards = [model.card for model in models]
    members = tuple(Member(name=_source(model), sha256=hashlib.sha256(_asked(model)).hexdigest()) for model in models)
    names = " + ".join(card.name for card in cards)
    card = ModelCard(name=names, network=names, input_size_wh=cards[0].input_size_wh, members=members)
    return ModelFile(models[0].folder, card, tuple(models))


def _asked(model: ModelFile) -> bytes:
    """All that decides about a model's probabilities."""
    return model.card.model_dump_json(exclude={"threshold", "clean_up", "scores", "provenance"}).encode()


@dataclass(frozen=True)
class Measure:
    """Writes the mean's mask and returns what the journal keeps of a picture."""

    masks: Path = field(repr=False)

    def __call__(self, predicted: Predicted[BatchItem]) -> str:
        joint = predicted.probabilities
        assert isinstance(joint, JointMap)
        mask = joint.to_mask(MAJORITY)
        agreed = agreement([each.to_mask(MAJORITY) for each in joint.members])
        save_mask(predicted.sample.mask_in(self.masks), mask)
        area = int(np.count_nonzero(mask.pixels))
        return json.dumps([area, agreed, uncertain_ratio(joint, mask), stray_share(mask)])


def _looks(items: Sequence[BatchItem], journal: Journal) -> list[Look]:
    rows = journal.values([item.key for item in items])
    return [Look(item, *json.loads(text)) for item, (_, text) in zip(items, rows, strict=True)]


def _refusals(looks: Sequence[Look], masks: Path, limits: Limits) -> dict[Sample, Refusal]:
    by_sample = {look.sample: look for look in looks}
    cars = [[by_sample[sample] for sample in views] for views in cars_of(by_sample).values()]
    log.info(f"comparing the views of {len(cars)} cars")

    def silhouette(sample: Sample) -> Silhouette:
        return Silhouette.of(load_mask(sample.mask_in(masks)))

    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda views: refusals_of_car(views, silhouette, limits), cars)
        return {sample: review_reason for refusals in found for sample, review_reason in refusals.items()}


def _label(look: Look, masks: Path, sources: str) -> Label:
    sample = Sample.from_picture(look.sample.picture, look.sample.mask_in(masks))
    return Label(sample, look.agreement, look.undecided, sources)


def _save_refused(path: Path, refused: Mapping[Sample, Refusal]) -> None:
    rows = ((sample.picture, refusal.reason, refusal.detail) for sample, refusal in refused.items())
    save_table(path, ("picture", "reason", "detail"), rows)
