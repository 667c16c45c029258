"""How the books are kept: transfers are only ever added, and balances move in the same transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.domain.ledger import Transfer, changes
from gerbang.domain.money import IDR


class Accounts:
    """The numbers of account names. A number never changes, so those that were seen once are remembered."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    async def ids(self, tx: Tx, names: Iterable[str]) -> dict[str, int]:
        """The numbers of these names. New accounts are opened; they are remembered only once they are committed."""
        wanted = sorted(set(names))
        missing = [name for name in wanted if name not in self._ids]
        fresh: dict[str, int] = {}
        if missing:
            rows = await tx.fetch("SELECT id, name FROM accounts WHERE name = ANY($1::text[])", missing)
            self._ids.update({row["name"]: row["id"] for row in rows})
            missing = [name for name in missing if name not in self._ids]
        if missing:
            rows = await tx.fetch(
                """
                INSERT INTO accounts (name, currency) SELECT name, $2 FROM unnest($1::text[]) AS n(name) ORDER BY name
                ON CONFLICT (name) DO UPDATE SET currency = excluded.currency
                RETURNING id, name
                """,
                missing,
                IDR,
            )
            fresh = {row["name"]: row["id"] for row in rows}
        return {name: fresh.get(name) or self._ids[name] for name in wanted}


async def post(tx: Tx, accounts: Accounts, transfers: Sequence[Transfer], at: datetime) -> None:
    """Writes transfers and moves the balances of their accounts."""
    if not transfers:
        return
    balance = changes(transfers)
    ids = await accounts.ids(tx, balance)
    rows = [
        (ids[t.debit], ids[t.credit], t.amount, t.reason, t.merchant_id, t.payment_id, t.report_id, t.cause_id)
        for t in transfers
    ]
    await tx.execute(
        """
        INSERT INTO transfers (debit, credit, amount, reason, merchant_id, payment_id, report_id, cause_id, at)
        SELECT *, $9 FROM unnest($1::integer[], $2::integer[], $3::bigint[], $4::text[], $5::uuid[], $6::uuid[],
                                 $7::uuid[], $8::uuid[])
        """,
        *arrays(rows),
        at,
    )
    await tx.execute(
        """
        WITH held AS (SELECT id FROM accounts WHERE id = ANY($1::integer[]) ORDER BY id FOR NO KEY UPDATE)
        UPDATE accounts a SET balance = a.balance + n.change
        FROM held JOIN unnest($1::integer[], $2::numeric[]) AS n(id, change) ON n.id = held.id
        WHERE a.id = held.id
        """,
        [ids[name] for name in balance],
        list(balance.values()),
    )


async def hold_balances(tx: Tx, names: Sequence[str]) -> dict[str, int]:
    """Balances in minor units by account name, held until the end of the transaction; those of accounts that exist."""
    rows = await tx.fetch(
        "SELECT name, balance FROM accounts WHERE name = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE", names
    )
    return {row["name"]: int(row["balance"]) for row in rows}


async def balances(tx: Tx, names: Sequence[str] | None = None) -> dict[str, int]:
    """Balances in minor units by account name; of all accounts where no names are given."""
    rows = await tx.fetch(
        "SELECT name, balance FROM accounts WHERE $1::text[] IS NULL OR name = ANY($1) ORDER BY name", names
    )
    return {row["name"]: int(row["balance"]) for row in rows}


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


async def imbalances(tx: Tx) -> list[str]:
    """Accounts whose balance is not what their transfers add up to, and the whole ledger if it is not zero."""
    rows = await tx.fetch(
        """
        SELECT a.name FROM accounts a
        LEFT JOIN (
            SELECT account, sum(change) AS total
            FROM (SELECT debit AS account, amount AS change FROM transfers
                  UNION ALL SELECT credit, -amount FROM transfers) lines
            GROUP BY account
        ) t ON t.account = a.id
        WHERE a.balance <> coalesce(t.total, 0)
        """
    )
    wrong = [row["name"] for row in rows]
    total = await tx.fetchval("SELECT coalesce(sum(balance), 0) FROM accounts")
    return wrong if total == 0 else [*wrong, "the whole ledger"]
