"""How much of a picture a model needs: held-out pictures shrunk before they are cut, and scored at full size.

    python benchmarks/smaller_pictures.py --data data --model studio-m

A network shrinks its pictures anyway; a second pass that zooms has less to see.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from held_out import pairs

from carvanamask.core.metrics import dice
from carvanamask.core.model_file import find_model
from carvanamask.inference.model import build_predictor
from carvanamask.inference.postprocess import cut

WIDTHS = (1918, 960, 640, 480)
SEED = 2026


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--model", default="studio-m")
    parser.add_argument("--pictures", type=int, default=60)
    options = parser.parse_args()
    model = find_model(options.model)
    predictor = build_predictor(model)
    scores: dict[int, list[float]] = {width: [] for width in WIDTHS}
    for _, picture, truth in pairs(options.data, model.card, options.pictures, np.random.default_rng(SEED)):
        height, whole = picture.shape[:2]
        for width in WIDTHS:
            size_wh = (width, round(height * width / whole))
            smaller = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)
            probabilities = predictor.predict(smaller).resized(truth.size_wh)
            scores[width].append(dice(cut(probabilities, model.card), truth))
    print(f"{options.model}, {len(scores[WIDTHS[0]])} pictures of held-out cars, mean Dice at full size")
    for width, found in scores.items():
        print(f"{width:5} pixels wide   {np.mean(found):.4f}   worst {min(found):.4f}")


if __name__ == "__main__":
    main()
