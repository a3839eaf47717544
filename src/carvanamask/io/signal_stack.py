"""Room for signals: a library can set a stack aside for them that is too small for Python's handler."""

from __future__ import annotations

import ctypes
import mmap
import sys

ENOUGH = 1 << 18
"""Bytes. A CPU with AMX lays 12 kB of registers down for a signal, and as many for a function that the loader has to
look up meanwhile."""

_DISABLED = 2
_kept: list[mmap.mmap] = []
"""The stacks' memory, which is never given back: a signal can come at any time."""


class _Stack(ctypes.Structure):
    """The system's stack_t."""

    _fields_ = (("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def widen_signal_stack() -> None:
    """Give the calling thread's signals ENOUGH room, where a stack is set aside for them and a smaller one.

    OpenVINO sets one of about 12 kB aside when it first uses AMX, and whoever then pressed Ctrl-C overwrote what lay
    below it: a segmentation fault, now or later (docs/experiments.md). Other systems than Linux are left as they are.
    """
    if sys.platform != "linux":
        return
    sigaltstack = ctypes.CDLL(None).sigaltstack
    now = _Stack()
    sigaltstack(None, ctypes.byref(now))
    if now.flags & _DISABLED or now.size >= ENOUGH:
        return
    memory = mmap.mmap(-1, ENOUGH)
    wide = _Stack(ctypes.addressof(ctypes.c_char.from_buffer(memory)), 0, ENOUGH)
    if sigaltstack(ctypes.byref(wide), None) == 0:
        _kept.append(memory)
