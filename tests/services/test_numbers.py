"""Numbers are given out to one payment at a time, down to the last of a range, and again once they have rested."""

import asyncio
import copy
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import uuid4

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.channels.virtual_account import BankAgreement
from gerbang.clock import MovableClock
from gerbang.db.paycodes import NumberAllocator
from gerbang.domain.merchants import Merchant, NumberRange
from gerbang.domain.paycodes import CodePlan
from gerbang.domain.payments import Method
from gerbang.domain.terms import EXPIRES_AFTER_DEFAULT
from gerbang.errors import NumberTaken, RangeUsedUp, Refused
from gerbang.services.payments import create, numbers
from gerbang.services.payments.end import release_numbers
from gerbang.services.payments.numbers import CodeRequest, Crowded
from tests.support.agreements import bri_alone
from tests.support.gateways import Databases
from tests.support.services import START, Services, forget_power_cuts, money, number, order, services, several

T = TypeVar("T")
REST = 3600
"""Seconds for which a number rests after its payment."""
SECOND = timedelta(seconds=1)
_prefix = itertools.count(880_000)


class Booking(NamedTuple):
    """What is known of a number that was given: when its unpaid payment ends, and when it is free again."""

    ends_at: datetime | None
    free_at: datetime


@dataclass(frozen=True)
class Endpoints:
    """Two processes on one database and one clock."""

    runner: asyncio.Runner
    one: Services
    two: Services

    def run(self, story: Callable[[], Awaitable[T]]) -> T:
        async def inside() -> T:
            return await story()

        return self.runner.run(inside())

    async def merchant(self, range_: NumberRange, static: Sequence[tuple[int, int]] = ()) -> Merchant:
        """A merchant of BRI alone, with these numbers; the static ones have the same prefix."""
        bank = BankAgreement(range_, range_.prefix, range_.digits, list(static) or [(0, 0)])
        if not static:
            bank = BankAgreement(range_, f"{range_.prefix}9", 2, [(0, 4)])
        agreement = replace(bri_alone(bank), quarantine_seconds=REST)
        return await self.one.merchant(agreement=agreement)

    async def take(self, merchant: Merchant, many: int) -> list[str]:
        """That many payments, made by both processes at the same moment: their numbers. Others must find the range empty."""
        services = itertools.cycle((self.one, self.two))
        orders = [order(merchant.id) for _ in range(many)]
        answers = await several(*(next(services).batches.create(each) for each in orders))
        assert {type(answer) for answer in answers} <= {bytes, RangeUsedUp}, answers
        return [number(answer) for answer in answers if isinstance(answer, bytes)]

    async def held(self, range_: NumberRange) -> list[str]:
        """The numbers of a range that the database says are held."""
        rows = await self.one.rows("SELECT number FROM paycodes WHERE held AND starts_with(number, $1)", range_.prefix)
        return sorted(row["number"] for row in rows)


@pytest.fixture(scope="module")
def endpoints(databases: Databases) -> Iterator[Endpoints]:
    url = databases.fresh()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stack = AsyncExitStack()

        async def open_() -> Endpoints:
            await forget_power_cuts(url)
            clock = MovableClock(START, ticking=False)
            one = await stack.enter_async_context(services(url, clock=clock))
            two = await stack.enter_async_context(services(url, clock=clock))
            return Endpoints(runner, one, two)

        yield runner.run(open_())
        runner.run(stack.aclose())


def some(size: int, *, first: int = 0, digits: int = 2) -> NumberRange:
    """A range of its own for a test, with a prefix that nobody else has."""
    return NumberRange(f"{next(_prefix)}", digits, first, first + size - 1)


def every(range_: NumberRange) -> list[str]:
    return [range_.number(index) for index in range(range_.size)]


# Down to the last one, and again


