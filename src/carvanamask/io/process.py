"""Settings of the process: its CPU cores, what it does with freed memory, its stack for signals.

A library never changes its host: only the program's `main` and the worker processes that it starts call these.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import sys
from collections.abc import Callable

LARGEST_HEAP_BLOCK = 32 << 20
"""Bytes: glibc's upper limit for what may come from the heap."""

SIGNAL_STACK_BYTES = 1 << 18
"""A CPU with AMX saves 12 kB of registers for a signal, and as many for a function that the loader looks up then."""

# mallopt's parameters, from malloc.h
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _MMAP_MAX = -3, -1, -4

_SS_DISABLE = 2
_signal_stacks: list[mmap.mmap] = []
"""Memory of the stacks, which is never given back: a signal can come at any time."""


def cpu_count() -> int:
    """Return the number of CPU cores this process may use: a container's, where the system tells, not the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def keep_freed_memory() -> bool:
    """Make the C library keep the memory of a picture for the next one; return whether it does (glibc does).

    By default, an array of some megabytes is taken from the system and given back each time: 2,400 page faults per
    picture of 1918x1280, a third of the time for reading, cutting and writing it in several threads.
    """
    mallopt = _mallopt()
    return bool(mallopt and mallopt(_MMAP_THRESHOLD, LARGEST_HEAP_BLOCK) and mallopt(_TRIM_THRESHOLD, 1 << 30))


@functools.cache
def keep_all_freed_memory() -> bool:
    """Make the C library keep all freed memory, for a training, whose steps need the same memory again and again.

    On a CPU most tensors of a step are larger than `LARGEST_HEAP_BLOCK`. A step of `studio-m` took 4.7 s with them
    taken from the system each time, and 2.7 s with them kept, for a third more memory.
    """
    mallopt = _mallopt()
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, (1 << 31) - 1))


def _mallopt() -> Callable[[int, int], int] | None:
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None


class _Stack(ctypes.Structure):
    """The system's stack_t."""

    _fields_ = (("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def widen_signal_stack() -> None:
    """Give the calling thread's signal handlers SIGNAL_STACK_BYTES, where a smaller stack is set aside for them.

    OpenVINO sets one of about 12 kB aside when it first uses AMX, and whoever then pressed Ctrl-C overwrote what lies
    below it: a segmentation fault, now or later (docs/experiments.md). So the program calls this after the engine's
    first inference, in the thread that it ran in. Other systems than Linux are left as they are.
    """
    if sys.platform != "linux":
        return
    sigaltstack = ctypes.CDLL(None).sigaltstack
    current = _Stack()
    sigaltstack(None, ctypes.byref(current))
    if current.flags & _SS_DISABLE or current.size >= SIGNAL_STACK_BYTES:
        return
    memory = mmap.mmap(-1, SIGNAL_STACK_BYTES)
    wide = _Stack(ctypes.addressof(ctypes.c_char.from_buffer(memory)), 0, SIGNAL_STACK_BYTES)
    if sigaltstack(ctypes.byref(wide), None) == 0:
        _signal_stacks.append(memory)
