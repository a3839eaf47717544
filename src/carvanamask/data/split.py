"""Divide the cars into training and validation: complete cars, never single pictures of one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from carvanamask.data.kaggle_folder import Sample
from carvanamask.errors import DataError


@dataclass(frozen=True)
class Split:
    """Car ids for training and for validation; no car is in both."""

    training: tuple[str, ...]
    validation: tuple[str, ...]

    def __post_init__(self) -> None:
        shared = set(self.training) & set(self.validation)
        if shared:
            raise DataError(f"car {min(shared)} is in training and validation", "put every car on one side only")
        if not self.training or not self.validation:
            sizes = f"{len(self.training)} cars to train on and {len(self.validation)} to validate"
            raise DataError(sizes, "both need at least one")

    @property
    def hash(self) -> str:
        """Return 12 hex digits of SHA-256 of both lists, whatever their order."""
        text = json.dumps([sorted(self.training), sorted(self.validation)])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def training_samples(self, samples: Sequence[Sample]) -> list[Sample]:
        cars = set(self.training)
        return [sample for sample in samples if sample.car in cars]

    def validation_samples(self, samples: Sequence[Sample]) -> list[Sample]:
        cars = set(self.validation)
        return [sample for sample in samples if sample.car in cars]

    def encode(self) -> str:
        return json.dumps({"hash": self.hash, "training": self.training, "validation": self.validation}, indent=1)

    @classmethod
    def decode(cls, text: str) -> Split:
        """Return the split that `encode` wrote. Raises DataError for another text."""
        repair = "put it back, or begin a new run"
        try:
            tree = json.loads(text)
            split, known_hash = cls(tuple(tree["training"]), tuple(tree["validation"])), tree["hash"]
        except (ValueError, KeyError, TypeError):
            raise DataError("split.json isn't what a run wrote", repair) from None
        if split.hash != known_hash:
            raise DataError(f"split.json was changed (its cars hash to {split.hash})", repair)
        return split


def split_by_car(
    cars: Iterable[str],
    validation_share: float,
    seed: int,
    held_out_cars: Iterable[str],
    folds: int | None,
    fold: int,
) -> Split:
    """Return a split that holds out a share of the cars, at least one, or with `folds` the cars of part number `fold`.

    A share includes every car of `held_out_cars`. Folds, numbered from 0, divide the other cars into parts, each of
    which one fold holds out besides `held_out_cars`. Which side a car is on depends on its id and the seed alone: more
    cars in the folder never move another car by more than the share requires, or over more than one fold's border, and
    the order of files doesn't matter. Raises DataError.
    """
    known = sorted(set(cars))
    held_out = set(held_out_cars)
    if not held_out <= set(known):
        reason = f"split.held_out_cars: no pictures of car {min(held_out - set(known))} in the folder"
        raise DataError(reason, "correct its name, or add its pictures")
    if len(known) < 2:
        repair = "at least two are needed, one to train on and one to validate"
        raise DataError(f"{len(known)} car in the folder", repair)
    rest = sorted(set(known) - held_out, key=lambda car: hashlib.sha256(f"{seed}:{car}".encode()).digest())
    if folds is None:
        count = max(1, round(validation_share * len(known)))
        held_out |= set(rest[: max(0, count - len(held_out))])
    elif folds > len(rest):
        reason = f"split.folds = {folds}, but there are only {len(rest)} cars to divide"
        raise DataError(reason, f"use {len(rest)} or fewer")
    else:
        # stretches of the hashes' order: as large as each other, which a hash modulo `folds` wouldn't be, while a new
        # car moves one car at most over each border, where every N-th car would move them all
        held_out |= set(rest[fold * len(rest) // folds : (fold + 1) * len(rest) // folds])
    return Split(tuple(car for car in known if car not in held_out), tuple(sorted(held_out)))
