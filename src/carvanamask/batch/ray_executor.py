"""Shards carried by the machines of a Ray cluster, which see the same files (a shared disk, or a store)."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import ray

from carvanamask.batch.shard import Outcome, Shard, Task, carry
from carvanamask.errors import CarvanaMaskError, ConfigError, DataError
from carvanamask.io.process import keep_freed_memory
from carvanamask.model.predictor import Predictor

CORES_A_SHARD = 2
"""Cores that one network uses well."""

LIVES = 20
"""How often a shard is begun anew after the process or machine that carried it is gone."""


def on_ray(address: str | None, task: Task, predictor: Predictor, shards: Iterable[Shard]) -> Generator[list[Outcome]]:
    """As many shards at a time as the cluster has room for, and as many again waiting there.

    What a lost process or machine carried, Ray gives to another. Raises ConfigError where no cluster answers.
    """
    del predictor  # stays on this machine
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
    except (ConnectionError, ValueError) as error:
        raise ConfigError(f"no Ray cluster at {address} ({error}): start one with ray start --head") from None
    cores = min(CORES_A_SHARD, int(max(node["Resources"].get("CPU", 1) for node in ray.nodes())))
    remote = ray.remote(num_cpus=cores, max_retries=LIVES)(_carry_there)
    there = ray.put(task)
    running: dict[Any, Shard] = {}
    try:
        for shard in shards:
            running[remote.remote(there, cores, shard)] = shard
            # asked each time: machines come and go
            if len(running) >= 2 * max(1, int(ray.cluster_resources().get("CPU", 1)) // cores):
                yield _next(running)
        while running:
            yield _next(running)
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        ray.shutdown()


def _next(running: dict[Any, Shard]) -> list[Outcome]:
    (finished,), _ = ray.wait(list(running), num_returns=1)
    shard = running.pop(finished)
    try:
        outcomes: list[Outcome] = ray.get(finished)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, CarvanaMaskError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        names = f"{shard.items[0].key} … {shard.items[-1].key}"
        raise DataError(f"{names}: no machine could carry them ({type(error).__name__}): run it again") from None
    return outcomes


_settled: dict[str, Predictor] = {}
"""What this worker was last set up for."""


def _carry_there(task: Task, threads: int, shard: Shard) -> list[Outcome]:
    keep_freed_memory()
    if task.key not in _settled:
        _settled.clear()
        _settled[task.key] = task.build_predictor(threads)
    return next(carry(task, _settled[task.key], [shard]), [])
