"""Compare this package with other ways from the same files to masks, in one run.

    python benchmarks/speed/comparison.py [PATH …] [--model NAME]

The other ways are plain loops over the model's own network (ONNX Runtime) and over the original's of 2017 (PyTorch),
and rembg where it is installed. All run on the CPU and take turns, and the best round of each counts. Needs '.[dev]';
without paths the pictures are the showroom's.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from plain_loop import loop_of_model, loop_of_recipe

from carvanamask.core.progress import ignore_progress
from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.jobs.bench import measure_in_turns, write_masks
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import DEFAULT_MODEL, find_model
from carvanamask.studio import SHOWROOM
from carvanamask.training.recipe import load_config

ORIGINAL = "seed-1024"
"""The recipe of 2017."""

LOOP_PICTURES = 8
"""In a round of another way: it can be a hundred times as slow."""

PEER = "isnet-general-use"
"""rembg's model for any object before a background."""

OURS = "carvanamask"

WriteMask = Callable[[Path, Path], object]
"""Reads a picture, writes its mask."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="*", default=[SHOWROOM / "test"])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--pictures", type=int, default=64, help="take at most so many")
    parser.add_argument("--repeats", type=int, default=3, help="rounds; the best one counts")
    parser.add_argument("--seconds", type=float, default=120, help="no new round begins after this time")
    options = parser.parse_args()
    model = find_model(options.model)
    if model.members or model.card.flip:
        sys.exit(f"model '{options.model}' runs several networks, or one twice: a plain loop can't compare")
    rates = compare(model, find_pictures(options.paths).items[: options.pictures], options.repeats, options.seconds)
    print("pictures per second from file to mask file, and how many times as fast carvanamask is")
    for name, rate in rates.items():
        print(f"{name:60} {rate:8.1f} {rates[OURS] / rate:8.1f}")


def compare(model: ModelFile, items: Sequence[BatchItem], repeats: int, seconds: float) -> dict[str, float]:
    """Return the pictures per second of every way that runs here; half of the time is for the other ways."""
    predictor = build_predictor(model, "cpu")
    print(f"{model.card.name} on {predictor.engine}, {len(items)} pictures")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ways = other_ways(model, items[0].picture, folder / "loop.png")
        limit_s = seconds / 2 / repeats / len(ways)
        works = {OURS: partial(write_masks, predictor, model, items, folder)}
        works |= {name: partial(loop, way, items, folder / "loop.png", limit_s) for name, way in ways.items()}
        return measure_in_turns(works, repeats, seconds, ignore_progress)[0]


def loop(write_mask: WriteMask, items: Sequence[BatchItem], mask: Path, limit_s: float) -> int:
    """Process one picture after the other until time is up, at least one; return their number."""
    ends = time.perf_counter() + limit_s
    done = 0
    while done < min(LOOP_PICTURES, len(items)) and (done == 0 or time.perf_counter() < ends):
        write_mask(items[done].picture, mask)
        done += 1
    return done


def other_ways(model: ModelFile, picture: Path, mask: Path) -> dict[str, WriteMask]:
    """Return the ways that run here, each warmed up with `picture`; print why rembg doesn't."""
    original = load_config(ORIGINAL)
    size = "x".join(map(str, original.input.size_wh))
    ways: dict[str, WriteMask] = {
        "plain loop, the same network, ONNX Runtime": loop_of_model(model).write_mask,
        f"plain loop, {original.network.summary} at {size}, PyTorch": loop_of_recipe(original).write_mask,
    }
    for way in ways.values():
        way(picture, mask)
    if importlib.util.find_spec("rembg"):
        try:
            way = rembg_way()
            way(picture, mask)
            ways[f"rembg, {PEER}"] = way
        except (Exception, SystemExit) as error:  # without its runtime it ends the process
            print(f"rembg, {PEER} did not run: {' '.join(str(error).split()) or type(error).__name__}")
    return ways


def rembg_way() -> WriteMask:
    rembg: Any = importlib.import_module("rembg")
    session = rembg.new_session(PEER)

    def write_mask(picture: Path, mask: Path) -> None:
        with Image.open(picture) as image:
            rembg.remove(image, session=session, only_mask=True).save(mask)

    return write_mask


if __name__ == "__main__":
    main()
