"""What a statement says of money that a bank does not know: given back is only what surely did not leave."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from structlog.testing import capture_logs

from gerbang.clock import WIB
from gerbang.connections import BankMovement, Link, Sent, remark_of
from gerbang.db import partner_requests as requests
from gerbang.domain.partner_requests import WAIT_FIRST, PartnerRequest, SendMoney
from gerbang.domain.payouts import Payout
from gerbang.services import payout_unknowns, payouts
from gerbang.services.payout_requests import write
from gerbang.services.payout_statements import STATEMENT_SECONDS, statement_says, verdict
from gerbang.workers.partner_requests import ask_due
from tests.support.gateways import Databases
from tests.support.payouts import (
    AMOUNT,
    WHOLE,
    Mute,
    WithStatement,
    banking,
    checked_processes,
    held,
    merchant_with,
    movement,
    new_payout,
)
from tests.support.services import START, Services

SENT_AT = datetime(2026, 11, 28, 12, 0, tzinfo=WIB)
NOW = SENT_AT + timedelta(hours=2)
ID = UUID("01931234-5678-7abc-8def-0123456789ab")
OTHER = UUID("01931234-5678-7abc-8def-0123456789ac")
CODE = remark_of(ID)
REQUEST = PartnerRequest(
    ID, ID, "bank", "send", SendMoney(), "sending", SENT_AT, SENT_AT, account="1", sending_at=SENT_AT
)
SOON = SENT_AT + timedelta(seconds=2)
LATER = movement("SETORAN", SENT_AT + timedelta(minutes=61), amount=1, direction="in")


def says(*movements: BankMovement, others: frozenset[str] = frozenset(), now: datetime = NOW) -> str:
    return verdict([*movements], REQUEST, AMOUNT, now, others)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


def test_what_has_nothing_of_it_and_reaches_beyond_it_says_that_it_did_not_leave() -> None:
    assert says(LATER) == "absent"
    assert says(movement("TRSF KE BUDI", SOON, amount=AMOUNT - 1), LATER) == "absent"
    assert says(movement("SETORAN DR BUDI", SOON, direction="in"), LATER) == "absent"


@pytest.mark.parametrize(
    "text",
    [
        "TRANSFER KE BANG BOY SANTOSO WIJAYA",
        "BI-FAST DB 014 PT DAGANG BESAR NUSANTARA",
        "TRSF KE CV SUMBER AGUNG BERKAT ABADI",
        "TRSF E-BANKING",
        f"TRSF {remark_of(OTHER)}",
    ],
)
def test_words_that_look_like_a_code_are_nobodys_code(text: str) -> None:
    assert says(movement(text, SOON), LATER) == "unclear"


@pytest.mark.parametrize("length", range(6, 14))
@pytest.mark.parametrize("others", [frozenset[str](), frozenset({remark_of(OTHER)})])
def test_our_code_that_was_cut_may_be_it_whatever_else_is_written_and_however_much_it_is(
    length: int, others: frozenset[str]
) -> None:
    text = f"BIF {CODE[:length]} BUDI SANTOSO WIJAYA"
    for amount in (1, AMOUNT, 10 * AMOUNT):
        assert says(movement(text, SOON, amount=amount), LATER, others=others) == "unclear"


def test_a_debit_is_somebody_elses_by_a_code_that_is_known() -> None:
    debit = movement(f"TRSF {remark_of(OTHER)} GAJI", SOON)
    assert says(debit, LATER, others=frozenset({remark_of(OTHER)})) == "absent"
    assert says(debit, LATER, others=frozenset({remark_of(UUID(int=7))})) == "unclear"


def test_a_debit_may_have_its_fee_in_it() -> None:
    for fee, expected in ((250_000, "unclear"), (3_000_000, "unclear"), (3_000_001, "absent")):
        assert says(movement("TRSF BI-FAST", SOON, amount=AMOUNT + fee), LATER) == expected


@pytest.mark.parametrize(
    ("booked_on", "at", "expected"),
    [
        (date(2026, 11, 28), SENT_AT + timedelta(minutes=59), "unclear"),
        (date(2026, 11, 28), SENT_AT + timedelta(minutes=61), "absent"),
        (date(2026, 11, 28), NOW + timedelta(seconds=1), "unclear"),
        (date(2026, 11, 28), None, "unclear"),
        (date(2026, 11, 29), None, "unclear"),
        (date(2026, 11, 30), None, "unclear"),
    ],
)
def test_a_line_of_the_future_covers_nothing(booked_on: date, at: datetime | None, expected: str) -> None:
    assert says(msgspec.structs.replace(LATER, booked_on=booked_on, at=at)) == expected


def test_a_line_of_the_next_day_covers_from_that_day() -> None:
    line = msgspec.structs.replace(LATER, booked_on=date(2026, 11, 30), at=None)
    for day, expected in ((29, "unclear"), (30, "absent")):
        assert says(line, now=datetime(2026, 11, day, 9, tzinfo=WIB)) == expected


class Dated(WithStatement):
    """A bank whose statement has the days that it is asked for, and no others."""

    first = date.max

    async def statement(self, link: Link, account: str, first: date, last: date) -> AsyncIterator[BankMovement]:
        self.first = first
        async for each in super().statement(link, account, first, last):
            if first <= each.booked_on <= last:
                yield each


async def test_what_was_booked_before_midnight_by_a_slow_clock_is_found(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, WHOLE), Dated()
        one.pass_time(hours=11, minutes=11, seconds=50)  # 0:00:07 in Jakarta
        here = banking(one, bank)
        payout = await payouts.create(here.world, new_payout(merchant))
        midnight = here.clock.now()
        bank.movements = [
            movement(f"TRSF {remark_of(payout.id)}", midnight - timedelta(seconds=20)),
            movement("SETORAN", midnight + timedelta(minutes=70), amount=1),
        ]
        await work(here, 4)
        assert bank.first == date(2025, 3, 30)
        assert (await payouts.read(here.world, merchant.id, payout.id)).state == "pending"
        assert await held(one, merchant) == (0, WHOLE)


async def test_the_code_of_another_payout_is_known_whether_its_bank_has_answered_or_not(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, 2 * WHOLE), WithStatement()
        here = banking(one, bank)
        first, second = [
            await payouts.create(here.world, new_payout(merchant, reference)) for reference in ("salary-1", "salary-2")
        ]
        later = movement("SETORAN", START + timedelta(minutes=70), amount=1)
        bank.movements = [movement("BANG BOY SANTOSO WIJAYA", START), later]
        await work(here, 4)
        assert [(await payouts.read(here.world, merchant.id, each.id)).state for each in (first, second)] == [
            "pending",
            "pending",
        ]
        bank.movements = [movement(f"TRSF {remark_of(second.id)}", START), later]
        await work(here, 4)
        assert [(await payouts.read(here.world, merchant.id, each.id)).state for each in (first, second)] == [
            "failed",
            "pending",
        ]
        third = await payouts.create(here.world, new_payout(await merchant_with(one, WHOLE), "salary-3"))
        await payouts.returned_by_reference(here.world, "simulator", ours=second.id.hex, reason="Returned")
        bank.movements[1] = movement("SETORAN", here.clock.now() + timedelta(minutes=70), amount=1)
        await work(here, 4)
        assert (await payouts.read(here.world, third.merchant_id, third.id)).state == "failed"


@pytest.mark.parametrize("blank", ["", " ", "-"])
async def test_the_code_of_another_payout_in_a_description_hides_nothing(url: str, blank: str) -> None:
    """A merchant knows the codes of its payouts, and a bank may show the end of a remark alone."""
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, 2 * WHOLE), WithStatement()
        here = banking(one, bank)
        other = await payouts.create(here.world, new_payout(merchant, "salary-1"))
        code = remark_of(other.id)
        description = f"{code[:5]}{blank}{code[5:]} Gaji"
        payout = await payouts.create(here.world, new_payout(merchant, "salary-2", description=description))
        bank.movements = [
            movement(f"TRSF {description}", START),
            movement("SETORAN", START + timedelta(minutes=70), amount=1),
        ]
        await work(here, 4)
        assert (await payouts.read(here.world, merchant.id, payout.id)).state == "pending"


class MuteWithStatement(Mute, WithStatement):
    """A bank that cannot be asked, and has a statement."""


async def test_where_the_bank_cannot_be_asked_the_age_and_the_statement_end_it(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, WHOLE), MuteWithStatement()
        here = banking(one, bank)
        payout = await payouts.create(here.world, new_payout(merchant))
        line = movement("TRSF", START)
        bank.movements = [line, movement("SETORAN", START + timedelta(minutes=61), amount=1)]
        await work(here, 0.9)
        assert (bank.asked > 1, bank.read) == (True, 0)
        await work(here, 3)
        assert (await payouts.read(here.world, merchant.id, payout.id)).state == "pending"
        bank.movements.remove(line)
        await work(here, 2)
        assert (await payouts.read(here.world, merchant.id, payout.id)).state == "failed"
        assert (bank.sent, await held(one, merchant)) == ([payout.id], (WHOLE, 0))


async def test_where_the_bank_says_nothing_at_all_only_an_operator_ends_it(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, WHOLE), Mute()
        here = banking(one, bank)
        payout = await payouts.create(here.world, new_payout(merchant))
        with capture_logs() as logged:
            await work(here, 30)
        assert (await payouts.read(here.world, merchant.id, payout.id)).state == "pending"
        assert "a bank never says what became of a payout" in [each["event"] for each in logged]
        outcomes = [
            (await payout_unknowns.resolve(here.world, payout.id, sent=False, statement_seen=seen))[0]
            for seen in (False, True)
        ]
        assert outcomes == ["statement_must_be_seen", "not_sent"]
        assert await held(one, merchant) == (WHOLE, 0)


async def test_a_bank_that_says_another_end_than_the_one_written_is_an_error(url: str) -> None:
    async with checked_processes(url) as (one, _):
        merchant = await merchant_with(one, WHOLE)
        here = banking(one, Mute())
        payout = await payouts.create(here.world, new_payout(merchant))
        now = here.clock.now()
        for said, errors in (
            (Sent("failed", "R-1", reason="Rejected"), 0),
            (Sent("failed", "R-1", reason="Rejected"), 0),
            (Sent("processing", "R-1"), 0),
            (Sent("completed", "R-1"), 1),
        ):
            with capture_logs() as logged:
                assert (await write(here.world, payout, said, now)).state == "failed"
            found = [(each["event"], each["log_level"]) for each in logged]
            assert found == [("a bank says another end of a payout", "error")] * errors


def test_a_statement_is_read_within_the_least_wait_that_its_request_was_given_before() -> None:
    assert WAIT_FIRST["send"].total_seconds() > STATEMENT_SECONDS


async def work(here: Services, hours: float) -> None:
    for _ in range(int(hours * 6)):
        here.pass_time(minutes=10)
        await ask_due(here.world, here.batches)


async def test_a_statement_is_read_once_for_all_who_need_it_at_the_same_time(url: str) -> None:
    """A hundred payouts that a bad hour left open would otherwise be a hundred long statements in memory."""

    class Slow(WithStatement):
        async def statement(self, link: Link, account: str, first: date, last: date) -> AsyncIterator[BankMovement]:
            await asyncio.sleep(0.1)
            async for each in super().statement(link, account, first, last):
                yield each

    async with checked_processes(url) as (one, _):
        merchant, bank = await merchant_with(one, 3 * WHOLE), Slow()
        here = banking(one, bank)
        made = [await payouts.create(here.world, new_payout(merchant, f"salary-{nth}")) for nth in range(3)]
        here.pass_time(hours=2)
        bank.movements = [movement(f"TRSF {remark_of(made[1].id)}", START), movement("X", here.clock.now(), amount=1)]
        carrier = here.world.partners.named("simulator")
        assert carrier is not None
        async with here.world.db.reading() as tx:
            found = await requests.by_id(tx, [each.id for each in made])

        async def say(of: Payout) -> str:
            return await statement_says(here.world, carrier, found[of.id], of)

        for reads in (1, 2):
            giving_up = asyncio.create_task(say(made[0]))
            await asyncio.sleep(0.02)
            giving_up.cancel()
            assert await asyncio.gather(*(say(each) for each in made)) == ["absent", "present", "absent"]
            assert bank.read == reads
        alone = asyncio.create_task(say(made[0]))
        await asyncio.sleep(0.02)
        alone.cancel()  # as a process that ends does: nothing goes on for nobody
        assert await say(made[0]) == "absent"
        assert bank.read == 3
        bank.movements = []
        assert await say(made[0]) == "unclear"
