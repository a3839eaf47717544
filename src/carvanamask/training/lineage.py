"""The pictures of a run, and all cars that it learns from: none of them may validate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.data.label_list import Label, load_labels
from carvanamask.data.run_dir import RunDir
from carvanamask.data.split import Split, split_by_car
from carvanamask.errors import DataError
from carvanamask.model.model_file import ModelFile
from carvanamask.training.config import SplitConfig
from carvanamask.training.run_files import load_environment, load_run_config, load_split

KNOWN_CARS = "known_cars"
"""Key in a run's environment of the cars that its initial weights and its coarse model learned from."""


@dataclass(frozen=True)
class TrainingData:
    """The labelled pictures of a run and the split of their cars."""

    split: Split
    folder_samples: Sequence[Sample]
    extra: Sequence[Sample]
    """Pictures of split.extra_folders."""
    labels: Sequence[Label]
    """Pseudo-labels of split.extra_labels."""

    @property
    def training(self) -> list[Sample]:
        """The pictures to train on, without pseudo-labels."""
        return [*self.split.training_samples(self.folder_samples), *self.extra]

    @property
    def validation(self) -> list[Sample]:
        return self.split.validation_samples(self.folder_samples)

    @property
    def pseudo(self) -> list[Sample]:
        """The pictures with pseudo-labels, which train as well."""
        return [label.sample for label in self.labels]

    @property
    def labelling_models(self) -> str:
        """The models that made the pseudo-labels."""
        return " and ".join(sorted({label.models for label in self.labels}))


def load_training_data(config: SplitConfig, folder: KaggleFolder) -> TrainingData:
    """Find a run's pictures. Raises DataError where one that trains shows a held-out car."""
    samples = folder.training_samples()
    split = split_by_car(
        (sample.car for sample in samples),
        validation_share=config.validation_share,
        seed=config.seed,
        held_out_cars=config.held_out_cars,
        folds=config.folds,
        fold=config.fold,
    )
    return TrainingData(split, samples, *load_extra(config, split))


def load_extra(config: SplitConfig, split: Split) -> tuple[list[Sample], list[Label]]:
    """Return the labelled pictures of split.extra_folders and the pseudo-labels of split.extra_labels.

    Raises DataError where one shows a held-out car.
    """
    samples = [sample for folder in config.extra_folders for sample in KaggleFolder(Path(folder)).training_samples()]
    lists = {path: load_labels(Path(path)) for path in config.extra_labels}
    sources = {"split.extra_folders": samples}
    sources |= {path: [label.sample for label in labels] for path, labels in lists.items()}
    for source, shown in sources.items():
        if shared := {sample.car for sample in shown} & set(split.validation):
            repair = "take it out of there, or hold out others"
            raise DataError(f"car {min(shared)} of {source} is held out", repair)
    return samples, [label for labels in lists.values() for label in labels]


def cars_of_model(model: ModelFile) -> set[str]:
    """Return the cars that a model learned from, with those of its members and theirs."""
    return set(model.card.training_cars).union(*(cars_of_model(member) for member in model.members))


def cars_of_run(run: RunDir) -> set[str]:
    """Return the cars that a run's weights learned from, or may have if it isn't finished."""
    if run.is_finished:
        return cars_of_model(ModelFile.load(run.model))
    config, split, known = load_run_config(run).split, load_split(run), load_environment(run).get(KNOWN_CARS)
    samples, labels = load_extra(config, split)
    extra = [*samples, *(label.sample for label in labels)]
    # earlier versions didn't store the known cars
    return {*split.training, *(sample.car for sample in extra), *(known if isinstance(known, list) else ())}


def cars_seen_before(initial: RunDir | None, coarse_model: ModelFile | None, split: Split) -> set[str]:
    """Return the cars that a run's initial weights and its coarse model learned from.

    Raises DataError where the split holds one of these cars out.
    """
    learned = {f"--model {initial.name}": cars_of_run(initial)} if initial else {}
    if coarse_model:
        learned[f"input.coarse_model {coarse_model.card.name}"] = cars_of_model(coarse_model)
    for name, cars in learned.items():
        if shared := cars & set(split.validation):
            raise DataError(
                f"car {min(shared)} is held out, but {name} learned from it",
                "hold out the same cars, by its split options or split.held_out_cars, or start without it",
            )
    return set().union(*learned.values())
