"""The columns of each table, said once: for writing new rows, for writing changes, and for reading.

A row is a struct of the domain whose fields are the columns. Statements take many rows at a time, as one array of the
table's row type (`payment_row` for payments): the driver encodes that in half the time of an array per column.
"""

from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.domain.changes import KeptAnswer
from gerbang.domain.charges import Charge
from gerbang.domain.inquiries import Reply
from gerbang.domain.partner_requests import PartnerRequest
from gerbang.domain.paycodes import Paycode
from gerbang.domain.payments import Payment
from gerbang.domain.payouts import Payout
from gerbang.domain.settlements import Settlement
from gerbang.ids import OwnedId

Row = TypeVar("Row", bound=msgspec.Struct)

Parameters = list[object]
"""The parameters of a statement."""


class Table(Generic[Row]):
    """A table, the struct that its rows are, and the type in PostgreSQL that they are sent as.

    `columns` maps the name of each column to its SQL type, in the order of the row type. `changing` are the columns that an
    update writes; it finds its rows by `key`.
    """

    def __init__(
        self,
        name: str,
        row_type: str,
        row: type[Row],
        columns: dict[str, str],
        *,
        changing: Collection[str] = (),
        key: tuple[str, ...] = ("merchant_id", "id"),
    ) -> None:
        fields = msgspec.structs.fields(row)[: len(columns)]
        assert {field.name for field in fields} == set(columns), f"{name}: columns are the first fields"
        self.name = name
        self.row_type = row_type
        self.types = columns
        self.columns = ", ".join(columns)
        self._row = row
        self._place = {field.name: place for place, field in enumerate(fields)}
        self._values_of = itemgetter(*self._place)
        self._json = {f.name: msgspec.json.Decoder(f.type).decode for f in fields if columns[f.name] == "json"}
        self._decoded = [(self._place[name], decode) for name, decode in self._json.items()]
        self._whole = [self._place[column] for column, type_ in columns.items() if type_ == "numeric"]
        self._key = key
        self._changing = [column for column in columns if column in changing]

    # -- writing ------------------------------------------------------------------------------------------------------

    @cached_property
    def insert(self) -> str:
        """Writes new rows."""
        return f"INSERT INTO {self.name} ({self.columns}) SELECT * FROM unnest($1::{self.row_type}[])"

    @cached_property
    def update(self) -> str:
        """Writes the columns that can change."""
        sets = ", ".join(f"{column} = n.{column}" for column in self._changing)
        same = " AND ".join(f"t.{column} = n.{column}" for column in self._key)
        return f"UPDATE {self.name} t SET {sets} FROM unnest($1::{self.row_type}[]) AS n WHERE {same}"

    def inserted(self, rows: Iterable[Row]) -> tuple[str, Parameters]:
        """The statement that writes these new rows, and its parameters."""
        return self.insert, [list(map(self._all_values, rows))]

    def updated(self, rows: Iterable[Row]) -> tuple[str, Parameters]:
        """The statement that writes what has changed of these rows, and its parameters."""
        return self.update, [list(map(self._changed_values, rows))]

    @cached_property
    def _all_values(self) -> Callable[[Row], tuple[object, ...]]:
        return self._sender(list(self.types))

    @cached_property
    def _changed_values(self) -> Callable[[Row], tuple[object, ...]]:
        return self._sender([*self._key, *self._changing])

    def _sender(self, columns: list[str]) -> Callable[[Row], tuple[object, ...]]:
        """A function from a row to its value of the row type, with these columns of it and NULL for all others."""
        values_of = attrgetter(*columns)
        in_type = itemgetter(*(columns.index(name) if name in columns else len(columns) for name in self.types))
        json = [place for place, name in enumerate(columns) if self.types[name] == "json"]

        def sent(row: Row) -> tuple[object, ...]:
            values = [*values_of(row), None]
            for place in json:
                if values[place] is not None:
                    values[place] = msgspec.json.encode(values[place]).decode()
            return in_type(values)

        return sent

    # -- reading ------------------------------------------------------------------------------------------------------

    @cached_property
    def look_up(self) -> str:
        """Reads rows by their merchants and ids."""
        return self._look_up("")

    @cached_property
    def hold(self) -> str:
        """Reads rows by their merchants and ids, and locks them."""
        return self._look_up(" FOR NO KEY UPDATE")

    def _look_up(self, lock: str) -> str:
        # A plain join would be planned for a small table as reading all of it, and that plan is kept while the table grows.
        return (
            f"SELECT found.* FROM unnest($1::owned_id[]) AS asked CROSS JOIN LATERAL (SELECT {self.columns} "
            f"FROM {self.name} WHERE merchant_id = asked.merchant_id AND id = asked.id LIMIT 1{lock}) found"
        )

    async def find(self, tx: Tx, asked: Iterable[OwnedId], *, locked: bool = False) -> dict[UUID, Row]:
        """Rows by id. Where they are held until the end of the transaction, they are locked in the order of their keys."""
        wanted = sorted(set(asked))
        rows = await tx.fetch(self.hold if locked else self.look_up, wanted) if wanted else []
        return {row["id"]: self.read(row) for row in rows}

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
    "payment_row",
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
)

CHARGES = Table(
    "charges",
    "charge_row_2",
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
        "card": "json",
        "captured": "bigint",
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
        "card",
        "captured",
        "settles_at",
    },
)

PAYCODES = Table(
    "paycodes",
    "paycode_row",
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
    "idempotency_key_row",
    KeptAnswer,
    {
        "merchant_id": "uuid",
        "key": "text",
        "fingerprint": "bytea",
        "answer": "bytea",
        "expires_at": "timestamptz",
        "request_id": "uuid",
    },
)

INQUIRIES = Table(
    "inquiries",
    "inquiry_row",
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
    "settlement_row",
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
    "payout_row_2",
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
        "kind": "text",
        "source": "text",
        "cause_id": "uuid",
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
    "partner_request_row_2",
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
        "way": "text",
        "account": "text",
        "sending_at": "timestamptz",
        "not_found": "integer",
    },
    changing={
        "state",
        "updated_at",
        "partner_reference",
        "reason",
        "tries",
        "next_at",
        "way",
        "account",
        "sending_at",
        "not_found",
    },
    key=("id",),
)

TABLES = (PAYMENTS, CHARGES, PAYCODES, ANSWERS, INQUIRIES, SETTLEMENTS, PAYOUTS, PARTNER_REQUESTS)
QUERIES = {
    **{f"{table.name}.insert": table.insert for table in TABLES},
    **{f"{table.name}.update": table.update for table in (PAYMENTS, CHARGES, PAYOUTS, PARTNER_REQUESTS)},
    **{f"{table.name}.look_up": table.look_up for table in (PAYMENTS, CHARGES)},
    "payments.hold": PAYMENTS.hold,
}
"""Every statement that is made of the columns, by name."""
