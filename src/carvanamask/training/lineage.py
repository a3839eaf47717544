"""Which cars a run learns from, also by way of what it builds on: none of them may judge it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.data.label_list import Label, load_labels
from carvanamask.data.run_dir import RunDir
from carvanamask.data.split import Split
from carvanamask.errors import DataError
from carvanamask.model.model_file import ModelFile
from carvanamask.training.config import Config
from carvanamask.training.run_files import load_environment, load_run_config, load_split

KNOWN_CARS = "known_cars"
"""What a run's environment calls the cars that it knew before it began."""


def extra_samples(config: Config, split: Split) -> list[Sample]:
    """The labelled pictures of split.extra_folders. Raises DataError where one shows a held-out car."""
    samples = [
        sample for folder in config.split.extra_folders for sample in KaggleFolder(Path(folder)).training_samples()
    ]
    shared = {sample.car for sample in samples} & set(split.validation)
    if shared:
        raise DataError(
            f"car {min(shared)} of split.extra_folders is held out: take it out of there, or hold out others"
        )
    return samples


def extra_labels(config: Config, split: Split) -> list[Label]:
    """The pseudo-labels of split.extra_labels.

    A held-out car's picture is refused whatever labelled it, with DataError: to a model that learned from it, it is no
    stranger.
    """
    labels = []
    for path in config.split.extra_labels:
        found = load_labels(Path(path))
        shared = {label.sample.car for label in found} & set(split.validation)
        if shared:
            raise DataError(f"car {min(shared)} of {path} is held out: take it out of the list, or hold out others")
        labels += found
    return labels


def cars_of_model(model: ModelFile) -> set[str]:
    """All that it, its members and theirs learned from."""
    return set(model.card.training_cars).union(*(cars_of_model(member) for member in model.members))


def cars_of_run(run: RunDir) -> set[str]:
    """All that a run's weights learned from, or may have where it isn't finished. Raises DataError and ModelError."""
    if run.is_finished:
        return cars_of_model(ModelFile.load(run.model))
    config, split, before = load_run_config(run), load_split(run), load_environment(run).get(KNOWN_CARS)
    extra = [*extra_samples(config, split), *(label.sample for label in extra_labels(config, split))]
    # an earlier version didn't write down what its runs went on from
    return {*split.training, *(sample.car for sample in extra), *(before if isinstance(before, list) else ())}


def known_cars(before: RunDir | None, coarse_models: Sequence[ModelFile], split: Split) -> set[str]:
    """What a run knows that begins with another one's weights, and whose pictures go through a first pass before.

    Raises DataError where the split holds one of these cars out.
    """
    learned = {f"--model {before.name}": cars_of_run(before)} if before else {}
    learned |= {f"input.coarse_model {model.card.name}": cars_of_model(model) for model in coarse_models}
    for name, cars in learned.items():
        shared = cars & set(split.validation)
        if shared:
            raise DataError(
                f"car {min(shared)} is held out, but {name} learned from it: hold out the same cars, by its split "
                "options or split.held_out_cars, or begin anew without it"
            )
    return set().union(*learned.values())
