"""Does a whole chain survive? `recipe run carvana-small` killed in the middle, against an undisturbed run.

    python benchmarks/kill_chain.py --data data --out killed-chain --kills 2

Links a few real cars into --out, runs the chain there undisturbed, then again with `kill -9` in the middle of steps
spread over its length, the same command each time. The submission, the scores and the ensemble's card have to be the
same.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from batch_process import digest
from linked_pictures import link

from carvanamask.data.kaggle_folder import KaggleFolder, cars_of

TRAINING_CARS, TEST_CARS = 6, 1
COMPARED = ("submission.csv.gz", "model/card.json", "evaluation/pictures.csv")
"""Of the last ensemble."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("killed-chain"))
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--training", default="--set training.epochs=4 --set training.batch_size=4")
    options = parser.parse_args()
    subset = link_subset(KaggleFolder(options.data), options.out / "subset")

    def command(runs: Path) -> list[str]:
        words = ["recipe", "run", "carvana-small", "--data", str(subset), "--runs", str(runs)]
        return [sys.executable, "-m", "carvanamask.cli.app", *words, "--set", f"training={options.training}"]

    started = time.monotonic()
    with (options.out / "straight.log").open("a") as log:
        subprocess.run(command(options.out / "straight"), check=True, stdout=log, stderr=log)
    seconds = time.monotonic() - started
    steps = finished(options.out / "straight")
    print(f"undisturbed: {steps} steps in {seconds:.0f} s", flush=True)
    rng = random.Random(options.seed)
    killed = options.out / "killed"
    with (options.out / "killed.log").open("a") as log:
        for kill in range(1, options.kills + 1):
            chain = subprocess.Popen(command(killed), stdout=log, stderr=log, start_new_session=True)
            while finished(killed) < kill * steps // (options.kills + 1):
                assert chain.poll() is None, f"it ended by itself: see {log.name}"
                time.sleep(0.1)
            time.sleep(rng.uniform(0.5, 5))  # somewhere in the next step
            os.killpg(chain.pid, signal.SIGKILL)
            chain.wait()
            print(f"killed after {finished(killed)} of {steps} finished steps", flush=True)
        subprocess.run(command(killed), check=True, stdout=log, stderr=log)
    differ = [
        name
        for name in COMPARED
        if len({digest(options.out / run / "carvana-small" / name) for run in ("straight", "killed")}) > 1
    ]
    print(f"{options.kills} kills, then finished: {'DIFFERENT: ' + ', '.join(differ) if differ else 'the same bytes'}")
    sys.exit(bool(differ))


def finished(runs: Path) -> int:
    """Steps that the chain's record names."""
    record = runs / "carvana-small" / "chain.json"
    return len(json.loads(record.read_text())) if record.exists() else 0


def link_subset(folder: KaggleFolder, subset: Path) -> Path:
    samples = [
        *(s for views in list(cars_of(folder.training_samples()).values())[:TRAINING_CARS] for s in views),
        *(s for views in list(cars_of(folder.test_samples()).values())[:TEST_CARS] for s in views),
    ]
    for sample in samples:
        link(sample.picture, subset / ("train" if sample.mask else "test") / sample.picture.name)
        if sample.mask:
            link(sample.mask, subset / "train_masks" / sample.mask.name)
    for name in ("sample_submission.csv", "metadata.csv"):
        link(folder.root / name, subset / name)
    return subset


if __name__ == "__main__":
    main()
