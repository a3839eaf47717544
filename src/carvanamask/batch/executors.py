"""Process the shards of a batch in threads of this process, in several processes, or on the machines of a cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from carvanamask.batch.options import BatchOptions, ExecutorName
from carvanamask.batch.pipeline import process_pictures, threads_for_pictures
from carvanamask.batch.shard import Executor, Outcome, Shard, Task, process_in_worker
from carvanamask.errors import DataError, MissingPackageError
from carvanamask.io.process import cpu_count
from carvanamask.model.predictor import Predictor

CORES_PER_PROCESS = 2
"""Cores that one network uses well; more processes use the others."""


def build_executor(
    task: Task, predictor: Predictor, options: BatchOptions
) -> Callable[[], AbstractContextManager[Executor]]:
    """Return a function that starts what the options name; leaving its context stops all workers.

    `predictor` is for the threads of this process; the others build their own. Raises MissingPackageError for Ray
    where it isn't installed.
    """
    if options.executor is ExecutorName.THREADS:
        return partial(threads_executor, task, predictor)
    if options.executor is ExecutorName.PROCESSES:
        return partial(processes_executor, task, options.processes or max(1, cpu_count() // CORES_PER_PROCESS))
    try:
        from carvanamask.batch.ray_executor import ray_executor
    except ModuleNotFoundError as missing:
        raise MissingPackageError(
            f"--executor ray needs {missing.name}", "pip install 'carvanamask[ray]' on every machine"
        ) from None
    return partial(ray_executor, task, options.address)


@contextmanager
def threads_executor(task: Task, predictor: Predictor) -> Iterator[Executor]:
    """Process each picture in one of this process's threads."""
    threads = threads_for_pictures()
    pool = ThreadPoolExecutor(threads)
    try:
        work: Callable[..., list[Outcome]] = partial(process_pictures, predictor, task.finish)
        yield Executor(partial(pool.submit, work), lambda: threads + 1, shard_size=1)
    finally:  # neither an error nor a batch that stops early waits for pictures that haven't begun
        pool.shutdown(cancel_futures=True)


@contextmanager
def processes_executor(task: Task, processes: int) -> Iterator[Executor]:
    """Process shards in several processes, each with a predictor of its own and an equal share of the cores."""
    # spawned, not forked: a forked copy of an engine's threads would wait for ever
    context = multiprocessing.get_context("spawn")
    threads = max(1, cpu_count() // processes)
    with ProcessPoolExecutor(processes, context, _end_with_parent) as pool:

        def submit(shard: Shard) -> Future[list[Outcome]]:
            with _sigint_blocked():  # the pool starts its processes as shards come
                return pool.submit(process_in_worker, task, threads, shard)

        try:
            yield Executor(submit, lambda: processes + 2)
        except BrokenProcessPool:
            raise DataError(
                "a process was killed, perhaps because the memory is full",
                "run the same command with fewer --processes: what is finished is kept",
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT, also in the processes started meanwhile, so that only the parent handles Ctrl-C."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """End this process when its parent is killed: it would wait for shards, and hold its memory, for ever."""
    parent = multiprocessing.parent_process()

    def wait_for_end() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait_for_end, daemon=True).start()