@pytest.mark.parametrize("many", [1, 3, 8])
def test_a_range_of_five_is_given_out_to_the_last_number_and_no_further(endpoints: Endpoints, many: int) -> None:
    async def story() -> None:
        range_ = some(5, first=37)
        merchant = await endpoints.merchant(range_)
        given: list[str] = []
        for _ in range(8 // many + 1):
            given += await endpoints.take(merchant, many)
        assert sorted(given) == every(range_)
        assert await endpoints.held(range_) == every(range_)

    endpoints.run(story)


def test_numbers_rest_after_their_payments_have_ended_and_are_then_free_at_once(endpoints: Endpoints) -> None:
    async def story() -> None:
        range_ = some(5)
        merchant = await endpoints.merchant(range_)
        assert len(await endpoints.take(merchant, 5)) == 5
        for wait in (EXPIRES_AFTER_DEFAULT, timedelta(seconds=REST) - SECOND):
            endpoints.one.clock.advance(wait)
            assert await endpoints.take(merchant, 2) == []
        endpoints.one.clock.advance(SECOND)
        # Nobody has let go of them yet: whoever needs one does.
        assert await endpoints.held(range_) == every(range_)
        assert sorted(await endpoints.take(merchant, 7)) == every(range_)

    endpoints.run(story)


@pytest.mark.parametrize("index", [0, 1, 20, 38, 39])
def test_the_number_of_a_paid_payment_rests_from_then_on_and_is_found_wherever_it_is(
    endpoints: Endpoints, index: int
) -> None:
    async def story() -> None:
        range_ = some(40, first=7)  # so large that it is rarely found by guessing
        merchant = await endpoints.merchant(range_)
        assert len(await endpoints.take(merchant, 40)) == 40
        paid = range_.number(index)
        assert (await endpoints.two.batches.report(money(paid))).outcome == "booked"
        endpoints.one.clock.advance(timedelta(seconds=REST) - SECOND)
        assert await endpoints.take(merchant, 1) == []
        endpoints.one.clock.advance(SECOND)
        assert await endpoints.take(merchant, 2) == [paid]
        # Money that comes for it now is for the payment that holds it now.
        assert (await endpoints.two.batches.report(money(paid))).outcome == "booked"

    endpoints.run(story)


def test_resting_numbers_are_let_go_by_the_worker_each_at_its_time(endpoints: Endpoints) -> None:
    async def story() -> None:
        range_ = some(5)
        merchant = await endpoints.merchant(range_)
        paid, *others = await endpoints.take(merchant, 5)
        await endpoints.one.batches.report(money(paid))
        endpoints.one.clock.advance(timedelta(seconds=REST) - SECOND)
        await release_numbers(endpoints.one.world)
        assert await endpoints.held(range_) == every(range_)
        endpoints.one.clock.advance(SECOND)
        assert await release_numbers(endpoints.one.world) > 0
        assert await release_numbers(endpoints.two.world) == 0
        assert await endpoints.held(range_) == sorted(others)

    endpoints.run(story)


def test_a_number_that_was_chosen_is_taken_until_it_has_rested(endpoints: Endpoints) -> None:
    async def story() -> None:
        merchant = await endpoints.merchant(some(1))
        method = Method(channel="virtual_account", option="BRI", number="03")
        hour = timedelta(hours=1)

        async def choose() -> set[type]:
            end = endpoints.one.clock.now() + hour
            orders = [order(merchant.id, kind="static", method=method, expires_at=end) for _ in range(2)]
            answers = await several(
                *(h.batches.create(w) for h, w in zip((endpoints.one, endpoints.two), orders, strict=True))
            )
            return {type(answer) for answer in answers}

        assert await choose() == {bytes, NumberTaken}
        endpoints.one.clock.advance(hour + timedelta(seconds=REST) - SECOND)
        assert await choose() == {NumberTaken}
        endpoints.one.clock.advance(SECOND)
        assert await choose() == {bytes, NumberTaken}

    endpoints.run(story)


# Whatever happens at once

happenings = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 9)),
        st.tuples(st.just("pay"), st.integers(1, 4)),
        st.tuples(st.just("wait"), st.sampled_from([1, REST // 2, REST, REST + 900])),
    ),
    min_size=2,
    max_size=12,
)


def test_no_number_is_ever_given_twice_and_none_is_lost(endpoints: Endpoints) -> None:
    async def story(size: int, happening: list[tuple[str, int]]) -> None:
        range_ = some(size)
        merchant = await endpoints.merchant(range_)
        waiting: dict[str, Booking] = {}
        for what, much in happening:
            now = endpoints.one.clock.now()
            waiting = {n: booking for n, booking in waiting.items() if booking.free_at > now}
            if what == "wait":
                endpoints.one.clock.advance(timedelta(seconds=much))
            elif what == "pay":
                for paid in [n for n, booking in waiting.items() if booking.ends_at and booking.ends_at > now][:much]:
                    assert (await endpoints.two.batches.report(money(paid))).outcome == "booked"
                    waiting[paid] = Booking(None, now + timedelta(seconds=REST))
            else:
                given = await endpoints.take(merchant, much)
                assert len(given) == min(much, size - len(waiting)), "as many as there are, and no more"
                assert len(set(given)) == len(given)
                assert waiting.keys().isdisjoint(given)
                assert set(given) <= set(every(range_))
                end = now + EXPIRES_AFTER_DEFAULT
                waiting |= dict.fromkeys(given, Booking(end, end + timedelta(seconds=REST)))

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 12), happenings)
    def check(size: int, happening: list[tuple[str, int]]) -> None:
        endpoints.run(lambda: story(size, happening))

    check()


def test_many_who_want_the_last_numbers_at_once_get_each_of_them_once(endpoints: Endpoints) -> None:
    async def story() -> None:
        for _ in range(4):
            range_ = some(30)
            merchant = await endpoints.merchant(range_)
            given = await endpoints.take(merchant, 45)
            assert sorted(given) == every(range_)

    endpoints.run(story)


# What is kept for merchants to choose from


