"""Picture in, probabilities out: what every engine, average and ensemble is."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from carvanamask.core.card import ModelCard
from carvanamask.core.mask import ProbabilityMap
from carvanamask.errors import ModelError, PictureError
from carvanamask.model.model_file import ModelFile
from carvanamask.model.preprocess import preprocess, shrink_by_area

MAX_CONCURRENCY = 8
"""Pictures under way in one process, at most: more cores are served by more processes."""


class Predictor(Protocol):
    """Says of every pixel how likely it is car. Any number of threads may share one."""

    @property
    def engine(self) -> str:
        """What computes, on what: long work prints it, so that a slow device is never a secret."""
        ...

    @property
    def arithmetic(self) -> str:
        """What decides about the bits of a map besides the model: the engine and its numbers, not how many threads."""
        return self.engine

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        """RGB uint8 (height, width, 3) → probabilities of the same height and width.

        The same picture gives the same bytes. Raises PictureError for any other kind of array.
        """
        ...


class NetworkPredictor(Predictor, Protocol):
    """A Predictor that is one network on one device."""

    card: ModelCard
    engine: str = ""
    arithmetic: str = ""

    def infer(self, levels: np.ndarray) -> np.ndarray:
        """uint8 (height, width, channels) of the network's size → probabilities, float32 (height, width)."""
        ...

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        probability = self.infer(network_input(picture, self.card))
        return ProbabilityMap(probability).resized((picture.shape[1], picture.shape[0]))


def shrink(picture: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """RGB uint8 of any size → RGB uint8 of the network's size, each pixel the mean of those it covers."""
    return shrink_by_area(_checked(picture), size_wh)


def network_input(picture: np.ndarray, card: ModelCard) -> np.ndarray:
    """RGB uint8 of any size → what the network sees of it before normalisation, as training made it."""
    return preprocess(_checked(picture), card.input_size_wh, card.clahe)


def _checked(picture: np.ndarray) -> np.ndarray:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        shape = "x".join(map(str, picture.shape))
        raise PictureError(f"a picture is an RGB uint8 array (height, width, 3), not {picture.dtype} {shape}")
    return picture


def incompatible(model: ModelFile, reason: str) -> ModelError:
    """What to raise when a network can't do what its card says."""
    size = "x".join(map(str, model.card.input_size_wh))
    return ModelError(f"{model.onnx} can't make one {size} map of a {size} picture ({reason}): export it again")
