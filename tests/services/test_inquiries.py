"""A bank that asks before it gives us the money: what is owed is booked and accepted at once, and nothing else is booked."""

import asyncio
import itertools
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from gerbang.clock import SystemClock
from gerbang.domain.inquiries import Acceptance, Inquiry, Reply
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Details
from gerbang.errors import KeyReused, Refused, Unavailable
from gerbang.services.batches import Batches
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation, Reopening
from tests.support.gateways import Databases
from tests.support.services import (
    BRI,
    PRICE,
    Services,
    connected,
    forget_power_cuts,
    money,
    number,
    order,
    payment_id,
    run,
    several,
)
from tests.support.services import services as services_of

_serial = itertools.count(1)
NOWHERE = "9999000011112222"


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    url = databases.fresh()
    run(lambda: forget_power_cuts(url))
    return url


def acceptance(paid_to: str, request_id: str | None = None, **changes: Any) -> Acceptance:
    return Acceptance(request_id or f"pay-{next(_serial)}", money(paid_to, **changes))


def again(asked: Acceptance, **changes: Any) -> Acceptance:
    """The same question with other money in it."""
    return replace(asked, money=replace(asked.money, **changes))


def inquiry(paid_to: str, amount: int | None = None, request_id: str | None = None) -> Inquiry:
    return Inquiry("simulator", request_id or f"ask-{next(_serial)}", "virtual_account", paid_to, amount)


async def shop(here: Services, **changes: Any) -> tuple[Merchant, UUID, str]:
    """A merchant, one payment, and its number."""
    merchant = await here.merchant()
    answer = await here.batches.create(order(merchant.id, **changes))
    return merchant, payment_id(answer), number(answer)


async def booked(here: Services, merchant: Merchant) -> Counter[str]:
    """How often money of this merchant came to each outcome."""
    rows = await here.rows("SELECT outcome FROM reports WHERE merchant_id = $1", merchant.id)
    return Counter(row["outcome"] for row in rows)


async def all_is_well(here: Services) -> None:
    assert await here.faults() == []


async def test_a_question_about_a_payment_is_answered_and_changes_nothing(url: str) -> None:
    async with services_of(url) as here:
        merchant, id_, paid_to = await shop(here)
        before = await here.read(merchant, id_)
        reply = await here.batches.answer(inquiry(paid_to))
        assert (reply.verdict, reply.reason, reply.owed, reply.payment_id) == ("payable", None, PRICE, id_)
        assert reply.payer_name.endswith("Budi")
        assert await here.read(merchant, id_) == before
        assert await booked(here, merchant) == {}


async def test_money_that_is_owed_is_accepted_and_booked_in_one_commit(url: str) -> None:
    async with services_of(url) as here:
        merchant, id_, paid_to = await shop(here)
        reply = await here.batches.answer(acceptance(paid_to))
        assert (reply.verdict, reply.reason) == ("accepted", None)
        found = await here.read(merchant, id_)
        assert found.payment.state == "paid"
        rows = await here.rows("SELECT id FROM reports WHERE payment_id = $1 AND outcome = 'booked'", id_)
        assert [row["id"] for row in rows] == [reply.report_id]
        await all_is_well(here)


async def test_an_open_static_number_takes_any_amount_many_times(url: str) -> None:
    async with services_of(url) as here:
        merchant, _, paid_to = await shop(here, kind="static", amount=None)
        assert (await here.batches.answer(inquiry(paid_to))).owed is None
        for amount in (PRICE, 7 * PRICE):
            assert (await here.batches.answer(acceptance(paid_to, amount=amount))).verdict == "accepted"
        assert await booked(here, merchant) == {"booked": 2}


