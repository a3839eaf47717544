"""A batch as a process of its own: its events as they come, its family of processes, the memory these take."""

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
"""Pictures before a batch's memory means something: every thread has carried some by then."""

Event = Mapping[str, Any]
Listener = Callable[[Event, int], None]
"""Told of an event and of the id of the process that it comes from."""


@dataclass(frozen=True)
class Ended:
    """What a batch left behind."""

    code: int
    finished: Event
    """The last event, {} where it ended before."""
    failures: tuple[tuple[str, str], ...]
    """(picture, reason) of the `failed` events."""
    said: tuple[str, ...]
    """Lines of the error stream."""

    @property
    def errors(self) -> list[str]:
        """All that was said but what engine runs."""
        return [line for line in self.said if not line.startswith("engine: ")]


VERBS = ("submit", "predict")
"""Both kinds of results: one file, and a file a picture."""


def words_of(verb: str, data: Path, out: Path, model: str, executor: str = "threads") -> list[str]:
    """What follows `carvanamask` to make all results of a Kaggle folder's test pictures in `out`."""
    pictures = ["--data", str(data)] if verb == "submit" else [str(data / "test")]
    return [verb, *pictures, "--model", model, "--out", str(results_of(verb, out)), "--executor", executor]


def results_of(verb: str, out: Path) -> Path:
    """The file or folder of results in `out`."""
    return out / "submission.csv.gz" if verb == "submit" else out / "masks"


def start(words: Sequence[str], **streams: Any) -> subprocess.Popen[str]:
    """`carvanamask` with these words."""
    return subprocess.Popen([sys.executable, "-m", "carvanamask.cli.app", *words], text=True, **streams)


def run(words: Sequence[str], listen: Listener = lambda event, process: None) -> Ended:
    """A batch from beginning to end."""
    events: list[Event] = []
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        with start([*words, "--json-lines"], stdout=subprocess.PIPE, stderr=said) as process:
            assert process.stdout is not None
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] != "progress":
                    events.append(event)
                listen(event, process.pid)
        said.seek(0)
        lines = tuple(said.read().splitlines())
    failures = tuple((event["picture"], event["reason"]) for event in events if event["event"] == "failed")
    finished = next((event for event in events if event["event"] == "finished"), {})
    return Ended(process.returncode, finished, failures, lines)


def family(process: int) -> list[int]:
    """The process, its children, theirs, and so on."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # a name may hold spaces and brackets: what counts comes after its last bracket
            parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    members = [process]
    for member in members:  # grows on the way
        members += [child for child, parent in parents.items() if parent == member]
    return members


def title(process: int) -> str:
    """What a process calls itself; '' for one that has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def megabytes(processes: Iterable[int]) -> float:
    """Memory of all of them together (PSS: what several share counts once)."""
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
    """A batch at one time."""

    done: int
    total: int
    seconds: float
    megabytes: float


class Watch:
    """A listener that writes down where a batch stands and what memory it has."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._started = time.monotonic()

    def __call__(self, event: Event, process: int) -> None:
        if event["event"] == "progress":
            seconds = time.monotonic() - self._started
            done = event["kept"] + event["done"]
            self.moments.append(Moment(done, event["pictures"], seconds, megabytes(family(process))))

    def memory_at(self, share: float) -> float:
        """Megabytes when `share` of the pictures were done: the median of five moments, as it moves with every picture.

        Not before every thread has had some pictures.
        """
        total = self.moments[-1].total
        done = max(share * total, min(WARM_UP, total / 2))
        nearest = sorted(self.moments, key=lambda moment: abs(moment.done - done))[:5]
        return median(moment.megabytes for moment in nearest)

    def growth(self, shares: Sequence[float]) -> float:
        """How much more memory the later shares have than the first, at most: 0.05 is 5 %."""
        first, *later = map(self.memory_at, shares)
        return max(later) / first - 1

    @property
    def peak(self) -> float:
        return max(moment.megabytes for moment in self.moments)

    @property
    def pictures_per_second(self) -> float:
        """Without the start: from the first finished pictures to the last."""
        under_way = [moment for moment in self.moments if moment.done]
        first, last = under_way[0], under_way[-1]
        return (last.done - first.done) / (last.seconds - first.seconds) if last.done > first.done else 0.0


def digest(path: Path) -> str:
    """Of a file's bytes, or of all files in a folder with their names; hidden ones are no results."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    whole = hashlib.sha256()
    for file in files:
        if not file.name.startswith("."):
            whole.update(f"{file.relative_to(path)}\0".encode(errors="surrogateescape"))
            whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def conclude(claims: Mapping[str, bool]) -> None:
    """Say which claims hold and leave; the exit code is 1 when one doesn't."""
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {claim}")
    sys.exit(0 if all(claims.values()) else 1)
