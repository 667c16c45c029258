"""Whatever a bank does with orders and questions, in whatever turn: each order arrives at most once, and the ledger is right about it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gerbang.clock import Clock
from gerbang.connections import (
    BankMovement,
    Declined,
    Later,
    Link,
    NotSent,
    Plan,
    Sent,
    Silence,
    TransferOrder,
    remark_of,
)
from gerbang.connections.simulator import Simulator
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import Connection
from gerbang.services import payouts
from gerbang.workers.partner_requests import ask_due
from tests.support.gateways import Databases
from tests.support.payouts import (
    ACCOUNT,
    WHOLE,
    banking,
    held,
    in_order,
    merchant_with,
    movement,
    new_payout,
    two_processes_on,
)
from tests.support.services import run, several

Mood = Literal["answers", "loses the answer", "never gets it", "cannot be reached", "refuses", "does not know"]
MOODS: tuple[Mood, ...] = (
    "answers",
    "loses the answer",
    "never gets it",
    "cannot be reached",
    "refuses",
    "does not know",
)


class Moody(Simulator):
    """A bank whose next answers are drawn; what it has carried out is on its statement, and nothing else is."""

    def __init__(self, moods: list[Mood], clock: Clock) -> None:
        self.moods = moods
        self.clock = clock
        self.arrived: list[UUID] = []
        self.left: dict[UUID, datetime] = {}

    def mood(self) -> Mood:
        return self.moods.pop() if self.moods else "does not know"

    def plan(self, connection: Connection, order: TransferOrder, now: datetime, calendar: BankCalendar) -> Plan | Later:
        return Plan("any", ACCOUNT)

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        mood = self.mood()
        await asyncio.sleep(0)
        if mood == "cannot be reached":
            raise NotSent
        if mood == "never gets it":
            raise Silence
        self.arrived.append(order.reference)
        if mood == "refuses":
            raise Declined("Do not honor")
        self.left[order.reference] = now
        if mood == "answers":
            return Sent("processing", "R-1", ask_at=now + timedelta(minutes=1))
        raise Silence

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        mood = self.mood()
        if mood == "refuses":
            raise Declined("Feature not allowed")
        if mood in ("loses the answer", "cannot be reached", "never gets it"):
            raise Silence
        if mood == "does not know" or order.reference not in self.left:
            return None
        return Sent("completed", "R-1")

    async def statement(self, link: Link, account: str, first: date, last: date) -> AsyncIterator[BankMovement]:
        for reference, at in self.left.items():
            yield movement(f"TRSF {remark_of(reference)}", at)
        yield movement("a fee", self.clock.now(), amount=1)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@settings(max_examples=12, deadline=None)
@given(
    moods=st.lists(st.sampled_from(MOODS), min_size=5, max_size=60),
    waits=st.lists(st.sampled_from([1, 5, 90]), min_size=5, max_size=25),
)
def test_an_order_arrives_at_most_once_and_nothing_that_left_is_given_back(
    url: str, moods: list[Mood], waits: list[int]
) -> None:
    async def live() -> None:
        async with two_processes_on(url) as (first, second):
            bank = Moody(moods, first.clock)
            one, two = banking(first, bank), banking(second, bank)
            merchant = await merchant_with(one, 3 * WHOLE)
            await several(
                *(
                    payouts.create(here.world, new_payout(merchant, f"salary-{n}"))
                    for n, here in enumerate((one, two, one))
                )
            )
            for minutes in waits:
                one.pass_time(minutes=minutes)
                await several(*(ask_due(here.world, here.batches) for here in (one, two)))
                await in_order(one)
            assert len(bank.arrived) == len(set(bank.arrived))
            made = await payouts.page(one.world, merchant.id, payouts.Search(), 1, 10)
            assert len(made) == 3
            for payout in made:
                assert payout.state != "completed" or payout.id in bank.left
                assert payout.state != "failed" or payout.id not in bank.left
            back = sum(payout.state == "failed" for payout in made)
            assert (await held(one, merchant))[0] == back * WHOLE

    run(live)