async def ended(here: Services, how: str) -> tuple[Merchant, str]:
    """A payment that cannot be paid any more, in one of several ways."""
    changes = {"method": None, "details": Details(redirect=True)} if how == "left" else {}
    merchant, id_, paid_to = await shop(here, **changes)
    match how:
        case "paid":
            await here.batches.report(money(paid_to))
        case "expired":
            await end.expire_now(here.world, merchant.id, id_)
            here.pass_time(seconds=1)
        case "withdrawn":
            await end.withdraw(here.world, Cancellation(merchant.id, id_, "OUT_OF_STOCK"))
        case _:
            chosen = Confirmation(merchant.id, id_, replace(BRI, left_to_buyer="method"))
            _, charge = await here.batches.confirm(chosen)
            assert charge is not None
            paid_to = charge.instructions.number
            await end.reopen(here.world, Reopening(merchant.id, id_, charge.id))
    return merchant, paid_to


@pytest.mark.parametrize(
    ("how", "reason"),
    [("paid", "paid"), ("expired", "expired"), ("withdrawn", "ended"), ("left", "not_active")],
)
async def test_what_is_not_owed_is_refused_and_nothing_is_booked(url: str, how: str, reason: str) -> None:
    async with services_of(url) as here:
        merchant, paid_to = await ended(here, how)
        before = await booked(here, merchant)
        for question in (inquiry(paid_to), acceptance(paid_to)):
            reply = await here.batches.answer(question)
            assert (reply.verdict, reply.reason) == ("refused", reason)
        assert await booked(here, merchant) == before
        await all_is_well(here)


@pytest.mark.parametrize("amount", [PRICE - 100, PRICE + 100])
async def test_another_amount_than_is_owed_is_refused(url: str, amount: int) -> None:
    async with services_of(url) as here:
        merchant, id_, paid_to = await shop(here)
        for question in (inquiry(paid_to, amount), acceptance(paid_to, amount=amount)):
            reply = await here.batches.answer(question)
            assert (reply.verdict, reply.reason, reply.owed) == ("refused", "wrong_amount", PRICE)
        assert await booked(here, merchant) == {}
        assert (await here.read(merchant, id_)).payment.state == "awaiting"


async def test_a_number_that_nobody_has_is_refused(url: str) -> None:
    async with services_of(url) as here:
        for question in (inquiry(NOWHERE), acceptance(NOWHERE)):
            reply = await here.batches.answer(question)
            assert (reply.verdict, reply.reason, reply.payment_id) == ("refused", "unknown_number", None)
        assert await here.rows("SELECT 1 FROM reports WHERE number = $1", NOWHERE) == []


async def test_a_reference_that_was_used_for_other_money_is_refused(url: str) -> None:
    async with services_of(url) as here:
        _, _, first = await shop(here)
        merchant, _, paid_to = await shop(here)
        used = acceptance(first)
        await here.batches.answer(used)
        reply = await here.batches.answer(acceptance(paid_to, reference=used.money.reference))
        assert (reply.verdict, reply.reason) == ("refused", "reference_used")
        assert await booked(here, merchant) == {}


async def test_a_repeat_gets_the_first_answer_whatever_happened_since(url: str) -> None:
    async with services_of(url) as here:
        merchant, id_, paid_to = await shop(here)
        asked, refused = inquiry(paid_to), acceptance(paid_to, amount=1)
        first = await here.batches.answer(asked)
        turned_down = await here.batches.answer(refused)
        accepted = acceptance(paid_to)
        taken = await here.batches.answer(accepted)
        here.pass_time(days=2)
        assert await here.batches.answer(asked) == first
        assert await here.batches.answer(refused) == turned_down
        assert await here.batches.answer(again(accepted, issuer="BCA", paid_at=here.clock.now())) == taken
        assert await booked(here, merchant) == {"booked": 1}
        assert (await here.read(merchant, id_)).payment.state == "paid"


@pytest.mark.parametrize("change", [{"amount": PRICE + 1}, {"number": NOWHERE}, {"reference": "another"}])
async def test_an_id_that_is_repeated_for_something_else_is_a_conflict(url: str, change: dict[str, Any]) -> None:
    async with services_of(url) as here:
        merchant, _, paid_to = await shop(here)
        asked = acceptance(paid_to)
        first = await here.batches.answer(asked)
        with pytest.raises(KeyReused):
            await here.batches.answer(again(asked, **change))
        assert await here.batches.answer(asked) == first
        assert await booked(here, merchant) == {"booked": 1}


