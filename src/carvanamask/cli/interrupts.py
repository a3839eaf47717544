"""Ctrl-C: an exception for the program to clean up after, and an end that comes even where that is lost."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from carvanamask.cli.console import INTERRUPTED

SECONDS_TO_END = 10.0
"""Time for cleaning up after Ctrl-C. Files are written complete or not at all, so an end without it loses nothing."""

STOPPED = "stopped: the same command again goes on from here"

_SHOW_CURSOR = "\x1b[?25h"
"""Shows the cursor again, which a bar hides."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C.

    A plain KeyboardInterrupt raised inside `exec` (as used by dataclasses) makes Python end by the signal and ignore
    our exit code; a subclass doesn't.
    """


def end_by_ctrl_c(seconds: float = SECONDS_TO_END) -> None:
    """From now on Ctrl-C raises Interrupted in the main thread, and `seconds` later the process ends anyhow.

    Compiled code can drop an exception that meets it, and a lock stays locked when one comes just after it was taken:
    of 800 presses while pictures were cut, two were lost and one made the program wait for ever. A shell's background
    jobs, which ignore Ctrl-C, go on doing so.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    # written by the system's own handler: the clock runs also while the main thread is in compiled code
    told, telling = os.pipe()
    if sys.platform != "win32":
        os.set_blocking(telling, False)
    signal.set_wakeup_fd(telling, warn_on_full_buffer=False)

    def press(signal_number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would meet the cleaning up
        raise Interrupted

    def end_late() -> NoReturn:
        while os.read(told, 1) != bytes([signal.SIGINT]):
            pass  # another signal
        time.sleep(seconds)
        try:
            os.write(2, f"{_SHOW_CURSOR if sys.stderr.isatty() else ''}{STOPPED}\n".encode())
        finally:
            os._exit(INTERRUPTED)

    threading.Thread(target=end_late, daemon=True).start()
    signal.signal(signal.SIGINT, press)
