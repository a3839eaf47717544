import resource
import subprocess
import sys

import numpy as np
import pytest

from carvanamask.io.heap import keep_freed_memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's mallopt")
def test_an_array_as_large_as_the_last_one_needs_no_new_memory() -> None:
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
from carvanamask.io.heap import keep_all_freed_memory
assert keep_all_freed_memory()
for _ in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(200_000_000, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's mallopt")
def test_a_training_process_keeps_tensors_of_any_size() -> None:
    if not keep_freed_memory():
        pytest.skip("another C library than glibc")
    # in a process of its own, for what is set here stays set
    found = subprocess.run([sys.executable, "-c", LARGER_THAN_ANY_LIMIT], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 5000  # of 49,000 pages
