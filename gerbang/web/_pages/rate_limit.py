"""How often one page may be asked for: a bucket of tokens for each, in this process."""

PER_SECOND = 5.0
BURST = 60.0
BUCKETS_MAX = 20_000


class Buckets:
    """Each name may take `BURST` tokens at once and gets `PER_SECOND` back."""

    def __init__(self) -> None:
        self._levels: dict[object, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, name: object, at: float) -> bool:
        """Takes a token at a moment (in seconds, of a clock that only goes forward); False where there is none."""
        level, since = self._levels.pop(name, (BURST, at))
        level = min(BURST, level + (at - since) * PER_SECOND)
        allowed = level >= 1
        # Put back at the end: the ones at the front have been idle longest, and are full again or nearly so.
        self._levels[name] = (level - 1 if allowed else level, at)
        if len(self._levels) > BUCKETS_MAX:
            del self._levels[next(iter(self._levels))]
        return allowed
