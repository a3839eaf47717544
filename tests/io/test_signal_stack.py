import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, signal
from carvanamask.io.signal_stack import ENOUGH, _Stack, widen_signal_stack
sigaltstack = ctypes.CDLL(None).sigaltstack
narrow = ctypes.create_string_buffer(16384)
if {has_one}:
    assert sigaltstack(ctypes.byref(_Stack(ctypes.addressof(narrow), 0, 16384)), None) == 0
widen_signal_stack()
widen_signal_stack()
now = _Stack()
sigaltstack(None, ctypes.byref(now))
print(now.flags, now.size == ENOUGH)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("pressed")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is looked after")
@pytest.mark.parametrize(("has_one", "found"), [(True, "0 True"), (False, "2 False")])
def test_a_stack_for_signals_is_widened_and_none_is_set_where_there_is_none(has_one: bool, found: str) -> None:
    # not the test's own process: pytest has set a stack aside
    ended = subprocess.run([sys.executable, "-c", PROGRAM.format(has_one=has_one)], capture_output=True, text=True)
    assert (ended.stdout, ended.returncode) == (f"{found}\npressed\n", 0), ended.stderr
