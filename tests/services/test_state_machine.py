"""Payments are driven in random orders, often several things at the same moment and by two processes, against the real
database; whatever happens, what must always be true is true after every step.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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

from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Details, Method
from gerbang.domain.reports import Booked
from gerbang.errors import Refused
from gerbang.services import checkout, confirmations, expiry
from gerbang.services.checkout import Reopening
from gerbang.services.confirmations import Cancellation, Confirmation
from gerbang.services.deliveries import NO_WORDS
from gerbang.services.merchants import set_callback
from gerbang.workers.deliveries import Sender
from tests.gateways import Databases
from tests.houses import BRI, PRICE, House, money, order, payment_id
from tests.streets import Street, open_street

QRIS = Method(channel="qris")
BY_BUYER = msgspec.structs.replace(BRI, left_to_buyer="method")
WAYS: dict[str, dict[str, Any]] = {
    "single": {"method": BRI},
    "single qris": {"method": QRIS, "expires_in": 7200},
    "to be confirmed": {"method": BRI, "details": Details(auto_confirm=False)},
    "to be chosen": {"method": None, "details": Details(redirect=True)},
    "short": {"method": BRI, "expires_in": 60},
    "standing open": {"kind": "multiple", "amount": None, "method": BRI},
    "standing closed": {"kind": "multiple", "method": BRI, "expires_in": 600},
    "standing qris": {"kind": "multiple", "amount": None, "method": QRIS},
}
KINDS_TOLD = {"payment.processing", "payment.paid", "payment.cancelled", "charge.succeeded", "money.set_aside"}


@dataclass
class Known:
    """What the machine knows of one payment."""

    id: UUID
    numbers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Every (channel, number) that it was ever given."""


def _reachable(moves: dict[str, dict[Any, Any]]) -> dict[str, set[str]]:
    """Which states can follow which, in any number of moves."""
    after: dict[str, set[str]] = {}
    for table in moves.values():
        for start, end in table.items():
            after.setdefault(start, set()).add(end)
    for _ in range(len(after)):
        after = {start: ends.union(*(after.get(end, set()) for end in ends)) for start, ends in after.items()}
    return after


PAYMENT_MAY_BECOME = _reachable(payment_rules.MOVES)
CHARGE_MAY_BECOME = _reachable(charge_rules.MOVES)

AT_ONCE = ["pay", "pay", "pay", "confirm", "confirm", "cancel", "end", "reopen", "expire due", "deliver", "create"]
Wish = Callable[[], Awaitable[Any]]
Money = tuple[str, str, str, int]
"""What a bank said: reference, channel, number, amount."""
Rows = dict[str, list[dict[str, Any]]]
"""What the database holds of one merchant, by table."""

ways = st.sampled_from(list(WAYS))
methods = st.sampled_from([None, BRI, QRIS, BY_BUYER])
which = st.integers(0, 5)
"""A payment of those that there are, by its place."""
process = st.booleans()
bank_reference = st.integers(0, 30)
amounts = st.sampled_from([0, 0, 0, 1, -1])
"""By how much the money differs from the price."""


