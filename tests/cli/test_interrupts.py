import subprocess
import sys
import time
from pathlib import Path

import pytest

from carvanamask.cli import app, train
from carvanamask.cli.interrupts import STOPPED
from command_line import Run, expect_error

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
def test_process_ends_where_the_exception_is_lost(program: str, tmp_path: Path) -> None:
    started = time.monotonic()
    assert ending_of(program, tmp_path, seconds=0.5) == (130, "", f"{STOPPED}\n")
    assert time.monotonic() - started >= 0.5


def test_second_press_is_ignored_while_cleaning_up(tmp_path: Path) -> None:
    assert ending_of(PRESSED_TWICE, tmp_path, seconds=30) == (130, "cleaned up\n", "")


def test_process_that_ignores_ctrl_c_goes_on(tmp_path: Path) -> None:
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
def test_process_ends_also_in_compiled_code(program: str, tmp_path: Path) -> None:
    assert ending_of(program, tmp_path, seconds=0.5) == (130, "", f"{STOPPED}\n")


NARROW_SIGNAL_STACK = """
import ctypes
from carvanamask.cli.console import configure_logging, log, progress_bar
from carvanamask.cli.listeners import batch_progress
from carvanamask.cli.options import BatchOutput
from carvanamask.core.progress import Progress
from carvanamask.io.process import SIGNAL_STACK_BYTES, _Stack

sigaltstack = ctypes.CDLL(None).sigaltstack
narrow = ctypes.create_string_buffer(16384)
configure_logging()
log.setLevel("{level}")
with {listener} as on_progress:
    sigaltstack(ctypes.byref(_Stack(ctypes.addressof(narrow), 0, 16384)), None)  # as OpenVINO does
    on_progress(Progress(1))
now = _Stack()
sigaltstack(None, ctypes.byref(now))
assert now.size == SIGNAL_STACK_BYTES
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's sigaltstack")
@pytest.mark.parametrize("level", ["INFO", "WARNING"])
@pytest.mark.parametrize("listener", ["progress_bar('x')", "batch_progress(BatchOutput())"])
def test_first_progress_widens_the_signal_stack(level: str, listener: str) -> None:
    program = NARROW_SIGNAL_STACK.format(level=level, listener=listener)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_main_sets_up_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("end_by_ctrl_c", "keep_freed_memory"):
        monkeypatch.setattr(app, name, lambda name=name: calls.append(name))
    monkeypatch.setattr(app, "run", lambda: 7)
    with pytest.raises(SystemExit, match="7"):
        app.main()
    assert calls == ["end_by_ctrl_c", "keep_freed_memory"]


def test_training_keeps_all_freed_memory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    monkeypatch.setattr(train, "keep_all_freed_memory", lambda: calls.append(None))
    expect_error(run("train", "--config", "quik"), "quick")
    assert len(calls) == 1
