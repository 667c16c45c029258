"""The rows that the gateway really writes for a payment and for its money: read back once, and made into templates.

From a template come the transaction that pgbench writes (the same rows, one payment each) and the statements that store
many payments at once. Whatever the gateway begins to write tomorrow is in the comparison by itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection
Row = dict[str, str | None]
SERIAL = "123456789012"
"""The serial number of the payment that is looked at. It stands for itself wherever it is found in what was written."""
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
"""In which order a transaction writes, as the gateway does; the counters with their events and deliveries come last."""
LAST = ("counters", "events", "deliveries")


@dataclass(frozen=True)
class Table:
    """One table: its columns with their types, and what tells one row from another."""

    name: str
    types: dict[str, str]
    generated: frozenset[str]
    key: tuple[str, ...]
    key_condition: str | None


@dataclass
class Changes:
    """What one request did: rows that are new, and rows that were changed as (before, after)."""

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


class Words:
    """What differs from payment to payment, and how it is said in SQL.

    `known` maps what was read (ids, numbers, references) to pieces of SQL; ids that were never seen before are given a
    place of their own. A piece is SQL of type text, in terms of {serial}, {merchant}, {endpoint} and {head}, with which
    ids begin. Ids are also known without their dashes, as some dialects write them.
    """

    def __init__(self, known_ids: Mapping[str, str]) -> None:
        self.known = {SERIAL: "{serial}", SERIAL[::-1]: "reverse({serial})"}
        self.ids: list[str] = []
        for id_, piece in known_ids.items():
            self.known[id_], self.known[id_.replace("-", "")] = piece, f"replace({piece}, '-', '')"

    def learn(self, changes: Changes) -> None:
        """Finds the ids and the number that came up for the first time in these changes."""
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
            # Never a number that the gateway itself could give out: those do not begin with 0.
            self.known[number] = f"'{'0' * (len(number) - len(SERIAL))}' || {{serial}}"

    def text(self, value: str) -> str:
        """A value as SQL of type text."""
        pieces = re.split("(" + "|".join(map(re.escape, sorted(self.known, key=len, reverse=True))) + ")", value)
        return " || ".join(self.known.get(piece) or quoted(piece) for piece in pieces if piece) or "''"


HEAD = "01900000"
"""What ids begin with: the instant of their making, in steps of 65.536 seconds, as eight hexadecimal digits."""
HEAD_SECONDS = 65.536


def id_rest(place: int) -> str:
    """What stands in an id between its head and its serial number."""
    return f"-{place:04d}-7000-8000-"


def quoted(text: str) -> str:
    """A literal in which pgbench finds nothing to replace."""
    escaped = re.sub(r"[^A-Za-z0-9 ,./_+{}\[\]-]", lambda m: f"\\u{ord(m[0]):04x}", text)
    return f"E'{escaped.replace('{', '{{').replace('}', '}}')}'"


def value(words: Words, type_: str, text: str | None, at: datetime) -> str:
    """One column's value as SQL."""
    if text is None:
        return f"NULL::{type_}"
    if type_ == "timestamp with time zone":
        ahead = (datetime.fromisoformat(text) - at) / timedelta(microseconds=1)
        return f"{{now}} + interval '{ahead:.0f} microseconds'" if ahead else "{now}"
    if type_ == "bytea":
        raw = bytes.fromhex(text.removeprefix("\\x"))
        plain = raw.decode(errors="ignore")
        return f"convert_to({words.text(plain)}, 'UTF8')" if plain.encode() == raw else f"decode('{raw.hex()}', 'hex')"
    return f"({words.text(text)})::{type_}"


@dataclass
class Accounts:
    """The accounts that payments move: `said` has them by number, as itself (the house's) or as {account_0} and so on.

    Those are the merchants' own, in the order of `owned`: names with {merchant} in them.
    """

    said: dict[str, str] = field(default_factory=dict[str, str])
    owned: list[str] = field(default_factory=list[str])

    def learn(self, changes: Changes, merchant: str) -> None:
        for _, row in changes.changed.get("accounts", []):
            name, number = row["name"] or "", row["id"] or ""
            if number not in self.said and merchant in name:
                self.said[number] = f"{{account_{len(self.owned)}}}"
                self.owned.append(name.replace(merchant, "{merchant}"))
            self.said.setdefault(number, number)


class Template:
    """The changes of one request, or of several together, ready to be written for any payment."""

    def __init__(self, schema: Mapping[str, Table], words: Words, changes: Changes, accounts: Accounts) -> None:
        self.schema = schema
        self.words = words
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
                    sql[name] = self.accounts.said[text or ""]
                else:
                    sql[name] = value(self.words, types[name], text, self.at)
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
        """UPDATE statements for rows that were there: numbers move by as much, other columns are set."""
        if table == "accounts":
            return [self._balances()]
        said: list[str] = []
        types = self.schema[table].types
        for before, after in self.changes.changed[table]:
            sets = [
                f"{name} = {name} + {int(text or 0) - int(before[name] or 0)}"
                if types[name] in {"bigint", "integer", "numeric"} and table != "charges"
                else f"{name} = {value(self.words, types[name], text, self.at)}"
                for name, text in after.items()
                if before[name] != text
            ]
            key = self.schema[table]
            where = [f"{name} = {value(self.words, types[name], after[name], self.at)}" for name in key.key]
            where += [key.key_condition] if key.key_condition else []
            said.append(f"UPDATE {table} SET {', '.join(sets)} WHERE {' AND '.join(where)}")
        return said

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
        return {self.accounts.said[b["id"] or ""]: int(a["balance"] or 0) - int(b["balance"] or 0) for b, a in changed}

    @property
    def counts(self) -> dict[str, int]:
        """By how much a merchant's counters grow."""
        ((before, after),) = self.changes.changed["counters"]
        return {name: int(after[name] or 0) - int(before[name] or 0) for name in ("events", "payments")}

    def transaction(self) -> list[str]:
        """One payment's statements. The tally, its events and their deliveries are one statement: the cheapest way."""
        said: list[str] = []
        for table in self.changes.tables:
            if table not in LAST:
                said += self.inserts(table) if table in self.changes.new else []
                said += self.updates(table) if table in self.changes.changed else []
        tally = self.updates("counters")[0] + " RETURNING events AS sequence"
        chain = [f"tally AS ({tally})"]
        parts = [
            insert.replace("{sequence}", "tally.sequence")
            for table in ("events", "deliveries")
            if table in self.changes.new
            for insert in self.inserts(table, "FROM tally")
        ]
        chain += [f"part{i} AS ({part})" for i, part in enumerate(parts[:-1])]
        return [*said, f"WITH {', '.join(chain)} {parts[-1]}"]
