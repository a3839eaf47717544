"""How fast a model is on this machine, stage by stage, and how near the whole comes to its network alone.

A speed means something beside others of the same minutes: all are measured in turns, and the best round of each
counts. Asked to, it measures plain loops on the same files, too (`training/plain_loop.py`).
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.errors import ModelError
from carvanamask.jobs.fresh_process import FreshProcess, measure_fresh_process
from carvanamask.jobs.stopwatch import Rate, Work, measure_in_turns
from carvanamask.jobs.workload import workload
from carvanamask.mask_quality.uncertainty import review_reason
from carvanamask.model.build import build_predictor, has_torch_engine
from carvanamask.model.model_file import ModelFile
from carvanamask.studio.showroom import SHOWROOM
from carvanamask.training.config import Config

log = logging.getLogger(__name__)

MOST_PICTURES = 64
"""More say nothing new, and their masks are all in memory."""

LOOP_PICTURES = 8
"""Of a plain loop's round: it can be a hundred times as slow."""

PEER = "isnet-general-use"
"""rembg's model for anything that stands before a background."""

Cut = Callable[[Path, Path], object]
"""Reads a picture, writes its mask."""


@dataclass(frozen=True)
class BenchReport:
    """One model on one machine in one run."""

    model: str
    engine: str
    machine: str
    pictures: int
    left_out: int
    """Pictures that were named beyond MOST_PICTURES."""
    rounds: int
    fresh: FreshProcess
    stages: tuple[Rate, ...]
    """Of the way from file to mask file, each by itself."""
    networks: tuple[Rate, ...]
    """The network alone: one picture after the other, and as many at once as on the whole way."""
    whole: Rate
    """From file to mask file."""
    others: tuple[Rate, ...] = ()
    """Other ways from the same files to masks."""
    not_run: tuple[tuple[str, str], ...] = ()
    """(which, why) of other ways that failed."""

    @property
    def network(self) -> Rate:
        """The rate that the network itself could reach."""
        return max(self.networks, key=lambda rate: rate.pictures_per_second)

    @property
    def whole_to_network(self) -> float:
        """The share of the network's own rate that is left on the whole way."""
        return self.whole.pictures_per_second / self.network.pictures_per_second

    def times_as_fast_as(self, other: Rate) -> float:
        return self.whole.pictures_per_second / other.pictures_per_second

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "engine": self.engine,
            "machine": self.machine,
            "pictures": self.pictures,
            "left_out": self.left_out,
            "rounds": self.rounds,
            "fresh_process": asdict(self.fresh),
            "stages": [rate.to_dict() for rate in self.stages],
            "networks": [rate.to_dict() for rate in self.networks],
            "whole": self.whole.to_dict(),
            "whole_to_network": self.whole_to_network,
            "others": [{**rate.to_dict(), "times_as_fast": self.times_as_fast_as(rate)} for rate in self.others],
            "not_run": [{"which": which, "why": why} for which, why in self.not_run],
        }


def bench(
    model: ModelFile,
    paths: Sequence[Path] = (),
    original: Config | None = None,
    device: str = "auto",
    repeats: int = 3,
    seconds: float = 120,
    on_progress: OnProgress = ignore_progress,
) -> BenchReport:
    """Measure `model` on pictures and folders of them; without any, on the showroom's test pictures.

    With the recipe `original`, also plain loops of the model's own network and of the recipe's, and rembg where it is
    installed. `repeats` rounds, none begun after `seconds` but the first; half of the time is for the other ways, at
    one picture a round or more. Raises DataError for a picture that can't be read, ModelError where a comparison needs
    PyTorch or the model isn't one network asked once.
    """
    if original is not None:
        _require_comparable(model)
    named = find_pictures(list(paths) or [KaggleFolder(SHOWROOM).test])
    items = named.items[:MOST_PICTURES]
    if not items:
        raise named.problems[0][1]
    predictor = build_predictor(model, device)
    log.info(f"engine: {predictor.engine}")
    look = partial(review_reason, max_uncertain_ratio=model.card.max_uncertain_ratio)
    with tempfile.TemporaryDirectory() as name, workload(predictor, model.card, items, Path(name), look) as work:
        fresh = measure_fresh_process(model, [item.picture for item in items], device)
        folder = Path(name)
        ways, not_run = _other_ways(model, original, device, items[0].picture, folder) if original else ({}, {})
        limit_s = seconds / 2 / repeats / max(1, len(ways))
        others = [Work(name, 1, partial(_loop, way, items, folder, limit_s)) for name, way in ways.items()]
        best, rounds = measure_in_turns(
            [*work.stages, *work.networks, work.whole, *others], repeats, seconds, on_progress
        )
    return BenchReport(
        model=model.card.name,
        engine=predictor.engine,
        machine=f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        pictures=len(items),
        left_out=len(named.items) - len(items),
        rounds=rounds,
        fresh=fresh,
        stages=tuple(best[stage.name] for stage in work.stages),
        networks=tuple(best[network.name] for network in work.networks),
        whole=best[work.whole.name],
        others=tuple(best[other.name] for other in others),
        not_run=tuple(not_run.items()),
    )


def _loop(way: Cut, items: Sequence[BatchItem], folder: Path, limit_s: float) -> int:
    """One picture after the other, until time is up."""
    ends = time.perf_counter() + limit_s
    done = 0
    while done < min(LOOP_PICTURES, len(items)) and (done == 0 or time.perf_counter() < ends):
        way(items[done].picture, folder / "loop.png")
        done += 1
    return done


def _require_comparable(model: ModelFile) -> None:
    if not has_torch_engine():
        raise ModelError("a plain loop needs PyTorch: pip install 'carvanamask[train]', or leave --against out")
    if model.members or model.card.flip:
        raise ModelError(f"model '{model.card.name}' asks more than one network, or one twice: leave --against out")


def _other_ways(
    model: ModelFile, original: Config, device: str, picture: Path, folder: Path
) -> tuple[dict[str, Cut], dict[str, str]]:
    """Ways that have done `picture` once, as our own engines have; and why others didn't."""
    from carvanamask.model.onnx_network import OnnxNetwork
    from carvanamask.training.plain_loop import PlainLoop

    size = "x".join(map(str, original.input.size_wh))
    ways: dict[str, Cut] = {
        "plain loop, the same network": PlainLoop(OnnxNetwork(model.onnx), model.card, device).cut,
        f"plain loop, {original.network.summary} at {size}": PlainLoop.of_recipe(original, device).cut,
    }
    for way in ways.values():
        way(picture, folder / "loop.png")
    if importlib.util.find_spec("rembg") is None:
        return ways, {}
    name = f"rembg, {PEER}"
    try:
        way = _rembg()
        way(picture, folder / "loop.png")
    except (Exception, SystemExit) as error:  # without its runtime it leaves the process
        return ways, {name: " ".join(str(error).split()) or type(error).__name__}
    return ways | {name: way}, {}


def _rembg() -> Cut:
    rembg: Any = importlib.import_module("rembg")
    session = rembg.new_session(PEER)

    def way(picture: Path, mask: Path) -> None:
        with Image.open(picture) as image:
            rembg.remove(image, session=session, only_mask=True).save(mask)

    return way


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