class Payments(RuleBasedStateMachine):
    street: Street

    def __init__(self) -> None:
        super().__init__()
        self.known: list[Known] = []
        self.states: dict[UUID, str] = {}
        self.money: set[Money] = set()
        """All money that was ever reported of this merchant's numbers; a reference can come with several."""

    def run(self, story: Awaitable[Any]) -> Any:
        async def told() -> Any:
            return await story

        return self.street.runner.run(told())

    @initialize()
    def open(self) -> None:
        self.merchant: Merchant = self.run(self._merchant())

    async def _merchant(self) -> Merchant:
        # What an earlier story that failed has left behind is not this one's.
        async with self.street.one.world.db.transaction() as tx:
            for table in ("tries", "deliveries", "charges", "payments"):
                await tx.execute(f"DELETE FROM {table}")
        merchant = await self.street.one.merchant()
        await set_callback(self.street.one.world, merchant.id, "payment", self.street.url)
        return merchant

    def house(self, second: bool) -> House:
        return self.street.two if second else self.street.one

    def pick(self, place: int) -> Known:
        return self.known[place % len(self.known)]

    # What can happen: each gives an awaitable, so that several can be under way at once

    async def _create(self, second: bool, way: str) -> None:
        said = dict(WAYS[way])
        ends_in = said.pop("expires_in", None)
        ends = None if ends_in is None else self.street.one.clock.now() + timedelta(seconds=ends_in)
        answer = await self.house(second).commands.create(order(self.merchant.id, expires_at=ends, **said))
        self.known.append(Known(payment_id(answer)))

    async def _confirm(self, second: bool, place: int, method: Method | None) -> None:
        wish = Confirmation(self.merchant.id, self.pick(place).id, method)
        await self.house(second).commands.confirm(wish)

    async def _cancel(self, second: bool, place: int) -> None:
        wish = Cancellation(self.merchant.id, self.pick(place).id, "REQUESTED_BY_CUSTOMER")
        await confirmations.cancel(self.house(second).world, wish)

    async def _end(self, second: bool, place: int) -> None:
        await expiry.expire_now(self.house(second).world, self.merchant.id, self.pick(place).id)

    async def _reopen(self, second: bool, place: int) -> None:
        here = self.house(second)
        found = await here.read(self.merchant, self.pick(place).id)
        if found.charges:
            await checkout.reopen(here.world, Reopening(self.merchant.id, found.payment.id, found.charges[0].id))

    def said(self, place: int, which_number: int, reference: int, differs: int) -> Money | None:
        """What a bank says when this much comes in for one of the payment's numbers, if it has any."""
        numbers = self.pick(place).numbers
        if not numbers:
            return None
        return f"{self.merchant.id}-{reference}", *numbers[which_number % len(numbers)], PRICE + differs

    async def _pay(self, second: bool, said: Money | None) -> Booked | None:
        if said is None:
            return None
        self.money.add(said)
        reference, channel, number, amount = said
        report = money(number, amount=amount, reference=reference, channel=channel)
        return await self.house(second).commands.report(report)

    async def _expire_due(self, second: bool) -> None:
        await expiry.expire_due(self.house(second).world)

    async def _release(self, second: bool) -> None:
        await expiry.release_numbers(self.house(second).world)

    async def _deliver(self, second: bool) -> None:
        here = self.house(second)
        sender = Sender(here.world, here.commands)
        await sender.step()
        await sender.idle()

    # Rules

    @rule(second=process, way=ways)
    def create(self, second: bool, way: str) -> None:
        self.run(self._create(second, way))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which, method=methods)
    def confirm(self, second: bool, place: int, method: Method | None) -> None:
        self.run(_allowed(self._confirm(second, place, method)))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which, which_number=which, reference=bank_reference, differs=amounts)
    def pay(self, second: bool, place: int, which_number: int, reference: int, differs: int) -> None:
        said = self.said(place, which_number, reference, differs)
        self.run(self._pay_and_judge(second, place, said))

    async def _pay_and_judge(self, second: bool, place: int, said: Money | None) -> None:
        """Money that comes alone: what becomes of it is known beforehand."""
        heard_before = said in self.money
        reference_used = said is not None and any(said[0] == other[0] for other in self.money)
        before = await self.house(second).read(self.merchant, self.pick(place).id)
        booked = await self._pay(second, said)
        if booked is None:
            return
        assert booked.heard_before == heard_before
        after = await self.house(not second).read(self.merchant, self.pick(place).id)
        if heard_before:
            assert after == before
            return
        owed = before.payment.amount if before.payment.amount is not None else booked.amount
        open_ = before.payment.state in ("awaiting", "processing", "active")
        # A number that its buyer has left, or whose own time was over, is paid too late.
        left = [charge for charge in before.charges if charge.id == booked.charge_id and charge.state != "waiting"]
        if before.payment.state == "paid":
            assert booked.outcome == "double"
        elif not open_ or (left and not before.payment.standing):
            assert booked.outcome == "late"
        else:
            right = {0: "booked", 1: "overpaid", -1: "underpaid"}[(booked.amount > owed) - (booked.amount < owed)]
            if right == "booked" and reference_used:
                right = "double"
            assert booked.outcome == right
        if booked.outcome == "booked":
            assert after.payment.state == ("active" if before.payment.standing else "paid")
        else:
            assert after.payment == before.payment

    @precondition(lambda self: self.known)
    @rule(second=process, place=which)
    def cancel(self, second: bool, place: int) -> None:
        self.run(_allowed(self._cancel(second, place)))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which)
    def end(self, second: bool, place: int) -> None:
        self.run(_allowed(self._end(second, place)))

    @precondition(lambda self: self.known)
    @rule(second=process, place=which, method=st.sampled_from([BY_BUYER, QRIS]))
    def choose_again(self, second: bool, place: int, method: Method) -> None:
        self.run(_allowed(self._reopen(second, place)))
        self.run(_allowed(self._confirm(second, place, method)))

    @rule(seconds=st.sampled_from([1, 60, 300, 600, 3600, 90_000]))
    def pass_time(self, seconds: int) -> None:
        self.street.one.pass_time(seconds=seconds)

    @rule(seconds=st.sampled_from([0, 60, 900]))
    def expire_due(self, seconds: int) -> None:
        self.street.one.pass_time(seconds=seconds)
        self.run(_all_allowed([partial(self._expire_due, second) for second in (False, True, True)]))

    @rule(second=process)
    def release(self, second: bool) -> None:
        self.run(self._release(second))

    @rule(second=process, answers=st.lists(st.sampled_from([200, 200, 500, 429, 400, 0]), max_size=4))
    def deliver(self, second: bool, answers: list[int]) -> None:
        self.street.answers[:] = answers
        self.run(self._deliver(second))
        self.street.answers.clear()

    @precondition(lambda self: self.known)
    @rule(data=st.data(), place=which)
    def at_once(self, data: st.DataObject, place: int) -> None:
        """Several things at the same moment, most of them about one payment."""
        count = data.draw(st.integers(2, 6), label="how many")
        self.run(_all_allowed([self._wish(data, place) for _ in range(count)]))

    def _wish(self, data: st.DataObject, place: int) -> Wish:
        second = data.draw(process, label="process")
        what = data.draw(st.sampled_from(AT_ONCE), label="what")
        match what:
            case "pay":
                return partial(
                    self._pay, second, self.said(place, *data.draw(st.tuples(which, bank_reference, amounts)))
                )
            case "confirm":
                return partial(self._confirm, second, place, data.draw(methods))
            case "create":
                return partial(self._create, second, data.draw(ways))
            case "cancel" | "end" | "reopen":
                return partial({"cancel": self._cancel, "end": self._end, "reopen": self._reopen}[what], second, place)
            case _:
                return partial({"expire due": self._expire_due, "deliver": self._deliver}[what], second)

    # What must always be true

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "merchant"):
            self.run(self._all_is_well())

    async def _all_is_well(self) -> None:
        kept = {
            table: await self.street.one.rows(
                f"SELECT * FROM {table} WHERE merchant_id = $1 ORDER BY {by}", self.merchant.id
            )
            for table, by in (
                ("payments", "id"),
                ("charges", "id"),
                ("paycodes", "created_at"),
                ("reports", "received_at"),
                ("transfers", "id"),
                ("events", "sequence"),
                ("deliveries", "sequence"),
                ("tallies", "merchant_id"),
            )
        }
        kept["tries"] = await self.street.one.rows("SELECT error FROM tries")
        for each in self.known:
            each.numbers = [(row["channel"], row["number"]) for row in kept["paycodes"] if row["payment_id"] == each.id]
        assert await self.street.one.imbalances() == []
        now = self.street.one.clock.now()
        self._states_never_go_back(kept)
        self._money_is_written_once(kept)
        self._a_paid_payment_has_one_charge_that_succeeded(kept)
        self._numbers_are_held_by_one(kept, now)
        self._every_change_has_one_event(kept)
        self._every_event_is_on_its_way(kept)

    def _states_never_go_back(self, kept: Rows) -> None:
        assert {row["id"] for row in kept["payments"]} == {each.id for each in self.known}
        for table, may_become in (("payments", PAYMENT_MAY_BECOME), ("charges", CHARGE_MAY_BECOME)):
            for row in kept[table]:
                state: str = row["state"]
                before = self.states.get(row["id"], state)
                assert state == before or state in may_become.get(before, set()), (before, state)
                self.states[row["id"]] = state

    def _money_is_written_once(self, kept: Rows) -> None:
        rows = kept["reports"]
        assert Counter(_as_said(row) for row in rows) == dict.fromkeys(self.money, 1)
        renamed = {row["id"] for row in rows if "#" in row["reference"]}
        assert sorted(row["reference"] for row in rows if row["id"] not in renamed) == sorted(
            {reference for reference, *_ in self.money}
        )
        assert not [row for row in rows if row["id"] in renamed and row["outcome"] == "booked"]
        for report in rows:
            lines = [row for row in kept["transfers"] if row["report_id"] == report["id"]]
            arrived = [
                row for row in lines if row["reason"] == ("money_in" if report["outcome"] == "booked" else "set_aside")
            ]
            assert [row["amount"] for row in arrived] == [report["amount"]]
            if report["outcome"] != "booked":
                assert lines == arrived
        came = sum(row["amount"] for row in kept["transfers"] if row["reason"] in ("money_in", "set_aside"))
        assert came == sum(amount for *_, amount in self.money)

    def _a_paid_payment_has_one_charge_that_succeeded(self, kept: Rows) -> None:
        booked = Counter(row["payment_id"] for row in kept["reports"] if row["outcome"] == "booked")
        fees = Counter[UUID]()
        for row in kept["transfers"]:
            if row["reason"] in ("fee", "vat"):
                fees[row["payment_id"]] += row["amount"]
        for payment in kept["payments"]:
            of = [row for row in kept["charges"] if row["payment_id"] == payment["id"]]
            succeeded = [row for row in of if row["state"] == "succeeded"]
            assert len(succeeded) == booked[payment["id"]]
            if payment["kind"] == "single":
                assert len(succeeded) == (payment["state"] == "paid")
            assert sum(row["fee"] for row in succeeded) == fees[payment["id"]]
            assert sum(row["state"] == "waiting" for row in of) <= 1

    def _numbers_are_held_by_one(self, kept: Rows, now: datetime) -> None:
        held = Counter((row["channel"], row["number"]) for row in kept["paycodes"] if row["held"])
        assert not [number for number, count in held.items() if count > 1]
        for payment in kept["payments"]:
            ends = payment["expires_at"]
            if payment["state"] in ("awaiting", "active") and (ends is None or ends > now):
                assert [row for row in kept["paycodes"] if row["payment_id"] == payment["id"] and row["held"]]

    def _every_change_has_one_event(self, kept: Rows) -> None:
        events = kept["events"]
        assert [row["sequence"] for row in events] == list(range(1, len(events) + 1))
        assert kept["tallies"][0]["events"] == len(events)
        assert kept["tallies"][0]["payments"] == len(kept["payments"])
        told = Counter((row["payment_id"], row["kind"]) for row in events)
        booked = Counter(row["payment_id"] for row in kept["reports"] if row["outcome"] == "booked")
        aside = Counter(row["payment_id"] for row in kept["reports"] if row["outcome"] != "booked")
        for payment in kept["payments"]:
            id_, state, standing = payment["id"], payment["state"], payment["kind"] == "multiple"
            assert told[id_, "payment.created"] == 1
            assert told[id_, "payment.paid"] == (state == "paid")
            assert told[id_, "payment.cancelled"] == (state == "cancelled")
            assert told[id_, "payment.expired"] == (state in ("expired", "inactive"))
            assert told[id_, "charge.succeeded"] == (booked[id_] if standing else 0)
            assert told[id_, "money.set_aside"] == aside[id_]
            assert 0 <= told[id_, "payment.confirmed"] - told[id_, "payment.reopened"] + 1 <= 2

    def _every_event_is_on_its_way(self, kept: Rows) -> None:
        to_be_told = [row["sequence"] for row in kept["events"] if row["kind"] in KINDS_TOLD]
        assert [row["sequence"] for row in kept["deliveries"]] == to_be_told
        for row in kept["deliveries"]:
            assert row["state"] in ("waiting", "delivered", "parked", "given_up")
            assert (row["state"] == "waiting") == (row["next_at"] is not None)
            assert (row["state"] == "waiting") or row["tries"] > 0
        assert not [row for row in kept["tries"] if row["error"] == NO_WORDS]

    def teardown(self) -> None:
        """In the end nobody waits any more: everything was heard, or is parked where it can be seen."""
        if hasattr(self, "merchant"):
            self.street.one.pass_time(days=2)
            self.run(self._to_the_end())
            rows = self.run(
                self.street.one.rows("SELECT state FROM deliveries WHERE merchant_id = $1", self.merchant.id)
            )
            assert {row["state"] for row in rows} <= {"delivered", "parked", "given_up"}
            ends = self.run(
                self.street.one.rows(
                    "SELECT state FROM payments WHERE merchant_id = $1 AND expires_at IS NOT NULL", self.merchant.id
                )
            )
            assert {row["state"] for row in ends} <= {"paid", "cancelled", "expired", "inactive"}

    async def _to_the_end(self) -> None:
        await self.street.one.workers.catch_up()


def _as_said(row: dict[str, Any]) -> Money:
    """The report as the bank gave it: other money under a used reference is kept under a name of its own."""
    return row["reference"].partition("#")[0], row["channel"], row["number"], row["amount"]


async def _allowed(what: Awaitable[Any]) -> None:
    """A thing that may be refused, in words."""
    with suppress(Refused):
        await what


async def _all_allowed(happening: list[Wish]) -> None:
    await asyncio.wait_for(asyncio.gather(*(_allowed(wish()) for wish in happening)), 20)


@pytest.fixture(scope="module")
def street(databases: Databases) -> Iterator[Street]:
    with open_street(databases.fresh()) as here:
        yield here


def test_whatever_happens_to_payments_the_books_and_the_news_are_right(street: Street) -> None:
    class OnThisStreet(Payments):
        pass

    OnThisStreet.street = street
    limits = settings(max_examples=60, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(OnThisStreet, settings=limits)
