"""Memory that is freed and soon needed again."""

from __future__ import annotations

import ctypes
import functools
import sys

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""mallopt's numbers of them, from malloc.h."""

LARGEST = 32 << 20
"""glibc's upper limit for what may come from the heap."""


@functools.cache
def keep_freed_memory() -> bool:
    """Let the C library keep pictures' memory for the next picture; whether it listened (glibc does).

    By default an array of some megabytes is asked of the system and given back each time: 2,400 page faults a picture
    of 1918x1280, a third of all that reading, cutting and writing it costs in several threads.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(_MMAP_THRESHOLD, LARGEST) and mallopt(_TRIM_THRESHOLD, 1 << 30))
