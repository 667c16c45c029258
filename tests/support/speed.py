"""Limits of processor time, compared with work of the same kind: this machine may be slow or busy just now."""

import math
import time
from collections.abc import Callable

ROUNDS = 5


def processor_seconds(work: Callable[[], object]) -> float:
    """The processor time of this thread that one run of the work takes."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def assert_takes_at_most(times: float, yardstick: Callable[[], object], work: Callable[[], object]) -> None:
    """Fails if the work takes more than so many times the processor time of the yardstick.

    They are measured in turns, and of each the least counts, since other programs share the processors.
    """
    yard = least = math.inf
    for _ in range(ROUNDS):
        yard = min(yard, processor_seconds(yardstick))
        least = min(least, processor_seconds(work))
        if least < times * yard / 2:
            return
    assert least < times * yard, f"{least * 1000:.1f} ms are {least / yard:.1f} times {yard * 1000:.1f} ms"
