"""An operator ends a payout that nobody knows the end of: never against the bank's answer, nor against its statement."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from gerbang.connections import remark_of
from gerbang.domain.payouts import Payout
from gerbang.services import health, payout_unknowns, payouts
from gerbang.services.payments import read
from gerbang.services.payout_unknowns import Outcome
from tests.support.gateways import Databases
from tests.support.payouts import (
    AMOUNT,
    WHOLE,
    Broken,
    Forgetful,
    Unreached,
    WithStatement,
    banking,
    checked_processes,
    held,
    merchant_with,
    movement,
    new_payout,
)
from tests.support.services import START, Services

DAY_AFTER = movement("nothing", START + timedelta(days=1), amount=5)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


async def unknown(here: Services, bank: Forgetful) -> tuple[Services, Payout]:
    """A process with this bank, and a payout that it says nothing of."""
    merchant = await merchant_with(here, WHOLE)
    with_bank = banking(here, bank)
    return with_bank, await payouts.create(with_bank.world, new_payout(merchant))


async def resolved(here: Services, payout: Payout, *, sent: bool, seen: bool = False) -> tuple[Outcome, str]:
    outcome, after = await payout_unknowns.resolve(here.world, payout.id, sent=sent, statement_seen=seen)
    assert after is not None
    return outcome, after.state


async def remarks(here: Services) -> list[tuple[int, datetime]]:
    found = await health.state(here.world)
    return [(each.times, each.since) for each in found.remarks if "payouts" in each.what]


async def test_what_is_unknown_is_listed_until_it_has_ended(url: str) -> None:
    async with checked_processes(url) as (one, _):
        here, payout = await unknown(one, Forgetful())
        assert await payout_unknowns.every(here.world) == [], "it has hardly been sent"
        here.pass_time(minutes=2)
        (found,) = await payout_unknowns.every(here.world)
        assert await remarks(here) == []
        here.pass_time(minutes=58)
        assert await remarks(here) == [(1, START)], "the health check shows those of an hour"
        assert (found.payout, found.sending_at, found.not_found) == (payout, START, 0)
        assert await resolved(here, payout, sent=True, seen=True) == ("sent", "completed")
        assert await payout_unknowns.every(here.world) == []
        assert await resolved(here, payout, sent=False, seen=True) == ("ended_before", "completed")


async def test_without_a_statement_the_operator_must_have_seen_it_and_an_hour_must_be_over(url: str) -> None:
    async with checked_processes(url) as (one, _):
        here, payout = await unknown(one, Forgetful())
        assert await resolved(here, payout, sent=False, seen=True) == ("too_early", "pending")
        here.pass_time(hours=1)
        assert await resolved(here, payout, sent=False) == ("statement_must_be_seen", "pending")
        assert await held(one, await read.merchant(one.world, payout.merchant_id)) == (0, WHOLE)
        assert await resolved(here, payout, sent=False, seen=True) == ("not_sent", "failed")
        assert await held(one, await read.merchant(one.world, payout.merchant_id)) == (WHOLE, 0)


async def test_nobody_goes_against_the_statement(url: str) -> None:
    async with checked_processes(url) as (one, _):
        bank = WithStatement(DAY_AFTER)
        here, payout = await unknown(one, bank)
        here.pass_time(days=1)
        assert await resolved(here, payout, sent=True, seen=True) == ("did_not_leave_the_account", "pending")
        bank.movements.append(movement(remark_of(payout.id), START))
        assert await resolved(here, payout, sent=False, seen=True) == ("left_the_account", "pending")
        assert await resolved(here, payout, sent=True) == ("sent", "completed")
        here, second = await unknown(one, bank)
        here.pass_time(hours=1, minutes=10)
        bank.movements.append(movement("nothing", one.clock.now(), amount=5))
        assert await resolved(here, second, sent=False) == ("not_sent", "failed")
        here, third = await unknown(one, bank)
        here.pass_time(hours=1)
        bank.movements.append(movement("cut off", START, amount=AMOUNT))
        assert await resolved(here, third, sent=False) == ("statement_must_be_seen", "pending")
        assert await resolved(here, third, sent=False, seen=True) == ("not_sent", "failed")


async def test_the_banks_own_answer_counts_before_the_operators(url: str) -> None:
    async with checked_processes(url) as (one, _):
        _, payout = await unknown(one, Forgetful())
        one.pass_time(hours=1)
        # The simulator knows every transfer.
        assert await resolved(one, payout, sent=False, seen=True) == ("bank_said", "processing")


async def test_while_the_bank_is_silent_nothing_is_taken_for_not_sent(url: str) -> None:
    async with checked_processes(url) as (one, _):
        _, payout = await unknown(one, Forgetful())
        one.pass_time(hours=1)
        silent = banking(one, Broken(TimeoutError()))
        assert await resolved(silent, payout, sent=False, seen=True) == ("bank_gives_no_answer", "pending")
        assert await resolved(silent, payout, sent=True, seen=True) == ("sent", "completed")


async def test_what_was_never_given_to_a_bank_is_not_ended(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        here = banking(one, Unreached(1))
        payout = await payouts.create(here.world, new_payout(merchant))
        here.pass_time(hours=2)
        assert await payout_unknowns.every(here.world) == []
        assert await resolved(here, payout, sent=False, seen=True) == ("never_given_to_the_bank", "pending")
        assert (await payout_unknowns.resolve(here.world, uuid4(), sent=True, statement_seen=True))[
            0
        ] == "no_such_payout"
