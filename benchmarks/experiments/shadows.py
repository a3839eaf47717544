"""Measure how close the shadow of a cut-out is to the car's real shadow in its picture.

python benchmarks/experiments/shadows.py --data data --pictures 96

The studio's floor is one bright surface, so the share of light that a shadow leaves is a pixel's brightness divided by
the floor's farther down in the same column. Measured are columns of cars that the frame doesn't cut, from the outline
to a tenth of the car's length below it.
"""

import argparse
import random
from pathlib import Path

import cv2
import numpy as np

from carvanamask.cutout.shadow import ground_shadow
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.io.read import load_pair

FRONT_AND_REAR = (1, 2, 8, 9, 10, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    samples = KaggleFolder(options.data).training_samples()
    errors: dict[str, list[float]] = {"front and rear": [], "sides": []}
    for sample in random.Random(options.seed).sample(samples, min(options.pictures, len(samples))):
        assert sample.mask is not None
        picture, truth = load_pair(sample.picture, sample.mask)
        difference = differences(picture.mean(axis=2), truth.pixels, ground_shadow(truth))
        if difference.size:
            group = "front and rear" if sample.view in FRONT_AND_REAR else "sides"
            errors[group].append(float(np.abs(difference).mean()))
    for group, found in errors.items():
        print(f"{group:16} {len(found)} pictures, mean difference of the share of light {np.mean(found):.3f}")


def differences(light: np.ndarray, is_car: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return drawn minus real share of light at every other ground pixel of every fourth column."""
    if is_car[:, 0].any() or is_car[:, -1].any():
        return np.empty(0)
    length = np.count_nonzero(is_car.any(axis=0))
    hull = cv2.fillConvexPoly(
        np.zeros(is_car.shape, np.uint8), cv2.convexHull(cv2.findNonZero(is_car.astype(np.uint8))), 1
    )
    lowest, ground = (len(part) - 1 - part[::-1].argmax(axis=0) for part in (is_car, hull))
    is_flat = np.abs(np.gradient(ground.astype(float))) < 0.7
    found = []
    for column in np.flatnonzero(is_car.any(axis=0) & is_flat)[::4]:
        floor = light[int(ground[column] + 0.13 * length) : int(ground[column] + 0.16 * length), column]
        rows = np.arange(lowest[column] + 3, int(ground[column] + 0.1 * length), 2)
        if len(floor) >= 0.02 * length:
            found.append(drawn[rows, column] - np.clip(light[rows, column] / np.median(floor), 0, 1.1))
    return np.concatenate(found) if found else np.empty(0)


if __name__ == "__main__":
    main()
