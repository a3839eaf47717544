import resource
import sys

import numpy as np
import pytest

from carvanamask.core.heap import keep_freed_memory


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
