"""Shards processed by the machines of a Ray cluster, which see the same files (a shared disk, or a store)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import ray

from carvanamask.batch.shard import Outcome, Shard, Task, cut_into_shards, process_shard
from carvanamask.data.picture_list import BatchItem
from carvanamask.errors import CarvanaMaskError, ConfigError, DataError

CORES_PER_SHARD = 2
"""Cores that one network uses well."""

MAX_RETRIES = 20
"""How often Ray starts a shard again after its process or machine is lost."""


def process_on_ray(task: Task, address: str | None, items: Sequence[BatchItem]) -> Generator[Outcome]:
    """Process as many shards at a time as the cluster has room for; as many again wait there.

    Ray gives the shards of a lost process or machine to another one. Raises ConfigError where no cluster answers.
    """
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
    except (ConnectionError, ValueError) as error:
        raise ConfigError(f"no Ray cluster at {address} ({error})", "start one with ray start --head") from None
    cores = min(CORES_PER_SHARD, int(max(node["Resources"].get("CPU", 1) for node in ray.nodes())))
    remote = ray.remote(num_cpus=cores, max_retries=MAX_RETRIES)(_process_in_worker)
    stored_task = ray.put(task)
    running: dict[Any, Shard] = {}
    try:
        for shard in cut_into_shards(items):
            running[remote.remote(stored_task, cores, shard)] = shard
            # looked up each time: machines come and go
            if len(running) >= 2 * max(1, int(ray.cluster_resources().get("CPU", 1)) // cores):
                yield from _next(running)
        while running:
            yield from _next(running)
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        ray.shutdown()


def _next(running: dict[Any, Shard]) -> list[Outcome]:
    """Wait for one shard, remove it from `running` and return its outcomes."""
    (finished,), _ = ray.wait(list(running), num_returns=1)
    shard = running.pop(finished)
    try:
        outcomes: list[Outcome] = ray.get(finished)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, CarvanaMaskError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        names = f"{shard[0].key} … {shard[-1].key}"
        raise DataError(f"no machine could process {names} ({type(error).__name__})", "run it again") from None
    return outcomes


_predictors: dict[str, Any] = {}
"""The predictor of this worker's last task, by its key."""


def _process_in_worker(task: Task, threads: int, shard: Shard) -> list[Outcome]:
    if task.key not in _predictors:
        _predictors.clear()
        _predictors[task.key] = task.build_predictor(threads)
    return process_shard(task, _predictors[task.key], shard)
