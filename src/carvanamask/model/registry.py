"""Models by name: the built-in ones, those of finished runs, and model folders by their path."""

from __future__ import annotations

from pathlib import Path

from carvanamask.data.run_dir import RUNS, RunDir
from carvanamask.errors import ModelError, nearest
from carvanamask.model.model_file import ModelFile

BUILT_IN = Path(__file__).parent.parent / "weights"
DEFAULT_MODEL = "studio-m"
"""The model that predicts if no other is named."""


def built_in_names() -> list[str]:
    return sorted(card.parent.name for card in BUILT_IN.glob("*/card.json"))


def model_folders(runs: Path = RUNS) -> dict[str, Path]:
    """Return the folder of every model that `--model NAME` can mean: built-in ones, then finished runs."""
    found = {name: BUILT_IN / name for name in built_in_names()}
    for card in sorted(runs.glob("*/model/card.json")):
        found.setdefault(card.parent.parent.name, card.parent)
    return found


def find_model(name: str, runs: Path = RUNS) -> ModelFile:
    """Load a built-in model, a run's model, or a model folder by its path.

    Raises ModelError with the names that exist and the nearest one.
    """
    known = model_folders(runs)
    if name in known:
        return ModelFile.load(known[name])
    path = Path(name)
    for folder in (path, RunDir(path).model):
        if (folder / "card.json").exists():
            return ModelFile.load(folder)
    if RunDir(runs / name).is_started:
        raise ModelError(f"run '{name}' has no model yet", f"finish it with train --name {name}")
    names = ", ".join(known) or "none yet: train one first"
    raise ModelError(f"no model called '{name}'{nearest(name, known)} (models: {names})")
