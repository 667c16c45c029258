"""Payments whose code a partner must know of, or makes: opened once, whatever the partner answers and whoever dies."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from gerbang.connections import CodeKind
from gerbang.db.changes import write
from gerbang.domain.changes import Changes
from gerbang.domain.connections import SIMULATOR
from gerbang.domain.money import rupiah
from gerbang.domain.partner_requests import CloseCode, noted
from gerbang.domain.payments import Method
from gerbang.errors import NotOpenYet, PartnerDeclined, ReferenceTaken, WrongState
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation
from tests.support.codes import KINDS, PAGE, STATIC, Scripted, process, settle_openings, states, the_only_payment
from tests.support.gateways import Databases
from tests.support.partners import MANY, Hanging, Recording, asking, asking_bca
from tests.support.services import (
    BRI,
    START,
    money,
    number,
    order,
    payment_id,
    services,
    several,
)
from tests.support.ways import ASKED

DECLINED, SILENT_BEFORE, SILENT_AFTER = rupiah(20_404), rupiah(20_503), rupiah(20_504)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


# A partner that answers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [BRI, Method("qris")], ids=["virtual_account", "qris"])
async def test_a_code_is_opened_and_paid(url: str, kind: CodeKind, method: Method) -> None:
    simulator = Recording()
    async with process(url, kind, simulator) as here:
        merchant = await here.merchant()
        answer = await here.batches.create(order(merchant.id, method=method, key="k", fingerprint=b"f"))
        assert await here.batches.create(order(merchant.id, method=method, key="k", fingerprint=b"f")) == answer
        assert simulator.operations == ["open"]
        assert await states(here, payment_id(answer)) == ("awaiting", ["waiting"])
        booked = await here.batches.report(money(number(answer), channel=method.channel))
        assert booked.outcome == "booked"
        assert await states(here, payment_id(answer)) == ("paid", ["succeeded"])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_static_code_is_opened_and_paid_twice(url: str, kind: CodeKind) -> None:
    async with process(url, kind) as here:
        merchant = await here.merchant()
        answer = await here.batches.create(order(merchant.id, **STATIC))
        for _ in range(2):
            assert (await here.batches.report(money(number(answer)))).outcome == "booked"
        assert await states(here, payment_id(answer)) == ("active", ["succeeded", "succeeded"])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_confirmation_opens_the_code(url: str, kind: CodeKind) -> None:
    async with process(url, kind) as here:
        merchant = await here.merchant()
        made = await here.create(merchant, method=None, details=PAGE)
        payment, charge = await here.batches.confirm(Confirmation(merchant.id, made, BRI))
        assert charge is not None
        assert (payment.state, charge.state) == ("awaiting", "waiting")
        assert (await here.batches.report(money(charge.instructions.number))).outcome == "booked"


@pytest.mark.parametrize("kind", KINDS)
async def test_many_are_opened_at_once_and_wait_for_the_partner_together(url: str, kind: CodeKind) -> None:
    simulator = Recording()
    simulator.answers.clear()
    async with process(url, kind, simulator) as here:
        merchant = await here.merchant()
        creating = [asyncio.create_task(here.batches.create(order(merchant.id))) for _ in range(MANY)]
        await simulator.all_called.wait()
        simulator.answers.set()
        numbers = {number(answer) for answer in await asyncio.gather(*creating)}
        assert len(numbers) == MANY


# A partner that declines


@pytest.mark.parametrize("kind", KINDS)
async def test_a_declined_code_ends_a_payment_without_a_page(url: str, kind: CodeKind) -> None:
    async with process(url, kind) as here:
        merchant = await here.merchant()
        said = order(merchant.id, amount=DECLINED, key="k", fingerprint=b"f")
        for _ in ("at first", "repeated"):
            with pytest.raises(PartnerDeclined, match="cannot be opened: the simulator declines this amount"):
                await here.batches.create(said)
        made = await the_only_payment(here, merchant.id)
        assert await states(here, made) == ("failed", [])
        assert await here.rows("SELECT kind FROM events WHERE payment_id = $1 ORDER BY sequence", made) == [
            {"kind": "payment.created"},
            {"kind": "payment.failed"},
        ]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_declined_code_leaves_a_payment_with_a_page_open_for_another_way(url: str, kind: CodeKind) -> None:
    async with process(url, kind) as here:
        merchant = await here.merchant()
        made = await here.create(merchant, method=None, amount=DECLINED, details=PAGE)
        with pytest.raises(PartnerDeclined):
            await here.batches.confirm(Confirmation(merchant.id, made, replace_left(BRI)))
        found = await here.read(merchant, made)
        assert (found.payment.state, found.payment.method) == ("needs_method", None)


def replace_left(method: Method) -> Method:
    """The method as a buyer's own choice."""
    return Method(method.channel, method.option, method.payer_name, left_to_buyer="method")


