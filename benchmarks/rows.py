"""Templates made from the rows that the gateway writes for a payment and for its money.

A template gives the transaction that pgbench writes (the same rows, one payment each) and the statements that store
many payments at once. A row that the gateway writes in a later version is part of the comparison without a change here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

from gerbang.domain.ledger import is_platforms

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection
Row = dict[str, str | None]
SERIAL = "123456789012"
"""The serial number of the model payment. It is replaced wherever it is found in the rows written."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ORDER = (
    "paycodes",
    "idempotency_keys",
    "customers",
    "payments",
    "charges",
    "reports",
    "transfers",
    "accounts",
)
"""The order in which a transaction writes, as in the gateway; counters, events and deliveries come last."""
LAST = ("counters", "events", "deliveries")


@dataclass(frozen=True)
class Table:
    """One table: its columns with their types, and its key."""

    name: str
    types: dict[str, str]
    generated: frozenset[str]
    key: tuple[str, ...]
    key_condition: str | None


@dataclass
class Changes:
    """What one request wrote: new rows, and changed rows as (before, after)."""

    new: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    changed: dict[str, list[tuple[Row, Row]]] = field(default_factory=dict[str, list[tuple[Row, Row]]])
    at: datetime | None = None

    @property
    def tables(self) -> list[str]:
        names = {*self.new, *self.changed}
        strange = sorted(names - {*ORDER, *LAST})
        return [*(name for name in ORDER if name in names), *strange, *(name for name in LAST if name in names)]


Snapshot = dict[str, dict[tuple[str | None, ...], Row]]


