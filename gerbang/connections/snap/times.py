"""Timestamps: read in every form that partners are known to write, written in exactly one.

Written: `2025-07-01T09:15:00+07:00`, 25 characters. Read: with or without fractions of a second, `Z`, `+07:00`, `+0700`, `-00:00`,
a blank in place of the T, compact (`20201231T235959Z`), and `+5.5:30`, which one published client prints for +05:30.
(Reference, sections A2, A5, E, F2, F3, K7.)
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from gerbang.clock import WIB, wib

_FORM = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})[T ](\d{2}):?(\d{2}):?(\d{2})(?:[.,](\d{1,9}))?"
    r"(?:(Z)|([+-])(\d{1,2})(?:\.\d{1,2})?(?::?(\d{2}))?)?",
    re.ASCII,
)
_USUAL = re.compile(r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}:\d{2}\+07:00", re.ASCII)
"""What nearly all send, and what is written here: Python reads it in a tenth of the time of the others."""
LENGTH_MAX = 40
SAME_CLOCK = timedelta(minutes=1)
"""Two clocks that are no further apart show the same time."""


def read(text: str, *, zone_needed: bool = False) -> datetime | None:
    """The instant in UTC, or None for what is no time. Without a zone it is Jakarta's, unless one is needed."""
    if _USUAL.fullmatch(text):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    found = _FORM.fullmatch(text) if len(text) <= LENGTH_MAX else None
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, utc, sign, hours, minutes = found.groups()
    if utc is None and sign is None and zone_needed:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if offset > timedelta(hours=14):
        return None
    zone = UTC if utc else WIB if sign is None else timezone(-offset if sign == "-" else offset)
    try:
        micros = int((fraction or "0")[:6].ljust(6, "0"))
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micros, tzinfo=zone)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def written(at: datetime) -> str:
    """An instant in Jakarta's time, to the second."""
    return wib(at).isoformat(timespec="seconds")


def at_partner(at: datetime, now: datetime, there: datetime) -> datetime:
    """An instant of ours by the partner's clock, which does not know how far a sandbox's was moved."""
    ahead = now - there
    return at if abs(ahead) < SAME_CLOCK else at - ahead
