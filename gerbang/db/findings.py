"""How findings and the results of compared days are kept."""

from collections.abc import Iterable
from datetime import date

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.domain.findings import Finding
from gerbang.domain.kept_findings import KeptFinding, ReconciledDay

COLUMNS = "number, sides, state, closed_as, note, found_at, updated_at, closed_at"
_read_sides = msgspec.json.Decoder(Finding).decode


async def of_day(tx: Tx, connection: str, day: date) -> dict[str, KeptFinding]:
    """All findings of a day, by key, locked until the end of the transaction."""
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM findings WHERE connection = $1 AND happened_on = $2 ORDER BY key FOR NO KEY UPDATE",
        *(connection, day),
    )
    found = [_kept(row) for row in rows]
    return {each.finding.key: each for each in found}


async def write(tx: Tx, kept: Iterable[KeptFinding]) -> None:
    """Writes new and changed ones; new ones get their numbers in this order. The caller has locked those that there are."""
    rows = [_row(each) for each in kept]
    if rows:
        await tx.execute(
            """
            INSERT INTO findings (connection, happened_on, key, kind, owner, merchant_id, sides, ours, theirs, state, closed_as,
                                  note, found_at, updated_at, closed_at)
            SELECT * FROM unnest($1::finding_row[])
            ON CONFLICT (connection, happened_on, key) DO UPDATE
            SET sides = excluded.sides, ours = excluded.ours, theirs = excluded.theirs, merchant_id = excluded.merchant_id,
                state = excluded.state, closed_as = excluded.closed_as, note = excluded.note, updated_at = excluded.updated_at,
                closed_at = excluded.closed_at
            """,
            rows,
        )


async def numbered(tx: Tx, number: int) -> KeptFinding | None:
    """The finding that people call so, locked until the end of the transaction."""
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM findings WHERE number = $1 FOR NO KEY UPDATE", number)
    return None if row is None else _kept(row)


async def left(tx: Tx, connection: str | None, first: date, last: date, most: int) -> list[KeptFinding]:
    """Those of some days that nobody has closed, oldest day first."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM findings WHERE state <> 'closed' AND happened_on BETWEEN $2 AND $3
            AND ($1::text IS NULL OR connection = $1)
        ORDER BY happened_on, number LIMIT $4
        """,
        *(connection, first, last, most),
    )
    return [_kept(row) for row in rows]


async def every(tx: Tx, connection: str | None, first: date, last: date, most: int) -> list[KeptFinding]:
    """Those of some days, closed ones too, oldest day first."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS} FROM findings WHERE happened_on BETWEEN $2 AND $3 AND ($1::text IS NULL OR connection = $1)
        ORDER BY happened_on, number LIMIT $4
        """,
        *(connection, first, last, most),
    )
    return [_kept(row) for row in rows]


async def note_day(tx: Tx, day: ReconciledDay) -> None:
    """Writes down what comparing a day has found, in place of what was found before."""
    await tx.execute(
        """
        INSERT INTO reconciled_days (connection, happened_on, movements, lines, listed, matched, findings, compared_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (connection, happened_on) DO UPDATE
        SET movements = excluded.movements, lines = excluded.lines, listed = excluded.listed, matched = excluded.matched,
            findings = excluded.findings, compared_at = excluded.compared_at
        """,
        *msgspec.structs.astuple(day),
    )


async def count_day(tx: Tx, connection: str, day: date) -> None:
    """Counts the findings of a day again that nobody has closed, after one was closed or opened."""
    await tx.execute(
        """
        UPDATE reconciled_days SET findings = (SELECT count(*) FROM findings f WHERE f.connection = $1 AND f.happened_on = $2
                                                                                 AND f.state <> 'closed')
        WHERE connection = $1 AND happened_on = $2
        """,
        *(connection, day),
    )


def _kept(row: asyncpg.Record) -> KeptFinding:
    return KeptFinding(
        finding=_read_sides(row["sides"]),
        found_at=row["found_at"],
        updated_at=row["updated_at"],
        number=row["number"],
        state=row["state"],
        closed_as=row["closed_as"],
        note=row["note"],
        closed_at=row["closed_at"],
    )


def _row(kept: KeptFinding) -> tuple[object, ...]:
    finding = kept.finding
    return (
        finding.connection,
        finding.day,
        finding.key,
        finding.kind,
        finding.owner,
        finding.expected.merchant_id if finding.expected else None,
        msgspec.json.encode(finding).decode(),
        finding.ours,
        finding.theirs,
        kept.state,
        kept.closed_as,
        kept.note,
        kept.found_at,
        kept.updated_at,
        kept.closed_at,
    )