async def tables(db: Connection) -> dict[str, Table]:
    """Every table of the gateway with a key."""
    found: dict[str, Table] = {}
    for row in await db.fetch(
        "SELECT oid, relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ):
        columns = await db.fetch(
            "SELECT attname, format_type(atttypid, atttypmod) AS type, attidentity <> '' AS generated FROM pg_attribute "
            "WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            row["oid"],
        )
        key = await db.fetchrow(
            "SELECT pg_get_expr(indpred, indrelid) AS condition, (SELECT array_agg(attname::text ORDER BY attnum) FROM "
            "pg_attribute WHERE attrelid = indrelid AND attnum = ANY(indkey)) AS columns "
            "FROM pg_index WHERE indrelid = $1 AND indisunique ORDER BY indisprimary DESC, indexrelid LIMIT 1",
            row["oid"],
        )
        if key is not None:
            found[row["relname"]] = Table(
                row["relname"],
                {c["attname"]: c["type"] for c in columns},
                frozenset(c["attname"] for c in columns if c["generated"]),
                tuple(key["columns"]),
                key["condition"],
            )
    return found


async def snapshot(db: Connection, schema: Mapping[str, Table]) -> Snapshot:
    """Every row of every table, as text."""
    seen: Snapshot = {}
    for table in schema.values():
        columns = ", ".join(f"{name}::text" for name in table.types)
        rows = [dict(row) for row in await db.fetch(f"SELECT {columns} FROM {table.name}")]
        seen[table.name] = {tuple(row[name] for name in table.key): row for row in rows}
    return seen


def difference(before: Snapshot, after: Snapshot) -> Changes:
    changes = Changes()
    for table, rows in after.items():
        known = before[table]
        new = [row for key, row in rows.items() if key not in known]
        changed = [(known[key], row) for key, row in rows.items() if key in known and known[key] != row]
        if new:
            changes.new[table] = new
        if changed:
            changes.changed[table] = changed
    return changes


class Substitutions:
    """The values that differ between payments, and the SQL expressions for them.

    `known` maps values that were read (ids, numbers, references) to SQL expressions of type text with {serial},
    {merchant}, {endpoint} and {head}, the beginning of ids. New ids get an expression of their own. Ids are also known
    without their dashes, as some dialects write them.
    """

    def __init__(self, known_ids: Mapping[str, str]) -> None:
        self.known = {SERIAL: "{serial}", SERIAL[::-1]: "reverse({serial})"}
        self.ids: list[str] = []
        for id_, piece in known_ids.items():
            self.known[id_], self.known[id_.replace("-", "")] = piece, f"replace({piece}, '-', '')"

    def learn(self, changes: Changes) -> None:
        """Adds the ids and the paycode that are new in these changes."""
        for rows in changes.new.values():
            for row in rows:
                for value in filter(None, row.values()):
                    for id_ in UUID.findall(value):
                        if id_ not in self.known:
                            self.ids.append(id_)
                            rest = id_rest(len(self.ids))
                            self.known[id_] = f"{{head}} || '{rest}' || {{serial}}"
                            self.known[id_.replace("-", "")] = f"{{head}} || '{rest.replace('-', '')}' || {{serial}}"
        for row in changes.new.get("paycodes", []):
            number = row["number"] or ""
            if len(number) < len(SERIAL):
                raise SystemExit(f"The paycode {number} is too short to hold a serial number; choose another bank.")
            # It begins with 0, so that it is never a number that the gateway assigns.
            self.known[number] = f"'{'0' * (len(number) - len(SERIAL))}' || {{serial}}"

    def text(self, value: str) -> str:
        """A value as SQL of type text."""
        pieces = re.split("(" + "|".join(map(re.escape, sorted(self.known, key=len, reverse=True))) + ")", value)
        return " || ".join(self.known.get(piece) or quoted(piece) for piece in pieces if piece) or "''"


HEAD = "01900000"
"""The beginning of ids: their time of creation in steps of 65.536 seconds, as eight hexadecimal digits."""
HEAD_SECONDS = 65.536


def id_rest(place: int) -> str:
    """The part of an id between its head and its serial number."""
    return f"-{place:04d}-7000-8000-"


def quoted(text: str) -> str:
    """A literal in which pgbench finds nothing to replace."""
    escaped = re.sub(r"[^A-Za-z0-9 ,./_+{}\[\]-]", lambda m: f"\\u{ord(m[0]):04x}", text)
    return f"E'{escaped.replace('{', '{{').replace('}', '}}')}'"


def value(substitutions: Substitutions, type_: str, text: str | None, at: datetime) -> str:
    """One column's value as SQL."""
    if text is None:
        return f"NULL::{type_}"
    if type_ == "timestamp with time zone":
        ahead = (datetime.fromisoformat(text) - at) / timedelta(microseconds=1)
        return f"{{now}} + interval '{ahead:.0f} microseconds'" if ahead else "{now}"
    if type_ == "bytea":
        raw = bytes.fromhex(text.removeprefix("\\x"))
        plain = raw.decode(errors="ignore")
        return (
            f"convert_to({substitutions.text(plain)}, 'UTF8')"
            if plain.encode() == raw
            else f"decode('{raw.hex()}', 'hex')"
        )
    return f"({substitutions.text(text)})::{type_}"


@dataclass
class Accounts:
    """The ledger accounts that payments change.

    `expressions` maps an account's id to the first row of a platform's account and {stripe}, or to {account_0} and so on
    (a merchant's accounts, in the order of `owned`: names with {merchant} in them).
    """

    expressions: dict[str, str] = field(default_factory=dict[str, str])
    owned: list[str] = field(default_factory=list[str])

    def learn(self, changes: Changes, merchant: str) -> None:
        for _, row in changes.changed.get("accounts", []):
            name, number = row["name"] or "", row["id"] or ""
            if number not in self.expressions and merchant in name:
                self.expressions[number] = f"{{account_{len(self.owned)}}}"
                self.owned.append(name.replace(merchant, "{merchant}"))
            elif is_platforms(name):
                self.expressions[number] = f"{int(number) - int(row['stripe'] or 0)} + {{stripe}}"


class Template:
    """The changes of one request, or of several together, as SQL for any payment."""

    def __init__(
        self, schema: Mapping[str, Table], substitutions: Substitutions, changes: Changes, accounts: Accounts
    ) -> None:
        self.schema = schema
        self.substitutions = substitutions
        self.changes = changes
        self.accounts = accounts
        times = changes.new.get("payments") or changes.new.get("reports")
        assert times is not None
        self.at = datetime.fromisoformat(times[0].get("created_at") or times[0]["received_at"] or "")

    def rows_of(self, table: str) -> list[dict[str, str]]:
        """New rows as {column: SQL}. A sequence is given relative to {sequence}, the merchant's last one afterwards."""
        made: list[dict[str, str]] = []
        types = self.schema[table].types
        last = max((int(row["sequence"] or 0) for row in self.changes.new.get("events", [])), default=0)
        for row in self.changes.new[table]:
            sql: dict[str, str] = {}
            for name, text in row.items():
                if name in self.schema[table].generated:
                    continue
                if name == "sequence":
                    sql[name] = f"{{sequence}} - {last - int(text or 0)}"
                elif table == "transfers" and name in {"debit", "credit"}:
                    sql[name] = self.accounts.expressions[text or ""]
                else:
                    sql[name] = value(self.substitutions, types[name], text, self.at)
            made.append(sql)
        return made

    def inserts(self, table: str, source: str = "") -> list[str]:
        """INSERT statements for a table's new rows, one for rows that are alike in their columns."""
        rows = self.rows_of(table)
        columns = ", ".join(rows[0])
        if source:
            return [f"INSERT INTO {table} ({columns}) SELECT {', '.join(row.values())} {source}" for row in rows]
        written = ", ".join(f"({', '.join(row.values())})" for row in rows)
        return [f"INSERT INTO {table} ({columns}) VALUES {written}"]

    def updates(self, table: str) -> list[str]:
        """UPDATE statements for changed rows: numbers change by the same amount, other columns are set."""
        if table == "accounts":
            return [self._balances()]
        statements: list[str] = []
        types = self.schema[table].types
        for before, after in self.changes.changed[table]:
            sets = [
                f"{name} = {name} + {int(text or 0) - int(before[name] or 0)}"
                if types[name] in {"bigint", "integer", "numeric"} and table != "charges"
                else f"{name} = {value(self.substitutions, types[name], text, self.at)}"
                for name, text in after.items()
                if before[name] != text
            ]
            key = self.schema[table]
            where = [f"{name} = {value(self.substitutions, types[name], after[name], self.at)}" for name in key.key]
            where += [key.key_condition] if key.key_condition else []
            statements.append(f"UPDATE {table} SET {', '.join(sets)} WHERE {' AND '.join(where)}")
        return statements

    def _balances(self) -> str:
        """All accounts in one statement, locked in the order of their ids."""
        ids = ", ".join(f"({id_})" for id_ in self.moves)
        moves = ", ".join(f"({id_}, {change})" for id_, change in self.moves.items())
        return (
            f"WITH held AS (SELECT id FROM accounts WHERE id IN ({ids}) ORDER BY id FOR NO KEY UPDATE) "
            f"UPDATE accounts a SET balance = a.balance + n.change FROM held JOIN (VALUES {moves}) AS n(id, change) "
            "USING (id) WHERE a.id = held.id"
        )

    @property
    def moves(self) -> dict[str, int]:
        """By how much the balances of accounts change."""
        changed = self.changes.changed.get("accounts", [])
        return {
            self.accounts.expressions[b["id"] or ""]: int(a["balance"] or 0) - int(b["balance"] or 0)
            for b, a in changed
        }

    @property
    def counts(self) -> dict[str, int]:
        """By how much a merchant's counters grow."""
        ((before, after),) = self.changes.changed["counters"]
        return {name: int(after[name] or 0) - int(before[name] or 0) for name in ("events", "payments")}

    def transaction(self) -> list[str]:
        """The statements for one payment.

        The counter, its events and their deliveries are one statement, which is cheapest.
        """
        statements: list[str] = []
        for table in self.changes.tables:
            if table not in LAST:
                statements += self.inserts(table) if table in self.changes.new else []
                statements += self.updates(table) if table in self.changes.changed else []
        counter = self.updates("counters")[0] + " RETURNING events AS sequence"
        chain = [f"counter AS ({counter})"]
        parts = [
            insert.replace("{sequence}", "counter.sequence")
            for table in ("events", "deliveries")
            if table in self.changes.new
            for insert in self.inserts(table, "FROM counter")
        ]
        chain += [f"part{i} AS ({part})" for i, part in enumerate(parts[:-1])]
        return [*statements, f"WITH {', '.join(chain)} {parts[-1]}"]
