"""Databases of an earlier release: what was kept in them means the same to this one."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from gerbang.db import Database, audit, ledger, migrate, migrations
from gerbang.domain.events import Snapshot
from gerbang.domain.ledger import FEES, VAT, available, pending, suspense
from gerbang.seals import Seals
from gerbang.services import deliveries, settlements
from tests.domain.samples import CHARGE, PAYMENT, PRICE
from tests.gateways import Databases
from tests.houses import KEY, House, connected, house, run, told_wrong

AT = datetime(2025, 3, 28, 5, 48, 17, tzinfo=UTC)
MERCHANT = PAYMENT.merchant_id
FEE, TAX = 400_000, 44_000
ACCOUNTS = ["bank/simulator", pending(MERCHANT), FEES, VAT, suspense(MERCHANT)]
BANK, PENDING, HOUSE_FEES, HOUSE_VAT, SUSPENSE = range(1, 6)

Row = dict[str, Any]


async def _write(connection: "asyncpg.Connection[asyncpg.Record]", table: str, rows: Sequence[Row]) -> None:
    for row in rows:
        places = ", ".join(f"${i}" for i in range(1, len(row) + 1))
        await connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())


def _payment(number: int, **changes: Any) -> Row:
    return {
        "id": UUID(int=number),
        "merchant_id": MERCHANT,
        "reference": f"order-{number}",
        "kind": "single",
        "amount": PRICE,
        "currency": "IDR",
        "state": "paid",
        "created_at": AT,
        "updated_at": AT,
        "paid_at": AT,
        "descriptor": "",
        "details": "{}",
    } | changes


def _charge(number: int, payment: int, **changes: Any) -> Row:
    return {
        "id": UUID(int=number),
        "payment_id": UUID(int=payment),
        "merchant_id": MERCHANT,
        "payment_reference": f"order-{payment}",
        "amount": PRICE,
        "state": "succeeded",
        "channel": "virtual_account",
        "block": '{"number": "1"}',
        "descriptor": "",
        "created_at": AT,
        "updated_at": AT,
        "paid_at": AT,
        "fee": FEE + TAX,
    } | changes


def _report(number: int, payment: int, charge: int, **changes: Any) -> Row:
    return {
        "id": UUID(int=number),
        "bank": "simulator",
        "reference": f"SIM{number}",
        "channel": "virtual_account",
        "number": "1",
        "amount": PRICE,
        "outcome": "booked",
        "merchant_id": MERCHANT,
        "payment_id": UUID(int=payment),
        "charge_id": UUID(int=charge),
        "paid_at": AT,
        "received_at": AT,
    } | changes


def _lines(report: int, payment: int, *lines: tuple[int, int, int, str]) -> list[Row]:
    return [
        {
            "debit": debit,
            "credit": credit,
            "amount": amount,
            "reason": reason,
            "merchant_id": MERCHANT,
            "payment_id": UUID(int=payment),
            "report_id": UUID(int=report),
            "at": AT,
        }
        for debit, credit, amount, reason in lines
    ]


ARRIVED = (BANK, PENDING, PRICE, "money_in")
TAKEN = ((PENDING, HOUSE_FEES, FEE, "fee"), (PENDING, HOUSE_VAT, TAX, "vat"))
BEFORE_SETTLEMENT: dict[str, list[Row]] = {
    "sandbox_clock": [{"offset_seconds": 0.0}],
    "merchants": [
        {
            "id": MERCHANT,
            "number": 131,
            "name": "Toko",
            "short_name": "TOKO",
            "email": "toko@toko.example",
            "agreement": "{}",
            "created_at": AT,
        }
    ],
    "tallies": [{"merchant_id": MERCHANT, "events": 2, "payments": 3}],
    "payments": [
        _payment(1),
        _payment(2, kind="multiple", amount=None, state="active", paid_at=None),
        _payment(3, state="awaiting", paid_at=None),
    ],
    "charges": [
        _charge(11, 1),
        _charge(12, 2),
        _charge(13, 2, fee=0),  # as agreed with this merchant's friends
        _charge(14, 3, state="waiting", paid_at=None),
    ],
    "reports": [
        _report(21, 1, 11),
        _report(22, 2, 12),
        _report(23, 2, 13),
        _report(24, 1, 11, outcome="double"),
    ],
    "accounts": [
        {"name": name, "currency": "IDR", "balance": balance}
        for name, balance in zip(
            ACCOUNTS, (4 * PRICE, 2 * (FEE + TAX) - 3 * PRICE, -2 * FEE, -2 * TAX, -PRICE), strict=True
        )
    ],
    "transfers": [
        *_lines(21, 1, ARRIVED, *TAKEN),
        *_lines(22, 2, ARRIVED, *TAKEN),
        *_lines(23, 2, ARRIVED),
        *_lines(24, 1, (BANK, SUSPENSE, PRICE, "set_aside")),
    ],
}
"""A merchant with three payments: one paid twice, a standing one with two arrivals, and one that waits for its buyer."""


@pytest.fixture
def url(databases: Databases) -> str:
    """A database as it was before there were settlements and products, and then brought up to date."""
    made = databases.fresh()

    async def story() -> None:
        async with connected(made) as connection:
            await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            await connection.execute("CREATE TABLE migrations (number integer PRIMARY KEY, name text NOT NULL)")
            for number, name, sql in migrations():
                if number < 3:
                    await connection.execute(sql)
                    await connection.execute("INSERT INTO migrations VALUES ($1, $2)", number, name)
            for table, rows in BEFORE_SETTLEMENT.items():
                await _write(connection, table, rows)
            await _write(connection, "endpoints", [_ENDPOINT])
            await _write(connection, "events", [_EVENT, _OUR_EVENT])
            await _write(connection, "deliveries", [_DELIVERY, _OUR_DELIVERY])
        database = Database(made, 2)
        await database.open()
        async with database.reading() as tx:
            assert told_wrong(await audit.findings(tx, AT, audit.LEDGER)) == [], "the sample's books were in order"
        assert [name[:4] for name in await migrate(database)][:1] == ["0003"]
        await database.close()

    run(story)
    return made


_ENDPOINT: Row = {
    "id": UUID(int=31),
    "merchant_id": MERCHANT,
    "product": "payment",
    "url": "http://127.0.0.1:9/",
    "kinds": ["payment.paid", "money.set_aside"],
    "api_key": Seals(KEY).seal("the shop's key"),
    "signing_secret": Seals(KEY).seal("whsec_c2VjcmV0"),
    "created_at": AT,
}
_OLD_SNAPSHOT = json.loads(msgspec.json.encode(Snapshot(payment=PAYMENT, charge=CHARGE)))
for _noun, _word in (("payment", "product"), ("payment", "scope"), ("charge", "standing"), ("charge", "vat")):
    _OLD_SNAPSHOT[_noun].pop(_word)
_EVENT: Row = {
    "merchant_id": MERCHANT,
    "sequence": 1,
    "kind": "payment.paid",
    "at": AT,
    "payment_id": UUID(int=1),
    "charge_id": UUID(int=11),
    "snapshot": json.dumps(_OLD_SNAPSHOT),
}
_DELIVERY: Row = {
    "id": UUID(int=32),
    "merchant_id": MERCHANT,
    "sequence": 1,
    "endpoint_id": UUID(int=31),
    "state": "waiting",
    "next_at": AT,
    "created_at": AT,
}
_OUR_EVENT = _EVENT | {"sequence": 2, "kind": "money.set_aside"}
_OUR_DELIVERY = _DELIVERY | {"id": UUID(int=33), "sequence": 2, "body": b'{"event":"MONEY.SET_ASIDE"}'}


async def _balances(here: House) -> dict[str, int]:
    async with here.world.db.reading() as tx:
        return {name: balance for name, balance in (await ledger.balances(tx)).items() if balance}


def test_fees_that_were_taken_when_the_money_came_are_given_back_until_it_is_settled(url: str) -> None:
    async def story() -> None:
        async with house(url) as here:
            assert await here.imbalances() == []
            assert await _balances(here) == {
                "bank/simulator": 4 * PRICE,
                pending(MERCHANT): -3 * PRICE,
                suspense(MERCHANT): -PRICE,
            }

    run(story)


def test_what_was_paid_before_there_was_settlement_is_settled_at_once_and_once(url: str) -> None:
    async def story() -> None:
        async with house(url) as here:
            known = await here.rows("SELECT id, vat, standing, settles_at, settled_at FROM charges ORDER BY id")
            assert [tuple(row.values()) for row in known] == [
                (UUID(int=11), TAX, False, AT, None),
                (UUID(int=12), TAX, True, AT, None),
                (UUID(int=13), 0, True, AT, None),
                (UUID(int=14), 0, False, None, None),
            ]
            assert await settlements.settle_due(here.world) == 3
            assert await settlements.settle_due(here.world) == 0
            assert await here.imbalances() == []
            # As it was before, but that the money is available.
            assert await _balances(here) == {
                "bank/simulator": 4 * PRICE,
                available(MERCHANT): 2 * (FEE + TAX) - 3 * PRICE,
                FEES: -2 * FEE,
                VAT: -2 * TAX,
                suspense(MERCHANT): -PRICE,
            }
            (settled,) = await settlements.newest(here.world, MERCHANT, 10)
            assert (settled.charges, settled.gross, settled.fees) == (3, 3 * PRICE, 2 * (FEE + TAX))

    run(story)


def test_a_payment_that_waited_is_of_the_one_product_that_there_was(url: str) -> None:
    async def story() -> None:
        async with house(url) as here:
            assert await here.rows("SELECT DISTINCT product, scope FROM payments") == [
                {"product": "payment", "scope": ""}
            ]

    run(story)


def test_news_that_waited_to_be_told_is_still_told(url: str) -> None:
    async def story() -> None:
        async with house(url) as here:
            (due,) = await deliveries.claim(here.world, 10)
            assert due.body is not None
            assert b'"PAYMENT.PAID"' in due.body
            assert due.event.snapshot is not None
            assert due.event.snapshot.payment == PAYMENT

    run(story)


def test_news_of_our_own_no_longer_goes_where_a_merchant_expects_the_vendors(url: str) -> None:
    async def story() -> None:
        async with house(url) as here:
            assert await here.rows("SELECT kinds FROM endpoints") == [{"kinds": ["payment.paid"]}]
            assert [due.sequence for due in await deliveries.claim(here.world, 10)] == [1]
            ours = await deliveries.one(here.world, MERCHANT, UUID(int=33))
            assert (ours.state, ours.tries[-1].error) == ("given_up", deliveries.NOT_ITS_NEWS)

    run(story)
