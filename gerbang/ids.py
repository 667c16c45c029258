"""The only file that makes random values: identifiers, references and secrets.

They come from the operating system's cryptographic generator. Time is passed in, never read.
"""

import base64
import os
import secrets
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from asyncpg.pgproto import pgproto

OwnedId = tuple[UUID, UUID]
"""The merchant who owns a row, and the row's id: together they are its key."""

UNAMBIGUOUS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Capitals and digits without 0 and O, 1 and I, which are easily confused: 32 characters."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_WORDS = struct.Struct("=512Q")
_LOW_62_BITS = (1 << 62) - 1
_VERSION_7 = 0x7 << 76
_VERSION_4 = 0x4 << 76
_VARIANT = 0b10 << 62


class _RandomWords:
    """64-bit random words, read from the operating system 512 at a time, since each call is expensive."""

    def __init__(self) -> None:
        self._words: Iterator[int] = iter(())

    def word(self) -> int:
        for word in self._words:
            return word
        self._words = iter(_WORDS.unpack(os.urandom(_WORDS.size)))
        return next(self._words)

    def forget(self) -> None:
        self._words = iter(())


class _Sequence:
    """The timestamp and counter of the last UUIDv7: (milliseconds << 12 | counter), one number that only grows."""

    def __init__(self) -> None:
        self._millisecond = -1
        self._value = 0

    def next_value(self, millisecond: int) -> int:
        if millisecond == self._millisecond:
            # When the 12-bit counter overflows, it carries into the timestamp, as RFC 9562 section 6.2 allows.
            self._value += 1
            return self._value
        # The counter starts in the lower half of its range, so that at least 2,048 places are left to count up.
        start = millisecond << 12 | _random.word() >> 53
        # An earlier millisecond than the last comes from another clock, or a corrected one: the instant passed in is
        # used.
        self._value = max(start, self._value + 1) if millisecond > self._millisecond else start
        self._millisecond = millisecond
        return self._value


_random = _RandomWords()
_sequence = _Sequence()
# A forked child must not use the random words that its parent holds.
os.register_at_fork(after_in_child=_random.forget)


def uuid_of(text: str) -> UUID:
    """The UUID that 32 hexadecimal digits are, with or without hyphens. Raises ValueError for other texts."""
    return pgproto.UUID(text)


def _uuid(value: int) -> UUID:
    # The driver's own subclass is made, compared, written and sent to PostgreSQL several times as fast as Python's.
    return pgproto.UUID(value.to_bytes(16, "big"))


def uuid7(now: datetime) -> UUID:
    """A UUID that sorts by its time of creation (RFC 9562, version 7).

    It has 48 bits of milliseconds, 12 of counter and 62 random bits. Those of one process and one millisecond sort in
    the order of their creation. `now` must be aware.
    """
    value = _sequence.next_value((now - _EPOCH) // _MILLISECOND)
    return _uuid((value >> 12) << 80 | _VERSION_7 | (value & 0xFFF) << 64 | _VARIANT | _random.word() & _LOW_62_BITS)


def first_of(instant: datetime) -> UUID:
    """The bound below every UUIDv7 of this instant's millisecond or later, and above all earlier ones."""
    return UUID(int=((instant - _EPOCH) // _MILLISECOND) << 80)


def uuid4() -> UUID:
    """A random UUID (RFC 9562, version 4), where the time of creation must not show."""
    high = _random.word()
    return _uuid((high >> 16) << 80 | _VERSION_4 | (high & 0xFFF) << 64 | _VARIANT | _random.word() & _LOW_62_BITS)


def secret(bytes_count: int = 32) -> str:
    """A secret of `bytes_count` random bytes, in URL-safe base64 without padding (32 bytes are 43 characters)."""
    return secrets.token_urlsafe(bytes_count)


def random_bytes(count: int) -> bytes:
    """So many bytes that nobody can guess."""
    return secrets.token_bytes(count)


def base64_secret(bytes_count: int) -> str:
    """A secret of `bytes_count` random bytes, in standard base64 with padding, the form of Standard Webhooks keys."""
    return base64.b64encode(secrets.token_bytes(bytes_count)).decode()


def hex_id(count: int) -> str:
    """`count` random lower-case hexadecimal digits."""
    return secrets.token_hex((count + 1) // 2)[:count]


def alphanumeric(count: int) -> str:
    """`count` random characters of `UNAMBIGUOUS`, for references that people read and type."""
    return "".join(UNAMBIGUOUS[_random.word() >> 59] for _ in range(count))


def digits(count: int) -> str:
    """`count` random decimal digits, leading zeros included."""
    return f"{secrets.randbelow(10**count):0{count}d}" if count else ""


def between(low: int, high: int) -> int:
    """A random whole number from `low` to `high`, both included. Raises `ValueError` if `high` is below `low`."""
    if high < low:
        raise ValueError(f"there is no number from {low} to {high}")
    return low + secrets.randbelow(high - low + 1)


def trace_id() -> str:
    """The id of one request in the log: 32 hexadecimal digits, a W3C Trace Context trace-id."""
    # All zeros is not a valid trace-id; with a probability of 1 in 2^128 that is not checked.
    return f"{_random.word():016x}{_random.word():016x}"
