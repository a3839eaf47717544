"""Masks to train on, of pictures that nobody labelled: those on which several models and a car's views agree."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch
from carvanamask.batch.writers import AgreementWriter
from carvanamask.core.card import Member, ModelCard
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder, Sample, cars_of
from carvanamask.data.label_list import Label, save_labels
from carvanamask.data.picture_list import BatchItem, PictureList
from carvanamask.errors import ConfigError
from carvanamask.io.read import load_mask
from carvanamask.io.table import save_table
from carvanamask.mask_quality.label_checks import Candidate, Refusal, refused_views
from carvanamask.mask_quality.label_limits import LabelLimits
from carvanamask.mask_quality.vehicle import Silhouette
from carvanamask.model.model_file import ModelFile

log = logging.getLogger(__name__)

COMPARING_THREADS = 2
"""Threads that each compare the views of one car."""


@dataclass(frozen=True)
class PseudoLabelReport:
    """The number of pictures that became labels, and the reasons why the others didn't."""

    labels: Path
    refused: Path
    models: str
    engine: str
    progress: Progress
    kept: int
    """Pictures that became labels."""
    refused_by_reason: dict[str, int]
    typical_agreement: float
    """Median over the pictures that could be read; a limit should be well below it."""
    typical_uncertain_ratio: float
    """Median; a limit should be well above it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "labels": str(self.labels),
            "refused": str(self.refused),
            "models": self.models,
            "engine": self.engine,
            "pictures": self.progress.total,
            "resumed": self.progress.kept,
            "kept": self.kept,
            "refused_by_reason": self.refused_by_reason,
            "typical_agreement": self.typical_agreement,
            "typical_undecided": self.typical_uncertain_ratio,
            "pictures_per_second": self.progress.per_second,
            "failures": [(picture, str(error)) for picture, error in self.progress.failures],
        }


def pseudo_label(
    models: Sequence[ModelFile],
    folder: KaggleFolder,
    out: Path,
    limits: LabelLimits = LabelLimits(),
    options: BatchOptions = BatchOptions(),
    on_progress: OnProgress = ignore_progress,
) -> PseudoLabelReport:
    """Predict every test picture; list what keeps the limits in `out`/labels.csv, the others and why in refused.csv.

    A mask is the models' mean above a half; `out`/masks has all of them, so that a person can check the refused ones.
    The same models continue where they were interrupted, and other limits need no new predictions. Raises ConfigError
    for fewer than two models, and for an `out` that other models began.
    """
    models = _different(models)
    items = [BatchItem.of(sample.picture, sample.picture.name) for sample in folder.test_samples()]
    writer = AgreementWriter(out / "masks")
    batch = Batch(_ensemble(models), writer, options)
    with batch.journal_in(out, items) as journal:
        progress = batch.run(PictureList(tuple(items)), journal, on_progress)
        finished = [item for item in items if journal.is_finished(item.key)]
        candidates = [Candidate(item, *json.loads(journal.value(item.key))) for item in finished]

    refusals = _refusals(candidates, writer, limits)
    sources = " + ".join(_source(model) for model in models)
    kept = [_label(candidate, writer, sources) for candidate in candidates if candidate.sample not in refusals]
    failures = dict(progress.failures)
    refusals |= {item: Refusal("unreadable", str(failures[item.key])) for item in items if item.key in failures}
    rows = ((item.picture, refusals[item].reason, refusals[item].detail) for item in items if item in refusals)
    save_table(out / "refused.csv", ("picture", "reason", "detail"), rows)
    save_labels(out / "labels.csv", kept)
    return PseudoLabelReport(
        labels=out / "labels.csv",
        refused=out / "refused.csv",
        models=sources,
        engine=batch.predictor.engine,
        progress=progress,
        kept=len(kept),
        refused_by_reason=dict(Counter(refusal.reason for refusal in refusals.values()).most_common()),
        typical_agreement=median([candidate.agreement for candidate in candidates] or [0.0]),
        typical_uncertain_ratio=median([candidate.uncertain_ratio for candidate in candidates] or [0.0]),
    )


def _different(models: Sequence[ModelFile]) -> list[ModelFile]:
    """Return the models by their identity, so that their order on the command line doesn't matter."""
    by_identity = {model.identity: model for model in models}
    if len(by_identity) < len(models) or len(models) < 2:
        names = ", ".join(model.card.name for model in models) or "none"
        raise ConfigError(f"--model {names}", "name two different models or more, that can disagree")
    return [by_identity[identity] for identity in sorted(by_identity)]


def _source(model: ModelFile) -> str:
    return f"{model.card.name} {model.identity[:12]}"


def _ensemble(models: Sequence[ModelFile]) -> ModelFile:
    """Return all of them as one model, each with equal weight. Other thresholds make no other ensemble."""
    cards = [model.card for model in models]
    members = tuple(Member(name=_source(model), sha256=_probabilities_digest(model)) for model in models)
    names = " + ".join(card.name for card in cards)
    card = ModelCard(name=names, network=names, input_size_wh=cards[0].input_size_wh, members=members)
    return ModelFile(models[0].folder, card, tuple(models))


def _probabilities_digest(model: ModelFile) -> str:
    """Return a hash of all that decides about a model's probabilities."""
    decisive = model.card.model_dump_json(exclude={"threshold", "clean_up", "scores", "provenance"})
    return hashlib.sha256(decisive.encode()).hexdigest()


def _refusals(candidates: Sequence[Candidate], writer: AgreementWriter, limits: LabelLimits) -> dict[Sample, Refusal]:
    by_sample = {candidate.sample: candidate for candidate in candidates}
    cars = [[by_sample[sample] for sample in views] for views in cars_of(by_sample).values()]
    log.info("comparing the views of %d cars", len(cars))

    def silhouette(sample: Sample) -> Silhouette:
        return Silhouette.of(load_mask(writer.path_of(sample)))

    with ThreadPoolExecutor(COMPARING_THREADS) as pool:
        by_car = pool.map(lambda views: refused_views(views, silhouette, limits), cars)
        return {sample: refusal for refusals in by_car for sample, refusal in refusals.items()}


def _label(candidate: Candidate, writer: AgreementWriter, sources: str) -> Label:
    sample = Sample.from_picture(candidate.sample.picture, writer.path_of(candidate.sample))
    return Label(sample, candidate.agreement, candidate.uncertain_ratio, sources)