async def test_an_inquiry_and_its_payment_may_share_an_id(url: str) -> None:
    async with services_of(url) as here:
        _, _, paid_to = await shop(here)
        assert (await here.batches.answer(inquiry(paid_to, request_id="shared"))).verdict == "payable"
        assert (await here.batches.answer(acceptance(paid_to, "shared"))).verdict == "accepted"


async def test_money_that_was_accepted_and_is_reported_too_is_one_money(url: str) -> None:
    async with services_of(url) as here:
        merchant, _, paid_to = await shop(here)
        asked = acceptance(paid_to)
        reply = await here.batches.answer(asked)
        reported = await here.batches.report(asked.money)
        assert (reported.known_before, reported.id) == (True, reply.report_id)
        _, _, other = await shop(here)
        asked = acceptance(other)
        reported = await here.batches.report(asked.money)
        assert (await here.batches.answer(asked)).report_id == reported.id
        assert await booked(here, merchant) == {"booked": 1}
        await all_is_well(here)


# -- at the same moment -----------------------------------------------------------------------------------------------


async def test_of_many_acceptances_for_one_payment_exactly_one_is_booked(url: str) -> None:
    async with services_of(url) as one, services_of(url) as two:
        for _ in range(5):
            merchant, _, paid_to = await shop(one)
            questions = [acceptance(paid_to) for _ in range(6)]
            asked = (here.batches.answer(question) for here, question in zip((one, two) * 3, questions, strict=True))
            replies = await asyncio.gather(*asked)
            assert Counter((reply.verdict, reply.reason) for reply in replies) == {
                ("accepted", None): 1,
                ("refused", "paid"): 5,
            }
            assert await booked(one, merchant) == {"booked": 1}
        await all_is_well(one)


@pytest.mark.parametrize("paid_to", [None, NOWHERE], ids=["of a payment", "of nobody"])
async def test_the_same_question_at_the_same_moment_has_one_answer(url: str, paid_to: str | None) -> None:
    async with services_of(url) as one, services_of(url) as two:
        for _ in range(5):
            merchant, _, its_number = await shop(one)
            question = acceptance(paid_to or its_number)
            replies = await asyncio.gather(*(here.batches.answer(question) for here in (one, two) * 3))
            assert replies == [replies[0]] * 6
            assert sum((await booked(one, merchant)).values()) == (paid_to is None)


async def test_one_id_for_two_payments_at_the_same_moment_is_answered_for_one(url: str) -> None:
    async with services_of(url) as one, services_of(url) as two:
        for _ in range(5):
            (_, _, first), (_, _, second) = await shop(one), await shop(one)
            asked = acceptance(first)
            other = again(asked, number=second)
            replies = await several(one.batches.answer(asked), two.batches.answer(other))
            assert sorted(type(reply).__name__ for reply in replies) == ["KeyReused", "Reply"]
        await all_is_well(one)


async def test_an_acceptance_and_a_report_of_other_money_book_one(url: str) -> None:
    async with services_of(url) as one, services_of(url) as two:
        for _ in range(8):
            merchant, _, paid_to = await shop(one)
            reply, reported = await asyncio.gather(
                one.batches.answer(acceptance(paid_to)), two.batches.report(money(paid_to))
            )
            assert (reply.verdict, reported.outcome) in {("accepted", "double"), ("refused", "booked")}
            assert (await booked(one, merchant))["booked"] == 1
        await all_is_well(one)


async def test_an_acceptance_and_a_report_of_the_same_money_book_it_once(url: str) -> None:
    async with services_of(url) as one, services_of(url) as two:
        for _ in range(8):
            merchant, _, paid_to = await shop(one)
            asked = acceptance(paid_to)
            reply, reported = await asyncio.gather(one.batches.answer(asked), two.batches.report(asked.money))
            assert (reply.verdict, reply.report_id, reported.outcome) == ("accepted", reported.id, "booked")
            assert await booked(one, merchant) == {"booked": 1}
        await all_is_well(one)


