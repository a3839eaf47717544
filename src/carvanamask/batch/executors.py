"""Who carries the shards: this process, several, or machines that Ray knows. All have one signature."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial

from carvanamask.batch.options import BatchOptions, ExecutorName
from carvanamask.batch.shard import Outcome, Shard, Task, carry
from carvanamask.errors import ConfigError, DataError, MissingPackageError
from carvanamask.io.process import cpu_count, keep_freed_memory
from carvanamask.model.predictor import Predictor

Executor = Callable[[Task, Predictor, Iterable[Shard]], Generator[list[Outcome]]]
"""Carries shards, asked for one after the other as there is room; yields each one's outcomes as it is finished.

The predictor is this process's own; who works elsewhere builds others like it from the task.
"""

THREADS_A_PROCESS = 2
"""Cores that one network uses well; more processes serve the others."""


def build_executor(options: BatchOptions) -> Executor:
    """ "threads" is this process; "processes" some more on this machine, "ray" on all machines of a cluster.

    `processes` by default as many as the cores serve; `address` is Ray's ("auto": the cluster this machine is in; none:
    this machine alone). Raises ConfigError for another name, for another one's option, and for ray where it isn't
    installed.
    """
    name, processes, address = options.executor, options.processes, options.address
    if processes is not None and name is not ExecutorName.PROCESSES:
        raise ConfigError(f"--processes {processes} belongs to --executor processes: name that, or leave it out")
    if address is not None and name is not ExecutorName.RAY:
        raise ConfigError(f"--address {address} belongs to --executor ray: name that, or leave it out")
    if name is ExecutorName.THREADS:
        return carry
    if name is ExecutorName.PROCESSES:
        return partial(in_processes, processes or max(1, cpu_count() // THREADS_A_PROCESS))
    try:
        from carvanamask.batch.ray_executor import on_ray
    except ModuleNotFoundError as missing:
        raise MissingPackageError(
            f"--executor ray needs {missing.name}", "pip install 'carvanamask[ray]' on every machine"
        ) from None
    return partial(on_ray, address)


def in_processes(processes: int, task: Task, predictor: Predictor, shards: Iterable[Shard]) -> Generator[list[Outcome]]:
    """Each process with a predictor of its own and a share of the cores."""
    # spawned, not forked: a forked copy of an engine's threads would wait for ever
    context = multiprocessing.get_context("spawn")
    threads = max(1, cpu_count() // processes)
    with ProcessPoolExecutor(processes, context, _settle, (task, threads)) as pool:
        running: set[Future[list[Outcome]]] = set()
        try:
            for shard in shards:
                with _deaf_children():
                    running.add(pool.submit(_carry_here, shard))
                if len(running) > processes + 1:
                    finished, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in finished)
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        except BrokenProcessPool:
            raise DataError(
                "a process was killed, perhaps for want of memory: the same command with fewer --processes goes on"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """What a terminal tells all processes of, Ctrl-C, is this one's to hear: those that it starts here end with it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_settled: dict[str, tuple[Task, Predictor]] = {}
"""What this process, one of several, was set up for."""


def _settle(task: Task, threads: int) -> None:
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _settled["here"] = task, task.build_predictor(threads)


def _end_with_parent() -> None:
    """A parent that was killed says nothing: its children would wait for shards, and hold their memory, for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _carry_here(shard: Shard) -> list[Outcome]:
    task, predictor = _settled["here"]
    return next(carry(task, predictor, [shard]), [])
