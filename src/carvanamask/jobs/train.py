"""Train a network on labelled pictures and leave a run with a model in it."""

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
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.data.label_list import Label
from carvanamask.data.run_dir import RunDir
from carvanamask.data.split import Split, split_by_car
from carvanamask.errors import ConfigError, ModelError, nearest
from carvanamask.figures.curves import save_training_curves
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import built_in_names, find_model
from carvanamask.training.config import Config
from carvanamask.training.lineage import KNOWN_CARS, extra_labels, extra_samples, known_cars
from carvanamask.training.recipe import SHIPPED_RECIPES, load_config, option_values
from carvanamask.training.run_files import load_environment, load_metrics, load_run_config, load_split, start_run
from carvanamask.version import __version__

if TYPE_CHECKING:
    from carvanamask.training.fit import Machine

DEFAULT_RECIPE = "seed-1024"

log = logging.getLogger(__name__)

_LABELS = "pseudo_labels_sha256"
_PICTURES = "pictures_sha256"
_BEFORE = "goes_on_from"

PATIENCE_HOURS = 12.0
"""A recipe that takes longer than this on the CPU is answered with one that doesn't."""


@dataclass(frozen=True)
class TrainPlan:
    """Which run, with which options, beginning with which weights."""

    run: RunDir
    config: Config
    start_from: Path | None = None
    """A checkpoint; None begins as the recipe says."""
    is_recipe_chosen: bool = True
    """Whether the user named the recipe: one that nobody asked for must not take days."""

    @property
    def before(self) -> RunDir | None:
        """The run whose weights it begins with."""
        return RunDir(self.start_from.parent.parent) if self.start_from else None


def plan_run(
    runs: Path,
    name: str | None = None,
    recipe: str | None = None,
    settings: Sequence[str] = (),
    model: str | None = None,
) -> TrainPlan:
    """What `train --name --config --set --model` mean together.

    A run is called after its recipe, with my- before it where a built-in model is called so. Going on from `model`, a
    run, keeps that run's options; the new run is called after it with a number behind.
    """
    if model is None:
        config = load_config(recipe or DEFAULT_RECIPE, settings)
        recipe_name = Path(recipe or DEFAULT_RECIPE).stem
        is_taken = recipe_name in built_in_names() and not RunDir.named(recipe_name, runs).is_started
        own_name = f"my-{recipe_name}" if is_taken else recipe_name
        return TrainPlan(RunDir.named(name or own_name, runs), config, None, bool(recipe))
    before = RunDir.named(model, runs)
    if not before.best_checkpoint.exists():
        known = sorted(path.parent.parent.name for path in runs.glob(f"*/{RunDir(Path()).best_checkpoint}"))
        names = ", ".join(known) or "none yet: train one first"
        raise ModelError(f"no run '{model}' to go on from{nearest(model, known)} (runs: {names})")
    config = load_config(recipe or before.config_file, settings)
    number = 2
    while RunDir.named(f"{model}-{number}", runs).is_finished:
        number += 1
    return TrainPlan(RunDir.named(name or f"{model}-{number}", runs), config, before.best_checkpoint)


@dataclass(frozen=True)
class TrainReport:
    """What came out of a training."""

    run: RunDir
    model: ModelFile
    epochs: int
    dice: float


