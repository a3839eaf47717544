"""Does a batch survive a full disk? One line, exit code 2; with space again, the same command makes the same bytes.

    sudo python benchmarks/disk_full.py --data data --fills 5 [--pictures 200] [--model NAME]

Results and journal lie on a small disk in memory (tmpfs), which only root can mount, and a file fills it up but for a
random share of what the batch needs. That file is removed after the batch has ended.
"""

from __future__ import annotations

import argparse
import gzip
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batch_process import VERBS, conclude, digest, results_of, run, words_of
from linked_pictures import link_some

PAGE = 4096
"""What a file on such a disk takes more of at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("disk-full"))
    parser.add_argument("--model", default="studio-s")
    parser.add_argument("--executor", default="threads")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--fills", type=int, default=5, help="of each verb")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    shutil.rmtree(options.out, ignore_errors=True)
    data = link_some(options.data, options.pictures, options.out / "data")
    claims = {}
    for verb in VERBS:
        straight = options.out / f"{verb}-straight"
        undisturbed = run(words_of(verb, data, straight, options.model, options.executor))
        claims[f"{verb}, undisturbed, ends with exit code 0"] = undisturbed.code == 0
        if undisturbed.code:
            print(*undisturbed.said, sep="\n")
            continue
        wanted, needed = digest(results_of(verb, straight)), bytes_needed(verb, straight)
        for fill in range(1, options.fills + 1):
            room = int(rng.uniform(0.05, 0.95) * needed)
            with small_disk(options.out / "disk", 4 * needed) as disk:
                filler = disk / "filler"
                words = words_of(verb, data, disk, options.model, options.executor)
                leave(filler, room)
                ended = run(words)
                print(f"{verb}, room for {room / 1e3:.0f} of {needed / 1e3:.0f} kB: exit code {ended.code}", end=", ")
                print(*ended.errors, sep="\n")
                claims[f"{verb}, fill {fill}: one line and exit code 2"] = (
                    ended.code == 2 and len(ended.errors) == 1 and "free some space" in ended.errors[0]
                )
                filler.unlink()
                again = run(words)
                print(f"{verb}, with space again: exit code {again.code}, {again.finished.get('kept')} pictures kept")
                made = results_of(verb, disk)
                claims[f"{verb}, fill {fill}: the same bytes after it"] = (
                    again.code == 0 and made.exists() and digest(made) == wanted
                )
    conclude(claims)


def bytes_needed(verb: str, out: Path) -> int:
    """Of a submission, its rows in the journal; of masks, whole pages each."""
    results = results_of(verb, out)
    if verb == "submit":
        with gzip.open(results) as file:
            return sum(map(len, file))
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in results.rglob("*.png"))


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A disk of so many bytes; leaves, saying so, where none can be mounted."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        print(f"skipped: no disk can be mounted here ({' '.join(reason.split())}); root can: sudo python …")
        sys.exit(0)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def leave(filler: Path, room: int) -> None:
    """Write a file that leaves so many bytes of its disk free."""
    with filler.open("wb") as file:
        for _ in range((shutil.disk_usage(filler.parent).free - room) // PAGE):
            file.write(b"\0" * PAGE)


if __name__ == "__main__":
    main()
