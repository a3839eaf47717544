import resource
import subprocess
import sys

import numpy as np
import pytest

from carvanamask.io.process import keep_freed_memory

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's mallopt and Linux's sigaltstack")


@on_linux
def test_kept_memory_serves_the_next_array() -> None:
    if not keep_freed_memory():
        pytest.skip("another C library than glibc")
    faults = 0
    for _ in range(20):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones((1280, 1918, 3), np.uint8)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults < 200  # of 1,800 pages


LARGER_THAN_ANY_LIMIT = """
import resource
import numpy as np
from carvanamask.io.process import keep_all_freed_memory
assert keep_all_freed_memory()
for _ in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(200_000_000, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@on_linux
def test_training_keeps_tensors_of_any_size() -> None:
    if not keep_freed_memory():
        pytest.skip("another C library than glibc")
    # in a process of its own, for what is set here stays set
    found = subprocess.run([sys.executable, "-c", LARGER_THAN_ANY_LIMIT], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 5000  # of 49,000 pages


SIGNAL_STACK = """
import ctypes, os, signal
from carvanamask.io.process import SIGNAL_STACK_BYTES, _Stack, widen_signal_stack
sigaltstack = ctypes.CDLL(None).sigaltstack
narrow = ctypes.create_string_buffer(16384)
if {has_one}:
    assert sigaltstack(ctypes.byref(_Stack(ctypes.addressof(narrow), 0, 16384)), None) == 0
widen_signal_stack()
widen_signal_stack()
now = _Stack()
sigaltstack(None, ctypes.byref(now))
print(now.flags, now.size == SIGNAL_STACK_BYTES)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("pressed")
"""


@on_linux
@pytest.mark.parametrize(("has_one", "found"), [(True, "0 True"), (False, "2 False")])
def test_signal_stack_is_widened_but_never_added(has_one: bool, found: str) -> None:
    # not the test's own process: pytest has set a stack aside
    ended = subprocess.run([sys.executable, "-c", SIGNAL_STACK.format(has_one=has_one)], capture_output=True, text=True)
    assert (ended.stdout, ended.returncode) == (f"{found}\npressed\n", 0), ended.stderr


UNCHANGED_HOST = """
import signal
from carvanamask.io import process

def refuse(*options):
    raise AssertionError("a library changed its host")

process.widen_signal_stack = process._mallopt = refuse
before = [signal.getsignal(number) for number in signal.valid_signals()]

import numpy as np
import carvanamask
carvanamask.load_model(device="cpu").predict(np.zeros((64, 96, 3), np.uint8))

import logging
assert [signal.getsignal(number) for number in signal.valid_signals()] == before
assert signal.set_wakeup_fd(-1) == -1
assert not logging.getLogger("carvanamask").handlers and not logging.getLogger().handlers
print("unchanged")
"""


def test_the_library_changes_nothing_of_its_host() -> None:
    ended = subprocess.run([sys.executable, "-c", UNCHANGED_HOST], capture_output=True, text=True)
    assert (ended.stdout, ended.returncode) == ("unchanged\n", 0), ended.stderr
