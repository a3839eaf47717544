"""carvanamask cuts cars out of studio pictures: `carvanamask.load_model().predict("car.jpg")`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from carvanamask.version import __version__

if TYPE_CHECKING:
    from carvanamask.api import Model, cut_out, load_model
    from carvanamask.core.mask import Mask, ProbabilityMap
    from carvanamask.errors import (
        CarvanaMaskError,
        ConfigError,
        DataError,
        DiskError,
        FileNameError,
        MaskError,
        MissingPackageError,
        ModelError,
        PictureError,
        SubmissionError,
    )

__all__ = [
    "CarvanaMaskError",
    "ConfigError",
    "DataError",
    "DiskError",
    "FileNameError",
    "Mask",
    "MaskError",
    "MissingPackageError",
    "Model",
    "ModelError",
    "PictureError",
    "ProbabilityMap",
    "SubmissionError",
    "__version__",
    "cut_out",
    "load_model",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the command line needs only the version."""
    if name not in __all__:
        raise AttributeError(f"module 'carvanamask' has no attribute '{name}'")
    modules = {
        "Model": "api",
        "cut_out": "api",
        "load_model": "api",
        "Mask": "core.mask",
        "ProbabilityMap": "core.mask",
    }
    return getattr(import_module(f"carvanamask.{modules.get(name, 'errors')}"), name)
