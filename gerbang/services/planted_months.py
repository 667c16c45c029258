"""Trying the comparison on a simulated month with planted errors: what was planted, and what was found. No database is needed."""

import msgspec

from gerbang.domain.findings import FindingKind
from gerbang.statement_files.planted import month

Named = tuple[FindingKind, str]
"""The kind of a finding, and what it is about."""


class Tried(msgspec.Struct, frozen=True):
    """What came of it."""

    movements: int
    lines: int
    listed: int
    planted: frozenset[Named]
    found: frozenset[Named]

    @property
    def agrees(self) -> bool:
        return self.planted == self.found


def try_out(seed: int, payments: int) -> Tried:
    """Makes the month that follows from the seed, and compares its sides."""
    made = month(seed, payments)
    found = made.compared()
    return Tried(
        movements=len(made.expected),
        lines=len(made.lines),
        listed=len(made.listed),
        planted=made.findings,
        found=frozenset((each.kind, each.about) for each in found.findings),
    )