def train(
    folder: KaggleFolder,
    plan: TrainPlan,
    has_progress_bar: bool = True,
) -> TrainReport:
    """Carry out a plan; a run that was interrupted goes on where it stopped.

    `say` is told, in one line each, what the work runs on, how long it will take, and how each epoch went.
    Raises ConfigError when the run was started with other options or pictures, or takes longer than the plan allows,
    and DataError when it holds out a car that what it builds on has learned from.
    """
    fitting = _import_fitting()
    if not fitting.is_first_process():
        log.setLevel(logging.WARNING)
    run, config = plan.run, plan.config
    if run.is_finished and not run.is_started:
        raise ConfigError(f"'{run.name}' is a model that wasn't trained here: use another --name")
    samples = folder.training_samples()
    split = _split(plan, samples)
    extra, labels = extra_samples(config, split), extra_labels(config, split)
    pseudo = [label.sample for label in labels]
    training, validation = [*split.training_samples(samples), *extra], split.validation_samples(samples)
    machine = fitting.this_machine(config.training.precision)
    log.info(f"device: {machine.description}")
    beside = f" and {len(extra)} extra pictures" if extra else ""
    log.info(f"cars: {len(split.training)} to train on{beside}, {len(split.validation)} held out (split {split.hash})")
    pseudo_per_epoch = config.training.pseudo_count(len(training), len(pseudo))
    if pseudo:
        log.info(f"pseudo-labels: {pseudo_per_epoch} an epoch of {len(pseudo)}, by {_makers(labels)}")
    if run.is_finished:
        log.info(f"run '{run.name}' is finished: use another --name to train again")
        return TrainReport(run, ModelFile.load(run.model), len(load_metrics(run)), _best_epoch(run)["val_dice"])
    known = known_cars(plan.before, _coarse_models(plan), split)
    environment = _environment(plan, known, [*samples, *extra], labels)
    if run.is_started:
        _refuse_others(run, environment)
    else:
        if plan.start_from:
            fitting.check_beginning(config, plan.start_from)
        _say_how_long(plan, len(training) + pseudo_per_epoch, machine)
        start_run(run, config, split, environment)
    fitting.fit(config, training, validation, run, plan.start_from, has_progress_bar, pseudo)
    if not fitting.is_first_process():
        raise SystemExit(0)  # its part is done: the first process writes the model and reports
    save_training_curves(run.curves, load_metrics(run), run.name)
    model = _export(plan, {sample.car for sample in [*training, *pseudo]}, known, split.validation, labels)
    return TrainReport(run, model, len(load_metrics(run)), _best_epoch(run)["val_dice"])


def _coarse_models(plan: TrainPlan) -> list[ModelFile]:
    """Return the model that finds the car for a refinement network, or an empty list."""
    name = plan.config.input.coarse_model
    return [find_model(name, plan.run.root.parent)] if name else []


def _best_epoch(run: RunDir) -> Mapping[str, float]:
    return max(load_metrics(run), key=lambda row: row["val_dice"])


def _export(
    plan: TrainPlan, training: set[str], known: set[str], validation: Sequence[str], labels: Sequence[Label]
) -> ModelFile:
    """Turn the run's best checkpoint into its model; `known` are cars that what it builds on learned from."""
    from carvanamask.training.export import encode_onnx, load_network

    run = plan.run
    config, best = load_run_config(run), _best_epoch(run)
    provenance = f"trained by carvanamask {__version__} on {len(training)} cars, {len(load_metrics(run))} epochs"
    provenance += f" at {config.input.size_wh[0]}x{config.input.size_wh[1]}"
    if plan.before:
        provenance += f", going on from {plan.before.name}"
    if labels:
        pseudo_cars = len({label.sample.car for label in labels})
        provenance += f"; {len(labels)} pictures of {pseudo_cars} cars with pseudo-labels by {_makers(labels)}"
    onnx = encode_onnx(load_network(run.best_checkpoint, config), config.input.size_wh)
    card = ModelCard(
        name=run.name,
        network=config.network.summary,
        input_size_wh=config.input.size_wh,
        mean=config.input.mean,
        std=config.input.std,
        clahe=config.input.clahe,
        training_cars=tuple(sorted(known | training)),
        validation_cars=tuple(validation),
        # where a second look is taken, that it differs from the first says more (`quality/signals.py`)
        max_uncertain_ratio=0 if config.input.sees_crop else best.get("val_undecided", 0),
        scores={"validation_dice": best["val_dice"]},
        provenance=provenance,
        sees_crop=config.input.sees_crop,
    )
    return ModelFile.save(run.model, onnx, card, _coarse_models(plan))


