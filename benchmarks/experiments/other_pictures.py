"""Measure how much a model depends on one camera: held-out pictures resized, reframed, grainy, blurred, dark, tinted.

    python benchmarks/experiments/other_pictures.py --data data --model studio-m --model studio-s --out other-pictures

In another frame the car, cut out by its true mask, stands before a drawn background, so Carvana's wall is gone, too.
Scores are at the true mask's size. Writes a sheet of each change's worst picture by the first model to --out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from held_out import pairs

from carvanamask.core.mask import Mask
from carvanamask.core.metrics import dice
from carvanamask.figures.pictures import outlined, save_contact_sheet
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.model.build import build_predictor
from carvanamask.model.registry import find_model
from carvanamask.training.composites import Backgrounds, replace_background

SEED = 2026
FRAME_WH = (1440, 960)

Change = Callable[[np.ndarray, Mask, np.random.Generator], tuple[np.ndarray, Mask]]


def smaller(width: int) -> Change:
    def change(picture: np.ndarray, truth: Mask, rng: np.random.Generator) -> tuple[np.ndarray, Mask]:
        height = round(picture.shape[0] * width / picture.shape[1])
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), truth

    return change


def framed(share: float) -> Change:
    """Let the car fill this share of the frame's width or height, whichever is more, before a drawn background."""

    def change(picture: np.ndarray, truth: Mask, rng: np.random.Generator) -> tuple[np.ndarray, Mask]:
        rows, columns = np.flatnonzero(truth.pixels.any(axis=1)), np.flatnonzero(truth.pixels.any(axis=0))
        scale = float(max(np.ptp(columns) / FRAME_WH[0], np.ptp(rows) / FRAME_WH[1])) / share
        left = (columns[0] + columns[-1]) / 2 - scale * FRAME_WH[0] / 2
        top = (rows[0] + rows[-1]) / 2 - scale * FRAME_WH[1] / 2
        # shrunk by area first: a car that fills a fifth would be sampled, not shrunk
        smaller_wh = [round(side / max(1.0, scale)) for side in truth.size_wh]
        pair = np.dstack([picture, truth.pixels.astype(np.uint8) * 255])
        pair = cv2.resize(pair, smaller_wh, interpolation=cv2.INTER_AREA)
        scale, left, top = min(1.0, scale), left / max(1.0, scale), top / max(1.0, scale)
        move = np.array([[scale, 0, left], [0, scale, top]])
        moved = cv2.warpAffine(pair, move, FRAME_WH, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        pair = replace_background(moved, Backgrounds("").draw(FRAME_WH[::-1], rng), rng)
        return np.ascontiguousarray(pair[..., :3]), Mask(pair[..., 3] > 127)

    return change


def coloured(gains: tuple[float, float, float], gamma: float = 1) -> Change:
    def change(picture: np.ndarray, truth: Mask, rng: np.random.Generator) -> tuple[np.ndarray, Mask]:
        curve = 255 * (np.arange(256) / 255)[:, None] ** gamma * np.array(gains)
        return cv2.LUT(picture, np.clip(curve + 0.5, 0, 255).astype(np.uint8)[None]), truth

    return change


def grainy(sigma: float) -> Change:
    def change(picture: np.ndarray, truth: Mask, rng: np.random.Generator) -> tuple[np.ndarray, Mask]:
        grain = rng.standard_normal(picture.shape, np.float32) * np.float32(sigma)
        return cv2.add(picture, grain, dtype=cv2.CV_8U), truth

    return change


def blurred(sigma: float) -> Change:
    def change(picture: np.ndarray, truth: Mask, rng: np.random.Generator) -> tuple[np.ndarray, Mask]:
        return cv2.GaussianBlur(picture, (0, 0), sigma), truth

    return change


def compressed(quality: int) -> Change:
    def change(picture: np.ndarray, truth: Mask, rng: np.random.Generator) -> tuple[np.ndarray, Mask]:
        _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)), truth

    return change


CHANGES: dict[str, Change] = {
    "unchanged": coloured((1, 1, 1)),
    **{f"{width} pixels wide": smaller(width) for width in (960, 640, 480)},
    **{f"car fills {share:.0%}": framed(share) for share in (0.95, 0.65, 0.5, 0.35, 0.2)},
    "grain, sigma 5": grainy(5),
    "grain, sigma 15": grainy(15),
    "blur, sigma 2": blurred(2),
    "blur, sigma 4": blurred(4),
    "JPEG, quality 20": compressed(20),
    "40 % of the light": coloured((0.4, 0.4, 0.4)),
    "darker, gamma 1.7": coloured((1, 1, 1), 1.7),
    "brighter, gamma 0.6": coloured((1, 1, 1), 0.6),
    "warm": coloured((1.1, 1, 0.75)),
    "cold": coloured((0.75, 0.95, 1.1)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--model", action="append", help="may be repeated")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("other-pictures"))
    options = parser.parse_args()
    models = [find_model(name) for name in options.model or ["studio-m", "studio-s"]]
    predictors = [build_predictor(model) for model in models]
    scores: dict[str, list[list[float]]] = {name: [] for name in CHANGES}
    worst: dict[str, tuple[float, np.ndarray]] = {}
    rng = np.random.default_rng(SEED)
    for _, picture, truth in pairs(options.data, models[0].card, options.pictures, rng):
        for name, change in CHANGES.items():
            changed, is_car = change(picture, truth, rng)
            maps = [predictor.predict(changed).resized(is_car.size_wh) for predictor in predictors]
            masks = [make_mask(each, model.card) for each, model in zip(maps, models, strict=True)]
            scores[name].append([dice(mask, is_car) for mask in masks])
            if changed.shape[:2] == is_car.pixels.shape and scores[name][-1][0] <= worst.get(name, (1.0,))[0]:
                worst[name] = scores[name][-1][0], outlined(changed, masks[0])[::3, ::3]
    options.out.mkdir(parents=True, exist_ok=True)
    tiles = [(f"{name}  {score:.4f}", tile) for name, (score, tile) in worst.items()]
    save_contact_sheet(options.out / "sheet.png", tiles)
    print(f"mean Dice and worst of {len(scores['unchanged'])} pictures of held-out cars")
    print(" " * 20, *(f"{model.card.name:18}" for model in models))
    for name, found in scores.items():
        table = np.array(found)
        print(f"{name:20}", *(f"{column.mean():.4f}   {column.min():.4f}  " for column in table.T))


if __name__ == "__main__":
    main()
