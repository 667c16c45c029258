"""Money that was paid in time and is received of too late: it was owed, so its payment is paid after all."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gerbang.channels.virtual_account import BankAgreement
from gerbang.domain.merchants import (
    QUARANTINE_MIN,
    Merchant,
    NumberRange,
)
from gerbang.domain.payments import Method
from gerbang.domain.terms import EXPIRES_AFTER_DEFAULT
from gerbang.errors import RangeUsedUp
from gerbang.services.payments import end
from gerbang.services.payments.end import Cancellation, expire_due
from tests.support.agreements import bri_alone
from tests.support.gateways import Databases, Gateway, V4Shop
from tests.support.services import Services, money, number, order, payment_id, services

SECOND = timedelta(seconds=1)
STATIC = {"kind": "static", "method": Method(channel="virtual_account", option="BRI", number="03")}


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.fresh()


async def shop(here: Services) -> Merchant:
    """A merchant of one number by chance and a few to choose, which rest as shortly as they may."""
    bank = BankAgreement(NumberRange("884", 2, 7, 7), "8849", 2, [(0, 4)])
    return await here.merchant(agreement=replace(bri_alone(bank), quarantine_seconds=0), callbacks="http://a.b")


@asynccontextmanager
async def shop_on(url: str) -> AsyncGenerator[tuple[Services, Merchant]]:
    """A gateway and its merchant; at the end an audit finds nothing."""
    async with services(url) as here:
        yield here, await shop(here)
        assert await here.faults() == []


async def events_of(here: Services) -> list[str]:
    rows = await here.rows("SELECT kind FROM events JOIN deliveries USING (merchant_id, sequence) ORDER BY sequence")
    return [row["kind"] for row in rows]


@pytest.mark.parametrize("written_down", [False, True])
async def test_a_payment_that_has_expired_is_paid_by_money_that_was_paid_in_time(url: str, written_down: bool) -> None:
    async with shop_on(url) as (here, merchant):
        answer = await here.batches.create(order(merchant.id))
        paid_at = here.clock.now() + EXPIRES_AFTER_DEFAULT - SECOND
        here.clock.advance(EXPIRES_AFTER_DEFAULT + timedelta(hours=2))
        if written_down:
            assert await expire_due(here.world) == 1
        assert (await here.read(merchant, payment_id(answer))).payment.state == "expired"
        received = replace(money(number(answer)), paid_at=paid_at)
        booked = await here.batches.report(received)
        assert booked.outcome == "booked"
        found = await here.read(merchant, payment_id(answer))
        assert (found.payment.state, found.charges[0].state) == ("paid", "succeeded")
        assert found.payment.paid_at == found.charges[0].paid_at == paid_at
        assert await events_of(here) == ["payment.paid"]
        again = await here.batches.report(received)
        assert (again.id, again.known_before) == (booked.id, True)
        assert (await here.batches.report(replace(money(number(answer)), paid_at=paid_at))).outcome == "double"


async def test_money_that_was_paid_in_the_instant_of_the_end_or_later_is_late(url: str) -> None:
    async with shop_on(url) as (here, merchant):
        answer = await here.batches.create(order(merchant.id))
        end = here.clock.now() + EXPIRES_AFTER_DEFAULT
        here.clock.advance(timedelta(hours=2))
        for paid_at in (end, end + SECOND, None):
            assert (await here.batches.report(replace(money(number(answer)), paid_at=paid_at))).outcome == "late"
        # Nobody pays before they are asked to: such a clock is not believed.
        impossible = replace(money(number(answer)), paid_at=end - timedelta(days=1))
        assert (await here.batches.report(impossible)).outcome == "late"


async def test_it_is_paid_also_when_its_number_is_somebody_elses_by_now(url: str) -> None:
    async with shop_on(url) as (here, merchant):
        first = await here.batches.create(order(merchant.id))
        end = here.clock.now() + EXPIRES_AFTER_DEFAULT
        here.clock.advance(EXPIRES_AFTER_DEFAULT + QUARANTINE_MIN)
        second = await here.batches.create(order(merchant.id))
        assert number(second) == number(first)
        in_time = await here.batches.report(replace(money(number(first)), paid_at=end - SECOND))
        too_late = await here.batches.report(replace(money(number(first)), paid_at=end + SECOND))
        assert (in_time.outcome, in_time.payment_id) == ("booked", payment_id(first))
        assert (too_late.outcome, too_late.payment_id) == ("double", payment_id(first))
        assert (await here.read(merchant, payment_id(second))).payment.state == "awaiting"
        assert (await here.batches.report(money(number(second)))).payment_id == payment_id(second)


@pytest.mark.parametrize("off", [timedelta(minutes=-5), timedelta(0), timedelta(minutes=5)])
async def test_a_number_rests_long_enough_for_a_bank_whose_clock_is_off(url: str, off: timedelta) -> None:
    """However little was agreed before there was a least rest."""

    async with shop_on(url) as (here, merchant):
        first = await here.batches.create(order(merchant.id))
        last_instant = here.clock.now() + EXPIRES_AFTER_DEFAULT - SECOND
        here.clock.advance(EXPIRES_AFTER_DEFAULT)
        while True:  # until the number is free
            here.clock.advance(timedelta(seconds=30))
            try:
                second = await here.batches.create(order(merchant.id))
                break
            except RangeUsedUp:
                assert here.clock.now() < last_instant + timedelta(hours=1)
        booked = await here.batches.report(replace(money(number(second)), paid_at=last_instant + off))
        assert booked.payment_id == payment_id(first)


async def test_what_a_merchant_has_taken_back_stays_taken_back(url: str) -> None:
    async with shop_on(url) as (here, merchant):
        answer = await here.batches.create(order(merchant.id))
        paid_at = here.clock.now() + SECOND
        here.clock.advance(timedelta(minutes=1))
        await end.withdraw(here.world, Cancellation(merchant.id, payment_id(answer), "OUT_OF_STOCK"))
        assert (await here.batches.report(replace(money(number(answer)), paid_at=paid_at))).outcome == "late"
        assert (await here.read(merchant, payment_id(answer))).payment.state == "cancelled"


@pytest.mark.parametrize("written_down", [False, True])
async def test_an_arrival_on_a_static_number_counts_also_after_its_end(url: str, written_down: bool) -> None:
    async with shop_on(url) as (here, merchant):
        hour = timedelta(hours=1)
        end = here.clock.now() + hour
        answer = await here.batches.create(order(merchant.id, expires_at=end, **STATIC))
        here.clock.advance(2 * hour)
        if written_down:
            assert await expire_due(here.world) == 1
        booked = await here.batches.report(replace(money(number(answer)), paid_at=end - SECOND))
        late = await here.batches.report(replace(money(number(answer)), paid_at=end))
        assert (booked.outcome, late.outcome) == ("booked", "late")
        found = await here.read(merchant, payment_id(answer))
        assert (found.payment.state, len(found.charges)) == ("inactive", 1)
        assert await expire_due(here.world) == (0 if written_down else 1), "the end is written once"


# As both dialects show it


def test_both_dialects_show_that_an_expired_payment_was_paid(gateway: Gateway) -> None:
    here = gateway.shop
    v4 = V4Shop(here)
    session = here.create()
    contract = v4.create()
    numbers = (
        session["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"],
        contract["attributes"]["paymentMethod"]["instructions"]["accountNo"],
    )
    paid_at = (gateway.services.world.clock.now() + timedelta(minutes=1)).isoformat()
    here.advance(seconds=2 * 86_400)
    assert here.get(f"/v2/payments/{session['id']}")["data"]["status"] == "EXPIRED"
    assert v4.get(f"payments/{contract['id']}")["attributes"]["status"] == "expired"
    for to in numbers:
        said: dict[str, Any] = {"number": to, "amount": 20_000, "paidAt": paid_at}
        assert here.call("POST", "/sandbox/bank/reports", said).json()["reports"][0]["outcome"] == "booked"
    paid = here.get(f"/v2/payments/{session['id']}")["data"]
    assert (paid["status"], paid["chargeDetails"][0]["status"]) == ("PAID", "SUCCESS")
    received = [item["body"] for item in here.inbox()]
    assert [body["event"] for body in received if "event" in body] == ["PAYMENT.PAID"]
    statuses = [body["data"]["attributes"]["status"] for body in received if "event" not in body]
    assert statuses[0] == "paid" and set(statuses) <= {"paid", "completed"}


@pytest.mark.parametrize("days_off", [-700_000, -1, 1, 2_900_000])
async def test_a_clock_that_is_plainly_wrong_puts_money_on_the_day_of_its_report(url: str, days_off: int) -> None:
    """Days are compared with the bank's statement: money on no day of theirs would never be missed there."""
    async with shop_on(url) as (here, merchant):
        answer = await here.batches.create(order(merchant.id))
        wrong = here.clock.now() + timedelta(days=days_off)
        for outcome in ("booked", "double"):
            booked = await here.batches.report(replace(money(number(answer)), paid_at=wrong))
            assert booked.outcome == outcome
        found = await here.rows("SELECT paid_at, received_at FROM reports WHERE merchant_id = $1", merchant.id)
        assert [each["paid_at"] for each in found] == [each["received_at"] for each in found]
