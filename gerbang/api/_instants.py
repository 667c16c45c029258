"""Reads instants, for all dialects."""

import re
from datetime import UTC, datetime

from gerbang.api._bodies import Malformed
from gerbang.clock import WIB

_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|[+-]\d\d:?[0-5]\d))?)?", re.ASCII | re.IGNORECASE
)
"""The common forms of ISO 8601, and the form of payment links (one-time-payment reference, 1.5)."""
_WHY = "must be an instant that exists, like 2025-03-31T23:59:05Z or 2025-04-01T06:59:05+07:00"
YEARS = range(1970, 9001)
"""UUIDv7 ids count time from the first; after the last, durations can still be added without overflow."""


def instant_of(text: str, field: str) -> datetime:
    """An ISO 8601 instant. Without an offset it is in Jakarta time; a date alone is its midnight. Raises Malformed."""
    text = text.strip().upper()
    if not _INSTANT.fullmatch(text):
        raise Malformed(field, _WHY)
    try:
        instant = datetime.fromisoformat(text.replace(" ", "T", 1))
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=WIB)
        if instant.astimezone(UTC).year not in YEARS:
            raise Malformed(field, _WHY)
    except (ValueError, OverflowError):
        raise Malformed(field, _WHY) from None
    return instant
