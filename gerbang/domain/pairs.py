"""Pairing movements with lines that are equal in everything but the day."""

from collections import defaultdict
from collections.abc import Sequence

Pair = tuple[int, int]
"""The place of a movement in its row, and that of its line."""


def pairs(ours: Sequence[int], theirs: Sequence[int], early: int, late: int) -> list[Pair]:
    """As many pairs as possible of two rows of days, both in order: a line at most `early` days before its movement and
    `late` days after it.

    Equal days go together first, so that what is left over is what is really missing; but not where that would leave
    more over, as it does when each of several payments was booked a day later.
    """
    nearest = _nearest_first(ours, theirs, early, late)
    in_order = _in_order(ours, theirs, early, late)
    return nearest if len(nearest) >= len(in_order) else in_order


def _in_order(ours: Sequence[int], theirs: Sequence[int], early: int, late: int) -> list[Pair]:
    """The first that fit each other, which gives as many pairs as there can be, since every window is equally wide."""
    found: list[Pair] = []
    place = line = 0
    while place < len(ours) and line < len(theirs):
        days = theirs[line] - ours[place]
        if days < -early:
            line += 1
        elif days > late:
            place += 1
        else:
            found.append((place, line))
            place += 1
            line += 1
    return found


def _nearest_first(ours: Sequence[int], theirs: Sequence[int], early: int, late: int) -> list[Pair]:
    waiting: dict[int, list[int]] = defaultdict(list)
    for place in reversed(range(len(ours))):
        waiting[ours[place]].append(place)
    found: list[Pair] = []
    left = list(range(len(theirs)))
    for days in sorted(range(-early, late + 1), key=lambda days: (abs(days), days < 0)):
        still: list[int] = []
        for line in left:
            places = waiting.get(theirs[line] - days)
            if places:
                found.append((places.pop(), line))
            else:
                still.append(line)
        left = still
    return found