# A partner that is silent


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("amount", [SILENT_BEFORE, SILENT_AFTER], ids=["before", "after"])
async def test_what_a_partner_was_silent_about_is_opened_once_by_a_worker(
    url: str, kind: CodeKind, amount: int
) -> None:
    simulator = Recording()
    async with process(url, kind, simulator) as here:
        merchant = await here.merchant()
        said = order(merchant.id, amount=amount, key="k", fingerprint=b"f")
        for _ in ("at first", "repeated"):
            with pytest.raises(NotOpenYet):
                await here.batches.create(said)
        made = await the_only_payment(here, merchant.id)
        assert await states(here, made) == ("opening", [])
        await settle_openings(here)
        assert await states(here, made) == ("awaiting", ["waiting"])
        answer = await here.batches.create(said)
        assert payment_id(answer) == made
        assert len({reference for _, reference in simulator.asked}) == 1, "one reference, however often it is asked"
        assert simulator.operations[:2] == ["open", "status"], "before it is opened again its status is asked"
        assert (await here.batches.report(money(number(answer), amount=amount))).outcome == "booked"


async def test_while_a_code_is_opened_a_payment_cannot_be_confirmed_again(url: str) -> None:
    async with process(url, "minted") as here:
        merchant = await here.merchant()
        made = await here.create(merchant, method=None, amount=SILENT_BEFORE, details=PAGE)
        for _ in range(2):
            with pytest.raises(NotOpenYet):
                await here.batches.confirm(Confirmation(merchant.id, made, BRI))
        with pytest.raises(ReferenceTaken):
            (row,) = await here.rows("SELECT reference FROM payments WHERE id = $1", made)
            await here.create(merchant, reference=row["reference"])
        await settle_openings(here)
        with pytest.raises(WrongState):
            await here.batches.confirm(Confirmation(merchant.id, made, BRI))


async def test_a_process_that_dies_while_it_asks_leaves_it_to_another(url: str) -> None:
    simulator = Recording()
    simulator.answers.clear()
    async with process(url, "minted", simulator) as here:
        merchant = await here.merchant()
        dying = asyncio.create_task(here.batches.create(order(merchant.id, key="k", fingerprint=b"f")))
        await simulator.called.wait()
        dying.cancel()
        with suppress(asyncio.CancelledError):
            await dying
        made = await the_only_payment(here, merchant.id)
        assert (await here.workers.catch_up())["asked"] == 0, "it may still be in somebody's hands"
        simulator.answers.set()
        await settle_openings(here)
        assert await states(here, made) == ("awaiting", ["waiting"])


async def test_a_partner_that_hangs_holds_up_no_other_partners_requests(url: str) -> None:
    async with process(url, "ours") as plain:
        here = asking_bca(plain)
        merchant = await here.merchant()
        with pytest.raises(NotOpenYet):
            await here.batches.create(order(merchant.id, method=ASKED, amount=SILENT_AFTER))
        made = await the_only_payment(here, merchant.id)
        hanging = noted(
            uuid4(), merchant.id, SIMULATOR, "close", CloseCode(made, "qris", None, "1", ""), here.clock.now()
        )
        async with here.world.db.transaction() as tx:
            await write(tx, Changes(new_requests=[replace(hanging, next_at=here.clock.now())]), here.clock.now())
        simulator = Hanging()
        stuck = asking_bca(plain, simulator)
        working = asyncio.create_task(stuck.workers.run())
        try:
            await asyncio.wait_for(simulator.closing.wait(), 10)
            here.pass_time(minutes=2)
            async with asyncio.timeout(10):
                while (await states(here, made))[0] != "awaiting":  # noqa: ASYNC110  another task's commit
                    await asyncio.sleep(0.05)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working


# Payments that end while their code is opened


@pytest.mark.parametrize("kind", KINDS)
async def test_a_code_of_a_payment_that_was_withdrawn_meanwhile_is_closed(url: str, kind: CodeKind) -> None:
    simulator = Recording()
    simulator.answers.clear()
    async with process(url, kind, simulator) as here:
        merchant = await here.merchant()
        creating = asyncio.create_task(here.batches.create(order(merchant.id)))
        await simulator.called.wait()
        made = await the_only_payment(here, merchant.id)
        await end.withdraw(here.world, Cancellation(merchant.id, made, "changed my mind"))
        simulator.answers.set()
        assert number(await creating) == "-"
        await here.workers.catch_up()
        assert simulator.operations == ["open", "close"]
        assert await states(here, made) == ("cancelled", [])
        (code,) = await here.rows("SELECT number FROM paycodes WHERE payment_id = $1", made)
        assert (await here.batches.report(money(code["number"]))).outcome == "late"


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_opened_for_a_payment_that_expired_meanwhile(url: str, kind: CodeKind) -> None:
    simulator = Recording()
    async with process(url, kind, simulator) as here:
        merchant = await here.merchant()
        ends = START + timedelta(seconds=20)
        with pytest.raises(NotOpenYet):
            await here.batches.create(order(merchant.id, amount=SILENT_BEFORE, expires_at=ends, method=BRI))
        await settle_openings(here)
        made = await the_only_payment(here, merchant.id)
        assert await states(here, made) == ("expired", [])
        assert simulator.operations.count("open") < 4
        assert (
            await here.rows(
                "SELECT id FROM partner_requests WHERE merchant_id = $1 AND next_at IS NOT NULL", merchant.id
            )
            == []
        )


