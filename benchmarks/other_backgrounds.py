"""How far a model trusts one studio's wall: held-out cars before photographs, against the same cars in their studio.

    python benchmarks/other_backgrounds.py --data data --photographs FOLDER --model studio-m --out other-backgrounds

Cuts the car out of each held-out picture by its true mask and lays it on a part of a photograph, every other time with
a shadow (`training/backgrounds.py`). --photographs have to be others than the training's. Leaves a sheet of the worst
and of some others in --out. With a studio's folder of synthetic cars as --data it works, too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from carvanamask.core.folders import KaggleFolder
from carvanamask.core.metrics import dice
from carvanamask.core.model_file import find_model
from carvanamask.core.pictures import load_pair
from carvanamask.figures.contact_sheet import outlined, save_contact_sheet
from carvanamask.inference.model import build_predictor
from carvanamask.inference.postprocess import cut
from carvanamask.training.backgrounds import Backgrounds, replace_background

SEED = 2026
SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--model", default="studio-m")
    parser.add_argument("--pictures", type=int, default=160)
    parser.add_argument("--out", type=Path, default=Path("other-backgrounds"))
    options = parser.parse_args()
    model = find_model(options.model)
    predictor = build_predictor(model)
    seen = set(model.card.training_cars)
    samples = [each for each in KaggleFolder(options.data).training_samples() if each.car not in seen]
    photographs = Backgrounds(str(options.photographs))
    rng = np.random.default_rng(SEED)
    studio, street, tiles = [], [], []
    for place in rng.permutation(len(samples))[: options.pictures]:
        sample = samples[place]
        assert sample.mask is not None
        picture, truth = load_pair(sample.picture, sample.mask)
        pair = np.dstack([picture, truth.pixels.astype(np.uint8) * 255])
        background = np.clip(photographs.photograph(pair.shape[:2], rng), 0, 255).astype(np.uint8)
        elsewhere = np.ascontiguousarray(replace_background(pair, background, rng)[..., :3])
        studio.append(dice(cut(predictor.predict(picture), model.card), truth))
        mask = cut(predictor.predict(elsewhere), model.card)
        street.append(dice(mask, truth))
        tiles.append((street[-1], f"{sample.name}  {street[-1]:.4f}", outlined(elsewhere, mask)[::4, ::4]))
    tiles.sort(key=lambda tile: tile[0])
    shown = tiles[:SHOWN] + tiles[SHOWN :: max(1, len(tiles) // SHOWN)]
    options.out.mkdir(parents=True, exist_ok=True)
    save_contact_sheet(options.out / "sheet.png", [(caption, tile) for _, caption, tile in shown])
    lost = sum(score < 0.98 for score in street)
    print(f"{options.model}, {len(street)} pictures of cars that it never saw, mean Dice at full size")
    print(f"in their studio      {np.mean(studio):.5f}   worst {min(studio):.4f}")
    print(f"before photographs   {np.mean(street):.5f}   worst {min(street):.4f}   below 0.98: {lost}")


if __name__ == "__main__":
    main()
