"""Refunding: what was paid goes back once for each reference, never more than was paid, by the channel or by a transfer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from gerbang.domain.fees import Rate
from gerbang.domain.merchants import Agreement, Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Method
from gerbang.domain.refunds import Destination, Refund
from gerbang.services import refunds
from gerbang.services.refunds import NewRefund
from tests.support.gateways import Databases
from tests.support.payouts import held, lines, merchant_with
from tests.support.services import Services
from tests.support.settling import paid, two_processes_on

QRIS = Method(channel="qris")
BRI = Method(channel="virtual_account", option="BRI")
BUDI = Destination("BCA", "1000200030", "Budi Santoso", "BCA")


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@asynccontextmanager
async def checked(url: str) -> AsyncGenerator[Services]:
    """A process; at the end its ledger is right."""
    async with two_processes_on(url) as (one, _):
        async with one.world.db.transaction() as tx:
            await tx.execute(
                "UPDATE partner_requests SET next_at = $1 WHERE next_at IS NOT NULL",
                one.clock.now() + timedelta(days=9999),
            )
        yield one
        assert await one.faults() == []


async def charge_of_a_payment(here: Services, merchant: Merchant, method: Method = QRIS) -> UUID:
    return await paid(here, merchant, method, rupiah(20_000))


async def ask(here: Services, merchant: Merchant, charge_id: UUID, **changes: Any) -> Refund:
    """Asks for a refund of Rp 5.000 of a charge; the refund as it is kept after that."""
    new = NewRefund(
        merchant_id=merchant.id,
        product="refund",
        reference=f"RF-{charge_id.hex[-8:]}",
        payment_id=None,
        charge_id=charge_id,
        amount=rupiah(5_000),
        whole=False,
        method="auto",
        reason="requested_by_customer",
    )
    answer = await refunds.create(here.world, msgspec.structs.replace(new, **changes), lambda r: str(r.id).encode())
    return await refunds.read(here.world, merchant.id, UUID(answer.decode()))


async def again(here: Services, refund: Refund) -> Refund:
    return await refunds.read(here.world, refund.merchant_id, refund.id)


async def test_a_channel_that_gives_back_does_so_at_once(url: str) -> None:
    async with checked(url) as here:
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await charge_of_a_payment(here, merchant)
        asked = await ask(here, merchant, charge)
        assert (asked.state, asked.way, asked.captured) == ("pending", None, rupiah(20_000))
        assert await held(here, merchant) == (rupiah(95_000), rupiah(5_000))
        await here.workers.catch_up()
        done = await again(here, asked)
        assert (done.state, done.way, done.connection) == ("succeeded", "channel", "simulator")
        assert await held(here, merchant) == (rupiah(95_000), 0)
        assert (await lines(here, merchant))[-2:] == [("refund_reserved", rupiah(5_000)), ("refunded", rupiah(5_000))]


async def test_a_fee_that_was_agreed_is_taken_on_top(url: str) -> None:
    async with checked(url) as here:
        agreement = Agreement(fees={"refund": Rate(flat=rupiah(1_000))})
        merchant = await here.merchant()
        charge = await charge_of_a_payment(here, merchant)
        async with here.world.db.transaction() as tx:
            await tx.execute(
                "UPDATE merchants SET agreement = $2 WHERE id = $1",
                merchant.id,
                msgspec.json.encode(agreement).decode(),
            )
        asked = await ask(here, merchant, charge)
        assert (asked.fee, asked.vat) == (rupiah(1_110), rupiah(110))
        assert await held(here, merchant) == (-asked.reserved, asked.reserved)
        await here.workers.catch_up()
        assert [line for line in await lines(here, merchant) if line[0] in ("refunded", "fee", "vat")] == [
            ("refunded", rupiah(5_000)),
            ("fee", rupiah(1_000)),
            ("vat", rupiah(110)),
        ]


async def test_what_no_channel_gives_back_goes_by_a_transfer_that_no_list_of_payouts_has(url: str) -> None:
    async with checked(url) as here:
        merchant = await merchant_with(here, rupiah(100_000))
        charge = await charge_of_a_payment(here, merchant, BRI)
        asked = await ask(here, merchant, charge, destination=BUDI)
        assert (asked.state, asked.way) == ("waiting_transfer", "account")
        here.pass_time(hours=2)
        await here.workers.catch_up()
        here.pass_time(hours=2)
        await here.workers.catch_up()
        assert (await again(here, asked)).state == "succeeded"
