"""Does a batch survive anything? `kill -9` at random moments, resumed each time, against an undisturbed run.

python benchmarks/kill_at_random.py --data data --kills 20 [--model NAME]
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path


def command(data: Path, out: Path, model: str) -> list[str]:
    words = ["submit", "--model", model, "--data", str(data), "--out", str(out / "submission.csv.gz")]
    return [sys.executable, "-m", "carvanamask.apps.cli", *words, "--executor", "threads"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("killed"))
    parser.add_argument("--model", default="studio-s")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)

    started = time.monotonic()
    subprocess.run(command(options.data, options.out / "straight", options.model), check=True)
    seconds = time.monotonic() - started
    print(f"undisturbed: {seconds:.1f} s")
    killed = options.out / "killed"
    kills = 0
    while kills < options.kills:
        process = subprocess.Popen(command(options.data, killed, options.model), stderr=subprocess.DEVNULL)
        # a moment anywhere from the start of Python on, so that most runs get a little further
        try:
            process.wait(timeout=rng.uniform(0.2, max(4.0, 2.5 * seconds / options.kills)))
            break  # it was through before
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    subprocess.run(command(options.data, killed, options.model), check=True)
    files = [folder / "submission.csv.gz" for folder in (options.out / "straight", killed)]
    hashes = {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    print(f"{kills} kills, then finished: {'the same bytes' if len(hashes) == 1 else 'DIFFERENT'}")
    sys.exit(len(hashes) - 1)


if __name__ == "__main__":
    main()
