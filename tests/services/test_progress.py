"""Charges whose buyers are asked something: the page, the agreement, and all the ways that they end."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Details, Method
from gerbang.errors import PaymentUnknown, WrongState
from gerbang.services.merchants import default_agreement
from gerbang.services.payments import end, progress
from gerbang.services.payments.end import Decline, Lapse
from gerbang.services.payments.read import Found
from tests.support.gateways import Databases
from tests.support.services import Services, money, number, order, payment_id, services

Start = Callable[[], AbstractAsyncContextManager[Services]]
WALLET = Method(channel="ewallet", option="DANA", return_url="https://toko.example/kembali")


@pytest.fixture
def start(databases: Databases) -> Start:
    return partial(services, databases.fresh())


async def made(here: Services, **asked: Any) -> tuple[Merchant, Found, str]:
    """A merchant with a payment by a wallet, and its number."""
    merchant = await here.merchant(agreement=default_agreement(1, "Toko"))
    answer = await here.batches.create(order(merchant.id, **({"method": WALLET} | asked)))
    return merchant, await here.read(merchant, payment_id(answer)), number(answer)


def at(found: Found) -> tuple[UUID, UUID, UUID]:
    return found.payment.merchant_id, found.payment.id, found.charges[0].id


async def states(here: Services, merchant: Merchant, found: Found) -> tuple[str, str, str | None]:
    now = await here.read(merchant, found.payment.id)
    return now.payment.state, now.charges[0].state, now.charges[0].failure


async def kinds(here: Services) -> list[str]:
    return [row["kind"] for row in await here.rows("SELECT kind FROM events ORDER BY sequence")]


async def test_a_payment_goes_with_its_charge_and_its_merchant_is_notified_once(start: Start) -> None:
    async with start() as here:
        merchant, found, paid_to = await made(here)
        for _ in range(2):
            await progress.authenticating(here.world, *at(found))
            assert await states(here, merchant, found) == ("authenticating", "authenticating", None)
        for _ in range(2):
            await progress.processing(here.world, *at(found))
            assert await states(here, merchant, found) == ("processing", "processing", None)
        with pytest.raises(WrongState):
            await progress.authenticating(here.world, *at(found))
        assert (await here.batches.report(money(paid_to, channel="ewallet"))).outcome == "booked"
        assert await states(here, merchant, found) == ("paid", "succeeded", None)
        with pytest.raises(WrongState):
            await progress.processing(here.world, *at(found))
        assert await kinds(here) == ["payment.created", "payment.processing", "payment.paid"]
        assert await here.faults() == []


async def test_what_is_in_process_does_not_end_by_time_and_its_partner_ends_it(start: Start) -> None:
    async with start() as here:
        merchant, found, paid_to = await made(here)
        await progress.processing(here.world, *at(found))
        here.pass_time(days=1)
        assert await end.expire_due(here.world) == 0
        assert await states(here, merchant, found) == ("processing", "processing", None)
        for _ in range(2):
            await end.lapse(here.world, Lapse(*at(found)))
            assert await states(here, merchant, found) == ("expired", "expired", "expired")
        assert await kinds(here) == ["payment.created", "payment.processing", "payment.expired"]
        assert (await here.batches.report(money(paid_to, channel="ewallet"))).outcome == "late"
        assert await here.faults() == []


async def test_a_buyer_who_stays_away_from_the_wallets_page_lets_the_payment_expire(start: Start) -> None:
    async with start() as here:
        merchant, found, _ = await made(here)
        await progress.authenticating(here.world, *at(found))
        here.pass_time(hours=1)
        assert await states(here, merchant, found) == ("expired", "expired", "expired")
        with pytest.raises(WrongState):
            await progress.processing(here.world, *at(found))
        assert await end.expire_due(here.world) == 1
        assert await here.faults() == []


@pytest.mark.parametrize("redirect", [False, True])
async def test_a_charge_fails_for_a_partners_reason_and_a_page_lets_its_buyer_choose_again(
    start: Start, redirect: bool
) -> None:
    async with start() as here:
        method = replace(WALLET, left_to_buyer="method") if redirect else WALLET
        merchant, found, _ = await made(here, method=method, details=Details(redirect=redirect))
        await progress.processing(here.world, *at(found))
        await end.decline(here.world, Decline(*at(found), "invalid_account"))
        state = "needs_method" if redirect else "failed"
        assert await states(here, merchant, found) == (state, "failed", "invalid_account")
        assert await here.faults() == []


async def test_nobody_moves_the_payment_of_another_merchant_or_a_charge_that_was_left(start: Start) -> None:
    async with start() as here:
        merchant, found, _ = await made(here)
        stranger = await here.merchant()
        _, payment, charge = at(found)
        with pytest.raises(PaymentUnknown):
            await progress.processing(here.world, stranger.id, payment, charge)
        await progress.processing(here.world, merchant.id, payment, payment)
        await end.lapse(here.world, Lapse(merchant.id, payment, payment))
        assert await states(here, merchant, found) == ("awaiting", "waiting", None)
