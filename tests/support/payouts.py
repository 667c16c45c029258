"""What tests of payouts need around them: merchants with money, banks with a will of their own, and an eye on the ledger."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from gerbang.clock import MovableClock, wib
from gerbang.connections import BankMovement, Later, Link, NeverSays, NotSent, Plan, Sent, Silence, TransferOrder
from gerbang.connections.simulator import Simulator
from gerbang.db import ledger
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import Connection, of_the_sandbox
from gerbang.domain.ledger import Transfer, available, reserved
from gerbang.domain.merchants import Agreement, Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payouts import Destination
from gerbang.network import Network
from gerbang.partners import Partners
from gerbang.services.payouts import NewPayout
from gerbang.workers import Workers
from tests.support.services import START, Services, forget_power_cuts, services

AMOUNT = rupiah(10_000)
FEE, VAT = 388_500, 38_500
WHOLE = AMOUNT + FEE
ACCOUNT = "0123456789"
"""Ours, that money goes from."""


@asynccontextmanager
async def two_processes_on(url: str) -> AsyncGenerator[tuple[Services, Services]]:
    """Two processes on one database and one clock; nothing of an earlier story is due in it."""
    await forget_power_cuts(url)
    clock = MovableClock(START, ticking=False)
    async with services(url, clock=clock) as one, services(url, clock=clock) as two:
        async with one.world.db.transaction() as tx:
            await tx.execute(
                "UPDATE partner_requests SET next_at = $1 WHERE next_at IS NOT NULL", START + timedelta(days=9999)
            )
        yield one, two


@asynccontextmanager
async def checked_processes(url: str) -> AsyncGenerator[tuple[Services, Services]]:
    """Two processes on one database; at the end its ledger is right."""
    async with two_processes_on(url) as (one, two):
        yield one, two
        await in_order(one)


async def merchant_with(here: Services, minor: int, *, agreement: Agreement | None = None) -> Merchant:
    """A merchant that has so much available."""
    merchant = await here.merchant(agreement=agreement)
    if minor:
        await give(here, merchant.id, minor)
    return merchant


async def give(here: Services, merchant_id: UUID, minor: int) -> None:
    line = Transfer("bank/simulator", available(merchant_id), minor, "given", merchant_id, None, None)
    async with here.world.db.transaction() as tx:
        await ledger.post(tx, [line], here.clock.now())


def new_payout(
    merchant: Merchant, reference: str = "salary-1", number: str = "0102030405", **changes: Any
) -> NewPayout:
    destination = Destination("bank_transfer", "BRI", number, "John Doe")
    new = NewPayout(merchant.id, "v4-disbursements", reference, AMOUNT, destination)
    return msgspec.structs.replace(new, **changes)


async def held(here: Services, merchant: Merchant) -> tuple[int, int]:
    """What is available to a merchant and what is reserved, in minor units."""
    async with here.world.db.reading() as tx:
        found = await ledger.balances(tx, [available(merchant.id), reserved(merchant.id)])
    return -found.get(available(merchant.id), 0), -found.get(reserved(merchant.id), 0)


async def in_order(here: Services) -> None:
    """What must always be true, of every merchant in the database."""
    assert await here.faults() == []
    wrong = await here.rows(
        """
        SELECT m.id, -coalesce(a.balance, 0) AS available, -coalesce(r.balance, 0) AS reserved, p.whole
        FROM merchants m
        LEFT JOIN accounts a ON a.name = 'merchant/' || m.id || '/available'
        LEFT JOIN accounts r ON r.name = 'merchant/' || m.id || '/reserved'
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount + fee), 0) AS whole FROM payouts
            WHERE merchant_id = m.id AND state IN ('pending', 'processing') AND kind <> 'refund'
        ) p ON true
        WHERE coalesce(a.balance, 0) > 0 OR -coalesce(r.balance, 0) <> p.whole
        """
    )
    assert wrong == [], "available is below zero, or reserved is not what open payouts need"
    untold = await here.rows(
        """
        SELECT p.id FROM payouts p LEFT JOIN events e
            ON e.merchant_id = p.merchant_id AND e.snapshot -> 'payout' ->> 'id' = p.id::text AND e.kind <> 'payout.delayed'
        WHERE p.kind <> 'refund' GROUP BY p.merchant_id, p.id HAVING count(e.*) <> (p.ended_at IS NOT NULL)::integer + (p.returned_at IS NOT NULL)::integer
            OR max(e.kind) <> 'payout.' || p.state
        """
    )
    assert untold == [], "a payout that has ended has one event, and no other has any"


async def lines(here: Services, merchant: Merchant) -> list[tuple[str, int]]:
    """Reason and amount of all that was booked for a merchant but what it was given."""
    rows = await here.rows("SELECT reason, amount FROM transfers WHERE merchant_id = $1 ORDER BY id", merchant.id)
    return [(row["reason"], row["amount"]) for row in rows if row["reason"] != "given"]


def banking(here: Services, bank: Simulator) -> Services:
    """The same process with another bank."""
    partners = Partners(of_the_sandbox(), {bank.name: bank}, here.world.network)
    world = replace(here.world, partners=partners)
    return Services(world, here.batches, Workers(world, here.batches), here.clock)


class Counting(Simulator):
    """The simulator, with a book of who was sent."""

    def __init__(self) -> None:
        self.sent: list[UUID] = []

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        self.sent.append(order.reference)
        return await super().send(link, order, now)


class Stalled(Counting):
    """A bank that takes the instruction and never comes back with an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.called = asyncio.Event()

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        self.sent.append(order.reference)
        self.called.set()
        await asyncio.Event().wait()
        raise AssertionError


