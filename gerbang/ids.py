"""The door of chance: the only file that rolls dice. It makes identifiers, references and secrets.

All of it comes from the operating system's cryptographic generator. Time is passed in, never read.
"""

import base64
import os
import secrets
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

UNAMBIGUOUS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Capitals and digits without 0 and O, 1 and I: 32 letters that survive being read aloud."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_BLOCK = struct.Struct("=512Q")
_LOW_62_BITS = (1 << 62) - 1
_VERSION_7 = 0x7 << 76
_VERSION_4 = 0x4 << 76
_VARIANT = 0b10 << 62


class _Dice:
    """64-bit random words, fetched from the operating system a block at a time: one call is the price of 512."""

    def __init__(self) -> None:
        self._words: Iterator[int] = iter(())

    def word(self) -> int:
        for word in self._words:
            return word
        self._words = iter(_BLOCK.unpack(os.urandom(_BLOCK.size)))
        return next(self._words)

    def forget(self) -> None:
        self._words = iter(())


class _Sequence:
    """The timestamp and counter of the last UUIDv7: (milliseconds << 12 | counter), one number that only grows."""

    def __init__(self) -> None:
        self._millisecond = -1
        self._place = 0

    def next_place(self, millisecond: int) -> int:
        if millisecond == self._millisecond:
            # When the 12-bit counter is full, this carries into the timestamp, as RFC 9562 section 6.2 allows.
            self._place += 1
            return self._place
        # The counter starts in the lower half of its range, so that at least 2,048 places are left to count up.
        start = millisecond << 12 | _dice.word() >> 53
        # Earlier than before means another clock (or a corrected one). The instant that was passed in is believed.
        self._place = max(start, self._place + 1) if millisecond > self._millisecond else start
        self._millisecond = millisecond
        return self._place


_dice = _Dice()
_sequence = _Sequence()
# A forked child must not hand out the words that its parent is about to use.
os.register_at_fork(after_in_child=_dice.forget)


def uuid7(now: datetime) -> UUID:
    """A UUID that sorts by the time of its making (RFC 9562, version 7).

    It holds 48 bits of milliseconds, 12 of counter and 62 of chance. Those of one process and one millisecond sort in
    the order in which they were made. `now` must be aware.
    """
    place = _sequence.next_place((now - _EPOCH) // _MILLISECOND)
    return UUID(int=(place >> 12) << 80 | _VERSION_7 | (place & 0xFFF) << 64 | _VARIANT | _dice.word() & _LOW_62_BITS)


def first_of(instant: datetime) -> UUID:
    """Lower than every UUIDv7 of this instant's millisecond and later, higher than those before."""
    return UUID(int=((instant - _EPOCH) // _MILLISECOND) << 80)


def uuid4() -> UUID:
    """A UUID of chance alone (RFC 9562, version 4), for where the time of making must not show."""
    high = _dice.word()
    return UUID(int=(high >> 16) << 80 | _VERSION_4 | (high & 0xFFF) << 64 | _VARIANT | _dice.word() & _LOW_62_BITS)


def secret(bytes_count: int = 32) -> str:
    """A secret of that many random bytes, in URL-safe base64 without padding (32 bytes are 43 characters)."""
    return secrets.token_urlsafe(bytes_count)


def base64_secret(bytes_count: int) -> str:
    """A secret of that many random bytes, in standard base64 with padding, as Standard Webhooks keys are written."""
    return base64.b64encode(secrets.token_bytes(bytes_count)).decode()


def hex_id(count: int) -> str:
    """That many lower-case hexadecimal digits."""
    return secrets.token_hex((count + 1) // 2)[:count]


def alphanumeric(count: int) -> str:
    """That many capitals and digits out of `UNAMBIGUOUS`: for references that people read and type."""
    return "".join(UNAMBIGUOUS[_dice.word() >> 59] for _ in range(count))


def digits(count: int) -> str:
    """That many decimal digits. Leading zeros are as likely as any other digit."""
    return f"{secrets.randbelow(10**count):0{count}d}" if count else ""


def between(low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included. Raises `ValueError` if `high` is below `low`."""
    if high < low:
        raise ValueError(f"there is no number from {low} to {high}")
    return low + secrets.randbelow(high - low + 1)


def trace_id() -> str:
    """The name under which one request is found in the logs: 32 hexadecimal digits, a W3C Trace Context trace-id."""
    # All zeros is not a valid trace-id; an all-zero draw is left to its chance of 1 in 2^128.
    return f"{_dice.word():016x}{_dice.word():016x}"
