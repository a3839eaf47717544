"""Run a batch as a process of its own: read its events, find its child processes, measure their memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

WARM_UP = 200
"""Pictures before a batch's memory means something: by then every thread has processed some."""

Event = Mapping[str, Any]
Listener = Callable[[Event, int], None]
"""Receives an event and the id of the process that it comes from."""


@dataclass(frozen=True)
class Ended:
    """How a batch ended."""

    code: int
    finished: Event
    """The last event; {} if the batch ended without one."""
    failures: tuple[tuple[str, str], ...]
    """(picture, reason) of the `failed` events."""
    stderr: tuple[str, ...]
    """Lines of the error stream."""

    @property
    def errors(self) -> list[str]:
        """The lines of the error stream but the one that names the engine."""
        return [line for line in self.stderr if not line.startswith("engine: ")]


COMMANDS = ("submit", "predict")
"""Both kinds of results: one file, and one file per picture."""


def words_of(command: str, data: Path, out: Path, model: str, executor: str = "threads") -> list[str]:
    """Return the arguments of `carvanamask` that make the results of a Kaggle folder's test pictures in `out`."""
    pictures = ["--data", str(data)] if command == "submit" else [str(data / "test")]
    return [command, *pictures, "--model", model, "--out", str(results_of(command, out)), "--executor", executor]


def results_of(command: str, out: Path) -> Path:
    """Return the file or folder of results in `out`."""
    return out / "submission.csv.gz" if command == "submit" else out / "masks"


def start(words: Sequence[str], **streams: Any) -> subprocess.Popen[str]:
    """Start `carvanamask` with these arguments."""
    return subprocess.Popen([sys.executable, "-m", "carvanamask", *words], text=True, **streams)


def run(words: Sequence[str], listen: Listener = lambda event, process: None) -> Ended:
    """Run a batch from beginning to end."""
    events: list[Event] = []
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        with start([*words, "--json-lines"], stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] != "progress":
                    events.append(event)
                listen(event, process.pid)
        errors.seek(0)
        lines = tuple(errors.read().splitlines())
    failures = tuple((event["picture"], event["reason"]) for event in events if event["event"] == "failed")
    finished = next((event for event in events if event["event"] == "finished"), {})
    return Ended(process.returncode, finished, failures, lines)


def process_tree(process: int) -> list[int]:
    """Return the ids of the process, its children, their children, and so on."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # a name may hold spaces and brackets: what counts comes after its last bracket
            parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it has ended in the meantime
            continue
    members = [process]
    for member in members:  # grows while it is read
        members += [child for child, parent in parents.items() if parent == member]
    return members


def title(process: int) -> str:
    """Return a process's command line; '' for one that has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def megabytes(processes: Iterable[int]) -> float:
    """Return the memory of all processes together (PSS: shared memory counts once)."""
    kilobytes = 0
    for process in processes:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1000


@dataclass(frozen=True)
class Moment:
    """How far a batch is at one time, and its memory."""

    done: int
    total: int
    seconds: float
    megabytes: float


class Watch:
    """A listener that records how far a batch is and its memory."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._started = time.monotonic()

    def __call__(self, event: Event, process: int) -> None:
        if event["event"] == "progress":
            seconds = time.monotonic() - self._started
            done = event["kept"] + event["done"]
            self.moments.append(Moment(done, event["pictures"], seconds, megabytes(process_tree(process))))

    def memory_at(self, share: float) -> float:
        """Return the megabytes when `share` of the pictures were done: the median of five moments around it.

        The earliest moment is when every thread has processed some pictures.
        """
        total = self.moments[-1].total
        done = max(share * total, min(WARM_UP, total / 2))
        nearest = sorted(self.moments, key=lambda moment: abs(moment.done - done))[:5]
        return median(moment.megabytes for moment in nearest)

    def growth(self, shares: Sequence[float]) -> float:
        """Return how much more memory the later shares have than the first, at most: 0.05 is 5 %."""
        first, *later = map(self.memory_at, shares)
        return max(later) / first - 1

    @property
    def peak(self) -> float:
        return max(moment.megabytes for moment in self.moments)

    @property
    def pictures_per_second(self) -> float:
        """The rate from the first finished pictures to the last, without the start."""
        under_way = [moment for moment in self.moments if moment.done]
        first, last = under_way[0], under_way[-1]
        return (last.done - first.done) / (last.seconds - first.seconds) if last.done > first.done else 0.0


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files with their names; hidden files are no results."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    total = hashlib.sha256()
    for file in files:
        if not file.name.startswith("."):
            total.update(f"{file.relative_to(path)}\0".encode(errors="surrogateescape"))
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def conclude(claims: Mapping[str, bool]) -> None:
    """Print which claims hold and exit, with code 1 when one doesn't."""
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {claim}")
    sys.exit(0 if all(claims.values()) else 1)
