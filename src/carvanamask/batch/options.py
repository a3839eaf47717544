"""Declare the options that all batches share, whatever they produce."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from carvanamask.errors import ConfigError
from carvanamask.model.device import Device


class ExecutorName(StrEnum):
    """The executors that process the shards of a batch."""

    THREADS = "threads"
    PROCESSES = "processes"
    RAY = "ray"


class OnError(StrEnum):
    """The reactions of a batch to a picture that failed."""

    SKIP = "skip"
    STOP = "stop"


@dataclass(frozen=True)
class BatchOptions:
    """Options of a batch, whatever it produces. Raises ConfigError for a wrong value or another executor's option."""

    device: Device = Device.AUTO
    """Where the network runs."""
    executor: ExecutorName = ExecutorName.THREADS
    """What does the work: threads of this process, several processes, or a Ray cluster."""
    processes: int | None = None
    """Number of processes for --executor processes; by default one per two cores."""
    address: str | None = None
    """Address of a Ray cluster, such as "auto"; by default this machine alone."""
    on_error: OnError = OnError.SKIP
    """After a picture that fails: skip it, or stop."""

    def __post_init__(self) -> None:
        if self.processes is not None and self.processes < 1:
            raise ConfigError(f"--processes {self.processes} is no number of processes", "name 1 or more")
        for name, value, owner in (
            ("processes", self.processes, ExecutorName.PROCESSES),
            ("address", self.address, ExecutorName.RAY),
        ):
            if value is not None and self.executor is not owner:
                raise ConfigError(f"--{name} {value} belongs to --executor {owner}", "name that, or leave it out")
