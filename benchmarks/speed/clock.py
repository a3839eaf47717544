"""Time a piece of work."""

import time
from collections.abc import Callable


def milliseconds(work: Callable[[], object], repeats: int = 15) -> float:
    """Return the time of the fastest of some repeats, which other programs disturbed least."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)
