"""Several models and pictures nobody labelled → masks to train on, where the models and a car's views agree."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from carvanamask.batch.durable import Batch, Manner, journal_in
from carvanamask.core.atomic_files import save_text_atomically
from carvanamask.core.errors import ConfigError
from carvanamask.core.folders import KaggleFolder, Sample, cars_of
from carvanamask.core.journal import Journal
from carvanamask.core.label_list import Label, save_labels
from carvanamask.core.metrics import undecided_share
from carvanamask.core.model_file import Member, ModelCard, ModelFile
from carvanamask.core.picture_tree import Entry, entry_of
from carvanamask.core.pictures import load_mask, save_mask
from carvanamask.inference.ensemble import JointMap, agreement
from carvanamask.inference.pipeline import Predicted
from carvanamask.quality.doubts import Doubt, Look, doubts_of_car
from carvanamask.quality.limits import Limits
from carvanamask.quality.signals import stray_share
from carvanamask.quality.vehicle import Silhouette

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
    failures: tuple[tuple[str, str], ...]
    """(picture, reason) pairs of what can't be read, by name."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "labels": str(self.labels), "refused": str(self.refused)}


def pseudo_label(
    models: Sequence[ModelFile],
    folder: KaggleFolder,
    out: Path,
    limits: Limits | None = None,
    manner: Manner | None = None,
) -> PseudoLabelReport:
    """Predict every test picture; list in `out`/labels.csv what keeps the limits, in refused.csv the others and why.

    A mask is the models' mean cut at a half; `out`/masks has all of them, the refused ones to look at. The same models
    go on where they were interrupted, so that other limits need no new predictions. Raises ConfigError for fewer than
    two models, and for an `out` that other models began.
    """
    models, manner = _different(models), manner or Manner()
    masks = out / "masks"
    entries = [entry_of(sample) for sample in folder.test_samples()]
    batch = Batch(_panel(models), Measure(masks), entries, manner)
    with journal_in(out, batch) as journal:
        progress = batch.run(journal, lambda entry: entry.mask_in(masks).exists())
        finished = [entry for entry in entries if journal.holds(entry.key)]
        looks = _looks(finished, journal)

    doubts = _doubts(looks, masks, limits or Limits(), manner.say)
    sources = " + ".join(_source(model) for model in models)
    kept = [_label(look, masks, sources) for look in looks if look.sample not in doubts]
    failures = dict(progress.failures)
    doubts |= {entry: Doubt("unreadable", failures[entry.key]) for entry in entries if entry.key in failures}
    save_text_atomically(out / "refused.csv", _table({entry: doubts[entry] for entry in entries if entry in doubts}))
    save_labels(out / "labels.csv", kept)
    return PseudoLabelReport(
        labels=out / "labels.csv",
        refused=out / "refused.csv",
        models=sources,
        engine=batch.predictor.engine,
        pictures=progress.total,
        resumed=progress.kept,
        kept=len(kept),
        refused_by_reason=dict(Counter(doubt.reason for doubt in doubts.values()).most_common()),
        typical_agreement=median([look.agreement for look in looks] or [0.0]),
        typical_undecided=median([look.undecided for look in looks] or [0.0]),
        pictures_per_second=progress.pictures_per_second,
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

    def __call__(self, predicted: Predicted[Entry]) -> str:
        joint = predicted.probabilities
        assert isinstance(joint, JointMap)
        mask = joint.to_mask(MAJORITY)
        agreed = agreement([each.to_mask(MAJORITY) for each in joint.members])
        save_mask(predicted.sample.mask_in(self.masks), mask)
        area = int(np.count_nonzero(mask.pixels))
        return json.dumps([area, agreed, undecided_share(joint, mask), stray_share(mask)])


def _looks(entries: Sequence[Entry], journal: Journal) -> list[Look]:
    rows = journal.values([entry.key for entry in entries])
    return [Look(entry, *json.loads(text)) for entry, (_, text) in zip(entries, rows, strict=True)]


def _doubts(looks: Sequence[Look], masks: Path, limits: Limits, say: Callable[[str], None]) -> dict[Sample, Doubt]:
    by_sample = {look.sample: look for look in looks}
    cars = [[by_sample[sample] for sample in views] for views in cars_of(by_sample).values()]
    say(f"comparing the views of {len(cars)} cars")

    def silhouette(sample: Sample) -> Silhouette:
        return Silhouette.of(load_mask(sample.mask_in(masks)))

    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(lambda views: doubts_of_car(views, silhouette, limits), cars)
        return {sample: doubt for doubts in found for sample, doubt in doubts.items()}


def _label(look: Look, masks: Path, sources: str) -> Label:
    sample = Sample.from_picture(look.sample.picture, look.sample.mask_in(masks))
    return Label(sample, look.agreement, look.undecided, sources)


def _table(refused: Mapping[Sample, Doubt]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", "reason", "detail"])
    writer.writerows([sample.picture, doubt.reason, doubt.detail] for sample, doubt in refused.items())
    return text.getvalue()
