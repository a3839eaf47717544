"""Does a whole chain survive? `recipe run carvana-small` killed in the middle, against an undisturbed run.

    python benchmarks/kill_chain.py --data data --out killed-chain --kills 2

Links a few real cars into --out, runs the chain there undisturbed, then again with `kill -9` at moments spread over
its length, the same command each time. The submission, the masks' scores and the ensemble's card have to be the same.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from carvanamask.core.folders import KaggleFolder, cars_of

TRAINING_CARS, TEST_CARS = 6, 1
COMPARED = ("submission.csv.gz", "model/card.json", "evaluation/pictures.csv")
"""Of the last ensemble."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("killed-chain"))
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--training", default="--set training.epochs=2 --set training.batch_size=4")
    options = parser.parse_args()
    subset = link_subset(KaggleFolder(options.data), options.out / "subset")

    def command(runs: Path) -> list[str]:
        words = ["recipe", "run", "carvana-small", "--data", str(subset), "--runs", str(runs)]
        return [sys.executable, "-m", "carvanamask.apps.cli", *words, "--set", f"training={options.training}"]

    started = time.monotonic()
    with (options.out / "straight.log").open("a") as log:
        subprocess.run(command(options.out / "straight"), check=True, stdout=log, stderr=log)
    seconds = time.monotonic() - started
    print(f"undisturbed: {seconds:.0f} s", flush=True)
    rng = random.Random(options.seed)
    killed = options.out / "killed"
    with (options.out / "killed.log").open("a") as log:
        for _ in range(options.kills):
            chain = subprocess.Popen(command(killed), stdout=log, stderr=log, start_new_session=True)
            time.sleep(rng.uniform(0.2, 0.9) * seconds / options.kills)
            assert chain.poll() is None, "it was through before the kill: use fewer kills"
            os.killpg(chain.pid, signal.SIGKILL)
            chain.wait()
            done = (killed / "carvana-small" / "chain.json").read_text().count('"name"')
            print(f"killed after {done} finished steps", flush=True)
        subprocess.run(command(killed), check=True, stdout=log, stderr=log)
    differ = [
        name
        for name in COMPARED
        if len({digest(options.out / run / "carvana-small" / name) for run in ("straight", "killed")}) > 1
    ]
    print(f"{options.kills} kills, then finished: {'DIFFERENT: ' + ', '.join(differ) if differ else 'the same bytes'}")
    sys.exit(bool(differ))


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


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(source.absolute())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
