"""How lines of banks' statements and rows of partners' lists are kept: each once, with what they were read from."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

import msgspec

from gerbang.db import DAYS_SECONDS_MAX, Tx
from gerbang.domain.partner_lists import PartnerLine
from gerbang.domain.statements import StatementLine

AT_ONCE_MAX = 10_000
"""Rows of one statement."""


class StatementImport(msgspec.Struct, frozen=True):
    """What was read of one account, or one partner's list."""

    connection: str
    hash: str
    account: str
    """"" for a partner's list."""
    kind: str
    file_name: str
    first_on: date | None
    """The days of which nothing is missing in it."""
    last_on: date | None
    lines: int
    new_lines: int
    imported_at: datetime


async def claim(tx: Tx, connection: str) -> None:
    """Makes others who import for this connection, or compare its days, wait until this transaction is over."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('days of ' || $1, 0))", connection)


async def imported(tx: Tx, connection: str, hash_: str, account: str) -> StatementImport | None:
    """What was read before under this hash."""
    row = await tx.fetchrow(
        "SELECT * FROM statement_imports WHERE connection = $1 AND hash = $2 AND account = $3",
        *(connection, hash_, account),
    )
    return None if row is None else StatementImport(**dict(row))


async def note_import(tx: Tx, new: StatementImport) -> None:
    """Writes down that it was read. Read again it covers more days, and its counts stay."""
    await tx.execute(
        """
        INSERT INTO statement_imports AS i (connection, hash, account, kind, file_name, first_on, last_on, lines, new_lines,
                                            imported_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (connection, hash, account) DO UPDATE
        SET first_on = least(i.first_on, excluded.first_on), last_on = greatest(i.last_on, excluded.last_on),
            lines = greatest(i.lines, excluded.lines), new_lines = i.new_lines + excluded.new_lines,
            imported_at = excluded.imported_at
        """,
        *msgspec.structs.astuple(new),
    )


async def newest_imports(tx: Tx, connection: str | None, most: int) -> list[StatementImport]:
    """What was read last, newest first."""
    rows = await tx.fetch(
        """
        SELECT * FROM statement_imports WHERE $1::text IS NULL OR connection = $1 ORDER BY imported_at DESC LIMIT $2
        """,
        *(connection, most),
    )
    return [StatementImport(**dict(row)) for row in rows]


async def periods(tx: Tx, connections: Collection[str]) -> dict[str, list[tuple[date, date]]]:
    """The days of which nothing is missing, by account; an account without any is there too."""
    rows = await tx.fetch(
        "SELECT account, first_on, last_on FROM statement_imports WHERE connection = ANY($1::text[]) AND account <> ''",
        list(connections),
    )
    found: dict[str, list[tuple[date, date]]] = {}
    for row in rows:
        spans = found.setdefault(row["account"], [])
        if row["first_on"] is not None:
            spans.append((row["first_on"], row["last_on"]))
    return found


async def listing(tx: Tx, connections: Collection[str]) -> dict[str, dict[str, list[tuple[date, date]]]]:
    """The connections of which partners' lists were read: of each kind the days of which nothing is missing."""
    rows = await tx.fetch(
        "SELECT connection, kind, first_on, last_on FROM statement_imports WHERE connection = ANY($1::text[]) AND account = ''",
        list(connections),
    )
    found: dict[str, dict[str, list[tuple[date, date]]]] = {}
    for row in rows:
        spans = found.setdefault(row["connection"], {}).setdefault(row["kind"], [])
        if row["first_on"] is not None:
            spans.append((row["first_on"], row["last_on"]))
    return found


# -- lines of statements ----------------------------------------------------------------------------------------------


async def drop_pending(tx: Tx, connection: str, account: str, until: date) -> None:
    """Forgets what was pending up to a day: a later statement says what has become of it."""
    await tx.execute(
        "DELETE FROM statement_lines WHERE connection = $1 AND account = $2 AND booked_on <= $3 AND pending",
        *(connection, account, until),
    )


async def add_lines(tx: Tx, connection: str, lines: Mapping[str, StatementLine]) -> int:
    """Keeps those that are new, by key, and returns how many were."""
    rows = [
        (
            connection,
            each.booked_on,
            key,
            each.account,
            each.amount,
            each.direction,
            each.text,
            each.position,
            each.reference,
            each.booked_at,
            each.value_on,
            each.balance_after,
            each.pending,
            each.branch,
        )
        for key, each in sorted(lines.items(), key=lambda item: (item[1].booked_on, item[0]))
    ]
    new = 0
    for part in _parts(rows):
        done = await tx.execute(
            """
            INSERT INTO statement_lines (connection, booked_on, key, account, amount, direction, text, position, reference,
                                         booked_at, value_on, balance_after, pending, branch)
            SELECT * FROM unnest($1::statement_line_row[]) ON CONFLICT (connection, booked_on, key) DO NOTHING
            """,
            part,
        )
        new += int(done.rpartition(" ")[2])
    return new


async def lines(tx: Tx, connections: Collection[str], first: date, last: date) -> dict[str, StatementLine]:
    """The lines of some days by key, pending ones included."""
    rows = await tx.fetch(
        """
        SELECT key, account, booked_on, amount, direction, text, position, reference, booked_at, value_on, balance_after, pending,
               branch
        FROM statement_lines WHERE connection = ANY($1::text[]) AND booked_on BETWEEN $2 AND $3 ORDER BY booked_on, position
        """,
        *(list(connections), first, last),
        timeout=DAYS_SECONDS_MAX,
    )
    return {row["key"]: StatementLine(*list(row.values())[1:]) for row in rows}


# -- rows of partners' lists ------------------------------------------------------------------------------------------


def list_keys(rows: Iterable[PartnerLine]) -> dict[str, PartnerLine]:
    """Rows by the key by which the same row is known again in another file; equal rows of one file stay as many."""
    seen: dict[str, int] = {}
    found: dict[str, PartnerLine] = {}
    for row in rows:
        parts = (row.name, row.listed_on, row.gross, row.fee, row.net, row.sign, row.original, row.number)
        named = "\x1f".join(map(str, parts))
        seen[named] = seen.get(named, 0) + 1
        key = hashlib.sha256(f"{named}\x1f{seen[named]}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        found[key] = row
    return found


async def add_list(tx: Tx, connection: str, rows: Mapping[str, PartnerLine]) -> int:
    """Keeps those that are new, by key, and returns how many were."""
    values = [
        (
            connection,
            each.listed_on,
            key,
            each.reference,
            each.type,
            each.gross,
            each.fee,
            each.net,
            each.sign,
            each.original,
            each.number,
            each.batch,
            each.position,
        )
        for key, each in sorted(rows.items(), key=lambda item: (item[1].listed_on, item[0]))
    ]
    new = 0
    for part in _parts(values):
        done = await tx.execute(
            """
            INSERT INTO partner_list_lines (connection, listed_on, key, reference, type, gross, fee, net, sign, original, number,
                                            batch, position)
            SELECT * FROM unnest($1::partner_list_line_row[]) ON CONFLICT (connection, listed_on, key) DO NOTHING
            """,
            part,
        )
        new += int(done.rpartition(" ")[2])
    return new


async def listed(tx: Tx, connections: Collection[str], first: date, last: date) -> list[PartnerLine]:
    """The rows of partners' lists of some days."""
    rows = await tx.fetch(
        """
        SELECT reference, type, gross, fee, net, listed_on, sign, original, number, batch, position
        FROM partner_list_lines WHERE connection = ANY($1::text[]) AND listed_on BETWEEN $2 AND $3 ORDER BY listed_on, position, key
        """,
        *(list(connections), first, last),
        timeout=DAYS_SECONDS_MAX,
    )
    return [PartnerLine(**dict(row)) for row in rows]


def _parts(rows: Sequence[tuple[object, ...]]) -> Iterable[Sequence[tuple[object, ...]]]:
    return (rows[start : start + AT_ONCE_MAX] for start in range(0, len(rows), AT_ONCE_MAX))
