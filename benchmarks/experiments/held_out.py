"""Draw random pictures of cars that no training of a model saw, with their true masks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.io.read import load_pair


def pairs(data: Path, card: ModelCard, count: int, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray, Mask]]:
    """Yield at most `count` pictures of a Kaggle folder: name, RGB uint8 (height, width, 3), and true mask."""
    seen = set(card.training_cars)
    samples = [each for each in KaggleFolder(data).training_samples() if each.car not in seen]
    for index in rng.permutation(len(samples))[:count]:
        sample = samples[index]
        assert sample.mask is not None
        yield sample.name, *load_pair(sample.picture, sample.mask)
