"""Measure a model on this machine: pictures per second, the first mask of a fresh process, peak memory."""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from carvanamask.batch.pipeline import finish_all, threads_for_pictures
from carvanamask.batch.writers import MaskWriter
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.errors import ConfigError, ModelError
from carvanamask.io.process import keep_freed_memory
from carvanamask.io.read import load_picture
from carvanamask.model.build import build_predictor
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import Predictor
from carvanamask.model.preprocess import shrink_by_area
from carvanamask.studio import SHOWROOM

log = logging.getLogger(__name__)

MAX_PICTURES = 64
"""More make the rates no steadier, and their shrunken copies are all in memory."""


@dataclass(frozen=True)
class BenchReport:
    """One model on one machine in one run."""

    model: str
    engine: str
    machine: str
    pictures: int
    left_out: int
    """Pictures beyond MAX_PICTURES."""
    rounds: int
    concurrency: int
    """Pictures in progress at a time."""
    whole: float
    """Pictures per second from file to mask file."""
    network: float
    """Pictures per second of the network alone, with the same concurrency."""
    network_one_by_one: float
    """Pictures per second of the network alone, one at a time."""
    first_mask_seconds: float
    """From the start of a Python process to its first mask, with an empty model cache."""
    first_mask_again_seconds: float
    """The same of a second process."""
    peak_megabytes: float | None
    """Peak memory of the second process, all libraries included; None where the system has no such figure."""

    @property
    def whole_to_network(self) -> float:
        """The rate from file to mask file as a share of the network's better one."""
        return self.whole / max(self.network, self.network_one_by_one)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures for JSON."""
        return asdict(self) | {"whole_to_network": self.whole_to_network}


def bench(
    model: ModelFile,
    paths: Sequence[Path],
    repeats: int,
    seconds: float,
    device: Device,
    on_progress: OnProgress = ignore_progress,
) -> BenchReport:
    """Measure `model` on pictures and folders; without any, on the showroom's test pictures.

    Measures in so many rounds, of which none but the first begins after `seconds`; the best round of each rate counts.
    Raises ConfigError, DataError for a picture that can't be read, ModelError for a model that doesn't run.
    """
    if repeats < 1:
        raise ConfigError(f"{repeats} rounds measure nothing", "take at least 1")
    found = find_pictures(list(paths) or [KaggleFolder(SHOWROOM).test])
    items = found.items[:MAX_PICTURES]
    if not items:
        raise found.problems[0][1]
    predictor = build_predictor(model, device)
    log.info(f"engine: {predictor.engine}")
    with tempfile.TemporaryDirectory() as cache:
        (cold, _), (again, peak) = (run_fresh(model, some, device, cache) for some in (items[:1], items))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(threads_for_pictures()) as pool:
        small = list(pool.map(lambda item: shrink_by_area(load_picture(item.picture), model.card.input_size_wh), items))
        works = {
            "whole": lambda: write_masks(predictor, model, items, Path(folder)),
            "network": lambda: len(list(pool.map(predictor.predict, small))),
            "network_one_by_one": lambda: len(list(map(predictor.predict, small))),
        }
        rates, rounds = measure_in_turns(works, repeats, seconds, on_progress)
    return BenchReport(
        model.card.name,
        predictor.engine,
        machine=f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        pictures=len(items),
        left_out=len(found.items) - len(items),
        rounds=rounds,
        concurrency=threads_for_pictures(),
        first_mask_seconds=cold,
        first_mask_again_seconds=again,
        peak_megabytes=peak,
        **rates,
    )


def write_masks(predictor: Predictor, model: ModelFile, items: Sequence[BatchItem], folder: Path) -> int:
    """Read, predict, threshold, check and write all pictures as a batch does; return their number."""
    return len(list(finish_all(predictor, items, MaskWriter(model.card, folder).write)))


def measure_in_turns(
    works: Mapping[str, Callable[[], int]], repeats: int, seconds: float, on_progress: OnProgress
) -> tuple[dict[str, float], int]:
    """Return the best pictures per second of works that take turns, so that all see the same load; and the rounds."""
    ends = time.perf_counter() + seconds
    best, rounds = dict.fromkeys(works, 0.0), 0
    while rounds < repeats and (not rounds or time.perf_counter() < ends):
        for number, (name, work) in enumerate(works.items(), start=1):
            started = time.perf_counter()
            pictures = work()
            best[name] = max(best[name], pictures / (time.perf_counter() - started))
            on_progress(Progress(repeats * len(works), rounds * len(works) + number))
        rounds += 1
    return best, rounds


def run_fresh(model: ModelFile, items: Sequence[BatchItem], device: str, cache: str) -> tuple[float, float | None]:
    """Return a new process's seconds to the first mask and its peak megabytes. Raises ModelError where it fails."""
    code = "import sys, carvanamask.jobs.bench as job; job.run_fresh_process(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(model.folder), device, *(str(item.picture) for item in items)]
    started = time.time()
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"XDG_CACHE_HOME": cache})
    if ended.returncode:
        last_line = (ended.stderr.strip() or f"exit code {ended.returncode}").splitlines()[-1]
        raise ModelError(f"model '{model.card.name}' doesn't run in its own process ({last_line})", "try device 'cpu'")
    first_mask_at, peak = json.loads(ended.stdout)
    return first_mask_at - started, peak


def run_fresh_process(model_folder: str, device: str, *pictures: str) -> None:
    """Predict pictures as a process of its own; write the time of the first mask and the peak memory as JSON."""
    keep_freed_memory()
    model = ModelFile.load(Path(model_folder))
    predictor = build_predictor(model, device)
    items = find_pictures([Path(picture) for picture in pictures]).items
    with tempfile.TemporaryDirectory() as folder:
        write_masks(predictor, model, items[:1], Path(folder))
        first_mask_at = time.time()
        write_masks(predictor, model, items[1:], Path(folder))
    sys.stdout.write(json.dumps([first_mask_at, peak_megabytes()]))


def peak_megabytes() -> float | None:
    """Return the peak memory of this process, None where the system has no such figure."""
    status = Path("/proc/self/status")
    if status.exists():  # not getrusage: on Linux it begins with the memory of the process that started this one
        return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if "VmHWM" in line)
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text() if cpuinfo.exists() else "", re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine()
