"""Payments are driven in random orders, often several things at the same moment and by two processes, against the real
database; whatever happens, what must always be true is true after every step.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gerbang.db import audit
from gerbang.domain.payments import Method
from gerbang.errors import Refused
from tests.support import invariants
from tests.support.gateways import Databases
from tests.support.invariants import Money
from tests.support.payment_actions import Actions, Known
from tests.support.services import BRI, PRICE, number
from tests.support.two_processes import TwoProcesses, two_processes
from tests.support.ways import ASKED, BOUGHT, BY_BUYER, OPENING, QRIS, WALLET_BY_BUYER, WAYS

AT_ONCE = [
    *(
        "inquire",
        "reverse",
        "accept",
        "accept",
        "pay",
        "pay",
        "pay",
        "confirm",
        "confirm",
        "cancel",
        "end",
        "reopen",
        "expire due",
        "deliver",
        "create",
    ),
    *("settle due", "settle due", "settle now", "withdraw", "decline", "ask", "ask"),
]
SETTLED_DAYS = 15
"""After so many days everything is settled, whatever holidays there are."""
Action = Callable[[], Awaitable[Any]]
ways = st.integers(0, len(WAYS) - 1)
"""A way of those that this story has, by its place."""
ASKED_BY_BUYER = msgspec.structs.replace(ASKED, left_to_buyer="method")
methods = st.sampled_from([None, BRI, QRIS, BY_BUYER, ASKED_BY_BUYER, ASKED_BY_BUYER, WALLET_BY_BUYER])
which = st.integers(0, 5)
"""A payment of those that there are, by its place."""
process = st.booleans()
bank_reference = st.integers(0, 30)
amounts = st.sampled_from([0, 0, 0, 1, -1])
"""By how much the money differs from the price."""

RULES = audit.LEDGER | audit.MONEY | audit.NUMBERS | invariants.DELIVERIES
"""What must hold in the database after every step."""


class Payments(Actions, RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.known: list[Known] = []
        self.states: dict[UUID, str] = {}
        self.money: set[Money] = set()
        """All money that was ever reported of this merchant's numbers; a reference can come with several."""

    def run(self, story: Awaitable[Any]) -> Any:
        return self.processes.runner.get_loop().run_until_complete(story)

    @initialize(few=st.booleans())
    def open(self, few: bool) -> None:
        """Every other story is of codes that a partner has not answered for, of which the other half rarely has two."""
        self.ways = OPENING if few else list(WAYS)
        self.merchant = self.run(self.new_merchant())

    # Rules

    @rule(second=process, way=ways)
    def create(self, second: bool, way: int) -> None:
        self.run(_allowed(self._create(second, self.way(way))))

    def way(self, place: int) -> str:
        return self.ways[place % len(self.ways)]

    @rule(seconds=st.sampled_from([0, 5, 30, 90]))
    def ask(self, seconds: int) -> None:
        self.processes.one.pass_time(seconds=seconds)
        self.run(_all_allowed([partial(self._ask, second) for second in (False, True)]))

    @rule(second=process, way=st.sampled_from(BOUGHT))
    def buy(self, second: bool, way: str) -> None:
        """Somebody who pays at once what is asked."""
        self.run(self._buy(second, way))

    async def _buy(self, second: bool, way: str) -> None:
        paid_to = number(await self._create(second, way))
        method: Method = WAYS[way]["method"]
        connection = "asked" if method == ASKED else "simulator"
        said = f"{self.merchant.id}-bought-{len(self.known)}", connection, method.channel, paid_to, PRICE
        booked = await self._pay(not second, said)
        assert booked is not None
        assert booked.outcome == "booked"

    @precondition(lambda self: self.known)
    @rule(second=process, place=which, method=methods)
    def confirm(self, second: bool, place: int, method: Method | None) -> None:
        self.run(_allowed(self._confirm(second, place, method)))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which, which_number=which, reference=bank_reference, differs=amounts)
    def pay(self, second: bool, place: int, which_number: int, reference: int, differs: int) -> None:
        said = self.said(place, which_number, reference, differs)
        self.run(self._pay_and_check(second, place, said))

    async def _pay_and_check(self, second: bool, place: int, said: Money | None) -> None:
        """Money that comes alone: what becomes of it is known beforehand."""
        known_before = said in self.money
        reference_used = said is not None and any(said[:2] == other[:2] for other in self.money)
        before = await self.services(second).read(self.merchant, self.pick(place).id)
        booked = await self._pay(second, said)
        if booked is None:
            return
        assert booked.known_before == known_before
        after = await self.services(not second).read(self.merchant, self.pick(place).id)
        if known_before:
            assert after == before
            return
        owed = before.payment.amount if before.payment.amount is not None else booked.amount
        open_ = before.payment.state in ("opening", "awaiting", "active")
        # A number that its buyer has left, or whose own time was over, is paid too late.
        left = [charge for charge in before.charges if charge.id == booked.charge_id and charge.state != "waiting"]
        if before.payment.state == "paid":
            assert booked.outcome == "double"
        elif not open_ or (left and not before.payment.static):
            assert booked.outcome == "late"
        else:
            right = {0: "booked", 1: "overpaid", -1: "underpaid"}[(booked.amount > owed) - (booked.amount < owed)]
            if right == "booked" and reference_used:
                right = "double"
            assert booked.outcome == right
        if booked.outcome == "booked":
            assert after.payment.state == ("active" if before.payment.static else "paid")
        elif before.payment.state != "opening":  # money says that the partner has made the code
            assert after.payment == before.payment

    @precondition(lambda self: self.known)
    @rule(second=process, place=which, which_number=which, reference=bank_reference, differs=amounts)
    def accept(self, second: bool, place: int, which_number: int, reference: int, differs: int) -> None:
        said = self.said(place, which_number, reference, differs)
        self.run(self._accept_and_compare(second, place, said))

    async def _accept_and_compare(self, second: bool, place: int, said: Money | None) -> None:
        """A question that comes alone: money that is refused changes nothing, and a repeat has the same answer."""
        before = await self.services(second).read(self.merchant, self.pick(place).id)
        await self._inquire(second, said)
        assert await self.services(second).read(self.merchant, self.pick(place).id) == before
        reply = await self._accept(second, said)
        after = await self.services(not second).read(self.merchant, self.pick(place).id)
        if reply is not None and reply.verdict == "refused":
            assert after == before
        assert await self._accept(not second, said) == reply

    @rule(second=process, reference=bank_reference, differs=amounts)
    def reverse(self, second: bool, reference: int, differs: int) -> None:
        """What went back is said once more to the other process, which changes nothing."""
        done = self.run(self._reverse(second, reference, differs))
        assert self.run(self._reverse(not second, reference, differs)) == done

    @precondition(lambda self: self.known)
    @rule(second=process, place=which)
    def cancel(self, second: bool, place: int) -> None:
        self.run(_allowed(self._cancel(second, place)))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which)
    def end(self, second: bool, place: int) -> None:
        self.run(_allowed(self._end(second, place)))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which, method=st.sampled_from([BY_BUYER, QRIS, WALLET_BY_BUYER]))
    def choose_again(self, second: bool, place: int, method: Method) -> None:
        self.run(_allowed(self._reopen(second, place)))
        self.run(_allowed(self._confirm(second, place, method)))

    @rule(seconds=st.sampled_from([1, 1, 60, 60, 300, 900, 3600, 90_000]))
    def pass_time(self, seconds: int) -> None:
        self.processes.one.pass_time(seconds=seconds)

    @rule(seconds=st.sampled_from([0, 1, 60, 900]))
    def expire_due(self, seconds: int) -> None:
        self.processes.one.pass_time(seconds=seconds)
        self.run(_all_allowed([partial(self._expire_due, second) for second in (False, True, True)]))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which)
    def withdraw(self, second: bool, place: int) -> None:
        self.run(_allowed(self._withdraw(second, place)))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which)
    def decline(self, second: bool, place: int) -> None:
        self.run(_allowed(self._decline(second, place)))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which)
    def settle_now(self, second: bool, place: int) -> None:
        self.run(_allowed(self._settle_now(second, place)))

    @rule(days=st.sampled_from([0, 0, 0, SETTLED_DAYS]))
    def settle_due(self, days: int) -> None:
        self.processes.one.pass_time(days=days)
        self.run(_all_allowed([partial(self._settle_due, second) for second in (False, True, True)]))
        self.run(self._nothing_is_due())

    async def _nothing_is_due(self) -> None:
        due = "SELECT 1 FROM charges WHERE settled_at IS NULL AND settles_at <= $1"
        assert await self.processes.one.rows(due, self.processes.one.clock.now()) == []

    @rule(second=process)
    def release(self, second: bool) -> None:
        self.run(self._release(second))

    @rule(second=process, answers=st.lists(st.sampled_from([200, 200, 500, 429, 400, 0]), max_size=4))
    def deliver(self, second: bool, answers: list[int]) -> None:
        self.processes.answers[:] = answers
        self.run(self._deliver(second))
        self.processes.answers.clear()

    @precondition(lambda self: self.known)
    @rule(data=st.data(), place=which)
    def at_once(self, data: st.DataObject, place: int) -> None:
        """Several things at the same moment, most of them about one payment."""
        count = data.draw(st.integers(2, 6), label="how many")
        self.run(_all_allowed([self._action(data, place) for _ in range(count)]))

    def _action(self, data: st.DataObject, place: int) -> Action:
        second = data.draw(process, label="process")
        what = data.draw(st.sampled_from(AT_ONCE), label="what")
        match what:
            case "pay":
                said = self.said(place, *data.draw(st.tuples(which, bank_reference, amounts)))
                return partial(self._pay, second, said, data.draw(st.sampled_from([0, 0, 30, 600]), label="ago"))
            case "reverse":
                return partial(self._reverse, second, *data.draw(st.tuples(bank_reference, amounts)))
            case "inquire" | "accept":
                said = self.said(place, *data.draw(st.tuples(which, bank_reference, amounts)))
                return partial(self._inquire if what == "inquire" else self._accept, second, said)
            case "confirm":
                return partial(self._confirm, second, place, data.draw(methods))
            case "create":
                return partial(self._create, second, self.way(data.draw(ways)))
            case "expire due" | "settle due" | "deliver" | "ask":
                due = {
                    "expire due": self._expire_due,
                    "settle due": self._settle_due,
                    "deliver": self._deliver,
                    "ask": self._ask,
                }
                return partial(due[what], second)
            case _:
                one = {
                    "cancel": self._cancel,
                    "end": self._end,
                    "reopen": self._reopen,
                    "withdraw": self._withdraw,
                    "decline": self._decline,
                    "settle now": self._settle_now,
                }
                return partial(one[what], second, place)

    # What must always be true

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "merchant"):
            self.run(self._all_is_well())

    async def _all_is_well(self) -> None:
        kept = await invariants.rows_of(self.processes.one, self.merchant.id)
        for each in self.known:
            each.numbers = [
                (row["connection"], row["channel"], row["number"])
                for row in kept["paycodes"]
                if row["payment_id"] == each.id
            ]
        assert await self.processes.one.faults(RULES) == []
        assert {row["id"] for row in kept["payments"]} == {each.id for each in self.known}
        invariants.states_never_go_back(kept, self.states)
        invariants.money_is_written_once(kept, self.money)
        invariants.a_charge_waits_only_while_its_payment_does(kept)
        invariants.a_confirmation_is_reopened_at_most_once(kept)

    def teardown(self) -> None:
        """In the end nobody waits any more: all is settled, and was received or is parked where it can be seen."""
        if hasattr(self, "merchant"):
            self.processes.one.pass_time(days=SETTLED_DAYS)
            self.run(self._to_the_end())
            rows = self.run(
                self.processes.one.rows("SELECT state FROM deliveries WHERE merchant_id = $1", self.merchant.id)
            )
            assert {row["state"] for row in rows} <= {"delivered", "parked", "given_up"}
            ends = self.run(
                self.processes.one.rows(
                    "SELECT state FROM payments WHERE merchant_id = $1 AND expires_at IS NOT NULL", self.merchant.id
                )
            )
            assert {row["state"] for row in ends} <= {"paid", "cancelled", "failed", "expired", "inactive"}
            self.run(self._nothing_is_due())
            self.run(self._all_is_well())
            left = "SELECT 1 FROM charges WHERE merchant_id = $1 AND state = 'succeeded' AND settled_at IS NULL"
            assert self.run(self.processes.one.rows(left, self.merchant.id)) == []

    async def _to_the_end(self) -> None:
        await self.processes.one.workers.catch_up()
        assert await self.processes.one.faults() == []


async def _allowed(what: Awaitable[Any]) -> None:
    """A thing that may be refused, in words."""
    with suppress(Refused):
        await what


async def _all_allowed(happening: list[Action]) -> None:
    await asyncio.wait_for(asyncio.gather(*(_allowed(action()) for action in happening)), 20)


@pytest.fixture(scope="module")
def processes(databases: Databases) -> Iterator[TwoProcesses]:
    with two_processes(databases.fresh()) as here:
        yield here


def test_whatever_happens_to_payments_the_ledger_and_the_events_are_right(processes: TwoProcesses) -> None:
    class OnTwoProcesses(Payments):
        pass

    OnTwoProcesses.processes = processes
    limits = settings(max_examples=100, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(OnTwoProcesses, settings=limits)
