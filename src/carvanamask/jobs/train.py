"""Train a network on labelled pictures, in a run directory that ends up with a model."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from carvanamask.core.card import ModelCard
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.run_dir import RunDir
from carvanamask.errors import ConfigError, MissingPackageError, ModelError, nearest
from carvanamask.figures.plots import save_training_curves
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import built_in_names, find_model
from carvanamask.training.config import Config
from carvanamask.training.lineage import KNOWN_CARS, TrainingData, cars_seen_before, load_training_data
from carvanamask.training.recipe import SHIPPED_RECIPES, differing_options, load_config
from carvanamask.training.run_files import load_environment, load_metrics, load_run_config, load_split, start_run
from carvanamask.version import __version__

if TYPE_CHECKING:
    from carvanamask.training.fit import Hardware

DEFAULT_RECIPE = "seed-1024"

log = logging.getLogger(__name__)

# keys in a run's environment
_LABELS = "pseudo_labels_sha256"
_PICTURES = "pictures_sha256"
_INITIAL_RUN = "goes_on_from"

PATIENCE_HOURS = 12.0
"""For a recipe that takes longer than this on a CPU, a faster one is recommended."""


@dataclass(frozen=True)
class TrainPlan:
    """Which run to train, with which options and which initial weights."""

    run: RunDir
    config: Config
    initial: RunDir | None = None
    """The run whose best checkpoint has the initial weights; None: they are the recipe's."""
    is_recipe_chosen: bool = True
    """Whether the user chose the recipe: the default one must not take days on a CPU."""


def plan_run(
    runs: Path,
    name: str | None = None,
    recipe: str | None = None,
    settings: Sequence[str] = (),
    model: str | None = None,
) -> TrainPlan:
    """Return what `train --name --config --set --model` mean together.

    A run is named after its recipe, with the prefix my- where a built-in model has that name. A run that goes on from
    the run `model` keeps that run's options, and its name with a number appended.
    """
    if model is None:
        config = load_config(recipe or DEFAULT_RECIPE, settings)
        own_name = Path(recipe or DEFAULT_RECIPE).stem
        if own_name in built_in_names() and not RunDir.named(own_name, runs).is_started:
            own_name = f"my-{own_name}"
        return TrainPlan(RunDir.named(name or own_name, runs), config, None, bool(recipe))
    initial = RunDir.named(model, runs)
    if not initial.best_checkpoint.exists():
        known = sorted(path.parent.parent.name for path in runs.glob(f"*/{RunDir(Path()).best_checkpoint}"))
        names = ", ".join(known) or "none yet: train one first"
        raise ModelError(f"no run '{model}' to go on from{nearest(model, known)} (runs: {names})")
    config = load_config(recipe, settings) if recipe else load_run_config(initial, settings)
    number = 2
    while RunDir.named(f"{model}-{number}", runs).is_finished:
        number += 1
    return TrainPlan(RunDir.named(name or f"{model}-{number}", runs), config, initial)


def train(folder: KaggleFolder, plan: TrainPlan, has_progress_bar: bool = True) -> RunDir:
    """Train as planned, and return the finished run. An interrupted run resumes where it stopped.

    Raises ConfigError where the run was started with other options or pictures, or takes longer than the plan allows,
    and DataError where it holds out a car that its initial weights or its coarse model learned from.
    """
    fitting = _import_fit()
    if not fitting.is_first_process():
        logging.getLogger("carvanamask").setLevel(logging.WARNING)
    run, config = plan.run, plan.config
    data = load_training_data(config.split, folder)
    _check_same_run(plan, data)
    hardware = fitting.find_hardware(config.training.precision)
    _log_data(config, data, hardware)
    if run.is_finished:
        log.info(f"run '{run.name}' is finished: use another --name to train again")
        return run
    coarse_name = config.input.coarse_model
    coarse_model = find_model(coarse_name, run.root.parent) if coarse_name else None
    known = cars_seen_before(plan.initial, coarse_model, data.split)
    environment = _environment(plan, data, known)
    if run.is_started:
        _check_same_pictures(run, environment)
    else:
        if plan.initial:
            fitting.check_initial_weights(config, plan.initial)
        _check_duration(plan, data, hardware)
        start_run(run, config, data.split, environment)
    fitting.fit(run, config, data, plan.initial, has_progress_bar)
    if not fitting.is_first_process():
        raise SystemExit(0)  # only the first process writes the model
    save_training_curves(run.curves, load_metrics(run), run.name)
    _save_model(plan, data, known, coarse_model)
    return run