def _split(plan: TrainPlan, samples: Sequence[Sample]) -> Split:
    """Which cars judge; for a started run, after making sure that it is the one asked for."""
    run, config, options = plan.run, plan.config, plan.config.split
    cars = (sample.car for sample in samples)
    split = split_by_car(
        cars, options.validation_share, options.seed, options.held_out_cars, options.folds, options.fold
    )
    if not run.is_started:
        return split
    asked = plan.before and plan.before.name
    began = load_environment(run).get(_BEFORE, asked)  # an earlier version didn't write it down
    if began != asked:
        how = f"goes on from {began}: give --model {began} again" if began else f"began anew: leave --model {asked} out"
        raise ConfigError(f"run '{run.name}' {how}, or use another --name")
    before, now = option_values(load_run_config(run)), option_values(config)
    other = [f"{name} was {before[name]}" for name in now if before[name] != now[name]]
    if other:
        raise ConfigError(f"run '{run.name}' was started with other options ({', '.join(other)}): use another --name")
    if load_split(run).hash != split.hash:
        raise ConfigError(f"run '{run.name}' was started on other cars: use another --name, or --data with its folder")
    return split


def _makers(labels: Sequence[Label]) -> str:
    return " and ".join(sorted({label.models for label in labels}))


def _refuse_others(run: RunDir, environment: Mapping[str, object]) -> None:
    """A started run goes on with the pictures that it began with: the losses of others wouldn't be its own."""
    began = load_environment(run)
    for item, what in ((_LABELS, "with other pseudo-labels"), (_PICTURES, "on other pictures")):
        if began.get(item) != environment.get(item):
            raise ConfigError(f"run '{run.name}' was started {what}: use another --name")


def _environment(
    plan: TrainPlan, known: set[str], samples: Sequence[Sample], labels: Sequence[Label]
) -> dict[str, object]:
    """What a run depends on besides its options: code, machine, what it builds on, the pictures' names and sizes."""
    listing = "\n".join(f"{sample.name} {sample.picture.stat().st_size}" for sample in samples)
    names = "\n".join(f"{x.sample.name} {x.agreement} {x.uncertain_ratio} {x.models}" for x in labels)
    packages = ("torch", "lightning", "numpy", "opencv-python-headless")
    return {
        "carvanamask": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: importlib.metadata.version(name) for name in packages},
        _BEFORE: plan.before and plan.before.name,
        KNOWN_CARS: sorted(known),
        "pictures": len(samples),
        _PICTURES: hashlib.sha256(listing.encode()).hexdigest(),
        **({_LABELS: hashlib.sha256(names.encode()).hexdigest()} if labels else {}),
    }


def _say_how_long(plan: TrainPlan, pictures: int, machine: Machine) -> None:
    """How long the recipe takes here; where that is too long for a CPU, also which shipped recipe fits."""
    training, hours = plan.config.training, _hours(plan.config, pictures)
    takes = f"this recipe takes about {_in_words(hours)} here"
    if machine.accelerator != "cpu" or hours <= PATIENCE_HOURS:
        return log.info(f"{takes} ({training.epochs} epochs of {pictures // training.epochs_per_pass} pictures)")
    advice = "no GPU found and no shipped recipe fits this machine"
    # the largest pictures that fit give the best edges; beyond 640 pixels none fits, and trying takes minutes
    widths = {name: max(load_config(name).input.size_wh) for name in SHIPPED_RECIPES}
    for name in sorted((name for name in widths if widths[name] <= 640), key=lambda name: -widths[name]):
        smaller = _hours(load_config(name), pictures)
        if smaller <= PATIENCE_HOURS:
            advice = f"no GPU found; --config {name} takes about {_in_words(smaller)}"
            break
    if not plan.is_recipe_chosen:
        raise ConfigError(f"{takes}: {advice} (to train this one all the same, name it: --config {DEFAULT_RECIPE})")
    return log.info(f"{takes}: {advice}")


def _hours(config: Config, pictures: int) -> float:
    passes = config.training.epochs / config.training.epochs_per_pass
    hours: float = _import_fitting().seconds_a_picture(config) * pictures * passes / 3600
    return min(hours, (config.training.max_minutes or float("inf")) / 60)


def _in_words(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    minutes = max(1, round(hours * 60))
    return f"{hours:.1f} hours" if hours >= 2 else f"{minutes} minute{'s' if minutes > 1 else ''}"


def _import_fitting() -> ModuleType:
    """Training's one door: torch is imported when a training starts, and its absence has a name."""
    try:
        from carvanamask.training import fit as fitting
    except ModuleNotFoundError as missing:
        raise ModelError(f"training needs {missing.name}: pip install 'carvanamask[train]'") from None
    return fitting
