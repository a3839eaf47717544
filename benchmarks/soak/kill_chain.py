"""Does a chain survive `kill -9`? Started again, it has to end in the same bytes as an undisturbed one.

    python benchmarks/soak/kill_chain.py --data data --out killed-chain --kills 2

Links a few real cars into --out and runs recipes/carvana-small.sh there undisturbed; then again with kills spread over
its length, the same command each time; then once more when it is finished, which has to change nothing. Compares the
submission, and every model's card, scores and threshold curve.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from batch_process import conclude, digest
from linked_pictures import link

from carvanamask.data.kaggle_folder import KaggleFolder, cars_of

RECIPE = Path(__file__).parents[2] / "recipes" / "carvana-small.sh"
TRAINING_CARS, TEST_CARS = 6, 1
COMPARED = ("*/model/**/card.json", "*/evaluation/*.csv", "*/comparison.png", "*/submission.csv.gz")


class Chain:
    """The recipe with its own folder of runs and its own log."""

    def __init__(self, data: Path, runs: Path, training: str) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        options = {"DATA": str(data), "RUNS": str(runs), "TRAINING": training, "PATH": path}
        self.runs, self.environment = runs, os.environ | options

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own."""
        with self.runs.with_suffix(".log").open("ab") as log:
            command = ["bash", str(RECIPE)]
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.environment, start_new_session=True)

    def finish(self) -> float:
        """Run it to its end; return the seconds. Exit where it fails."""
        started = time.monotonic()
        if self.start().wait():
            sys.exit(f"the chain failed: see {self.runs.with_suffix('.log')}")
        return time.monotonic() - started

    def kill_after(self, seconds: float) -> None:
        """Start it, and kill it with its children after so many seconds."""
        process = self.start()
        time.sleep(seconds)
        if process.poll() is not None:
            sys.exit(f"the chain ended before it was killed: see {self.runs.with_suffix('.log')}")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def digests(self) -> dict[str, str]:
        """Return the digest of every compared file by its path in the folder of runs."""
        files = sorted(path for pattern in COMPARED for path in self.runs.glob(pattern))
        return {path.relative_to(self.runs).as_posix(): digest(path) for path in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("killed-chain"))
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--training", default="--set training.epochs=4 --set training.batch_size=4")
    options = parser.parse_args()
    data = link_subset(KaggleFolder(options.data), options.out / "data")
    straight, killed = (Chain(data, options.out / name, options.training) for name in ("straight", "killed"))
    seconds = straight.finish()
    print(f"undisturbed: {seconds:.0f} s, {len(straight.digests())} files to compare", flush=True)
    rng = random.Random(options.seed)
    for kill in range(1, options.kills + 1):
        killed.kill_after(seconds / (options.kills + 1) + rng.uniform(0, 5))
        print(f"kill {kill}: {len(killed.digests())} files were there", flush=True)
    killed.finish()
    after_kills = killed.digests()
    again = killed.finish()
    print(f"the finished chain again: {again:.0f} s")
    wanted = straight.digests()
    different = [name for name in wanted if after_kills.get(name) != wanted[name]]
    print(*(f"different: {name}" for name in different), sep="\n", end="\n" if different else "")
    conclude(
        {
            f"the same bytes after {options.kills} kills": after_kills == wanted,
            "the same bytes when the finished chain runs again": killed.digests() == wanted,
        }
    )


def link_subset(folder: KaggleFolder, subset: Path) -> Path:
    """Make a Kaggle folder of a few cars of another one."""
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
