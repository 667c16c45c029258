"""The rate limit of the pages: a token bucket for each page, kept in this process."""

PER_SECOND = 5.0
"""Tokens that a bucket regains per second."""
BURST = 60.0
"""Tokens in a full bucket."""
BUCKETS_MAX = 20_000


class Buckets:
    """Token buckets by name. At most BUCKETS_MAX are kept; the one idle longest is dropped first."""

    def __init__(self) -> None:
        self._levels: dict[object, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, name: object, at: float) -> bool:
        """Takes a token; False if there is none. `at` is a time in seconds of a monotonic clock."""
        level, since = self._levels.pop(name, (BURST, at))
        level = min(BURST, level + (at - since) * PER_SECOND)
        allowed = level >= 1
        # Put back at the end: those at the front have been idle longest and are full again, or nearly.
        self._levels[name] = (level - 1 if allowed else level, at)
        if len(self._levels) > BUCKETS_MAX:
            del self._levels[next(iter(self._levels))]
        return allowed
