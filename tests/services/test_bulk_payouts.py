"""Bulk payouts below the API: two at once on one balance, waiting and going on, dying between the commit and the bank."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from gerbang.connections import Silence
from gerbang.connections.simulator import PROVIDER
from gerbang.db import ledger
from gerbang.domain.connections import SIMULATOR, Connections, Route, of_the_sandbox
from gerbang.domain.ledger import Transfer
from gerbang.domain.ledger import payouts as payouts_account
from gerbang.domain.merchants import Agreement, Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payouts import Destination
from gerbang.errors import DailyPayoutsAboveLimit, KeyReused, PayoutAboveLimit, PayoutReferenceTaken
from gerbang.partners import Partners
from gerbang.services import bulk_payouts, bulk_waiting
from gerbang.services.bulk_payouts import Found, NewBulk, NewLine
from gerbang.services.payouts import create
from gerbang.workers.partner_requests import ask_due
from tests.support.gateways import Databases
from tests.support.payouts import AMOUNT, WHOLE, Broken, Counting, banking, checked_processes, new_payout
from tests.support.services import Services, several

ARRIVES = "999966660001"


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


def answer(found: Found) -> bytes:
    return msgspec.json.encode({"id": found.bulk.id, "state": found.bulk.state})


def line(reference: str = "", number: str = ARRIVES, bank: str = "BRI", **changes: Any) -> NewLine:
    made = NewLine(reference or uuid4().hex, AMOUNT, Destination("bank_transfer", bank, number, "John Doe"))
    return msgspec.structs.replace(made, **changes)


def order(merchant: Merchant, *lines: NewLine, key: str | None = None, fingerprint: bytes = b"1") -> NewBulk:
    return NewBulk(merchant.id, "payout", lines, key, fingerprint, answer)


async def pay(here: Services, new: NewBulk) -> tuple[UUID, str]:
    """The id and the state of a bulk payout that was made."""
    made = msgspec.json.decode(await bulk_payouts.create(here.world, new))
    return UUID(made["id"]), made["state"]


async def merchant_with(here: Services, minor: int, *, agreement: Agreement | None = None) -> Merchant:
    """A merchant that has so much for payouts."""
    merchant = await here.merchant(agreement=agreement)
    await give(here, merchant, minor)
    return merchant


async def give(here: Services, merchant: Merchant, minor: int) -> None:
    given = Transfer("bank/simulator", payouts_account(merchant.id), minor, "given", merchant.id, None, None)
    async with here.world.db.transaction() as tx:
        await ledger.post(tx, [given], here.clock.now())


async def left(here: Services, merchant: Merchant) -> int:
    async with here.world.db.reading() as tx:
        return -(await ledger.balances(tx, [payouts_account(merchant.id)])).get(payouts_account(merchant.id), 0)


async def states(here: Services, merchant: Merchant, bulk_id: UUID) -> tuple[str, list[str]]:
    found = await bulk_payouts.read(here.world, merchant.id, bulk_id)
    return found.bulk.state, [each.state for each in found.lines]


async def kinds(here: Services, merchant: Merchant) -> list[str]:
    rows = await here.rows("SELECT kind FROM events WHERE merchant_id = $1 ORDER BY sequence", merchant.id)
    return [row["kind"] for row in rows]


async def all_asked(here: Services) -> None:
    """Every request that is due is taken up."""
    while await ask_due(here.world, here.batches):
        pass


# -- the balance -----------------------------------------------------------------------------------------------------


async def test_two_at_once_never_spend_one_balance_twice(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, 3 * WHOLE)
        got = await several(*(pay((one, two)[n % 2], order(merchant, line(), line())) for n in range(4)))
        made = [each for each in got if isinstance(each, tuple)]
        assert sorted(state for _, state in made) == ["running", "waiting", "waiting", "waiting"]
        await all_asked(one)
        assert await left(one, merchant) == WHOLE


async def test_it_goes_on_when_money_comes_and_all_of_it_or_nothing_is_sent(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, WHOLE)
        bulk_id, state = await pay(one, order(merchant, line(), line()))
        assert (state, await states(one, merchant, bulk_id)) == ("waiting", ("waiting", ["approved", "approved"]))
        await all_asked(one)
        one.clock.advance(timedelta(minutes=1))
        assert await bulk_waiting.go_on(one.world) == 0
        await give(one, merchant, WHOLE)
        assert await bulk_waiting.go_on(one.world) == 0, "it is looked at again after a minute"
        one.clock.advance(timedelta(minutes=1))
        assert (
            sum(
                each
                for each in await several(*(bulk_waiting.go_on(p.world) for p in (one, two)))
                if isinstance(each, int)
            )
            == 1
        )
        assert await states(one, merchant, bulk_id) == ("running", ["pending", "pending"])
        await all_asked(two)
        assert await states(one, merchant, bulk_id) == ("done", ["completed", "completed"])
        assert await left(one, merchant) == 0
        assert await kinds(one, merchant) == [
            "bulk_payout.waiting",
            "payout.completed",
            "payout.completed",
            "bulk_payout.done",
        ]


async def test_what_waits_can_be_cancelled_and_nothing_of_it_is_sent(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        waiting, _ = await pay(one, order(merchant, line(), line()))
        running, _ = await pay(one, order(merchant, line()))
        assert await bulk_waiting.cancel(one.world, merchant.id, waiting) == "cancelled"
        assert await bulk_waiting.cancel(one.world, merchant.id, waiting) == "not_waiting"
        assert await bulk_waiting.cancel(one.world, merchant.id, running) == "not_waiting"
        assert await bulk_waiting.cancel(one.world, uuid4(), waiting) == "no_such_bulk_payout"
        found = await bulk_payouts.read(one.world, merchant.id, waiting)
        assert (found.bulk.state, found.totals.cancelled, found.totals.cancelled_amount) == ("cancelled", 2, 2 * AMOUNT)
        await give(one, merchant, 9 * WHOLE)
        one.clock.advance(timedelta(hours=1))
        assert await bulk_waiting.go_on(one.world) == 0
        await all_asked(one)
        assert await left(one, merchant) == 9 * WHOLE
        expected = ["bulk_payout.waiting", "payout.failed", "payout.failed", "bulk_payout.cancelled"]
        assert await kinds(one, merchant) == [*expected, "payout.completed", "bulk_payout.done"]


# -- dying, and repeats ----------------------------------------------------------------------------------------------


async def test_another_process_goes_on_where_one_died_after_the_commit(url: str) -> None:
    async with checked_processes(url) as (first, second):
        bank = Counting()
        one, two = banking(first, bank), banking(second, bank)
        merchant = await merchant_with(one, 5 * WHOLE)
        bulk_id, _ = await pay(one, order(merchant, *(line(number="0102030405") for _ in range(5))))
        assert bank.sent == [], "the request is answered before any bank is called"
        await several(*(ask_due(p.world, p.batches) for p in (one, two)))
        await all_asked(two)
        lines = (await bulk_payouts.read(two.world, merchant.id, bulk_id)).lines
        assert sorted(bank.sent) == sorted(each.id for each in lines), "each line is sent once"


async def test_a_line_that_was_being_sent_when_its_process_died_is_only_asked_about(url: str) -> None:
    async with checked_processes(url) as (first, second):
        merchant = await merchant_with(first, 2 * WHOLE)
        bulk_id, _ = await pay(first, order(merchant, line(number="0102030405"), line(number="0102030405")))
        await ask_due(banking(first, Broken(Silence())).world, first.batches)
        bank = Counting()
        second.clock.advance(timedelta(minutes=5))
        await ask_due(banking(second, bank).world, second.batches)
        assert bank.sent == [], "after a silence nobody sends it again"
        assert (await states(second, merchant, bulk_id))[0] == "running"


async def test_a_key_or_a_reference_is_taken_once_by_two_processes(url: str) -> None:
    async with checked_processes(url) as (one, two):
        merchant = await merchant_with(one, 9 * WHOLE)
        same = order(merchant, line("a"), line("b"), key="k")
        got = await several(*(bulk_payouts.create((one, two)[n % 2].world, same) for n in range(6)))
        assert len({each for each in got if isinstance(each, bytes)}) == 1 and len(got) == 6
        with pytest.raises(KeyReused):
            await bulk_payouts.create(two.world, order(merchant, line(), key="k", fingerprint=b"2"))
        with pytest.raises(PayoutReferenceTaken) as taken:
            await bulk_payouts.create(two.world, order(merchant, line(), line("a"), key="other"))
        assert taken.value.field == "payouts[1].reference"
        single = await create(one.world, new_payout(merchant, "a"))
        assert single.cause_id is not None, "a disbursement of this reference is the line"
        assert len(await one.rows("SELECT id FROM bulk_payouts WHERE merchant_id = $1", merchant.id)) == 1


# -- limits and connections ------------------------------------------------------------------------------------------


async def test_a_line_that_nobody_can_carry_out_fails_alone(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, 9 * WHOLE)
        simulator = of_the_sandbox().by_name[SIMULATOR]
        routed = Connections({SIMULATOR: simulator}, (Route(connections=(SIMULATOR,), option="BRI"),))
        partners = Partners(routed, {SIMULATOR: PROVIDER}, one.world.network)
        here = replace(one, world=replace(one.world, partners=partners))
        bulk_id, state = await pay(here, order(merchant, line(bank="GOPAY"), line(), line(bank="BCA")))
        assert (state, await states(one, merchant, bulk_id)) == (
            "running",
            ("running", ["failed", "pending", "failed"]),
        )
        found = await bulk_payouts.read(one.world, merchant.id, bulk_id)
        assert found.lines[0].failure_reason == "Feature not allowed at this time"
        await all_asked(here)
        nobody, state = await pay(here, order(merchant, line(bank="OVO")))
        assert (state, await states(one, merchant, nobody)) == ("done", ("done", ["failed"]))
        assert await left(one, merchant) == 8 * WHOLE


async def test_what_is_agreed_limits_a_line_and_a_day(url: str) -> None:
    async with checked_processes(url) as (one, _):
        agreement = Agreement(payouts_day_max=3 * AMOUNT, amount_max={"payout": 2 * AMOUNT})
        merchant = await merchant_with(one, 9 * WHOLE, agreement=agreement)
        with pytest.raises(PayoutAboveLimit):
            await pay(one, order(merchant, line(amount=2 * AMOUNT + rupiah(1))))
        await pay(one, order(merchant, line(amount=2 * AMOUNT)))
        with pytest.raises(DailyPayoutsAboveLimit):
            await pay(one, order(merchant, line(), line()))
        await pay(one, order(merchant, line()))
        one.clock.advance(timedelta(days=1))
        await pay(one, order(merchant, line(), line()))


# -- what takes long -------------------------------------------------------------------------------------------------


async def test_a_merchant_is_notified_once_of_a_line_whose_bank_says_nothing_for_an_hour(url: str) -> None:
    async with checked_processes(url) as (first, _):
        one = banking(first, Broken(Silence()))
        merchant = await merchant_with(one, WHOLE)
        await pay(one, order(merchant, line()))
        for _ in range(20):
            await ask_due(one.world, one.batches)
            one.clock.advance(timedelta(minutes=10))
        assert await kinds(one, merchant) == ["payout.delayed"]
