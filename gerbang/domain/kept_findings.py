"""What becomes of findings from one comparison of a day to the next, and what people write beside them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from gerbang.domain.findings import Finding

FindingState = Literal["open", "noted", "closed"]
"""`noted`: somebody has looked at it, and it is not settled yet."""
ClosedAs = Literal["gone", "settled"]
"""`gone`: comparing again did not find it. `settled`: a person says that nothing is left to do."""
NOTE_LENGTH_MAX = 1_000


class KeptFinding(msgspec.Struct, frozen=True):
    """A finding with what has become of it."""

    finding: Finding
    found_at: datetime
    updated_at: datetime
    number: int = 0
    """What people call it by; 0 before it is stored."""
    state: FindingState = "open"
    closed_as: ClosedAs | None = None
    note: str = ""
    closed_at: datetime | None = None


class ReconciledDay(msgspec.Struct, frozen=True):
    """What comparing a day has found. The counts are of that day alone."""

    connection: str
    day: date
    movements: int
    """Ours."""
    lines: int
    """Of the account's statement."""
    listed: int
    """Rows of the partner's list."""
    matched: int
    """Movements of ours that the statement or the list shows."""
    findings: int
    """Those that nobody has closed."""
    compared_at: datetime

    @property
    def is_closed(self) -> bool:
        return self.findings == 0


def compared_again(known: Mapping[str, KeptFinding], found: Iterable[Finding], now: datetime) -> Iterator[KeptFinding]:
    """What must be written after a day was compared: new findings, those that are there again, and those that are gone.

    A note stays whatever happens. What a person has settled stays so, also while it is found again.
    """
    seen: set[str] = set()
    for finding in found:
        seen.add(finding.key)
        before = known.get(finding.key)
        if before is None:
            yield KeptFinding(finding, now, now)
        elif before.closed_as == "gone":
            yield replace(_reopened(before, now), finding=finding)
        elif before.finding != finding:
            yield replace(before, finding=finding, updated_at=now)
    for key, before in known.items():
        if key not in seen and before.state != "closed":
            yield _closed(before, "gone", now)


def noted(kept: KeptFinding, note: str, now: datetime) -> KeptFinding:
    """The finding with another note; a closed one stays closed."""
    state: FindingState = "closed" if kept.state == "closed" else "noted"
    return replace(kept, note=note[:NOTE_LENGTH_MAX], state=state, updated_at=now)


def settled(kept: KeptFinding, note: str, now: datetime) -> KeptFinding:
    """The finding once a person says that it is settled, and how; without words the note that it has stays."""
    kept = replace(kept, note=note[:NOTE_LENGTH_MAX] or kept.note)
    return _closed(kept, "settled", now) if kept.closed_as != "settled" else replace(kept, updated_at=now)


def _closed(kept: KeptFinding, closed_as: ClosedAs, now: datetime) -> KeptFinding:
    return replace(kept, state="closed", closed_as=closed_as, closed_at=now, updated_at=now)


def _reopened(kept: KeptFinding, now: datetime) -> KeptFinding:
    state: FindingState = "noted" if kept.note else "open"
    return replace(kept, state=state, closed_as=None, closed_at=None, updated_at=now)
