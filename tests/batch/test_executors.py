"""Where the pictures of a batch are processed, and how workers end."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from carvanamask.batch import shard
from carvanamask.batch.options import BatchOptions, ExecutorName
from carvanamask.batch.pipeline import Predicted
from carvanamask.batch.runner import Batch
from carvanamask.batch.shard import Task, cut_into_shards, process_in_worker
from carvanamask.batch.writers import RleWriter
from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.errors import ConfigError, DataError, MissingPackageError
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile


@pytest.mark.parametrize(
    "options", [{"processes": 2}, {"address": "auto"}, {"processes": 2, "executor": ExecutorName.RAY}]
)
def test_option_of_another_executor_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"belongs to --executor (processes|ray): name that, or leave it out"):
        BatchOptions(**options)


@pytest.mark.skipif(bool(importlib.util.find_spec("ray")), reason="ray is installed")
def test_ray_that_is_not_installed_is_named(model: ModelFile) -> None:
    with pytest.raises(MissingPackageError, match=r"--executor ray needs ray: pip install 'carvanamask\[ray\]'"):
        Batch(model, RleWriter(model.card, None), BatchOptions(executor=ExecutorName.RAY))


def test_machine_with_another_arithmetic_is_refused(model: ModelFile) -> None:
    task = Task(model, Device.CPU, "another engine, f16", RleWriter(model.card, None))
    with pytest.raises(DataError, match="use machines of the same kind"):
        task.build_predictor()


@pytest.mark.parametrize(("pictures", "sizes"), [(3, [1] * 3), (64, [2] * 32), (1025, [32] * 32 + [1])])
def test_shards_are_small_when_pictures_are_few(pictures: int, sizes: list[int]) -> None:
    items = [BatchItem(str(number), 0, Path(f"{number}.png")) for number in range(pictures)]
    shards = list(cut_into_shards(items, 32))
    assert list(map(len, shards)) == sizes
    assert list(chain(*shards)) == items


def test_worker_keeps_freed_memory(model: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    monkeypatch.setattr(shard, "keep_freed_memory", lambda: calls.append(None))
    monkeypatch.setattr(shard, "_predictors", {})
    batch = Batch(model, RleWriter(model.card, None), BatchOptions(device=Device.CPU))
    for _ in range(2):
        assert process_in_worker(batch.task, 1, []) == []
    assert len(calls) == 1


class TellsWhetherBlocked(RleWriter):
    """Returns whether Ctrl-C would not reach its process."""

    def write(self, predicted: Predicted[BatchItem]) -> str:
        return str(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system has no masks of signals")
def test_ctrl_c_reaches_the_parent_only(model: ModelFile, pictures: Path, tmp_path: Path) -> None:
    options = BatchOptions(executor=ExecutorName.PROCESSES, processes=1)
    found = find_pictures([pictures / "day 0"])
    batch = Batch(model, TellsWhetherBlocked(model.card, None), options)
    with batch.journal(tmp_path / "journal", found.items) as journal:
        batch.run(found, journal)
        assert {journal.value(item.key) for item in found.items} == {"True"}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


PARENT = """
import os, signal, sys
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from carvanamask.batch import executors

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, context, executors._end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")
def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    # a child that lives on would keep this pipe open, and the call would never return
    found = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=60, check=False)
    assert found.returncode == -signal.SIGKILL
    assert int(found.stdout) > 0
