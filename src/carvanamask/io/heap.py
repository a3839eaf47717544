"""Memory that is freed and soon needed again."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _MMAP_MAX = -3, -1, -4
"""mallopt's numbers of them, from malloc.h."""

LARGEST = 32 << 20
"""glibc's upper limit for what may come from the heap."""


@functools.cache
def keep_freed_memory() -> bool:
    """Let the C library keep pictures' memory for the next picture; whether it listened (glibc does).

    By default an array of some megabytes is asked of the system and given back each time: 2,400 page faults a picture
    of 1918x1280, a third of all that reading, cutting and writing it costs in several threads.
    """
    mallopt = _mallopt()
    return bool(mallopt and mallopt(_MMAP_THRESHOLD, LARGEST) and mallopt(_TRIM_THRESHOLD, 1 << 30))


@functools.cache
def keep_all_freed_memory() -> bool:
    """The same without a limit to what is kept, for a process that trains: a step asks for what the last one freed.

    On a CPU most of a step's tensors are larger than `LARGEST`. A step of `studio-m` took 4.7 s with them asked of the
    system each time, and 2.7 s with them kept, for a third more memory.
    """
    mallopt = _mallopt()
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, (1 << 31) - 1))


def _mallopt() -> Callable[[int, int], int] | None:
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None
