"""Measure what a second machine gains: two Ray nodes against one, with the same pictures, on this machine.

    python benchmarks/soak/ray_nodes.py --pictures data/test [--count 1584] [--model NAME] [--least 0.8]

Each node is a Ray daemon with one CPU, bound with all its child processes to one core, so that two nodes have exactly
twice the power of one. Needs two cores; the process that distributes the pictures shares them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batch_process import Watch, conclude, digest, process_tree, run, title
from linked_pictures import link_all

from carvanamask.data.kaggle_folder import pictures_in

NODE = {"num_cpus": 1, "object_store_memory": 200_000_000, "include_dashboard": False}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, default=Path("data/test"), help="folder of pictures")
    parser.add_argument("--count", type=int, default=1584, help="pictures repeat where there are fewer")
    parser.add_argument("--out", type=Path, default=Path("ray-nodes"))
    parser.add_argument("--model", default="studio-s")
    parser.add_argument(
        "--least", type=float, default=0.8, help="share of twice one node's rate that two have to reach"
    )
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        conclude({"this machine has two cores": False})

    shutil.rmtree(options.out, ignore_errors=True)
    folder = options.out / "pictures"
    link_all(pictures_in(options.pictures), [f"{number:06d}.jpg" for number in range(options.count)], folder)
    rates, made, codes = [], set(), []
    for nodes in (1, 2):
        masks = options.out / f"masks-{nodes}"
        words = ["predict", str(folder), "--out", str(masks), "--model", options.model, "--executor", "ray"]
        watch = Watch()
        with cluster(cores[:nodes]) as address:
            ended = run([*words, "--address", address], watch)
        codes.append(ended.code)
        if ended.code:
            print(*ended.stderr, sep="\n")
            break
        rates.append(watch.pictures_per_second)
        made.add(digest(masks))
        print(f"{nodes} {'node' if nodes == 1 else 'nodes'}, one core each: {rates[-1]:.1f} pictures per second")
    if any(codes):
        conclude({"every batch ends with exit code 0": False})
    share = rates[1] / (2 * rates[0])
    print(f"two nodes reach {share:.0%} of twice one node's rate, with {options.count} pictures")
    conclude(
        {
            f"at least {options.least:.0%} of twice the rate": share >= options.least,
            "the same masks": len(made) == 1,
            "no process of Ray is left": not is_ray_running(),
        }
    )


@contextmanager
def cluster(cores: list[int]) -> Iterator[str]:
    """Start one node per core; give the cluster's address."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reads it when it is imported
    from ray.cluster_utils import Cluster

    nodes = Cluster()
    try:
        for core in cores:
            before = set(process_tree(os.getpid()))
            nodes.add_node(**NODE)
            for process in set(process_tree(os.getpid())) - before:
                if "raylet" in title(process).partition(" ")[0]:
                    for member in process_tree(process):
                        bind_to_core(member, core)
        yield nodes.address
    finally:
        nodes.shutdown()


def bind_to_core(process: int, core: int) -> None:
    """Bind all threads of a process, and so whatever they start from now on."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def is_ray_running(seconds: float = 10) -> bool:
    """Return whether Ray's child processes still run after so many seconds."""
    until = time.monotonic() + seconds
    while any("ray" in title(process) for process in process_tree(os.getpid())[1:]):
        if time.monotonic() > until:
            return True
        time.sleep(0.2)
    return False


if __name__ == "__main__":
    main()
