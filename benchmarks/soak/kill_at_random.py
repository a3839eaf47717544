"""Does a batch survive `kill -9` at random moments? It has to end in the same bytes as an undisturbed one.

    python benchmarks/soak/kill_at_random.py --data data --kills 20 [--pictures 500] [--model NAME]
    python benchmarks/soak/kill_at_random.py --data data --kills 20 --victim ray-worker

Tests `submit` and `predict`. `--victim run` kills the command itself and starts it again. `--victim ray-worker` kills
one of the worker processes of `--executor ray`, and the command has to recover by itself.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from batch_process import COMMANDS, conclude, digest, process_tree, results_of, start, title, words_of
from linked_pictures import link_some

SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("killed"))
    parser.add_argument("--model", default="studio-s")
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--victim", choices=("run", "ray-worker"), default="run")
    parser.add_argument("--executor", default="threads", help="of a run that is killed")
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    shutil.rmtree(options.out, ignore_errors=True)
    data = link_some(options.data, options.pictures, options.out / "data")
    claims = {}
    for command in options.commands:
        straight = options.out / f"{command}-straight"
        executor = "ray" if options.victim == "ray-worker" else options.executor
        started = time.monotonic()
        with start(words_of(command, data, straight, options.model, executor), **SILENT) as process:
            code = process.wait()
        claims[f"{command}, undisturbed, ends with exit code 0"] = code == 0
        seconds = time.monotonic() - started
        print(f"{command}: {options.pictures} pictures, undisturbed in {seconds:.0f} s")
        wanted = digest(results_of(command, straight))
        out, kills, rounds, same = options.out / f"{command}-killed", 0, 0, True
        while kills < options.kills and same and not code:  # a run may end before all kills have hit it
            rounds += 1
            shutil.rmtree(out, ignore_errors=True)
            words = words_of(command, data, out, options.model, executor)
            kill = kill_workers if options.victim == "ray-worker" else kill_runs
            kills += kill(words, rng, options.kills - kills, seconds)
            same = results_of(command, out).exists() and digest(results_of(command, out)) == wanted
        parts = len(list(out.rglob("*.part")))
        print(f"{command}: {kills} kills in {rounds} batches; {parts} hidden .part files left in the last one")
        claims[f"{command}: the same bytes after {kills} kills of a {options.victim}"] = same and kills >= options.kills
    conclude(claims)


def kill_runs(words: Sequence[str], rng: random.Random, most: int, seconds: float) -> int:
    """Run the same command until it ends by itself; return how often it was killed."""
    for kill in range(most):
        # a moment anywhere from the start of Python on, so that most runs get a little further
        with start(words, **SILENT) as process:
            if has_ended(process, rng.uniform(0.2, max(4.0, 2.5 * seconds / most))):
                return kill
            process.kill()
    with start(words, **SILENT) as process:
        process.wait()
    return most


def kill_workers(words: Sequence[str], rng: random.Random, most: int, seconds: float) -> int:
    """Run one command; return how many of its workers were killed meanwhile."""
    kills = 0
    with start(words, **SILENT) as process:
        # time enough for a new worker to start: one that never finishes anything proves nothing
        while not has_ended(process, rng.uniform(1.0, max(10.0, seconds / 2))) and kills < most:
            workers = [member for member in process_tree(process.pid) if is_busy_ray_worker(member)]
            if workers:
                with suppress(ProcessLookupError):  # it has ended in the meantime
                    os.kill(rng.choice(workers), signal.SIGKILL)
                    kills += 1
        process.wait()
    return kills


def is_busy_ray_worker(process: int) -> bool:
    """Return whether a process runs a task: Ray gives workers the name of their task, or "IDLE"."""
    return title(process).startswith("ray::") and not title(process).startswith("ray::IDLE")


def has_ended(process: subprocess.Popen[str], seconds: float) -> bool:
    """Return whether the process ends within so many seconds."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


if __name__ == "__main__":
    main()
