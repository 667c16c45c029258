"""The ledger: transfers are only ever added, and balances move in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from gerbang import ids
from gerbang.db import Tx
from gerbang.domain.ledger import Transfer, changes, is_platforms
from gerbang.domain.money import IDR

STRIPES = 8
"""Into so many rows an account of the platform is divided, so that transactions which move it seldom wait for each other."""


async def post(tx: Tx, transfers: Sequence[Transfer], at: datetime) -> None:
    """Writes transfers and moves the balances of their accounts, which are opened where there are none yet."""
    if not transfers:
        return
    balance = changes(transfers)
    stripe = ids.between(0, STRIPES - 1)
    stripes = [stripe if is_platforms(name) else 0 for name in balance]
    if not await _posted(tx, balance, stripes, transfers, at):
        await tx.execute(
            """
            INSERT INTO accounts (name, stripe, currency)
            SELECT name, stripe, $3 FROM unnest($1::text[], $2::smallint[]) AS n(name, stripe)
            WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.name = n.name AND a.stripe = n.stripe) ORDER BY name
            ON CONFLICT (name, stripe) DO NOTHING
            """,
            list(balance),
            stripes,
            IDR,
        )
        done = await _posted(tx, balance, stripes, transfers, at)
        assert done, "accounts that were opened are there"


async def _posted(
    tx: Tx, balance: Mapping[str, int], stripes: Sequence[int], transfers: Sequence[Transfer], at: datetime
) -> bool:
    """Writes transfers and moves balances in one statement; writes nothing, and returns False, where an account is missing.

    Accounts go by their names, which are looked up here every time: their numbers belong to one database, and after a
    failover another may have given them to others.
    """
    places = {name: place for place, name in enumerate(balance, 1)}
    rows = [
        (places[t.debit], places[t.credit], t.amount, t.reason, t.merchant_id, t.payment_id, t.report_id, t.cause_id)
        for t in transfers
    ]
    done = await tx.execute(
        """
        WITH found AS (
            SELECT a.id, n.change, n.place
            FROM unnest($1::balance_row[]) WITH ORDINALITY AS n(name, stripe, change, place)
            JOIN accounts a USING (name, stripe)
        ), complete AS (
            SELECT array_agg(id ORDER BY place) AS numbers FROM found HAVING count(*) = cardinality($1)
        ), held AS (
            SELECT id FROM accounts WHERE id = ANY((SELECT numbers FROM complete)::integer[])
            ORDER BY id FOR NO KEY UPDATE
        ), moved AS (
            UPDATE accounts a SET balance = a.balance + found.change FROM held JOIN found USING (id) WHERE a.id = held.id
        )
        INSERT INTO transfers (debit, credit, amount, reason, merchant_id, payment_id, report_id, cause_id, at)
        SELECT numbers[t.debit], numbers[t.credit], t.amount, t.reason, t.merchant_id, t.payment_id, t.report_id,
               t.cause_id, $3
        FROM complete, unnest($2::transfer_row[]) AS t
        """,
        [(name, stripe, change) for (name, change), stripe in zip(balance.items(), stripes, strict=True)],
        rows,
        at,
    )
    return done == f"INSERT 0 {len(rows)}"


async def hold_balances(tx: Tx, names: Sequence[str]) -> dict[str, int]:
    """Balances in minor units of merchants' accounts, held until the end of the transaction; those that exist, by name."""
    assert not any(map(is_platforms, names)), "an account of several rows is never held"
    rows = await tx.fetch(
        "SELECT name, balance FROM accounts WHERE name = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE", names
    )
    return {row["name"]: int(row["balance"]) for row in rows}


async def balances(tx: Tx, names: Sequence[str] | None = None) -> dict[str, int]:
    """Balances in minor units by account name; of all accounts where no names are given."""
    rows = await tx.fetch(
        """
        SELECT name, sum(balance) AS balance FROM accounts WHERE $1::text[] IS NULL OR name = ANY($1)
        GROUP BY name ORDER BY name
        """,
        names,
    )
    return {row["name"]: int(row["balance"]) for row in rows}


async def has_moved(tx: Tx, merchant_id: UUID, cause_id: UUID, reason: str) -> bool:
    """Whether something has moved money for a reason, as it does once."""
    found = await tx.fetchval(
        "SELECT true FROM transfers WHERE merchant_id = $1 AND cause_id = $2 AND reason = $3",
        merchant_id,
        cause_id,
        reason,
    )
    return found is True


async def balances_of(tx: Tx, merchant_id: UUID) -> dict[str, int]:
    """What a merchant's own transfers have done to each account, in minor units; the values add up to zero."""
    rows = await tx.fetch(
        """
        SELECT a.name, sum(change) AS balance
        FROM (SELECT debit AS account, amount AS change FROM transfers WHERE merchant_id = $1
              UNION ALL SELECT credit, -amount FROM transfers WHERE merchant_id = $1) lines
        JOIN accounts a ON a.id = lines.account
        GROUP BY a.name ORDER BY a.name
        """,
        merchant_id,
    )
    return {row["name"]: int(row["balance"]) for row in rows}