def test_the_part_that_merchants_choose_from_is_never_given_by_chance(endpoints: Endpoints) -> None:
    async def story(static: list[tuple[int, int]]) -> None:
        range_ = NumberRange(f"{next(_prefix)}", 1)
        merchant = await endpoints.merchant(range_, static)
        kept = {n for first, last in static for n in range(first, last + 1)}
        given = (
            await endpoints.take(merchant, 6) + await endpoints.take(merchant, 1) + await endpoints.take(merchant, 6)
        )
        assert sorted(given) == [each for n, each in enumerate(every(range_)) if n not in kept]

    bounds = st.tuples(st.integers(0, 9), st.integers(0, 4)).map(lambda drawn: (drawn[0], min(9, sum(drawn))))

    @settings(max_examples=25, deadline=None)
    @given(st.lists(bounds, min_size=1, max_size=3))
    def check(static: list[tuple[int, int]]) -> None:
        endpoints.run(lambda: story(static))

    check()


@pytest.mark.parametrize("bound_first", [True, False])
def test_what_is_kept_from_one_merchant_is_not_kept_from_another_with_the_same_numbers(
    endpoints: Endpoints, bound_first: bool
) -> None:
    async def story() -> None:
        range_ = NumberRange(f"{next(_prefix)}", 2)
        bound, free = await endpoints.merchant(range_, [(0, 99)]), await endpoints.merchant(range_)
        assert len(await endpoints.take(free, 90)) == 90  # so many that guessing rarely helps
        for _ in range(10):
            orders = [order(each.id) for each in ((bound, free) if bound_first else (free, bound))]
            answers = await create.create_all(endpoints.one.world, orders)
            assert [type(each) for each in answers] == ([RangeUsedUp, bytes] if bound_first else [bytes, RangeUsedUp])
        assert await endpoints.held(range_) == every(range_)

    endpoints.run(story)


# Guessing, and looking


def code_request(
    merchant: Merchant, range_: NumberRange | None, *, static: bool = False, channel: str = "x"
) -> CodeRequest:
    code_plan = CodePlan(channel, None, "", None, static, None, range=range_, static_max=1 if static else None)
    return CodeRequest(code_plan, "simulator", uuid4(), None, merchant, START)


def test_numbers_of_a_range_with_room_are_the_allocators_guesses(endpoints: Endpoints) -> None:
    async def story() -> None:
        range_ = some(50)
        merchant = await endpoints.merchant(range_)
        requests = [code_request(merchant, range_) for _ in range(5)]
        allocator = NumberAllocator()
        allocator.guess(range_, (), 1)  # from now on it knows where it is
        same = copy.deepcopy(allocator)
        async with endpoints.one.world.db.transaction() as tx:
            assert await numbers.find(tx, same, requests, START) == allocator.guess(range_, (), 5)

    endpoints.run(story)


def test_a_number_that_is_held_is_never_found_where_it_is_looked_for(endpoints: Endpoints) -> None:
    async def story() -> None:
        range_ = some(9)
        merchant = await endpoints.merchant(range_)
        held = number(await endpoints.one.batches.create(order(merchant.id)))
        requests = [code_request(merchant, range_, channel="virtual_account") for _ in range(10)]
        allocator = NumberAllocator()
        allocator.jump(range_)  # a guess has met a number that was held
        async with endpoints.one.world.db.transaction() as tx:
            found = await numbers.find(tx, allocator, requests, START)
        assert [type(each) for each in found].count(RangeUsedUp) == 2
        assert sorted(each for each in found if isinstance(each, str)) == [n for n in every(range_) if n != held]

    endpoints.run(story)


def test_who_is_hurried_does_not_look_for_numbers(endpoints: Endpoints) -> None:
    async def story() -> None:
        range_ = some(3)
        merchant = await endpoints.merchant(range_)
        async with endpoints.one.world.db.reading() as tx:
            requests = [code_request(merchant, range_) for _ in range(4)]
            found = await numbers.find(tx, NumberAllocator(), requests, START, hurried=True)
        assert sorted(each for each in found if isinstance(each, str)) == every(range_)
        assert [type(each) for each in found].count(Crowded) == 1, "more than there are"

    endpoints.run(story)


@given(
    st.integers(1, 40),
    st.integers(0, 99),
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=3),
    st.integers(1, 50),
)
def test_guesses_go_round_the_whole_range_and_leave_out_what_is_kept(
    size: int, first: int, kept: list[tuple[int, int]], count: int
) -> None:
    range_ = NumberRange("1", 3, first, first + size - 1)
    allocator = NumberAllocator()
    rounds = [allocator.guess(range_, kept, count) for _ in range(-(-size // min(count, size)))]
    may = {range_.number(n - first) for n in range(first, first + size) if not any(a <= n <= b for a, b in kept)}
    assert {guessed for one in rounds for guessed in one} == may
    assert all(len(set(one)) == len(one) <= count for one in rounds)


def test_refusals_are_values_beside_the_numbers_of_the_others(endpoints: Endpoints) -> None:
    async def story() -> None:
        small, large = some(2), some(90)
        buyer = await endpoints.merchant(large)
        requests = [code_request(buyer, each) for each in (small, large, small, large, small, large)]
        async with endpoints.one.world.db.transaction() as tx:
            given = await numbers.find(tx, NumberAllocator(), requests, START)
        assert sorted(each for each in given[::2] if isinstance(each, str)) == every(small)
        assert [type(each) for each in given if isinstance(each, Refused)] == [RangeUsedUp]
        assert len({each for each in given[1::2] if isinstance(each, str)}) == 3

    endpoints.run(story)
