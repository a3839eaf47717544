"""What comes of a command line that a test types."""

from collections.abc import Callable
from typing import NamedTuple


class Ended(NamedTuple):
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def output(self) -> str:
        return self.out + self.err


Run = Callable[..., Ended]
"""Runs the command line of the given words in this process."""


def expect_error(ended: Ended, *words: str, code: int = 2) -> None:
    """Check that a command ended in one line that starts with "error: " and holds the words."""
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    last = ended.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    for word in words:
        assert word in last
