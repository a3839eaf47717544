"""Several models and pictures nobody labelled → masks to train on, where the models and a car's views agree."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from carvanamask.core.atomic_files import save_text_atomically, shown
from carvanamask.core.errors import ConfigError, DataError
from carvanamask.core.folders import KaggleFolder, Sample, cars_of
from carvanamask.core.label_list import Label, save_labels
from carvanamask.core.mask import ProbabilityMap
from carvanamask.core.model_file import ModelFile
from carvanamask.core.pictures import load_mask, save_mask
from carvanamask.core.submission import UnfinishedSubmission, version_of
from carvanamask.inference.ensemble import Ensemble, JointMap, agreement
from carvanamask.inference.model import build_predictor
from carvanamask.inference.pipeline import predict_all, still_to_predict
from carvanamask.quality.doubts import Doubt, Look, doubts_of_car
from carvanamask.quality.limits import Limits
from carvanamask.quality.signals import stray_share, undecided_share
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
    device: str = "auto",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> PseudoLabelReport:
    """Predict every test picture; list in `out`/labels.csv what keeps the limits, in refused.csv the others and why.

    A mask is the models' mean cut at a half; `out`/masks has all of them, the refused ones to look at. The same models
    go on where they were interrupted, so that other limits need no new predictions. `on_progress` hears (done, of),
    `say` the engine. Raises ConfigError for fewer than two models, and for an `out` that other models began.
    """
    models = _different(models)
    panel = Ensemble([build_predictor(model, device) for model in models], [1.0] * len(models))
    say(f"engine: {panel.engine}")
    samples = folder.test_samples()
    masks, key = out / "masks", _key(models, panel)
    started = time.monotonic()
    with UnfinishedSubmission(_journal(out, key), key) as journal:
        left = _left(samples, panel, journal, masks)
        resumed = len(samples) - len(left)
        failures = _predict(panel, left, journal, masks, lambda done: on_progress(resumed + done, len(samples)))
        looks = _looks([sample for sample in samples if sample not in failures], journal)
    seconds = time.monotonic() - started

    doubts = _doubts(looks, masks, limits or Limits(), say)
    sources = " + ".join(_source(model) for model in models)
    kept = [_label(look, masks, sources) for look in looks if look.sample not in doubts]
    doubts |= {sample: Doubt("unreadable", reason) for sample, reason in failures.items()}
    save_text_atomically(
        out / "refused.csv", _table({sample: doubts[sample] for sample in samples if sample in doubts})
    )
    save_labels(out / "labels.csv", kept)
    return PseudoLabelReport(
        labels=out / "labels.csv",
        refused=out / "refused.csv",
        models=sources,
        engine=panel.engine,
        pictures=len(samples),
        resumed=resumed,
        kept=len(kept),
        refused_by_reason=dict(Counter(doubt.reason for doubt in doubts.values()).most_common()),
        typical_agreement=median([look.agreement for look in looks] or [0.0]),
        typical_undecided=median([look.undecided for look in looks] or [0.0]),
        pictures_per_second=len(left) / seconds,
        failures=tuple((str(sample.picture), failures[sample]) for sample in samples if sample in failures),
    )


def _different(models: Sequence[ModelFile]) -> list[ModelFile]:
    """In an order of their own, so that the user's doesn't matter."""
    by_sha256 = {_sha256(model): model for model in models}
    if len(by_sha256) < len(models) or len(models) < 2:
        names = ", ".join(model.card.name for model in models) or "none"
        raise ConfigError(f"--model {names}: labels take two different models or more, that can disagree")
    return [by_sha256[sha256] for sha256 in sorted(by_sha256)]


def _source(model: ModelFile) -> str:
    return f"{model.card.name} {_sha256(model)[:12]}"


def _sha256(model: ModelFile) -> str:
    """Of its network; of what its card says of the members where it has none."""
    return model.card.sha256 or hashlib.sha256(_asked(model).encode()).hexdigest()


def _asked(model: ModelFile) -> str:
    """All that decides about a model's probabilities; a threshold that was chosen since doesn't."""
    return model.card.model_dump_json(exclude={"threshold", "clean_up", "scores", "provenance"})


def _key(models: Sequence[ModelFile], panel: Ensemble) -> str:
    """Changes with all that decides about the masks."""
    return hashlib.sha256(" ".join([*map(_asked, models), panel.engine]).encode()).hexdigest()[:12]


def _journal(out: Path, key: str) -> Path:
    """Where the predictions' measures are; raises ConfigError where masks of other models lie."""
    journal = out / f"{key}.journal"
    if any(other != journal for other in out.glob("*.journal")):
        raise ConfigError(f"{shown(out)} was begun with other models, or on another device: name another --out")
    return journal


def _left(samples: Sequence[Sample], panel: Ensemble, journal: UnfinishedSubmission, masks: Path) -> list[Sample]:
    """What is still to predict; with models that see views, whole cars of it."""
    return still_to_predict(
        panel,
        samples,
        lambda sample: (
            journal.holds(sample.picture.name, version_of(sample.picture)) and sample.mask_in(masks).exists()
        ),
    )


def _predict(
    panel: Ensemble,
    samples: Sequence[Sample],
    journal: UnfinishedSubmission,
    masks: Path,
    on_progress: Callable[[int], None],
) -> dict[Sample, str]:
    """Write masks and what the journal keeps of them; returns the pictures that can't be read, and why."""

    def look(sample: Sample, picture: np.ndarray, joint: ProbabilityMap) -> str:
        assert isinstance(joint, JointMap)
        mask = joint.to_mask(MAJORITY)
        agreed = agreement([each.to_mask(MAJORITY) for each in joint.members])
        save_mask(sample.mask_in(masks), mask)
        area = int(np.count_nonzero(mask.pixels))
        return json.dumps([area, agreed, undecided_share(joint, mask), stray_share(mask)])

    failures = {}
    on_progress(0)
    for done, (sample, result) in enumerate(predict_all(panel, samples, look), start=1):
        if isinstance(result, DataError):
            failures[sample] = str(result)
        else:
            journal.add(sample.picture.name, version_of(sample.picture), result)
        on_progress(done)
    return failures


def _looks(samples: Sequence[Sample], journal: UnfinishedSubmission) -> list[Look]:
    rows = journal.rows([sample.picture.name for sample in samples])
    return [Look(sample, *json.loads(text)) for sample, (_, text) in zip(samples, rows, strict=True)]


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
