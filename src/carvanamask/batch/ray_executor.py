"""Shards processed by the machines of a Ray cluster, which see the same files (a shared disk, or a store)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import ray

from carvanamask.batch.shard import Executor, Outcome, Shard, Task, process_in_worker
from carvanamask.errors import CarvanaMaskError, ConfigError, DataError

CORES_PER_SHARD = 2
"""Cores that one network uses well."""

MAX_RETRIES = 20
"""How often Ray starts a shard again after its process or machine is lost."""


@contextmanager
def ray_executor(task: Task, address: str | None) -> Iterator[Executor]:
    """Process as many shards at a time as the cluster has room for; as many again wait there.

    Ray gives the shards of a lost process or machine to another one. Raises ConfigError where no cluster answers.
    """
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
    except (ConnectionError, ValueError) as error:
        raise ConfigError(f"no Ray cluster at {address} ({error})", "start one with ray start --head") from None
    cores = min(CORES_PER_SHARD, int(max(node["Resources"].get("CPU", 1) for node in ray.nodes())))
    remote = ray.remote(num_cpus=cores, max_retries=MAX_RETRIES)(process_in_worker)
    stored_task = ray.put(task)
    running: set[Any] = set()

    def submit(shard: Shard) -> Future[list[Outcome]]:
        reference = remote.remote(stored_task, cores, shard)
        running.add(reference)
        future: Future[list[Outcome]] = reference.future()
        future.add_done_callback(lambda _: running.discard(reference))
        return future

    def limit() -> int:  # looked up each time: machines come and go
        return 2 * max(1, int(ray.cluster_resources().get("CPU", 1)) // cores)

    try:
        yield Executor(submit, limit)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, CarvanaMaskError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise DataError(f"no machine could process some pictures ({type(error).__name__})", "run it again") from None
    finally:
        for reference in list(running):
            ray.cancel(reference, force=True)
        ray.shutdown()
