"""The protocols of everything that turns a picture into probabilities: engines, averages and ensembles."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from carvanamask.core.card import ModelCard
from carvanamask.core.mask import ProbabilityMap
from carvanamask.errors import ModelError
from carvanamask.model.model_file import ModelFile
from carvanamask.model.preprocess import preprocess

MAX_CONCURRENCY = 8
"""Most pictures that one process works on in parallel: more processes use more cores better."""


class Predictor(Protocol):
    """Predicts for every pixel how likely it belongs to the car. Any number of threads may share one."""

    engine: str = ""
    """The engine and its device: long jobs print it, so that nobody overlooks a slow device."""
    arithmetic: str = ""
    """The engine and its precision, without its threads; results are byte-identical only where this is equal."""

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        """Return the probabilities of an RGB uint8 (height, width, 3) picture at its own size.

        The same picture gives the same bytes. Raises PictureError for any other kind of array.
        """
        ...


class NetworkPredictor(Predictor, Protocol):
    """A Predictor that is one network on one device."""

    card: ModelCard

    def infer(self, pixels: np.ndarray) -> np.ndarray:
        """Return probabilities, float32 (height, width), of uint8 (height, width, 3) of the network's own size."""
        ...

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        probability = self.infer(network_input(picture, self.card))
        return ProbabilityMap(probability).resized((picture.shape[1], picture.shape[0]))


def network_input(picture: np.ndarray, card: ModelCard) -> np.ndarray:
    """Return what the card's network gets of an RGB uint8 picture before normalisation. Raises PictureError."""
    return preprocess(picture, card.input_size_wh, card.clahe)


def incompatible_error(model: ModelFile, reason: str) -> ModelError:
    """Return the error for a network that can't do what its card says."""
    size = "x".join(map(str, model.card.input_size_wh))
    return ModelError(f"can't make one {size} map of a {size} picture ({reason})", "export it again", model.onnx)
