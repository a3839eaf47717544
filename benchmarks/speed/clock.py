"""How long a piece of work takes."""

import time
from collections.abc import Callable


def milliseconds(work: Callable[[], object], repeats: int = 15) -> float:
    """The fastest of a few: what the machine can do when nothing else does."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)
