"""Compare models by their evaluations, on the held-out pictures that all of them were scored on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from carvanamask.data.kaggle_folder import Sample
from carvanamask.data.run_dir import RUNS, RunDir, run_of_model
from carvanamask.errors import ConfigError, DataError
from carvanamask.figures.paired_errors import PairedScores, save_paired_errors
from carvanamask.io.table import load_table
from carvanamask.model.model_file import ModelFile
from carvanamask.training.run_files import load_metrics

GOOD_DICE = 0.99
"""Below this score errors are obvious to a person."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model and its scores on the compared pictures, in [0, 1]."""

    name: str
    dice: np.ndarray
    """float64 (pictures,)."""
    boundary_iou: np.ndarray
    """float64 (pictures,)."""
    scored: int
    """Number of pictures in its evaluation, also those that aren't compared."""
    input_sizes_wh: tuple[tuple[int, int], ...]
    """One per different network size; an ensemble may have several."""
    megabytes: float
    """Size of all its ONNX files."""
    pictures_per_second: float | None
    """Speed of its evaluation, with reading and scoring; None if it wasn't recorded."""
    epochs: int
    """0 for a model that wasn't trained here."""
    training_minutes: float

    @property
    def share_below_good(self) -> float:
        return float(np.mean(self.dice < GOOD_DICE))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Candidates in the order of their names on the command line; all are compared with the first."""

    pictures: tuple[str, ...]
    """Names of the pictures that every evaluation has."""
    candidates: tuple[Candidate, ...]

    @cached_property
    def _car_of_picture(self) -> np.ndarray:
        return np.array([Sample.from_picture(Path(f"{name}.jpg")).car for name in self.pictures])

    @cached_property
    def cars(self) -> tuple[str, ...]:
        return tuple(np.unique(self._car_of_picture).tolist())

    @property
    def warning(self) -> str:
        """One line if the evaluations have different pictures, else ''."""
        if all(candidate.scored == len(self.pictures) for candidate in self.candidates):
            return ""
        scored = ", ".join(f"{candidate.name} on {candidate.scored}" for candidate in self.candidates)
        return f"scored on different pictures ({scored}): only the {len(self.pictures)} that all have are compared"

    def worst_picture(self, candidate: Candidate) -> tuple[str, float]:
        worst = int(candidate.dice.argmin())
        return self.pictures[worst], float(candidate.dice[worst])

    def worst_cars(self, candidate: Candidate, count: int = 3) -> list[tuple[str, float]]:
        """Return (car, mean Dice), the worst first."""
        means = zip(self.cars, self._means_by_car(candidate.dice).tolist(), strict=True)
        return sorted(means, key=lambda pair: pair[1])[:count]

    @cached_property
    def differences(self) -> tuple[PairedScores, ...]:
        """One per candidate; the first one's are 0."""
        return tuple(self._difference(candidate) for candidate in self.candidates)

    def _difference(self, candidate: Candidate) -> PairedScores:
        differences = candidate.dice - self.candidates[0].dice
        # the errors of a car's 16 views are correlated, so the sample of the standard error is the cars
        # (cluster-robust; Cameron and Miller, "A practitioner's guide to cluster-robust inference", 2015)
        mean, cars = float(differences.mean()), len(self.cars)
        of_car = [np.sum(differences[self._car_of_picture == car] - mean) for car in self.cars]
        error = float(np.sqrt(cars / (cars - 1) * np.square(of_car).sum()) / len(differences)) if cars > 1 else None
        share_better, by_car = float(np.mean(differences > 0)), self._means_by_car(differences)
        return PairedScores(candidate.name, candidate.dice, mean, error, share_better, by_car)

    def _means_by_car(self, values: np.ndarray) -> np.ndarray:
        return np.array([values[self._car_of_picture == car].mean() for car in self.cars])

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison for JSON."""
        return {
            "pictures": len(self.pictures),
            "cars": len(self.cars),
            "warning": self.warning,
            "runs": [self._candidate_to_dict(candidate) for candidate in self.candidates],
            "differences": [
                {
                    "run": difference.name,
                    "to": self.candidates[0].name,
                    "dice": difference.mean,
                    "standard_error_over_cars": difference.standard_error,
                    "share_of_pictures_better": difference.share_better,
                    "dice_by_car": dict(zip(self.cars, difference.by_car.tolist(), strict=True)),
                }
                for difference in self.differences[1:]
            ],
        }

    def _candidate_to_dict(self, candidate: Candidate) -> dict[str, Any]:
        return {
            "run": candidate.name,
            "dice": float(candidate.dice.mean()),
            "boundary_iou": float(candidate.boundary_iou.mean()),
            "worst_picture": dict([self.worst_picture(candidate)]),
            "worst_cars": dict(self.worst_cars(candidate)),
            f"share_below_{GOOD_DICE:g}": candidate.share_below_good,
            "pictures_judged": candidate.scored,
            "input_sizes_wh": candidate.input_sizes_wh,
            "megabytes": candidate.megabytes,
            "pictures_per_second": candidate.pictures_per_second,
            "epochs": candidate.epochs,
            "training_minutes": candidate.training_minutes,
        }


def compare(models: Sequence[ModelFile], runs: Path = RUNS, figure: Path | None = None) -> Comparison:
    """Compare the evaluations of several models, and draw the comparison into the PNG `figure` if one is named.

    Raises ConfigError for fewer than two models, and DataError for one that wasn't evaluated and for evaluations
    without a common picture.
    """
    homes = [run_of_model(model.folder, runs) for model in models]
    if len({home.root for home in homes}) < max(2, len(models)):
        raise ConfigError(", ".join(home.name for home in homes), "name two runs or more, each once")
    tables = [_scores(home) for home in homes]
    pictures = tuple(sorted(set.intersection(*map(set, tables))))
    if not pictures:
        names = " and ".join(home.name for home in homes)
        raise DataError(f"{names} share no held-out picture", "hold out the same cars")
    candidates = (_candidate(*each, pictures) for each in zip(models, homes, tables, strict=True))
    comparison = Comparison(pictures, tuple(candidates))
    if figure:
        save_paired_errors(figure, comparison.differences, pictures, comparison.cars)
    return comparison


def _candidate(
    model: ModelFile, home: RunDir, table: dict[str, tuple[float, float]], pictures: Sequence[str]
) -> Candidate:
    metrics = load_metrics(home)
    return Candidate(
        name=home.name,
        dice=np.array([table[picture][0] for picture in pictures]),
        boundary_iou=np.array([table[picture][1] for picture in pictures]),
        scored=len(table),
        input_sizes_wh=tuple(dict.fromkeys(network.card.input_size_wh for network in _networks(model))),
        megabytes=sum(network.onnx.stat().st_size for network in _networks(model)) / 1e6,
        pictures_per_second=_speed(home),
        epochs=len(metrics),
        training_minutes=sum(row["seconds"] for row in metrics) / 60,
    )


def _networks(model: ModelFile) -> Iterator[ModelFile]:
    if model.card.has_network:
        yield model
    for member in model.members:
        yield from _networks(member)


def _scores(home: RunDir) -> dict[str, tuple[float, float]]:
    """Return picture → (Dice, boundary IoU) of an evaluation."""

    def parse(row: Mapping[str, str]) -> tuple[str, tuple[float, float]]:
        return row["picture"], (float(row["dice"]), float(row["boundary_iou"]))

    columns = ("picture", "dice", "boundary_iou")
    return dict(load_table(home.evaluation / "pictures.csv", columns, parse, f"run eval --model {home.name}"))


def _speed(home: RunDir) -> float | None:
    path = home.evaluation / "report.json"
    try:
        speed: float | None = json.loads(path.read_text(encoding="utf-8")).get("pictures_per_second")
    except (OSError, ValueError, AttributeError):
        raise DataError("isn't an evaluation's report", f"run eval --model {home.name} again", path) from None
    return speed
