"""Measure how much a model depends on the studio's wall: held-out cars before photographs, and in their studio.

    python benchmarks/experiments/other_backgrounds.py --data data --photographs FOLDER --model studio-m

Cuts the car out of each held-out picture by its true mask and puts it before a part of a photograph, every other time
with a shadow (`training/composites.py`). --photographs must not be those of the training. Writes a sheet of the worst
and of some other pictures to --out. --data may also be a folder of synthetic cars. --reach 2 8 60 repeats a
coarse-to-fine model with other limits to how far its refinement pass may move an edge; 60 is no limit.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np
from held_out import pairs

from carvanamask.core.metrics import dice
from carvanamask.figures.pictures import outlined, save_contact_sheet
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.mask_quality.uncertainty import review_reason
from carvanamask.model.build import build_predictor
from carvanamask.model.coarse_to_fine import CoarseToFinePredictor
from carvanamask.model.predictor import Predictor
from carvanamask.model.registry import find_model
from carvanamask.training.composites import Backgrounds, replace_background

SEED = 2026
SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--model", default="studio-m")
    parser.add_argument("--pictures", type=int, default=160)
    parser.add_argument("--out", type=Path, default=Path("other-backgrounds"))
    parser.add_argument("--reach", type=int, nargs="+", default=[], metavar="PX", help="of the refinement pass")
    options = parser.parse_args()
    model = find_model(options.model)
    predictor = build_predictor(model)
    photographs = Backgrounds(str(options.photographs))
    rng = np.random.default_rng(SEED)
    reviews: list[tuple[float, bool]] = []
    predictors = {options.model: predictor, **by_reach(predictor, options.reach)}
    studio: dict[str, list[float]] = {name: [] for name in predictors}
    street: dict[str, list[float]] = {name: [] for name in predictors}
    tiles = []
    for name, picture, truth in pairs(options.data, model.card, options.pictures, rng):
        pair = np.dstack([picture, truth.pixels.astype(np.uint8) * 255])
        background = np.clip(photographs.photograph(pair.shape[:2], rng), 0, 255).astype(np.uint8)
        elsewhere = np.ascontiguousarray(replace_background(pair, background, rng)[..., :3])
        maps = [each.predict(elsewhere) for each in predictors.values()]
        masks = [make_mask(each, model.card) for each in maps]
        for key, each, mask in zip(predictors, predictors.values(), masks, strict=True):
            studio[key].append(dice(make_mask(each.predict(picture), model.card), truth))
            street[key].append(dice(mask, truth))
        score = street[options.model][-1]
        reviews.append((score, bool(review_reason(maps[0], masks[0], model.card.max_uncertain_ratio))))
        tiles.append((score, f"{name}  {score:.4f}", outlined(elsewhere, masks[0])[::4, ::4]))
    tiles.sort(key=lambda tile: tile[0])
    printable = tiles[:SHOWN] + tiles[SHOWN :: max(1, len(tiles) // SHOWN)]
    options.out.mkdir(parents=True, exist_ok=True)
    save_contact_sheet(options.out / "sheet.png", [(caption, tile) for _, caption, tile in printable])
    print(f"{len(tiles)} pictures of held-out cars, mean Dice at full size")
    for where, scores in (("in their studio", studio), ("before photographs", street)):
        for key, found in scores.items():
            lost = sum(score < 0.98 for score in found)
            print(f"{where:20} {key:12} {np.mean(found):.5f}   worst {min(found):.4f}   below 0.98: {lost}")
    print_reviews(reviews)


def print_reviews(reviews: Sequence[tuple[float, bool]]) -> None:
    """Print how well the review reasons find the bad masks before photographs, from (Dice, needs review)."""
    reviewed = [score for score, needs_review in reviews if needs_review]
    others = [score for score, needs_review in reviews if not needs_review]
    print(f"need review: {len(reviewed)}, mean Dice {np.mean(reviewed or [1]):.4f}", end=", ")
    print(f"{sum(s < 0.98 for s in reviewed)} below 0.98", end="; ")
    print(f"the others: worst {min(others, default=1):.4f}, {sum(s < 0.98 for s in others)} below 0.98")


def by_reach(predictor: Predictor, reaches: Sequence[int]) -> dict[str, Predictor]:
    """Return the coarse pass alone, and both passes with each limit; nothing for a model of one pass."""
    if not reaches or not isinstance(predictor, CoarseToFinePredictor):
        return {}
    limited = {f"reach {reach}": copy(predictor) for reach in reaches}
    for limit, reach in zip(limited.values(), reaches, strict=True):
        limit.max_edge_shift_px = reach
    return {"coarse pass": predictor.coarse, **limited}


if __name__ == "__main__":
    main()
