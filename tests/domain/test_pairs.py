"""Pairing by days: as many pairs as can be, and equal days where that costs none."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from gerbang.domain.pairs import pairs

rows = st.lists(st.integers(0, 6), max_size=5).map(sorted)


@given(rows, rows, st.integers(0, 2), st.integers(0, 3))
def test_there_are_as_many_pairs_as_can_be(ours: list[int], theirs: list[int], early: int, late: int) -> None:
    found = pairs(ours, theirs, early, late)
    assert len({place for place, _ in found}) == len({line for _, line in found}) == len(found)
    assert all(-early <= theirs[line] - ours[place] <= late for place, line in found)
    fewer, more = sorted((ours, theirs), key=len)
    sign = 1 if fewer is ours else -1
    most = max(
        sum(-early <= sign * (other - day) <= late for day, other in zip(fewer, order, strict=False))
        for order in permutations(more, len(fewer))
    )
    assert len(found) == most


def test_what_is_left_over_is_what_is_missing() -> None:
    assert pairs([5, 6, 7], [6, 7], 1, 1) == [(1, 0), (2, 1)]
    assert pairs([5, 6], [5, 6, 7], 1, 1) == [(0, 0), (1, 1)]


def test_payments_that_were_all_booked_a_day_later_are_paired_in_order() -> None:
    assert pairs([5, 6, 7], [6, 7, 8], 1, 1) == [(0, 0), (1, 1), (2, 2)]
