"""carvanamask cuts cars out of studio pictures: `load_model().predict("car.jpg")`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carvanamask.api import Model, load_model

from carvanamask.version import __version__

__all__ = ["Model", "__version__", "load_model"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'carvanamask' has no attribute '{name}'")
    from carvanamask import api  # a moment later: the command line asks for the version alone

    return getattr(api, name)