def _import_fit() -> ModuleType:
    """Return training.fit, so that torch is only imported when a training starts."""
    try:
        from carvanamask.training import fit
    except ModuleNotFoundError as missing:
        raise MissingPackageError(f"training needs {missing.name}", "pip install 'carvanamask[train]'") from None
    return fit


def _check_same_run(plan: TrainPlan, data: TrainingData) -> None:
    """Raise ConfigError where the run was started with other initial weights, options or cars."""
    run, repair = plan.run, "use another --name"
    if not run.is_started:
        if run.is_finished:
            raise ConfigError(f"'{run.name}' is a model that wasn't trained here", repair)
        return
    initial = plan.initial and plan.initial.name
    started = load_environment(run).get(_INITIAL_RUN, initial)  # earlier versions didn't store it
    if started != initial:
        how = f"goes on from {started}" if started else "doesn't go on from another run"
        model = f"give --model {started} again" if started else f"leave --model {initial} out"
        raise ConfigError(f"run '{run.name}' {how}", f"{model}, or {repair}")
    if differences := differing_options(load_run_config(run), plan.config):
        raise ConfigError(f"run '{run.name}' was started with other options ({', '.join(differences)})", repair)
    if load_split(run).hash != data.split.hash:
        raise ConfigError(f"run '{run.name}' was started on other cars", f"{repair}, or --data with its folder")


def _check_same_pictures(run: RunDir, environment: Mapping[str, object]) -> None:
    """Raise ConfigError where the run was started with other pictures, which would change its losses."""
    started = load_environment(run)
    for key, what in ((_LABELS, "with other pseudo-labels"), (_PICTURES, "on other pictures")):
        if started.get(key) != environment.get(key):
            raise ConfigError(f"run '{run.name}' was started {what}", "use another --name")


def _environment(plan: TrainPlan, data: TrainingData, known: set[str]) -> dict[str, object]:
    """Return what a run depends on besides its options: code, machine, initial weights, and the pictures."""
    samples = [*data.folder_samples, *data.extra]
    pictures = "\n".join(f"{sample.name} {sample.picture.stat().st_size}" for sample in samples)
    labels = "\n".join(
        f"{each.sample.name} {each.agreement} {each.uncertain_ratio} {each.models}" for each in data.labels
    )
    packages = ("torch", "lightning", "numpy", "opencv-python-headless")
    return {
        "carvanamask": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: importlib.metadata.version(name) for name in packages},
        _INITIAL_RUN: plan.initial and plan.initial.name,
        KNOWN_CARS: sorted(known),
        "pictures": len(samples),
        _PICTURES: hashlib.sha256(pictures.encode()).hexdigest(),
        **({_LABELS: hashlib.sha256(labels.encode()).hexdigest()} if data.labels else {}),
    }


def _log_data(config: Config, data: TrainingData, hardware: Hardware) -> None:
    log.info(f"device: {hardware.description}")
    extra = f" and {len(data.extra)} extra pictures" if data.extra else ""
    split = data.split
    log.info(f"cars: {len(split.training)} to train on{extra}, {len(split.validation)} held out (split {split.hash})")
    if data.labels:
        shown = config.training.pseudo_count(len(data.training), len(data.pseudo))
        log.info(f"pseudo-labels: {shown} per epoch of {len(data.pseudo)}, by {data.labelling_models}")


