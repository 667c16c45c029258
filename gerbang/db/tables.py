"""The columns of each table, said once: for writing new rows, for writing changes, and for reading.

A row is a struct of the domain whose fields are the columns. Statements take many rows at a time, one array per column.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, Generic, TypeVar

import asyncpg
import msgspec

from gerbang.domain.changes import KeptAnswer
from gerbang.domain.charges import Charge
from gerbang.domain.inquiries import Reply
from gerbang.domain.partner_requests import PartnerRequest
from gerbang.domain.paycodes import Paycode
from gerbang.domain.payments import Payment
from gerbang.domain.payouts import Payout
from gerbang.domain.settlements import Settlement

Row = TypeVar("Row", bound=msgspec.Struct)

Columns = list[object]
"""The parameters of a statement: for many rows, one array per column."""


class Table(Generic[Row]):
    """A table and the struct that its rows are. `columns` maps the name of each column to its SQL type.

    `changing` are the columns that an update writes; it finds its rows by `key`. `later` are columns that are empty in most
    new rows, which are then written without them.
    """

    def __init__(
        self,
        name: str,
        row: type[Row],
        columns: dict[str, str],
        *,
        changing: Collection[str] = (),
        key: tuple[str, ...] = ("merchant_id", "id"),
        later: Collection[str] = (),
    ) -> None:
        assert {field.name for field in msgspec.structs.fields(row)} == set(columns), f"{name}: columns are the fields"
        self.name = name
        self.columns = ", ".join(columns)
        self._row = row
        self._types = columns
        fields = msgspec.structs.fields(row)
        self._place = {field.name: place for place, field in enumerate(fields)}
        self._values_of = itemgetter(*self._place)
        self._json = {f.name: msgspec.json.Decoder(f.type).decode for f in fields if columns[f.name] == "json"}
        self._decoded = [(self._place[name], decode) for name, decode in self._json.items()]
        self._whole = [self._place[column] for column, type_ in columns.items() if type_ == "numeric"]
        self._key = key
        self._changing = [*key, *(column for column in columns if column in changing)]
        self._early = [column for column in columns if column not in later]
        self._later = tuple(later)

    # -- writing ------------------------------------------------------------------------------------------------------

    @cached_property
    def insert(self) -> str:
        """Writes new rows with all their columns."""
        return self._insert(list(self._types))

    @cached_property
    def insert_early(self) -> str:
        """Writes new rows without the columns that are filled later."""
        return self._insert(self._early)

    @cached_property
    def update(self) -> str:
        """Writes the columns that can change."""
        sets = ", ".join(f"{column} = n.{column}" for column in self._changing[len(self._key) :])
        same = " AND ".join(f"t.{column} = n.{column}" for column in self._key)
        return (
            f"UPDATE {self.name} t SET {sets} FROM unnest({self._arrays(self._changing)}) "
            f"AS n({', '.join(self._changing)}) WHERE {same}"
        )

    def inserted(self, rows: Sequence[Row]) -> tuple[str, Columns]:
        """The statement that writes these new rows, and its parameters."""
        if not any(getattr(row, column) for row in rows for column in self._later):
            return self.insert_early, self._values(self._early, rows)
        return self.insert, self._values(list(self._types), rows)

    def updated(self, rows: Iterable[Row]) -> tuple[str, Columns]:
        """The statement that writes what has changed of these rows, and its parameters."""
        return self.update, self._values(self._changing, list(rows))

    def _insert(self, columns: list[str]) -> str:
        return f"INSERT INTO {self.name} ({', '.join(columns)}) SELECT * FROM unnest({self._arrays(columns)})"

    def _arrays(self, columns: list[str]) -> str:
        return ", ".join(f"${i}::{self._types[column]}[]" for i, column in enumerate(columns, 1))

    def _values(self, columns: list[str], rows: Sequence[Row]) -> Columns:
        return [self._column(column, rows) for column in columns]

    def _column(self, column: str, rows: Sequence[Row]) -> Sequence[object]:
        values: list[object] = [getattr(row, column) for row in rows]
        if column in self._json:
            return [None if value is None else msgspec.json.encode(value).decode() for value in values]
        return values

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, record: asyncpg.Record, **instead: object) -> Row:
        """The row of a record that has all columns; `instead` replaces some of them."""
        values: list[Any] = list(self._values_of(record))
        for name, value in instead.items():
            values[self._place[name]] = value
        for place, decode in self._decoded:
            if isinstance(values[place], str):
                values[place] = decode(values[place])
        for place in self._whole:
            values[place] = int(values[place])
        return self._row(*values)


PAYMENTS = Table(
    "payments",
    Payment,
    {
        "id": "uuid",
        "merchant_id": "uuid",
        "product": "text",
        "scope": "text",
        "reference": "text",
        "kind": "text",
        "amount": "bigint",
        "currency": "text",
        "state": "text",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "expires_at": "timestamptz",
        "paid_at": "timestamptz",
        "cancelled_at": "timestamptz",
        "cancellation_reason": "text",
        "descriptor": "text",
        "customer_id": "text",
        "method": "json",
        "details": "json",
    },
    changing={
        "state",
        "updated_at",
        "expires_at",
        "paid_at",
        "cancelled_at",
        "cancellation_reason",
        "method",
    },
    later=("paid_at", "cancelled_at", "cancellation_reason"),
)

CHARGES = Table(
    "charges",
    Charge,
    {
        "id": "uuid",
        "payment_id": "uuid",
        "merchant_id": "uuid",
        "payment_reference": "text",
        "amount": "bigint",
        "state": "text",
        "channel": "text",
        "instructions": "json",
        "descriptor": "text",
        "fee": "bigint",
        "vat": "bigint",
        "static": "boolean",
        "failure": "text",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "expires_at": "timestamptz",
        "paid_at": "timestamptz",
        "settles_at": "timestamptz",
        "settled_at": "timestamptz",
        "settlement_id": "uuid",
    },
    changing={
        "state",
        "instructions",
        "fee",
        "vat",
        "failure",
        "updated_at",
        "paid_at",
        "settles_at",
    },
    later=("failure", "paid_at", "settles_at", "settled_at", "settlement_id"),
)

PAYCODES = Table(
    "paycodes",
    Paycode,
    {
        "connection": "text",
        "channel": "text",
        "number": "text",
        "merchant_id": "uuid",
        "payment_id": "uuid",
        "charge_id": "uuid",
        "static": "boolean",
        "free_at": "timestamptz",
        "created_at": "timestamptz",
    },
)

ANSWERS = Table(
    "idempotency_keys",
    KeptAnswer,
    {
        "merchant_id": "uuid",
        "key": "text",
        "fingerprint": "bytea",
        "answer": "bytea",
        "expires_at": "timestamptz",
        "request_id": "uuid",
    },
    later=("request_id",),
)

INQUIRIES = Table(
    "inquiries",
    Reply,
    {
        "connection": "text",
        "service": "text",
        "request_id": "text",
        "channel": "text",
        "number": "text",
        "amount": "bigint",
        "reference": "text",
        "verdict": "text",
        "reason": "text",
        "merchant_id": "uuid",
        "payment_id": "uuid",
        "report_id": "uuid",
        "owed": "bigint",
        "payer_name": "text",
        "answered_at": "timestamptz",
    },
)

SETTLEMENTS = Table(
    "settlements",
    Settlement,
    {
        "id": "uuid",
        "merchant_id": "uuid",
        "settled_on": "date",
        "charges": "bigint",
        "gross": "numeric",
        "fees": "numeric",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
    },
)

PAYOUTS = Table(
    "payouts",
    Payout,
    {
        "id": "uuid",
        "merchant_id": "uuid",
        "product": "text",
        "reference": "text",
        "connection": "text",
        "amount": "bigint",
        "fee": "bigint",
        "vat": "bigint",
        "state": "text",
        "destination": "json",
        "description": "text",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "sent_at": "timestamptz",
        "ended_at": "timestamptz",
        "bank_reference": "text",
        "bank_account_name": "text",
        "failure_reason": "text",
        "returned_at": "timestamptz",
    },
    changing={
        "state",
        "updated_at",
        "sent_at",
        "ended_at",
        "bank_reference",
        "bank_account_name",
        "failure_reason",
        "returned_at",
    },
)

PARTNER_REQUESTS = Table(
    "partner_requests",
    PartnerRequest,
    {
        "id": "uuid",
        "merchant_id": "uuid",
        "connection": "text",
        "operation": "text",
        "asked": "json",
        "state": "text",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "partner_reference": "text",
        "reason": "text",
        "tries": "integer",
        "next_at": "timestamptz",
    },
    changing={"state", "updated_at", "partner_reference", "reason", "tries", "next_at"},
    key=("id",),
)

QUERIES = {
    f"{table.name}.{name}": sql
    for table in (PAYMENTS, CHARGES, PAYCODES, ANSWERS, INQUIRIES, PAYOUTS, PARTNER_REQUESTS)
    for name, sql in (
        ("insert", table.insert),
        ("insert_early", table.insert_early),
        *([("update", table.update)] if table in (PAYMENTS, CHARGES, PAYOUTS, PARTNER_REQUESTS) else []),
    )
}
"""Every statement that is made of the columns, by name."""
