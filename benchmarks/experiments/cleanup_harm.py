"""Measure what each clean-up step does to correct masks, which it should leave unchanged, or to a model's masks.

python benchmarks/experiments/cleanup_harm.py --data data --masks 480
python benchmarks/experiments/cleanup_harm.py --data data --model studio-m     # masks of the cars that validated it
"""

import argparse
import random
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from carvanamask.batch.pipeline import finish_all
from carvanamask.core.mask import Mask
from carvanamask.core.metrics import dice
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.io.read import load_mask
from carvanamask.jobs.evaluate import held_out
from carvanamask.mask_quality.postprocess import STEPS, clean_up, make_mask
from carvanamask.model.build import build_predictor
from carvanamask.model.registry import find_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--masks", type=int, default=480)
    parser.add_argument("--model")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    samples = KaggleFolder(options.data).training_samples()
    if options.model:
        pairs = list(predicted(options.model, samples))
        print(f"{len(pairs)} masks of {options.model}: Dice with the truth, and how many are in pieces")
        report([], pairs)
    else:
        chosen = random.Random(options.seed).sample(samples, min(options.masks, len(samples)))
        pairs = [(truth, truth) for truth in (load_mask(sample.mask) for sample in chosen if sample.mask)]
        print(f"{len(pairs)} true masks: Dice of the mask with itself cleaned up, and how many are in pieces")
    for steps in [[step] for step in STEPS] + [list(STEPS)]:
        report(steps, pairs)


def predicted(name: str, samples: list[Sample]) -> Iterable[tuple[Mask, Mask]]:
    """Yield (mask, true mask) of every held-out picture."""
    model = find_model(name)
    scored = held_out(model, samples)
    rles = finish_all(
        build_predictor(model), scored, lambda picture: make_mask(picture.probabilities, model.card).to_rle()
    )
    for sample, rle in zip(scored, rles, strict=True):
        assert sample.mask is not None
        truth = load_mask(sample.mask)
        yield Mask.from_rle(rle, truth.size_wh), truth


def report(steps: list[str], pairs: list[tuple[Mask, Mask]]) -> None:
    seconds, scores, changed, with_fragments = 0.0, [], 0, 0
    for mask, truth in pairs:
        start = time.perf_counter()
        cleaned = clean_up(mask, steps)
        seconds += time.perf_counter() - start
        scores.append(dice(cleaned, truth))
        changed += not np.array_equal(cleaned.pixels, mask.pixels)
        with_fragments += cv2.connectedComponents(cleaned.pixels.view(np.uint8))[0] > 2
    name = "all" if len(steps) > 1 else "".join(steps) or "none"
    print(
        f"{name:16} mean {np.mean(scores):.6f}   worst {min(scores):.5f}   changed {changed}   "
        f"in pieces {with_fragments}   {1000 * seconds / len(pairs):.1f} ms"
    )


if __name__ == "__main__":
    main()
