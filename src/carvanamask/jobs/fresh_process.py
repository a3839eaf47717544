"""A model in a Python process of its own: how soon it has its first mask, and how much memory it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from carvanamask.errors import ModelError
from carvanamask.model.model_file import ModelFile

_SCRIPT = """
import sys
from pathlib import Path

from carvanamask.model.model_file import ModelFile
from carvanamask.data.picture_list import find_pictures
from carvanamask.io.process import keep_freed_memory
from carvanamask.model.build import build_predictor
from carvanamask.batch.pipeline import predict_all
from carvanamask.mask_quality.postprocess import make_mask

keep_freed_memory()
folder, device, *pictures = sys.argv[1:]
model = ModelFile.load(Path(folder))
predictor = build_predictor(model, device)

def cut_all(pictures):
    items = find_pictures([Path(picture) for picture in pictures]).items
    for _, mask in predict_all(predictor, items, lambda found: make_mask(found.probabilities, model.card)):
        if isinstance(mask, Exception):
            raise mask

cut_all(pictures[:1])
print("first mask", flush=True)
if pictures[1:]:
    cut_all(pictures[1:])

from carvanamask.jobs.fresh_process import peak_megabytes

print(peak_megabytes() or "unknown")
"""


@dataclass(frozen=True)
class FreshProcess:
    """What a process does that had not begun when the clock did."""

    cold_seconds: float
    """Until the first mask of the first process, which finds nothing that an earlier one kept; disks may be warm."""
    again_seconds: float
    """Until the first mask of the second one."""
    pictures: int
    """That the second one cut in the end."""
    peak_megabytes: float | None
    """Of its memory, all libraries included; None where the system doesn't tell."""


def measure_fresh_process(model: ModelFile, pictures: Sequence[Path], device: str = "auto") -> FreshProcess:
    """Two processes, one after the other: the first cuts one picture, the second all. Raises ModelError."""
    with tempfile.TemporaryDirectory() as kept:
        cold, _ = _run(model, pictures[:1], device, kept)
        again, peak = _run(model, pictures, device, kept)
    return FreshProcess(cold, again, len(pictures), peak)


def peak_megabytes() -> float | None:
    """The most memory this process has had at once."""
    try:
        status = Path("/proc/self/status").read_text()
        # not getrusage's ru_maxrss: on Linux that begins with what the process that started this one had
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def _run(model: ModelFile, pictures: Sequence[Path], device: str, kept: str) -> tuple[float, float | None]:
    """Seconds until the first mask, and the peak in the end; `kept` is where caches go."""
    command = [sys.executable, "-c", _SCRIPT, str(model.folder), device, *map(str, pictures)]
    environment = os.environ | {"XDG_CACHE_HOME": kept}
    started = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as errors_file,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors_file, text=True, env=environment) as process,
    ):
        assert process.stdout is not None
        has_first = bool(process.stdout.readline())
        seconds = time.perf_counter() - started
        # not communicate(), which would lose what arrived together with the first line
        rest = process.stdout.read()
        process.wait()
        errors_file.seek(0)
        errors = errors_file.read()
    if not has_first or process.returncode:
        reason = errors.strip().splitlines()[-1] if errors.strip() else f"exit code {process.returncode}"
        raise ModelError(f"model '{model.card.name}' doesn't run in a process of its own ({reason}): try device 'cpu'")
    return seconds, None if rest.strip() == "unknown" else float(rest)