async def test_an_acceptance_at_the_end_of_a_payment_is_accepted_or_refused_and_never_both(url: str) -> None:
    async with services_of(url) as one, services_of(url) as two:
        for _ in range(8):
            merchant, id_, paid_to = await shop(one)
            reply, over = await several(
                one.batches.answer(acceptance(paid_to)), end.expire_now(two.world, merchant.id, id_)
            )
            assert isinstance(reply, Reply)
            state = (await one.read(merchant, id_)).payment.state
            accepted = reply.verdict == "accepted"
            assert state == ("paid" if accepted else "expired")
            assert isinstance(over, Refused) == accepted
            assert sum((await booked(one, merchant)).values()) == accepted
        await all_is_well(one)


async def test_a_payment_can_be_accepted_up_to_its_last_instant(url: str) -> None:
    async with services_of(url) as here:
        ends = here.clock.now() + timedelta(minutes=10)
        for early, verdict in ((1, "accepted"), (0, "refused")):
            _, _, paid_to = await shop(here, expires_at=ends)
            here.clock.move_to(ends - timedelta(microseconds=early))
            assert (await here.batches.answer(acceptance(paid_to))).verdict == verdict


# -- when an answer cannot be known -----------------------------------------------------------------------------------


async def test_a_question_that_cannot_be_answered_in_time_is_no_refusal_and_is_answered_when_repeated(
    url: str,
) -> None:
    async with services_of(url) as here, connected(url) as other:
        merchant, id_, paid_to = await shop(here)
        asked = acceptance(paid_to)
        async with other.transaction():
            await other.execute("SELECT 1 FROM payments WHERE id = $1 FOR UPDATE", id_)
            with pytest.raises(Unavailable):
                await Batches(here.world, size_max=1, lanes=1, answer_seconds=0.2).answer(asked)
        assert (await here.batches.answer(asked)).verdict == "accepted"
        assert await booked(here, merchant) == {"booked": 1}
        await all_is_well(here)


async def test_a_crash_before_the_commit_leaves_neither_an_answer_nor_money(url: str) -> None:
    async with services_of(url) as here, connected(url) as other:
        merchant, id_, paid_to = await shop(here)
        asked = acceptance(paid_to)
        async with other.transaction():  # holds up the last thing that is written before the commit
            await other.execute("SELECT 1 FROM counters WHERE merchant_id = $1 FOR UPDATE", merchant.id)
            waiting = asyncio.create_task(here.batches.answer(asked))
            query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            while not (rows := await other.fetch(query)):
                await other.execute("SELECT pg_sleep(0.01)")
            await other.fetch("SELECT pg_terminate_backend($1)", rows[0]["pid"])
            with pytest.raises(Unavailable):
                await waiting
        assert await booked(here, merchant) == {}
        assert await here.rows("SELECT 1 FROM inquiries WHERE payment_id = $1", id_) == []
        assert (await here.batches.answer(asked)).verdict == "accepted"
        await all_is_well(here)


async def test_a_payment_that_its_bank_waits_for_no_more_is_not_accepted_and_its_repeat_is(url: str) -> None:
    async with services_of(url) as here:
        merchant, _, paid_to = await shop(here)
        asked = acceptance(paid_to)
        machine_now = SystemClock().now()
        with pytest.raises(Unavailable):
            await here.batches.answer(replace(asked, answer_by=machine_now - timedelta(seconds=1)))
        assert await booked(here, merchant) == Counter()
        assert await here.rows("SELECT 1 FROM inquiries WHERE request_id = $1", asked.request_id) == []
        reply = await here.batches.answer(replace(asked, answer_by=machine_now + timedelta(minutes=1)))
        assert reply.verdict == "accepted"
        again_late = await here.batches.answer(replace(asked, answer_by=machine_now - timedelta(seconds=1)))
        assert again_late == reply
        assert await booked(here, merchant) == Counter({"booked": 1})
