"""What the database itself refuses, whatever the code above it has forgotten."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from asyncpg import CheckViolationError, ForeignKeyViolationError, NotNullViolationError, UniqueViolationError

from tests.support.gateways import Databases

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
MERCHANT, OTHER = UUID(int=1), UUID(int=2)

ROWS: dict[str, dict[str, Any]] = {
    "merchants": {
        "id": MERCHANT,
        "number": 131,
        "name": "Toko",
        "short_name": "TOKO",
        "email": "toko@toko.example",
        "agreement": "{}",
        "created_at": NOW,
    },
    "credentials": {"key": "k", "merchant_id": MERCHANT, "dialect": "d", "secret_hash": b"", "created_at": NOW},
    "endpoints": {
        "id": UUID(int=3),
        "merchant_id": MERCHANT,
        "product": "payment",
        "url": "https://toko.example",
        "kinds": [],
        "api_key": b"",
        "signing_secret": b"",
        "created_at": NOW,
    },
    "customers": {
        "merchant_id": MERCHANT,
        "id": "c-1",
        "email": "budi@example.id",
        "data": "{}",
        "created_at": NOW,
        "updated_at": NOW,
    },
    "payments": {
        "id": UUID(int=4),
        "merchant_id": MERCHANT,
        "reference": "order-1",
        "kind": "one_time",
        "amount": 2_000_000,
        "currency": "IDR",
        "state": "awaiting",
        "created_at": NOW,
        "updated_at": NOW,
        "descriptor": "",
        "details": "{}",
        "product": "payment",
        "scope": "",
    },
    "settlements": {
        "id": UUID(int=8),
        "merchant_id": MERCHANT,
        "settled_on": date(2025, 3, 31),
        "charges": 1,
        "gross": 2_000_000,
        "fees": 444_000,
        "created_at": NOW,
        "updated_at": NOW,
    },
    "charges": {
        "id": UUID(int=5),
        "payment_id": UUID(int=4),
        "merchant_id": MERCHANT,
        "payment_reference": "order-1",
        "amount": 2_000_000,
        "state": "waiting",
        "channel": "virtual_account",
        "instructions": "{}",
        "descriptor": "",
        "created_at": NOW,
        "updated_at": NOW,
        "vat": 0,
        "static": False,
    },
    "paycodes": {
        "connection": "simulator",
        "channel": "virtual_account",
        "number": "12700000 00000001",
        "merchant_id": MERCHANT,
        "payment_id": UUID(int=4),
        "static": False,
        "created_at": NOW,
    },
    "idempotency_keys": {"merchant_id": MERCHANT, "key": "k", "fingerprint": b"", "answer": b"", "expires_at": NOW},
    "reports": {
        "id": UUID(int=6),
        "connection": "simulator",
        "service": "payment",
        "reference": "SIM1",
        "occurrence": 1,
        "channel": "virtual_account",
        "number": "1",
        "amount": 2_000_000,
        "outcome": "booked",
        "merchant_id": MERCHANT,
        "payment_id": UUID(int=4),
        "charge_id": UUID(int=5),
        "paid_at": NOW,
        "received_at": NOW,
    },
    "report_names": {
        "connection": "simulator",
        "service": "payment",
        "reference": "SIM1",
        "occurrence": 1,
        "merchant_id": MERCHANT,
        "report_id": UUID(int=6),
    },
    "accounts": {"name": "bank/simulator", "currency": "IDR"},
    "transfers": {
        "debit": 1,
        "credit": 2,
        "amount": 1,
        "reason": "fee",
        "merchant_id": MERCHANT,
        "cause_id": UUID(int=5),
        "at": NOW,
    },
    "events": {"merchant_id": MERCHANT, "sequence": 1, "kind": "payment.paid", "at": NOW},
    "deliveries": {
        "id": UUID(int=7),
        "merchant_id": MERCHANT,
        "sequence": 1,
        "endpoint_id": UUID(int=3),
        "state": "waiting",
        "next_at": NOW,
        "created_at": NOW,
    },
    "tries": {
        "merchant_id": MERCHANT,
        "delivery_id": UUID(int=7),
        "number": 1,
        "at": NOW,
        "seconds": 0.1,
        "error": "",
        "answer": "",
    },
    "statement_imports": {
        "connection": "bca",
        "hash": "h",
        "account": "0123456789",
        "kind": "bca",
        "file_name": "a.csv",
        "first_on": date(2025, 3, 30),
        "last_on": date(2025, 3, 30),
        "lines": 1,
        "new_lines": 1,
        "imported_at": NOW,
    },
    "statement_lines": {
        "connection": "bca",
        "booked_on": date(2025, 3, 30),
        "key": "k",
        "account": "0123456789",
        "amount": 2_000_000,
        "direction": "credit",
        "text": "",
        "position": 1,
        "reference": "",
        "pending": False,
        "branch": "",
    },
    "findings": {
        "connection": "bca",
        "happened_on": date(2025, 3, 30),
        "key": "k",
        "kind": "missing_there",
        "owner": "operator",
        "sides": "{}",
        "state": "open",
        "note": "",
        "found_at": NOW,
        "updated_at": NOW,
    },
    "reconciled_days": {
        "connection": "bca",
        "happened_on": date(2025, 3, 30),
        "movements": 1,
        "lines": 1,
        "listed": 0,
        "matched": 1,
        "findings": 0,
        "compared_at": NOW,
    },
    "sandbox_clock": {"offset_seconds": 1.5},
}
"""One good row of each table, each fitting to the others; what the tests change is all that is wrong with theirs."""


class Endpoints:
    """A connection to a database that holds ROWS. What a test tries in it is undone."""

    def __init__(self, runner: asyncio.Runner, connection: Any) -> None:
        self._runner = runner
        self._connection = connection

    def insert(self, table: str, **changes: Any) -> None:
        self._runner.run(self._undone(table, ROWS[table] | changes))

    async def _undone(self, table: str, row: dict[str, Any]) -> None:
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            await self.write(table, row)
        finally:
            await transaction.rollback()

    async def write(self, table: str, row: dict[str, Any]) -> None:
        places = ", ".join(f"${i}" for i in range(1, len(row) + 1))
        await self._connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())

    async def fill(self) -> None:
        await self.write("accounts", {"name": "platform/fees", "currency": "IDR"})
        for table, row in ROWS.items():
            await self.write(table, row)


@pytest.fixture(scope="module")
def endpoints(databases: Databases) -> Iterator[Endpoints]:
    url = databases.fresh()
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        endpoints = Endpoints(runner, connection)
        runner.run(endpoints.fill())
        yield endpoints
        runner.run(connection.close())


NEW: dict[str, dict[str, Any]] = {
    "merchants": {"id": OTHER, "number": 132},
    "endpoints": {"id": OTHER, "product": "refund"},
    "customers": {"id": "c-2", "email": "siti@example.id"},
    "payments": {"id": OTHER, "reference": "order-2"},
    "settlements": {"id": OTHER, "settled_on": date(2025, 4, 1)},
    "charges": {"id": OTHER},
    "paycodes": {"number": "2"},
    "idempotency_keys": {"key": "k-2"},
    "reports": {"id": OTHER, "reference": "SIM2", "charge_id": OTHER},
    "report_names": {"reference": "SIM2"},
    "transfers": {"cause_id": OTHER},
    "events": {"sequence": 2},
    "deliveries": {"id": OTHER},
    "tries": {"number": 2},
}
"""What makes a second row of a table a good one."""
SETTLED: dict[str, Any] = {
    "id": OTHER,
    "state": "succeeded",
    "paid_at": NOW,
    "settles_at": NOW,
    "settled_at": NOW,
    "settlement_id": UUID(int=8),
}
"""What makes a charge a settled one."""


@pytest.mark.parametrize("table", NEW)
def test_a_second_row_that_is_right_is_taken(endpoints: Endpoints, table: str) -> None:
    endpoints.insert(table, **NEW[table])


@pytest.mark.parametrize(
    ("what", "table", "changes"),
    [
        ("a number that somebody holds", "paycodes", {"payment_id": uuid4(), "merchant_id": OTHER}),
        ("a reference that the merchant used", "payments", {"id": OTHER}),
        ("the name of a report", "report_names", {"report_id": OTHER}),
        ("the name of a report, for another merchant's money", "report_names", {"merchant_id": OTHER}),
        ("a charge booked by a second report", "reports", {"id": OTHER, "reference": "SIM2"}),
        ("an idempotency key that the merchant used", "idempotency_keys", {"answer": b"other"}),
        ("an event number that was given", "events", {"kind": "payment.created"}),
        ("an e-mail address of another customer", "customers", {"id": "c-2"}),
        ("a merchant's number twice", "merchants", {"id": OTHER}),
        ("a second address for one product", "endpoints", {"id": OTHER, "url": "https://other.example"}),
        ("a second settlement of a merchant's day", "settlements", {"id": OTHER}),
        ("money moved twice by one cause for one reason", "transfers", {"amount": 2}),
        ("an account's name twice", "accounts", {}),
        ("a key to sign in with twice", "credentials", {"dialect": "other"}),
        ("a try under a number that was used", "tries", {"status": 200}),
        ("a line of a statement", "statement_lines", {"text": "another remark"}),
        ("a file of one account", "statement_imports", {"lines": 2}),
        ("a finding under its key", "findings", {"note": "x"}),
        ("the result of a day", "reconciled_days", {"findings": 1}),
        ("a second clock", "sandbox_clock", {"offset_seconds": 2.0}),
    ],
)
def test_what_may_be_there_once_is_refused_the_second_time(
    endpoints: Endpoints, what: str, table: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(UniqueViolationError):
        endpoints.insert(table, **changes)


@pytest.mark.parametrize(
    ("what", "table", "changes"),
    [
        ("a number that nobody holds any more", "paycodes", {"held": False, "payment_id": OTHER}),
        ("a number of another bank", "paycodes", {"connection": "other", "payment_id": OTHER}),
        ("another row of an account", "accounts", {"stripe": 1}),
        ("another merchant's money for the same cause", "transfers", {"merchant_id": OTHER}),
        ("a number of another channel", "paycodes", {"channel": "qris", "payment_id": OTHER}),
        ("another merchant's reference", "payments", {"id": OTHER, "merchant_id": OTHER}),
        ("a reference of another series", "payments", {"id": OTHER, "scope": "links"}),
        ("another merchant's settlement of the day", "settlements", {"id": OTHER, "merchant_id": OTHER}),
        ("a settled charge", "charges", SETTLED),
        ("money moved by one cause for another reason", "transfers", {"reason": "vat"}),
        ("another merchant's key", "idempotency_keys", {"merchant_id": OTHER}),
        ("another merchant's customer", "customers", {"merchant_id": OTHER}),
        ("a customer without an e-mail address", "customers", {"id": "c-3", "email": None}),
        ("another bank's reference", "report_names", {"connection": "other"}),
        ("a reference of another service", "report_names", {"service": "other"}),
        ("other money under the same reference", "report_names", {"occurrence": 2}),
        (
            "money held for a charge that is booked",
            "reports",
            {"id": OTHER, "reference": "SIM2", "outcome": "double"},
        ),
        ("a MULTIPLE payment of any amount", "payments", NEW["payments"] | {"kind": "static", "amount": None}),
    ],
)
def test_what_only_looks_the_same_is_taken(
    endpoints: Endpoints, what: str, table: str, changes: dict[str, Any]
) -> None:
    endpoints.insert(table, **changes)


@pytest.mark.parametrize(
    ("what", "table", "changes"),
    [
        ("a paid payment without its time", "payments", {"state": "paid"}),
        ("a succeeded charge without its time", "charges", {"state": "succeeded"}),
        ("a payment of nothing", "payments", {"amount": 0}),
        ("a payment of less than nothing", "payments", {"amount": -1}),
        ("a SINGLE payment without an amount", "payments", {"amount": None}),
        ("a kind of payment that does not exist", "payments", {"kind": "twice"}),
        ("a state that does not exist", "payments", {"state": "settled"}),
        ("a settled charge that was never paid", "charges", SETTLED | {"state": "waiting", "paid_at": None}),
        ("a charge that is settled with no settlement", "charges", SETTLED | {"settlement_id": None}),
        ("a charge of nothing", "charges", {"amount": 0}),
        ("a charge in a state that does not exist", "charges", {"state": "paid"}),
        ("a transfer of nothing", "transfers", {"amount": 0}),
        ("a transfer of less than nothing", "transfers", {"amount": -1}),
        ("a transfer from an account to itself", "transfers", {"credit": 1}),
        ("a report of nothing", "reports", {"amount": 0}),
        ("a report of less than nothing", "reports", {"amount": -1}),
        ("an outcome that does not exist", "reports", {"outcome": "refused"}),
        ("money booked to no charge", "reports", {"outcome": "booked", "charge_id": None}),
        ("a second use of a reference that is booked", "reports", {"outcome": "booked", "occurrence": 2}),
        ("a waiting delivery that is never due", "deliveries", {"next_at": None}),
        ("a finished delivery that is due", "deliveries", {"state": "parked"}),
        ("a delivery in a state that does not exist", "deliveries", {"state": "lost"}),
        ("a line of a statement over nothing", "statement_lines", {"key": "k-2", "amount": 0}),
        ("a file that covers half of a period", "statement_imports", {"hash": "h-2", "last_on": None}),
        ("a file that ends before it begins", "statement_imports", {"hash": "h-2", "last_on": date(2025, 3, 29)}),
        (
            "a finding that is closed and nobody knows why",
            "findings",
            {"key": "k-2", "state": "closed", "closed_at": NOW},
        ),
        ("a finding that is open and closed", "findings", {"key": "k-2", "closed_as": "gone", "closed_at": NOW}),
        ("a note without words", "findings", {"key": "k-2", "state": "noted"}),
        ("a clock beside the clock", "sandbox_clock", {"only_row": False}),
    ],
)
def test_what_cannot_be_true_is_refused(endpoints: Endpoints, what: str, table: str, changes: dict[str, Any]) -> None:
    with pytest.raises(CheckViolationError):
        endpoints.insert(table, **NEW.get(table, {}) | changes)


@pytest.mark.parametrize(
    ("what", "table", "changes"),
    [
        ("a charge of no payment", "charges", {"payment_id": OTHER}),
        ("a charge of another merchant's payment", "charges", {"merchant_id": OTHER}),
        ("a charge in another merchant's settlement", "charges", SETTLED | {"merchant_id": OTHER}),
        ("a try of another merchant's delivery", "tries", {"merchant_id": OTHER}),
        ("a charge in no settlement", "charges", SETTLED | {"settlement_id": OTHER}),
        ("a delivery of no event", "deliveries", {"sequence": 2}),
        ("a delivery of another merchant's event", "deliveries", {"merchant_id": OTHER}),
        ("a delivery to no endpoint", "deliveries", {"endpoint_id": OTHER}),
        ("a try of no delivery", "tries", {"delivery_id": OTHER}),
        ("a transfer to no account", "transfers", {"credit": 99}),
        ("a key of no merchant", "credentials", {"key": "k-2", "merchant_id": OTHER}),
        ("an endpoint of no merchant", "endpoints", {"merchant_id": OTHER}),
    ],
)
def test_what_belongs_to_nothing_is_refused(
    endpoints: Endpoints, what: str, table: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(ForeignKeyViolationError):
        endpoints.insert(table, **NEW.get(table, {}) | changes)


@pytest.mark.parametrize(("table", "column"), [(table, column) for table in NEW for column in ROWS[table]])
def test_only_what_may_be_unknown_can_be_left_out(endpoints: Endpoints, table: str, column: str) -> None:
    row = NEW[table] | {column: None}
    if (table, column) in MAY_BE_UNKNOWN:
        endpoints.insert(table, **row)
    else:
        with pytest.raises((NotNullViolationError, CheckViolationError)):
            endpoints.insert(table, **row)


MAY_BE_UNKNOWN = {("customers", "email"), ("reports", "payment_id"), ("transfers", "cause_id")}
