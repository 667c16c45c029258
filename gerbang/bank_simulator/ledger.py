"""The simulated bank's own ledger, in SQLite: accounts, movements, and records of what it was asked to do.

It shares nothing with the gateway's ledger. Amounts are whole hundredths (sen), instants are ISO 8601 in UTC.
"""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

PAYERS, SUSPENSE, OTHER_BANKS = "payers", "suspense", "other-banks"
"""The bank's own accounts: its customers who pay, money of payments that nobody has settled, and what other banks hold."""
Kind = Literal["transfer", "va", "qr", "wallet", "payment", "refund"]

_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (number TEXT PRIMARY KEY, holder TEXT NOT NULL, balance INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS movements (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts, amount INTEGER NOT NULL, balance INTEGER NOT NULL,
    at TEXT NOT NULL, reference TEXT NOT NULL, remark TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS movements_of_account ON movements (account, at, id);
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, other_key TEXT NOT NULL, state TEXT NOT NULL,
    amount INTEGER NOT NULL, at TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS records_by_key ON records (kind, key);
CREATE INDEX IF NOT EXISTS records_by_other_key ON records (kind, other_key);
CREATE TABLE IF NOT EXISTS external_ids (
    day TEXT NOT NULL, service TEXT NOT NULL, external_id TEXT NOT NULL, PRIMARY KEY (day, service, external_id));
"""


class Account(msgspec.Struct, frozen=True):
    """An account and its balance."""

    number: str
    holder: str
    balance: int


class Movement(msgspec.Struct, frozen=True):
    """One line of an account. A positive amount came in."""

    id: int
    account: str
    amount: int
    balance: int
    at: str
    reference: str
    remark: str


class Record(msgspec.Struct, frozen=True):
    """What the bank was asked to do: a transfer, a number, a code, a payment, a refund."""

    id: int
    kind: str
    key: str
    """The partner's reference of it, or the number."""
    other_key: str
    """The bank's reference of it, or the external id."""
    state: str
    amount: int
    at: str
    document: dict[str, Any]


class Ledger:
    """The ledger of one bank. Made with its file's path; `:memory:` keeps it nowhere."""

    def __init__(self, path: Path | str) -> None:
        if isinstance(path, Path):
            path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def together(self) -> Generator[None]:
        """Everything written inside is kept, or nothing is."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # Accounts

    def open_account(self, number: str, holder: str, balance: int) -> None:
        """An account that exists already stays as it is."""
        self._write(
            "INSERT OR IGNORE INTO accounts (number, holder, balance) VALUES (?, ?, ?)", number, holder, balance
        )

    def account(self, number: str) -> Account | None:
        rows = self._rows("SELECT number, holder, balance FROM accounts WHERE number = ?", number)
        return Account(*rows[0]) if rows else None

    def accounts(self) -> list[Account]:
        return [Account(*row) for row in self._rows("SELECT number, holder, balance FROM accounts ORDER BY number")]

    def move(self, source: str, target: str, amount: int, at: datetime, reference: str, remark: str) -> None:
        """Moves money from one account to another: a line on each. Call it inside `together`."""
        for number, change in ((source, -amount), (target, amount)):
            self._write("UPDATE accounts SET balance = balance + ? WHERE number = ?", change, number)
            self._write(
                "INSERT INTO movements (account, amount, balance, at, reference, remark)"
                " SELECT number, ?, balance, ?, ?, ? FROM accounts WHERE number = ?",
                *(change, stored(at), reference, remark, number),
            )

    def movements(self, account: str, since: str = "", until: str = "9999", limit: int = -1) -> list[Movement]:
        """The lines of an account from `since` on and before `until`, the newest first."""
        return [
            Movement(*row)
            for row in self._rows(
                "SELECT id, account, amount, balance, at, reference, remark FROM movements"
                " WHERE account = ? AND at >= ? AND at < ? ORDER BY at DESC, id DESC LIMIT ?",
                *(account, since, until, limit),
            )
        ]

    # Records

    def keep(
        self, kind: Kind, key: str, other_key: str, state: str, amount: int, at: datetime, /, **document: Any
    ) -> int:
        """Keeps a record and returns its id."""
        return self._write(
            "INSERT INTO records (kind, key, other_key, state, amount, at, document) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(kind, key, other_key, state, amount, stored(at), _json(document)),
        )

    def change(self, record: Record, state: str, **members: Any) -> Record:
        """Changes the state of a record, and members of its document."""
        document = record.document | members
        self._write("UPDATE records SET state = ?, document = ? WHERE id = ?", state, _json(document), record.id)
        return msgspec.structs.replace(record, state=state, document=document)

    def find(self, kind: Kind, *, key: str = "", other_key: str = "") -> Record | None:
        """The newest record with such a key; None if there is none."""
        found = self.found(kind, key=key, other_key=other_key)
        return found[0] if found else None

    def found(self, kind: Kind, *, key: str = "", other_key: str = "", since: str = "") -> list[Record]:
        """Records of a kind, the newest first; only those with a key where one is given, and from an instant on."""
        rows = self._rows(
            "SELECT id, kind, key, other_key, state, amount, at, document FROM records WHERE kind = ?"
            " AND (? = '' OR key = ?) AND (? = '' OR other_key = ?) AND at >= ? ORDER BY id DESC",
            *(kind, key, key, other_key, other_key, since),
        )
        return [Record(*row[:7], document=msgspec.json.decode(row[7])) for row in rows]

    def first_use(self, day: str, service: str, external_id: str) -> bool:
        """Whether an external id is new on this day for this service; from now on it is not."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(
                "INSERT OR IGNORE INTO external_ids (day, service, external_id) VALUES (?, ?, ?)",
                (day, service, external_id),
            )
            return cursor.rowcount == 1

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: Any) -> int:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, values)
            return cursor.lastrowid or 0


def stored(instant: datetime) -> str:
    """An instant as the ledger has it: texts that sort by time."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def instant_of(text: str) -> datetime:
    """The instant that a text of the ledger is."""
    return datetime.fromisoformat(text)


def _json(document: dict[str, Any]) -> str:
    return msgspec.json.encode(document).decode()


# Amounts


def sen(value: object) -> int | None:
    """The hundredths of an amount such as `75000.00`, `75000`, `200000.2`; None if it is none, or not above zero."""
    text = str(value)
    whole, _, part = text.partition(".")
    if not (text.isascii() and whole.isdecimal() and len(whole) <= 16 and len(part) <= 2):
        return None
    if part and not part.isdecimal():
        return None
    amount = int(whole) * 100 + int((part + "00")[:2])
    return amount or None


def written(amount: int) -> str:
    """Hundredths as the standard writes an amount: `75000.00`."""
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d}"
