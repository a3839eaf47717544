"""What each clean-up step does to masks that are right already: it should leave them alone.

python benchmarks/cleanup_harm.py --data data --masks 480
"""

import argparse
import random
import time
from pathlib import Path

import numpy as np

from carvanamask.core.folders import KaggleFolder
from carvanamask.core.metrics import dice
from carvanamask.core.pictures import load_mask
from carvanamask.inference.postprocess import STEPS, clean_up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--masks", type=int, default=480)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    samples = KaggleFolder(options.data).training_samples()
    chosen = random.Random(options.seed).sample(samples, min(options.masks, len(samples)))
    truths = {sample.name: load_mask(sample.mask) for sample in chosen if sample.mask}
    print(f"{len(truths)} true masks: Dice of the mask with itself cleaned up, and milliseconds")
    for steps in [[step] for step in STEPS] + [list(STEPS)]:
        start = time.perf_counter()
        scores = {name: dice(clean_up(truth, steps), truth) for name, truth in truths.items()}
        milliseconds = 1000 * (time.perf_counter() - start) / len(truths)
        worst = min(scores, key=lambda name: scores[name])
        changed = sum(score < 1 for score in scores.values())
        print(
            f"{'all' if len(steps) > 1 else steps[0]:16} mean {np.mean(list(scores.values())):.6f}"
            f"   worst {scores[worst]:.5f} ({worst})   changed {changed}   {milliseconds:.1f} ms"
        )


if __name__ == "__main__":
    main()
