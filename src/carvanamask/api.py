"""Prediction from Python: a model by its name, and masks of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.io.read import load_picture
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import Predictor
from carvanamask.model.registry import DEFAULT_MODEL, find_model


@dataclass(frozen=True)
class Model:
    """A model ready to predict. Any number of threads may share one; the same picture gives the same bytes."""

    file: ModelFile
    predictor: Predictor

    @property
    def card(self) -> ModelCard:
        """Everything that is known of it."""
        return self.file.card

    @property
    def engine(self) -> str:
        """What computes, on what."""
        return self.predictor.engine

    def predict(self, picture: str | Path | np.ndarray) -> Mask:
        """Which pixels are car: `mask.pixels` is bool (height, width).

        `picture` is a file, turned upright and converted to sRGB, or RGB uint8 (height, width, 3). Raises PictureError
        for a file that can't be read and any other kind of array.
        """
        return make_mask(self.probabilities(picture), self.card)

    def probabilities(self, picture: str | Path | np.ndarray) -> ProbabilityMap:
        """How likely each pixel is car: `map.values` is float32 (height, width) in [0, 1]. Raises as `predict` does."""
        pixels = picture if isinstance(picture, np.ndarray) else load_picture(Path(picture))
        return self.predictor.predict(pixels)


def load_model(name: str | Path = DEFAULT_MODEL, device: str = "auto") -> Model:
    """A built-in model, a run's model, or a model folder by its path, on `device` auto, cpu, cuda or mps.

        mask = carvanamask.load_model().predict("car.jpg")

    Raises ModelError for a name that isn't there and ConfigError for a device that isn't.
    """
    file = find_model(str(name))
    return Model(file, build_predictor(file, device, concurrency=1))
