"""Settling: what was paid becomes available on its day, less its fee, once, and each day of a merchant adds up."""

import asyncio
import dataclasses
from datetime import UTC, date, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from msgspec.structs import replace

from gerbang.domain.calendars import Schedule, parse
from gerbang.domain.charges import Charge
from gerbang.domain.fees import Rate
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Method
from gerbang.errors import PaymentUnknown, SettlementUnknown, WrongState
from gerbang.services import audit, settlements
from gerbang.services.batches import Batches
from gerbang.services.merchants import default_agreement, set_agreement
from gerbang.services.settlements import MOST_AT_ONCE, settle_due, settle_now
from tests.support.gateways import Databases
from tests.support.services import PRICE, START, money, number, order, several
from tests.support.settling import (
    AFTER_EID,
    BCA,
    BRI,
    FEE,
    VAT,
    Start,
    accounts,
    charge_of,
    check_ledger,
    paid,
    two_processes_on,
)

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def start(databases: Databases) -> Start:
    """Starts two processes on an empty database."""
    return partial(two_processes_on, databases.fresh())


# What is moved, and when


async def test_what_is_paid_is_pending_whole_until_its_day_and_then_available_less_the_fee(
    start: Start,
) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        charge_id = await paid(here, merchant)
        charge = await charge_of(here, charge_id)
        assert (charge["fee"], charge["vat"], charge["settles_at"]) == (FEE + VAT, VAT, AFTER_EID)

        here.clock.move_to(AFTER_EID - MICROSECOND)
        assert await settle_due(here.world) == 0
        assert await accounts(here, merchant) == (PRICE, 0, 0, 0)

        here.clock.move_to(AFTER_EID)
        assert await settle_due(here.world) == 1
        assert await accounts(here, merchant) == (0, PRICE - FEE - VAT, FEE, VAT)
        after = await charge_of(here, charge_id)
        assert after["settled_at"] == AFTER_EID
        assert {name: value for name, value in after.items() if charge[name] != value}.keys() == {
            "settled_at",
            "settlement_id",
        }
        lines = await here.rows("SELECT reason, amount, at FROM transfers ORDER BY id")
        assert [tuple(line.values()) for line in lines] == [
            ("money_in", PRICE, START),
            ("settled", PRICE, AFTER_EID),
            ("fee", FEE, AFTER_EID),
            ("vat", VAT, AFTER_EID),
        ]
        await check_ledger(here)


