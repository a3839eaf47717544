import subprocess
import sys
import time
from pathlib import Path

import pytest

from carvanamask.cli.interrupts import STOPPED

PROGRAM = """
import os, signal, sys, threading, time
from carvanamask.cli.interrupts import end_by_ctrl_c

def press():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

signal.signal(signal.SIGINT, signal.{handler})
end_by_ctrl_c({seconds})
"""

LOST = """
try:
    press()
except BaseException:
    pass
time.sleep(60)
"""

WAITS_FOR_EVER = """
threading.Thread(target=threading.Event().wait).start()
try:
    press()
except KeyboardInterrupt:
    sys.exit(130)
"""

PRESSED_TWICE = """
try:
    press()
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)
    print("cleaned up")
    sys.exit(130)
"""

IGNORED = """
os.kill(os.getpid(), signal.SIGINT)
time.sleep(0.5)
print("went on")
"""


def ending_of(program: str, folder: Path, seconds: float, handler: str = "default_int_handler") -> tuple[int, str, str]:
    path = folder / "program.py"
    path.write_text(PROGRAM.format(seconds=seconds, handler=handler) + program)
    ended = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=50)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("program", [LOST, WAITS_FOR_EVER])
def test_the_end_comes_where_the_exception_is_lost_or_something_waits_for_ever(program: str, tmp_path: Path) -> None:
    started = time.monotonic()
    assert ending_of(program, tmp_path, seconds=0.5) == (130, "", f"{STOPPED}\n")
    assert time.monotonic() - started >= 0.5


def test_a_second_press_does_not_meet_the_cleaning_up(tmp_path: Path) -> None:
    assert ending_of(PRESSED_TWICE, tmp_path, seconds=30) == (130, "cleaned up\n", "")


def test_who_was_started_to_ignore_it_goes_on(tmp_path: Path) -> None:
    assert ending_of(IGNORED, tmp_path, seconds=0.1, handler="SIG_IGN") == (0, "went on\n", "")


HANDLER_BROUGHT_BACK = """
ours = signal.getsignal(signal.SIGINT)
for _ in range(2):
    try:
        press()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, ours)  # as Lightning does after a training
time.sleep(60)
"""

IN_COMPILED_CODE = """
import hashlib
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000_000)
"""


@pytest.mark.parametrize("program", [HANDLER_BROUGHT_BACK, IN_COMPILED_CODE])
def test_the_end_comes_after_a_second_press_and_while_compiled_code_runs(program: str, tmp_path: Path) -> None:
    assert ending_of(program, tmp_path, seconds=0.5) == (130, "", f"{STOPPED}\n")
