"""How fast this machine is, so that a limit in milliseconds means the same work everywhere."""

import time

LOOPS = 300_000
USUAL_SECONDS = 0.017
"""Of the loop below on the machine for which limits are written."""


def slowness() -> float:
    """By how much this machine is slower than the usual one just now, at least 1."""
    return max(1.0, min(_loop() for _ in range(5)) / USUAL_SECONDS)


def _loop() -> float:
    began, total = time.process_time(), 0
    for i in range(LOOPS):
        total += i * i % 7
    return time.process_time() - began
