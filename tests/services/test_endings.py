"""Payments that end with a number in somebody's hand: taken back by the merchant, or declined in a wallet."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Details, Method, Payment
from gerbang.domain.reports import Booked
from gerbang.domain.terms import EXPIRES_AFTER_DEFAULT
from gerbang.errors import PaymentUnknown, WrongState
from gerbang.services.merchants import default_agreement, set_callback
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation, Decline, decline, withdraw
from gerbang.services.payments.read import Found
from tests.support.gateways import Databases
from tests.support.services import BRI, PRICE, START, Services, money, number, order, payment_id, several
from tests.support.settling import Start, check_ledger, two_processes_on

WALLET = Method(channel="ewallet", option="SHOPEEPAY", return_url="https://toko.example/kembali")
PAGE: dict[str, Any] = {"method": replace(WALLET, left_to_buyer="method"), "details": Details(redirect=True)}
"""A payment with a page, on which the buyer has chosen a wallet."""
NOBODY = "http://127.0.0.1:9/"
REASON = "OUT_OF_STOCK"


@pytest.fixture
def start(databases: Databases) -> Start:
    """Starts two processes on an empty database."""
    return partial(two_processes_on, databases.fresh())


async def shop(here: Services) -> Merchant:
    """A merchant that offers wallets, with its callbacks going where nobody listens."""
    agreement = replace(default_agreement(1, "Toko"), also_offered={"payment": ["ewallet"]})
    merchant = await here.merchant(agreement=agreement)
    for product in ("payment", "v4-payments", "money"):
        await set_callback(here.world, merchant.id, product, NOBODY)
    return merchant


async def made(here: Services, merchant: Merchant, **asked: Any) -> tuple[Found, str]:
    """A new payment, and the number that its buyer pays to."""
    answer = await here.batches.create(order(merchant.id, **asked))
    return await here.read(merchant, payment_id(answer)), number(answer)


async def taken_back(here: Services, merchant: Merchant, id_: UUID) -> Payment:
    return await withdraw(here.world, Cancellation(merchant.id, id_, REASON))


async def declined(here: Services, found: Found) -> Payment:
    return await decline(here.world, Decline(found.payment.merchant_id, found.payment.id, found.charges[0].id))


async def events_of(here: Services) -> list[tuple[str, str | None]]:
    """Every event but that of the creation, and the product that it is sent to."""
    rows = await here.rows(
        """
        SELECT e.kind, n.product FROM events e LEFT JOIN deliveries d USING (merchant_id, sequence)
        LEFT JOIN endpoints n ON n.id = d.endpoint_id WHERE e.kind <> 'payment.created' ORDER BY e.sequence
        """
    )
    return [(row["kind"], row["product"]) for row in rows]


async def everything(here: Services) -> list[list[dict[str, Any]]]:
    tables = ("payments", "charges", "paycodes", "events", "deliveries", "transfers")
    return [await here.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


# Taken back


async def test_a_payment_that_is_taken_back_ends_with_its_charge_and_its_number_rests(start: Start) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        before, _number = await made(here, merchant)
        here.pass_time(seconds=60)
        now = START + timedelta(seconds=60)
        after = await taken_back(here, merchant, before.payment.id)
        assert (after.state, after.cancelled_at, after.cancellation_reason) == ("cancelled", now, REASON)
        assert after.expires_at == before.payment.expires_at
        found = await here.read(merchant, after.id)
        assert found.payment == after
        assert [(charge.state, charge.updated_at) for charge in found.charges] == [("expired", now)]
        (paycode,) = await here.rows("SELECT held, free_at FROM paycodes")
        assert paycode == {"held": True, "free_at": now + merchant.agreement.quarantine}
        assert await events_of(here) == [("payment.cancelled", "payment")]


@pytest.mark.parametrize(
    "asked",
    [
        {"method": None, "details": Details(redirect=True)},
        {"details": Details(auto_confirm=False)},
        {"method": Method(channel="qris"), "product": "v4-payments"},
        {"method": Method(channel="retail_outlet", option="INDOMARET"), "product": "v4-payments"},
        {"method": WALLET, "product": "v4-payments"},
    ],
    ids=["nothing chosen", "to be confirmed", "a QR", "a code", "a wallet"],
)
async def test_whatever_a_payment_waits_for_it_can_be_taken_back(start: Start, asked: dict[str, Any]) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        found, _number = await made(here, merchant, **asked)
        assert (await taken_back(here, merchant, found.payment.id)).state == "cancelled"
        assert [charge.state for charge in (await here.read(merchant, found.payment.id)).charges] in ([], ["expired"])


async def test_money_for_what_was_taken_back_is_late_and_kept(start: Start) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        found, paid_to = await made(here, merchant)
        await taken_back(here, merchant, found.payment.id)
        booked = await here.batches.report(money(paid_to))
        assert (booked.outcome, booked.payment_id) == ("late", found.payment.id)
        assert (await here.read(merchant, found.payment.id)).payment.state == "cancelled"
        assert await events_of(here) == [("payment.cancelled", "payment"), ("money.in_suspense", "money")]
        await check_ledger(here)


async def test_what_has_ended_or_stands_for_good_is_not_taken_back_and_stays_as_it_is(start: Start) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        once, paid_to = await made(here, merchant)
        await here.batches.report(money(paid_to))
        back, _number = await made(here, merchant)
        await taken_back(here, merchant, back.payment.id)
        static, _number = await made(here, merchant, kind="static", amount=None)
        over, _number = await made(here, merchant, expires_at=START + timedelta(seconds=1))
        here.pass_time(seconds=1)
        before = await everything(here)
        for state, found in (("paid", once), ("cancelled", back), ("active", static), ("expired", over)):
            with pytest.raises(WrongState, match=f"The payment is {state}, so it cannot be cancelled"):
                await taken_back(here, merchant, found.payment.id)
        assert await everything(here) == before


async def test_nobody_takes_back_what_is_somebody_elses(start: Start) -> None:
    async with start() as (here, _):
        merchant, stranger = await shop(here), await shop(here)
        found, _number = await made(here, merchant)
        for whose, which in ((stranger, found.payment.id), (merchant, uuid4())):
            with pytest.raises(PaymentUnknown):
                await taken_back(here, whose, which)
        assert (await here.read(merchant, found.payment.id)).payment.state == "awaiting"


# Declined


@pytest.mark.parametrize("product", ["payment", "v4-payments"])
async def test_a_payment_whose_only_charge_is_declined_ends_with_it(start: Start, product: str) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        before, _number = await made(here, merchant, method=WALLET, product=product)
        after = await declined(here, before)
        assert (after.state, after.cancelled_at, after.cancellation_reason) == ("failed", START, None)
        found = await here.read(merchant, after.id)
        assert found.payment == after
        assert [(charge.state, charge.failure) for charge in found.charges] == [("failed", "declined")]
        # The second dialect reports money alone; in the first it is a cancellation like any other.
        assert await events_of(here) == [("payment.failed", "payment" if product == "payment" else None)]


async def test_a_buyer_who_declines_on_a_page_chooses_again_and_pays(start: Start) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        before, wallet = await made(here, merchant, **PAGE)
        after = await declined(here, before)
        assert (after.state, after.method, after.cancelled_at) == ("needs_method", None, None)
        assert await events_of(here) == [("payment.reopened", None)]
        chosen = replace(BRI, left_to_buyer="method")
        await here.batches.confirm(Confirmation(merchant.id, after.id, chosen))
        found = await here.read(merchant, after.id)
        assert [(charge.channel, charge.state) for charge in found.charges] == [
            ("virtual_account", "waiting"),
            ("ewallet", "failed"),
        ]
        late = await here.batches.report(money(wallet, channel="ewallet"))
        paid = await here.batches.report(money(found.charges[0].instructions.number))
        assert (late.outcome, paid.outcome) == ("late", "booked")
        assert (await here.read(merchant, after.id)).payment.state == "paid"
        await check_ledger(here)


async def test_money_by_a_charge_that_was_declined_is_late_and_kept(start: Start) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        for asked in ({"method": WALLET, "product": "v4-payments"}, PAGE):
            found, wallet = await made(here, merchant, **asked)
            await declined(here, found)
            booked = await here.batches.report(money(wallet, channel="ewallet"))
            assert (booked.outcome, booked.payment_id) == ("late", found.payment.id)
        await check_ledger(here)


@pytest.mark.parametrize("asked", [{"method": WALLET, "product": "v4-payments"}, PAGE], ids=["no page", "a page"])
async def test_a_second_word_changes_nothing(start: Start, asked: dict[str, Any]) -> None:
    async with start() as (one, two):
        merchant = await shop(one)
        found, _number = await made(one, merchant, **asked)
        first = await declined(one, found)
        before = await everything(one)
        one.pass_time(seconds=1)
        assert await declined(two, found) == first
        assert await everything(one) == before


async def test_a_word_about_an_older_charge_changes_nothing(start: Start) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        found, _number = await made(here, merchant, **PAGE)
        await declined(here, found)
        chosen = replace(BRI, left_to_buyer="method")
        await here.batches.confirm(Confirmation(merchant.id, found.payment.id, chosen))
        before = await everything(here)
        for charge_id in (found.charges[0].id, uuid4()):
            again = await decline(here.world, Decline(merchant.id, found.payment.id, charge_id))
            assert again.state == "awaiting"
        assert await everything(here) == before


async def test_what_is_paid_or_over_is_not_declined(start: Start) -> None:
    async with start() as (here, _):
        merchant = await shop(here)
        paid, wallet = await made(here, merchant, method=WALLET, product="v4-payments")
        await here.batches.report(money(wallet, channel="ewallet"))
        over, _number = await made(here, merchant, method=WALLET)
        back, _number = await made(here, merchant, method=WALLET)
        await taken_back(here, merchant, back.payment.id)
        here.clock.advance(EXPIRES_AFTER_DEFAULT)
        before = await everything(here)
        for state, found in (("paid", paid), ("expired", over), ("cancelled", back)):
            with pytest.raises(WrongState, match=f"The payment is {state}, so it cannot be declined"):
                await declined(here, found)
        with pytest.raises(PaymentUnknown):
            await decline(here.world, Decline(merchant.id, uuid4(), paid.charges[0].id))
        assert await everything(here) == before


# At the same moment


Ending = Callable[[Services, Merchant, Found], Awaitable[Payment]]


async def _take_back(here: Services, merchant: Merchant, found: Found) -> Payment:
    return await taken_back(here, merchant, found.payment.id)


async def _decline(here: Services, _: Merchant, found: Found) -> Payment:
    return await declined(here, found)


@pytest.mark.parametrize("end", [_take_back, _decline])
@pytest.mark.parametrize("asked", [{"method": WALLET, "product": "v4-payments"}, PAGE], ids=["no page", "a page"])
async def test_of_an_ending_and_money_at_the_same_moment_exactly_one_wins(
    start: Start, end: Ending, asked: dict[str, Any]
) -> None:
    async with start() as (one, two):
        merchant = await shop(one)
        won: set[str] = set()
        for turn in range(12):
            found, wallet = await made(one, merchant, **asked)
            first, second = (one, two) if turn % 2 else (two, one)
            ending = end(first, merchant, found)
            paying = second.batches.report(money(wallet, channel="ewallet"))
            ended, booked = await several(*((ending, paying) if turn % 3 else (_later(ending), paying)))
            assert isinstance(booked, Booked)
            after = await one.read(merchant, found.payment.id)
            won.add(booked.outcome)
            if booked.outcome == "booked":
                assert isinstance(ended, WrongState)
                assert (after.payment.state, after.charges[0].state) == ("paid", "succeeded")
            else:
                assert booked.outcome == "late"
                assert ended == after.payment
                assert after.charges[0].state in ("failed", "expired")
        assert won == {"booked", "late"}, "both must have happened for this to mean anything"
        await check_ledger(one)


async def _later(ending: Awaitable[Payment]) -> Payment:
    await asyncio.sleep(0.02)
    return await ending


async def test_of_two_endings_at_the_same_moment_exactly_one_happens(start: Start) -> None:
    async with start() as (one, two):
        merchant = await shop(one)
        for _ in range(8):
            found, _number = await made(one, merchant, method=WALLET)
            done = await several(
                declined(one, found), taken_back(two, merchant, found.payment.id), declined(two, found)
            )
            after = (await one.read(merchant, found.payment.id)).payment
            assert after.state in ("cancelled", "failed")
            assert {type(each) for each in done} <= {Payment, WrongState}
            assert [each for each in done if isinstance(each, Payment) and each != after] == []
        events = await one.rows("SELECT payment_id FROM events WHERE kind IN ('payment.cancelled', 'payment.failed')")
        assert len({event["payment_id"] for event in events}) == len(events) == 8
        assert await one.rows("SELECT 1 FROM charges WHERE amount <> $1", PRICE) == []
