"""Measure what a batch costs besides its pictures: the list, the versions, the journal, Ray tasks. Reads no picture.

    python benchmarks/soak/long_lists.py [--pictures 100064] [--value-bytes 8180] [--ray]

A submission's journal holds a run-length code per picture (8,180 bytes for studio-s on Kaggle's pictures), a journal of
masks only the picture's name, version and hash.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batch_process import megabytes
from linked_pictures import link_all

from carvanamask.batch.journal import Journal, file_stamp
from carvanamask.data.picture_list import find_pictures
from carvanamask.io.read import file_digest
from carvanamask.studio import SHOWROOM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_064)
    parser.add_argument("--value-bytes", type=int, default=8_180)
    parser.add_argument("--out", type=Path, default=Path("long-lists"))
    parser.add_argument("--ray", action="store_true", help="also run empty tasks on Ray")
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    folder = options.out / "pictures"
    source = next((SHOWROOM / "test").glob("*.jpg"))
    link_all([source], [f"{number:012x}_{1 + number % 16:02d}.jpg" for number in range(options.pictures)], folder)
    with measured("list the pictures"):
        items = find_pictures([folder]).items
    with measured("look up their versions"):
        versions = {item.key: file_stamp(item.picture) for item in items}
    names, content = list(versions), file_digest(source)
    for title, value in (("of masks", ""), ("of a submission", "1234567 " * (options.value_bytes // 8))):
        path = options.out / "journal"
        with measured(f"write a journal {title}"), Journal(path, "key", versions) as journal:
            for name in names:
                journal.add(name, value, content)
        print(f"  {path.stat().st_size / len(names):.0f} bytes per picture, {path.stat().st_size / 1e6:.0f} MB")
        with measured(f"read a journal {title}"), Journal(path, "key", versions) as journal:
            assert all(map(journal.is_finished, names))
        path.unlink()
    if options.ray:
        run_empty_tasks(1000)


def run_empty_tasks(tasks: int) -> None:
    import ray

    ray.init(address="local", log_to_driver=False, logging_level="ERROR")
    empty = ray.remote(num_cpus=1)(lambda: None)
    ray.get([empty.remote() for _ in range(10)])  # then its processes have started
    with measured(f"run {tasks} empty tasks on Ray"):
        ray.get([empty.remote() for _ in range(tasks)])
    ray.shutdown()


@contextmanager
def measured(title: str) -> Iterator[None]:
    before, started = megabytes([os.getpid()]), time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    print(f"{title}: {seconds:.2f} s, {megabytes([os.getpid()]) - before:+.0f} MB of memory", flush=True)


if __name__ == "__main__":
    main()
