"""Does a batch survive a full disk? It must end with one line and exit code 2, and finish when there is space again.

    sudo python benchmarks/soak/disk_full.py --data data --fills 5 [--pictures 200] [--model NAME]

Results and journal lie on a small disk in memory (tmpfs), which only root can mount, and a file fills it up but for a
random share of what the batch needs. Then the file is removed, and the same command has to make the same bytes as an
undisturbed batch.
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

from batch_process import COMMANDS, conclude, digest, results_of, run, words_of
from linked_pictures import link_some

PAGE = 4096
"""Bytes by which a file on such a disk grows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("disk-full"))
    parser.add_argument("--model", default="studio-s")
    parser.add_argument("--executor", default="threads")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--fills", type=int, default=5, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    shutil.rmtree(options.out, ignore_errors=True)
    data = link_some(options.data, options.pictures, options.out / "data")
    claims = {}
    for command in COMMANDS:
        straight = options.out / f"{command}-straight"
        undisturbed = run(words_of(command, data, straight, options.model, options.executor))
        claims[f"{command}, undisturbed, ends with exit code 0"] = undisturbed.code == 0
        if undisturbed.code:
            print(*undisturbed.stderr, sep="\n")
            continue
        wanted, needed = digest(results_of(command, straight)), bytes_needed(command, straight)
        for fill in range(1, options.fills + 1):
            room = int(rng.uniform(0.05, 0.95) * needed)
            with small_disk(options.out / "disk", 4 * needed) as disk:
                filler = disk / "filler"
                words = words_of(command, data, disk, options.model, options.executor)
                fill_disk(filler, room)
                ended = run(words)
                print(
                    f"{command}, room for {room / 1e3:.0f} of {needed / 1e3:.0f} kB: exit code {ended.code}", end=", "
                )
                print(*ended.errors, sep="\n")
                claims[f"{command}, fill {fill}: one line and exit code 2"] = (
                    ended.code == 2 and len(ended.errors) == 1 and "free some space" in ended.errors[0]
                )
                filler.unlink()
                again = run(words)
                print(
                    f"{command}, with space again: exit code {again.code}, {again.finished.get('kept')} pictures kept"
                )
                made = results_of(command, disk)
                claims[f"{command}, fill {fill}: the same bytes after it"] = (
                    again.code == 0 and made.exists() and digest(made) == wanted
                )
    conclude(claims)


def bytes_needed(command: str, out: Path) -> int:
    """Return the bytes that results take: a submission's rows in the journal, or masks in complete pages."""
    results = results_of(command, out)
    if command == "submit":
        with gzip.open(results) as file:
            return sum(map(len, file))
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in results.rglob("*.png"))


@contextmanager
def small_disk(mount_point: Path, size: int) -> Iterator[Path]:
    """Mount a disk of `size` bytes; exit with a message where none can be mounted."""
    mount_point.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(mount_point)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        print(f"skipped: no disk can be mounted here ({' '.join(reason.split())}); root can: sudo python …")
        sys.exit(0)
    try:
        yield mount_point
    finally:
        subprocess.run(["umount", str(mount_point)], check=True)


def fill_disk(filler: Path, room: int) -> None:
    """Write a file that leaves `room` bytes of its disk free."""
    with filler.open("wb") as file:
        for _ in range((shutil.disk_usage(filler.parent).free - room) // PAGE):
            file.write(b"\0" * PAGE)


if __name__ == "__main__":
    main()