class Slow(Simulator):
    """A bank that thinks long before it says what came of a payout."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        self.asked.set()
        await self.answers.wait()
        return await super().ask(link, order, now)


class Broken(Simulator):
    """A bank whose connection fails in a way that nobody has thought of."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        raise self._failure

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        raise self._failure

    async def account_name(self, link: Link, bank_code: str, account_number: str) -> str | None:
        raise self._failure


class Reached(Simulator):
    """A bank that is reached over the network, as real ones are."""

    def __init__(self, network: Network, url: str) -> None:
        self._network = network
        self._url = url

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        await self._network.post(self._url, b"", {}, timeout_seconds=5)
        return await super().send(link, order, now)

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        await self._network.post(self._url, b"", {}, timeout_seconds=5)
        return await super().ask(link, order, now)


class Forgetful(Counting):
    """A bank that is silent when money is sent, and knows nothing of it; its statement, if it has one, is as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: int = 0

    def plan(self, connection: Connection, order: TransferOrder, now: datetime, calendar: BankCalendar) -> Plan | Later:
        return Plan("simulated", ACCOUNT)

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        self.sent.append(order.reference)
        raise Silence

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        self.asked += 1
        return None


class Mute(Forgetful):
    """Such a bank that cannot even be asked, and has no statement."""

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        self.asked += 1
        raise NeverSays


class WithStatement(Forgetful):
    """Such a bank with the movements of its account."""

    def __init__(self, *movements: BankMovement) -> None:
        super().__init__()
        self.movements = [*movements]
        self.read = 0

    async def statement(self, link: Link, account: str, first: date, last: date) -> AsyncIterator[BankMovement]:
        assert account == ACCOUNT
        self.read += 1
        for each in self.movements:
            yield each


class Unreached(Counting):
    """A bank that cannot be reached for so many calls: it surely has nothing of them."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.refused = 0

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        if self.refused < self.times:
            self.refused += 1
            raise NotSent("name not found")
        return await super().send(link, order, now)


def movement(text: str, at: datetime, amount: int = AMOUNT, **changes: Any) -> BankMovement:
    """A line of a statement: money that went out."""
    made = BankMovement(ACCOUNT, wib(at).date(), at, amount, "out", text, "", None)
    return msgspec.structs.replace(made, **changes)