# Money that comes before the partner's answer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("static", [False, True])
async def test_money_that_comes_before_the_answer_pays_what_it_was_asked_for(
    url: str, kind: CodeKind, static: bool
) -> None:
    simulator = Recording()
    simulator.answers.clear()
    async with process(url, kind, simulator) as here:
        merchant = await here.merchant()
        said = order(merchant.id, key="k", fingerprint=b"f", **(STATIC if static else {}))
        creating = asyncio.create_task(here.batches.create(said))
        await simulator.called.wait()
        (_, reference), made = simulator.asked[0], await the_only_payment(here, merchant.id)
        (request,) = await here.rows(
            "SELECT asked ->> 'number' AS number FROM partner_requests WHERE id = $1", reference
        )
        paid_to = request["number"] or str(uuid4())
        report = replace(money(paid_to), request_id=reference)
        assert (await here.batches.report(report)).outcome == "booked"
        assert (await here.batches.report(report)).known_before
        assert await states(here, made) == ("active" if static else "paid", ["succeeded"])
        simulator.answers.set()
        answer = await creating
        if kind == "registered":
            assert number(answer) == paid_to
        assert await here.batches.create(said) == answer
        assert (await here.batches.report(money(paid_to))).outcome == ("booked" if static else "double")
        assert simulator.operations == ["open"]


async def test_money_under_a_reference_that_we_never_gave_is_nobodys(url: str) -> None:
    async with process(url, "minted") as here:
        stranger = replace(money("123"), request_id=uuid4())
        assert (await here.batches.report(stranger)).outcome == "unknown_number"


# Codes that are paid no more


@pytest.mark.parametrize("kind", KINDS)
async def test_a_code_that_ends_before_its_time_is_closed_at_the_partner(url: str, kind: CodeKind) -> None:
    simulator = Recording()
    async with process(url, kind, simulator) as here:
        merchant = await here.merchant()
        made = await here.create(merchant)
        await end.withdraw(here.world, Cancellation(merchant.id, made, "changed my mind"))
        await here.workers.catch_up()
        assert simulator.operations == ["open", "close"]
        assert simulator.asked[0][1] == simulator.asked[1][1]


async def test_a_bank_that_asks_us_is_asked_nothing(url: str) -> None:
    simulator = Recording()
    async with process(url, "ours", simulator) as here:
        merchant = await here.merchant()
        made = await here.create(merchant)
        await end.withdraw(here.world, Cancellation(merchant.id, made, "changed my mind"))
        await here.workers.catch_up()
        assert simulator.asked == []
        assert await here.rows("SELECT id FROM partner_requests WHERE merchant_id = $1", merchant.id) == []


# All at once


@pytest.mark.parametrize("kind", KINDS)
async def test_whoever_comes_first_opens_a_code_and_it_is_open_once(url: str, kind: CodeKind) -> None:
    simulator = Recording()
    async with process(url, kind, simulator) as here:
        merchant = await here.merchant()
        said = [order(merchant.id, amount=SILENT_AFTER, reference=str(uuid4())) for _ in range(4)]
        await several(*(here.batches.create(each) for each in said))
        async with services(url, clock=here.clock) as other:
            there = asking(other, kind, simulator)
            for _ in range(4):
                here.pass_time(seconds=91)
                await several(*(each.workers.catch_up() for each in (here, there) * 2))
        rows = await here.rows("SELECT state FROM payments WHERE merchant_id = $1", merchant.id)
        assert [row["state"] for row in rows] == ["awaiting"] * 4
        (counted,) = await here.rows("SELECT count(*) AS n FROM charges WHERE merchant_id = $1", merchant.id)
        assert counted["n"] == 4


async def test_a_number_that_the_bank_registers_in_place_of_ours_is_the_payments_too(url: str) -> None:
    theirs = "88620000" + str(uuid4().int)[:8]
    async with process(url, "registered", Scripted(number=theirs)) as here:
        merchant = await here.merchant()
        answer = await here.batches.create(order(merchant.id))
        assert number(answer) == theirs
        made = payment_id(answer)
        kept = await here.rows("SELECT number FROM paycodes WHERE payment_id = $1", made)
        assert len(kept) == 2
        assert theirs in {row["number"] for row in kept}
        assert (await here.batches.report(money(theirs))).outcome == "booked"
        assert await states(here, made) == ("paid", ["succeeded"])