async def test_a_bank_that_settles_in_real_time_is_settled_by_the_next_step(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        charge_id = await paid(here, merchant, BRI)
        assert (await accounts(here, merchant))[0] == PRICE
        assert await settle_due(here.world) == 1
        assert (await charge_of(here, charge_id))["settled_at"] == START
        await check_ledger(here)


async def test_the_day_counts_from_when_the_buyer_paid_and_not_from_when_the_bank_reported(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        once = number(await here.batches.create(order(merchant.id, method=BCA)))
        static = number(await here.batches.create(order(merchant.id, kind="static", amount=None, method=BCA)))
        here.clock.move_to(AFTER_EID + timedelta(days=2))
        late = await here.batches.report(money(once))
        assert late.outcome == "late"
        booked = await here.batches.report(replace(money(static), paid_at=START))
        assert booked.charge_id is not None
        assert (await charge_of(here, booked.charge_id))["settles_at"] == AFTER_EID
        assert await settle_due(here.world) == 1, "what is late is not owed, and not settled"
        (day,) = await settlements.newest(here.world, merchant.id, 10)
        assert (day.settled_on, day.charges) == (date(2025, 4, 10), 1), "the day on which it became available"
        await check_ledger(here)


PRICE_WITHOUT_VAT = round(PRICE / 1.11)


@pytest.mark.parametrize(
    ("rate", "net", "vat"),
    [(Rate(), 0, 0), (Rate(flat=2 * PRICE), PRICE_WITHOUT_VAT, PRICE - PRICE_WITHOUT_VAT)],
    ids=["nothing", "more than the payment"],
)
async def test_a_fee_may_be_nothing_and_is_at_most_the_money(start: Start, rate: Rate, net: int, vat: int) -> None:
    async with start() as (here, _):
        agreement = replace(default_agreement(1, "Toko"), fees={"virtual_account": rate})
        merchant = await here.merchant(agreement=agreement)
        await paid(here, merchant, BRI)
        assert await settle_due(here.world) == 1
        assert await accounts(here, merchant) == (0, PRICE - net - vat, net, vat)
        await check_ledger(here)


async def test_a_fee_that_changes_before_the_day_is_taken_as_it_was_when_the_money_came(
    start: Start,
) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        await paid(here, merchant)
        changed = replace(merchant.agreement, fees={"virtual_account": Rate(flat=1)})
        await set_agreement(here.world, merchant.id, changed)
        here.clock.move_to(AFTER_EID)
        assert await settle_due(here.world) == 1
        assert await accounts(here, merchant) == (0, PRICE - FEE - VAT, FEE, VAT)


async def test_a_merchant_may_have_schedules_of_its_own_and_the_operator_bank_days(start: Start) -> None:
    async with start() as (here, _):
        agreed = {"virtual_account": Schedule(2, at="08:30"), "virtual_account/BNI": Schedule(1), "qris": Schedule(0)}
        merchant = await here.merchant(agreement=replace(default_agreement(1, "Toko"), settling=agreed))
        bni = replace(BRI, option="BNI")
        charges = [await paid(here, merchant, method) for method in (BRI, bni, Method(channel="qris"))]
        settled_at = [(await charge_of(here, charge))["settles_at"] for charge in charges]
        assert settled_at == [datetime(2025, 4, 9, 1, 30, tzinfo=UTC), AFTER_EID, START]

        open_on_monday = dataclasses.replace(here.world, calendar=parse("-2025-03-31"))
        corrected = dataclasses.replace(here, batches=Batches(open_on_monday, size_max=1, lanes=1))
        charge = await charge_of(here, await paid(corrected, merchant, bni))
        assert charge["settles_at"] == datetime(2025, 3, 31, 3, tzinfo=UTC)


# A settlement is a merchant's day


async def test_all_that_becomes_available_to_a_merchant_on_one_day_is_one_settlement(start: Start) -> None:
    async with start() as (here, other):
        merchant, stranger = await here.merchant(), await here.merchant()
        for each in (merchant, merchant, stranger):
            await paid(here, each)
        await paid(here, merchant, BRI)
        assert await settle_due(here.world) == 1  # the one of BRI, on the Sunday
        here.clock.move_to(AFTER_EID)
        assert await settle_due(here.world) == 3
        # In the evening of that day, the next day has begun nowhere but in Jakarta from 17:00 UTC on.
        here.clock.move_to(datetime(2025, 4, 8, 16, 59, tzinfo=UTC))
        await paid(here, merchant, BRI, amount=rupiah(50_000))
        assert await settle_due(other.world) == 1
        here.clock.move_to(datetime(2025, 4, 8, 17, tzinfo=UTC))
        await paid(here, merchant, BRI)
        assert await settle_due(here.world) == 1

        days = await settlements.newest(here.world, merchant.id, 10)
        fee = FEE + VAT
        assert [(day.settled_on, day.charges, day.gross, day.fees) for day in days] == [
            (date(2025, 4, 9), 1, PRICE, fee),
            (date(2025, 4, 8), 3, 2 * PRICE + rupiah(50_000), 3 * fee),
            (date(2025, 3, 30), 1, PRICE, fee),
        ]
        assert [(day.created_at.hour, day.updated_at.hour) for day in days] == [(17, 17), (3, 16), (5, 5)]
        (theirs,) = await settlements.newest(here.world, stranger.id, 10)
        assert (theirs.settled_on, theirs.charges, theirs.net) == (date(2025, 4, 8), 1, PRICE - fee)
        await check_ledger(here)


async def test_a_settlement_lists_its_charges_page_by_page_and_nobody_elses(start: Start) -> None:
    async with start() as (here, _):
        merchant, stranger = await here.merchant(), await here.merchant()
        amounts = [rupiah(20_000 + i) for i in range(7)]
        charges = [await paid(here, merchant, BRI, amount) for amount in amounts]
        await paid(here, stranger, BRI)
        await settle_due(here.world)
        (day,) = await settlements.newest(here.world, merchant.id, 10)
        listed: list[Charge] = []
        while True:
            found, page = await settlements.one(here.world, merchant.id, day.id, listed[-1].id if listed else None, 3)
            assert found == day
            if not page:
                break
            listed += page
        assert [charge.id for charge in listed] == sorted(charges)
        assert sum(charge.amount for charge in listed) == day.gross == sum(amounts)
        assert sum(charge.fee for charge in listed) == day.fees
        assert {(charge.settlement_id, charge.settled_at) for charge in listed} == {(day.id, START)}
        for nobody in ((stranger.id, day.id), (merchant.id, uuid4())):
            with pytest.raises(SettlementUnknown):
                await settlements.one(here.world, *nobody, None, 3)


async def test_more_than_fit_into_one_step_are_settled_by_the_next_ones_into_the_same_day(
    start: Start,
) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        static = number(await here.batches.create(order(merchant.id, kind="static", amount=None, method=BRI)))
        many = MOST_AT_ONCE + 5
        await asyncio.gather(*(here.batches.report(money(static, amount=100 + i)) for i in range(many)))
        assert [await settle_due(here.world) for _ in range(3)] == [MOST_AT_ONCE, 5, 0]
        (day,) = await settlements.newest(here.world, merchant.id, 10)
        assert day.charges == many
        await check_ledger(here)


# Never twice


@pytest.mark.parametrize("many", [1, 40])
async def test_however_many_workers_there_are_a_charge_is_settled_once(start: Start, many: int) -> None:
    async with start() as (one, two):
        for _ in range(2):
            merchant = await one.merchant()
            await asyncio.gather(*(paid(one, merchant, BRI) for _ in range(many)))
            counts = await asyncio.gather(*(settle_due(each.world) for each in (one, two) * 3))
            assert sum(counts) == many
            (day,) = await settlements.newest(one.world, merchant.id, 10)
            assert day.charges == many
            await check_ledger(one)


async def test_settling_one_and_settling_all_at_the_same_moment_settles_it_once(start: Start) -> None:
    async with start() as (one, two):
        merchant = await one.merchant()
        for _ in range(8):
            charge_id = await paid(one, merchant, BRI)
            done = await several(
                settle_now(one.world, merchant.id, charge_id),
                settle_due(two.world),
                settle_now(two.world, merchant.id, charge_id),
                settle_due(one.world),
            )
            settled = [each for each in done if isinstance(each, Charge) or each == 1]
            assert len(settled) == 1, done
            assert {type(each) for each in done if isinstance(each, BaseException)} <= {WrongState}
        (day,) = await settlements.newest(one.world, merchant.id, 10)
        assert day.charges == 8
        events = await one.rows("SELECT charge_id FROM events WHERE kind = 'charge.settled'")
        assert len({event["charge_id"] for event in events}) == len(events) == 8
        await check_ledger(one)


async def test_what_another_process_is_settling_is_left_to_it_and_taken_again_if_it_dies(
    start: Start,
) -> None:
    async with start() as (one, _):
        merchant = await one.merchant()
        first, second = await paid(one, merchant, BRI), await paid(one, merchant, BRI)
        async with one.world.db.reading() as tx:
            dying = tx.transaction()
            await dying.start()
            await tx.execute("UPDATE charges SET fee = fee WHERE id = $1", first)
            assert await settle_due(one.world) == 1
            assert (await charge_of(one, second))["settled_at"] == START
            await dying.rollback()
        assert await settle_due(one.world) == 1
        (day,) = await settlements.newest(one.world, merchant.id, 10)
        assert day.charges == 2
        await check_ledger(one)


# One at a time


async def test_a_charge_can_be_settled_before_its_day_and_is_not_settled_again_then(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        charge_id = await paid(here, merchant)
        settled = await settle_now(here.world, merchant.id, charge_id)
        assert (settled.id, settled.settled_at) == (charge_id, START)
        assert await accounts(here, merchant) == (0, PRICE - FEE - VAT, FEE, VAT)
        here.clock.move_to(AFTER_EID)
        assert await settle_due(here.world) == 0
        assert await accounts(here, merchant) == (0, PRICE - FEE - VAT, FEE, VAT)
        with pytest.raises(WrongState, match="is settled, so it cannot be settled"):
            await settle_now(here.world, merchant.id, charge_id)
        (day,) = await settlements.newest(here.world, merchant.id, 10)
        assert (day.settled_on, day.charges) == (date(2025, 3, 30), 1)
        await check_ledger(here)


async def test_what_is_not_paid_or_somebody_elses_is_not_settled(start: Start) -> None:
    async with start() as (here, _):
        merchant, stranger = await here.merchant(), await here.merchant()
        unpaid = (await here.read(merchant, await here.create(merchant))).charges[0].id
        with pytest.raises(WrongState, match="is awaiting, so it cannot be settled"):
            await settle_now(here.world, merchant.id, unpaid)
        charge_id = await paid(here, merchant)
        for whose, which in ((stranger.id, charge_id), (merchant.id, uuid4())):
            with pytest.raises(PaymentUnknown):
                await settle_now(here.world, whose, which)
        assert await here.rows("SELECT 1 FROM settlements") == []
        assert await accounts(here, merchant) == (PRICE, 0, 0, 0)


async def test_a_charge_of_which_nobody_knows_when_it_settles_is_left_alone(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        await here.create(merchant)
        late = number(await here.batches.create(order(merchant.id)))
        here.pass_time(days=400)
        assert (await here.batches.report(money(late))).outcome == "late"
        assert await settle_due(here.world) == 0
        assert await here.rows("SELECT 1 FROM charges WHERE settles_at IS NOT NULL") == []
        assert await here.rows("SELECT 1 FROM settlements") == []


async def test_one_that_cannot_be_settled_holds_up_nobody_and_is_tried_again(start: Start) -> None:
    async with start() as (here, _):
        merchant, other = await here.merchant(), await here.merchant()
        broken = await paid(here, merchant, method=BRI)
        well = [await paid(here, each, method=BRI) for each in (merchant, other)]
        (payment,) = await here.rows("SELECT payment_id AS id FROM charges WHERE id = $1", broken)
        await here.rows("UPDATE payments SET details = '{\"redirect\": 3}' WHERE id = $1", payment["id"])
        await settle_due(here.world)
        assert [(await charge_of(here, one))["settled_at"] is None for one in (broken, *well)] == [True, False, False]
        (late,) = [found for found in await audit.look(here.world.db) if found.count]
        assert (late.rule.partition(":")[0], late.examples) == ("money could not be settled", [str(broken)])
        await here.rows("UPDATE payments SET details = '{}' WHERE id = $1", payment["id"])
        here.clock.advance(settlements.TRIED_AGAIN_AFTER)
        assert await settle_due(here.world) == 1
        assert [found for found in await audit.look(here.world.db) if found.count] == []
        await check_ledger(here)


async def test_sums_that_no_integer_of_the_database_holds_are_settled(start: Start) -> None:
    async with start() as (here, _):
        merchant = await here.merchant()
        static = await here.batches.create(order(merchant.id, kind="static", amount=None, method=BRI))
        most = rupiah(9_999_999_999_999_999)
        for serial in range(12):
            await here.batches.report(money(number(static), amount=most, reference=f"BIG-{serial}"))
        assert await settle_due(here.world) == 12
        (settlement,) = await settlements.newest(here.world, merchant.id, 1)
        assert settlement.gross == 12 * most > 2**63
        await check_ledger(here)