def _check_duration(plan: TrainPlan, data: TrainingData, hardware: Hardware) -> None:
    """Log how long the recipe takes here. Raises ConfigError for a default recipe that a CPU is too slow for."""
    training = plan.config.training
    pictures = len(data.training) + training.pseudo_count(len(data.training), len(data.pseudo))
    hours = _hours(plan.config, pictures)
    duration = f"this recipe takes about {_in_words(hours)} here"
    if hardware.accelerator != "cpu" or hours <= PATIENCE_HOURS:
        log.info(f"{duration} ({training.epochs} epochs of {pictures // training.epochs_per_pass} pictures)")
        return
    advice = _recommend_recipe(pictures)
    if not plan.is_recipe_chosen:
        raise ConfigError(duration, f"{advice} (to train this one all the same, name it: --config {DEFAULT_RECIPE})")
    log.info(f"{duration}: {advice}")


def _recommend_recipe(pictures: int) -> str:
    """Return the advice to take the shipped recipe with the largest pictures, for the best edges, that fits a CPU."""
    recipes = {name: load_config(name) for name in SHIPPED_RECIPES}
    for name, config in sorted(recipes.items(), key=lambda item: -max(item[1].input.size_wh)):
        if max(config.input.size_wh) > 640:
            continue  # none is fast enough, and measuring takes minutes
        if (hours := _hours(config, pictures)) <= PATIENCE_HOURS:
            return f"no GPU found; --config {name} takes about {_in_words(hours)}"
    return "no GPU found and no shipped recipe fits this machine"


def _hours(config: Config, pictures: int) -> float:
    passes = config.training.epochs / config.training.epochs_per_pass
    hours: float = _import_fit().seconds_per_picture(config) * pictures * passes / 3600
    return min(hours, (config.training.max_minutes or float("inf")) / 60)


def _in_words(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    return f"{hours:.1f} hours" if hours >= 2 else f"{max(1, round(hours * 60))} min"


def _save_model(plan: TrainPlan, data: TrainingData, known: set[str], coarse_model: ModelFile | None) -> None:
    """Write the run's best checkpoint as its model; `known` are cars that its initial weights or coarse model know."""
    from carvanamask.training.export import encode_onnx, load_network

    run, config = plan.run, plan.config
    best = max(load_metrics(run), key=lambda row: row["val_dice"])
    cars = {sample.car for sample in [*data.training, *data.pseudo]}
    card = ModelCard(
        name=run.name,
        network=config.network.summary,
        input_size_wh=config.input.size_wh,
        mean=config.input.mean,
        std=config.input.std,
        clahe=config.input.clahe,
        training_cars=tuple(sorted(known | cars)),
        validation_cars=data.split.validation,
        # for a refinement network, its disagreement with the coarse pass is the better sign
        max_uncertain_ratio=0 if config.input.sees_crop else best.get("val_undecided", 0),
        scores={"validation_dice": best["val_dice"]},
        provenance=_provenance(plan, data, len(cars)),
        sees_crop=config.input.sees_crop,
    )
    onnx = encode_onnx(load_network(run.best_checkpoint, config), config.input.size_wh)
    ModelFile.save(run.model, onnx, card, [coarse_model] if coarse_model else [])


def _provenance(plan: TrainPlan, data: TrainingData, cars: int) -> str:
    width, height = plan.config.input.size_wh
    text = f"trained by carvanamask {__version__} on {cars} cars, {len(load_metrics(plan.run))} epochs"
    text += f" at {width}x{height}"
    if plan.initial:
        text += f", going on from {plan.initial.name}"
    if note := plan.config.network.training_note:
        text += f", {note}"
    if data.labels:
        pseudo_cars = len({label.sample.car for label in data.labels})
        text += f"; {len(data.labels)} pictures of {pseudo_cars} cars with pseudo-labels by {data.labelling_models}"
    return text
