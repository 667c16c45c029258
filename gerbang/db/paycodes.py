"""How paycodes are kept: a number is held by one payment at a time, and remembered ever after."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from gerbang import ids
from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.db.tables import PAYCODES
from gerbang.domain.charges import MOVES
from gerbang.domain.merchants import NumberRange
from gerbang.domain.paycodes import Paycode

Number = tuple[str, str, str]
"""A connection, a channel and a number: two banks may have the same number."""
NumberAt = tuple[str, str, str, datetime]
"""A number and an instant."""
GOOD_GUESSES = 16
"""So many in a row, and a range is crowded no more."""


class NumberAllocator:
    """Where in each range to look for a free number next, kept in memory.

    A process starts somewhere by chance and walks on, so that neighbours in the index are neighbours in time and two
    processes rarely meet. A cursor is only a guess: the index says whether a number is free. So is what is thought of a
    range: it is crowded after a guess has met a number that is held, until some in a row have met none.
    """

    def __init__(self) -> None:
        self._next: dict[tuple[str, int, int], int] = {}
        self._crowded: dict[tuple[str, int, int], int] = {}

    def guess(self, numbers: NumberRange, taken_out: Sequence[tuple[int, int]], count: int) -> list[str]:
        """Up to `count` different numbers of the range."""
        key = (numbers.prefix, numbers.digits, numbers.first)
        at = self._next.get(key)
        if at is None:
            at = ids.between(0, numbers.size - 1)
        guessed: list[str] = []
        for step in range(min(count, numbers.size)):
            index = (at + step) % numbers.size
            if not any(first <= numbers.first + index <= last for first, last in taken_out):
                guessed.append(numbers.number(index))
        self._next[key] = (at + count) % numbers.size
        return guessed

    def jump(self, numbers: NumberRange) -> None:
        """Start somewhere else: the guesses met numbers that are held."""
        key = (numbers.prefix, numbers.digits, numbers.first)
        self._next.pop(key, None)
        self._crowded[key] = GOOD_GUESSES

    def hit(self, numbers: NumberRange) -> None:
        """A guess was right."""
        key = (numbers.prefix, numbers.digits, numbers.first)
        if key in self._crowded:
            self._crowded[key] -= 1
            if not self._crowded[key]:
                del self._crowded[key]

    def crowded(self, numbers: NumberRange | None) -> bool:
        """Whether guesses in this range are rarely right."""
        return numbers is not None and (numbers.prefix, numbers.digits, numbers.first) in self._crowded


COLUMNS = PAYCODES.columns
ASKED = "connection = asked.connection AND channel = asked.channel AND number = asked.number"
ITS_PLACE = """
CROSS JOIN LATERAL (SELECT ctid AS place FROM paycodes
                    WHERE held AND connection = n.connection AND channel = n.channel AND number = n.number
                    LIMIT 1 FOR NO KEY UPDATE) its
"""
"""Where each held number of a list `n` stands, held until the end of the transaction. A plain join would be planned for a
small table as reading every number that is held, and that plan is kept while the table grows. Whoever changes a held number
holds its payment, or lets go of it: so it still stands there.
"""


async def held(tx: Tx, numbers: Sequence[Number]) -> set[Number]:
    """Which of these numbers somebody holds."""
    rows = await tx.fetch(
        """
        SELECT n.* FROM unnest($1::text[], $2::text[], $3::text[]) AS n(connection, channel, number)
        CROSS JOIN LATERAL (SELECT FROM paycodes WHERE held AND connection = n.connection AND channel = n.channel
                                                   AND number = n.number LIMIT 1) p
        """,
        *arrays(numbers),
    )
    return {(row["connection"], row["channel"], row["number"]) for row in rows}


async def hold_range(tx: Tx, connection: str, channel: str, numbers: NumberRange) -> None:
    """Makes whoever else looks for a free number of this range wait until this transaction is over."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        f"numbers {connection} {channel} {numbers.prefix} {numbers.digits} {numbers.first}",
    )


async def release_numbers(tx: Tx, numbers: Sequence[Number], now: datetime) -> None:
    """Lets go of those of these numbers whose quarantine is over."""
    await tx.execute(
        f"""
        UPDATE paycodes p SET held = false
        FROM unnest($1::text[], $2::text[], $3::text[]) AS n(connection, channel, number)
        {ITS_PLACE} WHERE p.ctid = its.place AND p.free_at <= $4
        """,
        *arrays(numbers),
        now,
    )


HOLDERS = f"""
SELECT n.* FROM unnest($1::text[], $2::text[], $3::text[]) AS n(connection, channel, number) {ITS_PLACE}
"""
OVER_SINCE = """
SELECT n.*, CASE WHEN y.state NOT IN ('opening', 'awaiting', 'authenticating', 'processing', 'active') THEN y.updated_at ELSE y.expires_at END AS ends_at,
       c.state AS charge, c.updated_at AS changed_at, c.expires_at AS lapses_at
FROM unnest($1::text[], $2::text[], $3::text[]) AS n(connection, channel, number)
CROSS JOIN LATERAL (SELECT merchant_id, payment_id, charge_id FROM paycodes
                    WHERE held AND connection = n.connection AND channel = n.channel AND number = n.number LIMIT 1) p
CROSS JOIN LATERAL (SELECT state, updated_at, expires_at FROM payments
                    WHERE merchant_id = p.merchant_id AND id = p.payment_id LIMIT 1) y
LEFT JOIN LATERAL (SELECT state, updated_at, expires_at FROM charges
                   WHERE merchant_id = p.merchant_id AND id = p.charge_id LIMIT 1) c ON true
"""


async def over_since(tx: Tx, numbers: Sequence[Number]) -> dict[Number, datetime | None]:
    """The end of what may be paid by those of these numbers that somebody holds; it may be to come. None where there is no end.

    The numbers are locked until the end of the transaction.
    """
    asked = arrays(numbers)
    await tx.execute(HOLDERS, *asked)  # locked first: what is read next must be what others have just changed
    found: dict[Number, datetime | None] = {}
    for row in await tx.fetch(OVER_SINCE, *asked):
        ends = [
            row["ends_at"],
            row["lapses_at"],
            row["changed_at"] if row["charge"] not in (None, *MOVES["pay"]) else None,
        ]
        number = row["connection"], row["channel"], row["number"]
        found[number] = min((end for end in ends if end is not None), default=None)
    return found


LET_GO = f"""
UPDATE paycodes p SET held = false
FROM unnest($1::text[], $2::text[], $3::text[]) AS n(connection, channel, number) {ITS_PLACE} WHERE p.ctid = its.place
"""


async def let_go(tx: Tx, numbers: Sequence[Number]) -> None:
    """Lets numbers go before their quarantine is over."""
    if numbers:
        await tx.execute(LET_GO, *arrays(numbers))


async def release_due(tx: Tx, now: datetime, most: int) -> int:
    """Lets go of numbers whose quarantine is over, and returns how many."""
    rows = await tx.fetch(
        """
        UPDATE paycodes SET held = false
        WHERE ctid = ANY(ARRAY(SELECT ctid FROM paycodes WHERE held AND free_at <= $1
                               ORDER BY free_at LIMIT $2 FOR UPDATE SKIP LOCKED))
        RETURNING 1
        """,
        now,
        most,
    )
    return len(rows)


async def owners(tx: Tx, numbers: Sequence[NumberAt]) -> dict[NumberAt, Paycode]:
    """Whose money it is, for each number and instant: who held the number last at that instant.

    A number is given out again, so a late report of old money must not pay for something new. Where nobody had the number by then
    (the bank's clock is off), it is whoever holds it now.
    """
    rows = await tx.fetch(
        f"""
        SELECT asked.at, p.*
        FROM unnest($1::number_at[]) AS asked
        CROSS JOIN LATERAL (
            (SELECT {COLUMNS} FROM paycodes WHERE held AND {ASKED} AND created_at <= asked.at)
            UNION ALL
            (SELECT {COLUMNS} FROM paycodes WHERE NOT held AND {ASKED} AND created_at <= asked.at
             ORDER BY created_at DESC LIMIT 1)
            UNION ALL
            (SELECT {COLUMNS} FROM paycodes WHERE held AND {ASKED})
            LIMIT 1
        ) p
        """,
        list(numbers),
    )
    return {(row["connection"], row["channel"], row["number"], row["at"]): PAYCODES.read(row) for row in rows}


async def free_numbers(
    tx: Tx,
    connection: str,
    channel: str,
    numbers: NumberRange,
    taken_out: Sequence[tuple[int, int]],
    now: datetime,
    most: int,
) -> list[str]:
    """Up to `most` numbers of a small range that nobody holds; those whose quarantine is over are let go first."""
    low, high = numbers.number(0), numbers.number(numbers.size - 1)
    await tx.execute(
        """
        UPDATE paycodes SET held = false
        WHERE held AND connection = $1 AND channel = $2 AND number BETWEEN $3 AND $4 AND length(number) = length($3)
          AND free_at <= $5
        """,
        connection,
        channel,
        low,
        high,
        now,
    )
    rows = await tx.fetch(
        """
        SELECT n FROM (
            SELECT generate_series($5::bigint, $6::bigint) AS n
            EXCEPT SELECT substr(number, $7)::bigint FROM paycodes
            WHERE held AND connection = $1 AND channel = $2 AND number BETWEEN $3 AND $4 AND length(number) = length($3)
        ) free
        WHERE NOT EXISTS (SELECT FROM unnest($8::bigint[], $9::bigint[]) AS kept(first, last) WHERE n BETWEEN first AND last)
        LIMIT $10
        """,
        connection,
        channel,
        low,
        high,
        numbers.first,
        numbers.end,
        len(numbers.prefix) + 1,
        [first for first, _ in taken_out],
        [last for _, last in taken_out],
        most,
    )
    return [numbers.number(row["n"] - numbers.first) for row in rows]


async def static_count(tx: Tx, merchant_id: UUID, channel: str) -> int:
    """How many static paycodes a merchant has on a channel; nobody else counts until this transaction is over."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"static {channel} of {merchant_id}")
    return (
        await tx.fetchval(
            "SELECT count(*) FROM paycodes WHERE merchant_id = $1 AND channel = $2 AND static AND held",
            merchant_id,
            channel,
        )
        or 0
    )
