"""Money that comes by codes which a partner has not answered for: whatever became of them, it is written down, once."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from gerbang.connections import CodeKind
from gerbang.domain.inquiries import Acceptance, Inquiry
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Method
from gerbang.errors import NotOpenYet, PartnerDeclined
from gerbang.services.merchants import default_agreement, set_agreement
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation, Reopening
from gerbang.services.payments.repeats import create_or_repeat
from gerbang.services.reports import book_all
from tests.support.codes import (
    CHOSEN,
    KINDS,
    PAGE,
    QRIS_CHOSEN,
    STATIC,
    Scripted,
    asked_number,
    process,
    settle_openings,
    silent_choice,
    silent_create,
    states,
    the_only_payment,
)
from tests.support.gateways import Databases
from tests.support.services import PRICE, START, Services, money, order, payment_id

SOON = START + timedelta(seconds=20)
IN_TIME = START + timedelta(seconds=10)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


# Payments that end while they are opened


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("static", [False, True], ids=["one time", "static"])
async def test_money_in_time_is_booked_though_the_payment_ended_before_its_partners_answer(
    url: str, kind: CodeKind, static: bool
) -> None:
    async with process(url, kind, Scripted("silent")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant, expires_at=SOON, kind="static" if static else "one_time")
        reference, paid_to = await asked_number(here, made)
        here.pass_time(seconds=25)
        report = replace(money(paid_to), request_id=reference, paid_at=IN_TIME)
        assert (await here.batches.report(report)).outcome == "booked"
        await settle_openings(here)
        assert await states(here, made) == ("inactive" if static else "paid", ["succeeded"])
        assert (await here.batches.report(report)).known_before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["at once", "after its partner was asked again"])
async def test_money_after_the_end_of_a_payment_that_was_never_open_is_late(
    url: str, kind: CodeKind, when: str
) -> None:
    async with process(url, kind, Scripted("silent")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant, expires_at=SOON)
        reference, paid_to = await asked_number(here, made)
        here.pass_time(seconds=25)
        if when != "at once":
            await settle_openings(here)
        report = replace(money(paid_to), request_id=reference)
        assert (await here.batches.report(report)).outcome == "late"
        acceptance = Acceptance(uuid4().hex, replace(report, reference="other"))
        assert (await here.batches.answer(acceptance)).verdict == "refused"
        await settle_openings(here)
        assert (await states(here, made))[0] == "expired"


async def test_money_for_a_payment_that_was_withdrawn_while_it_was_opened_is_late(url: str) -> None:
    async with process(url, "registered", Scripted("silent")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant)
        _, paid_to = await asked_number(here, made)
        await end.withdraw(here.world, Cancellation(merchant.id, made, "changed my mind"))
        assert (await here.batches.report(money(paid_to))).outcome == "late"
        await settle_openings(here)
        assert await states(here, made) == ("cancelled", [])


async def test_money_in_time_is_booked_after_we_ourselves_needed_the_code_no_more(url: str) -> None:
    async with process(url, "registered", Scripted("silent")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant, expires_at=SOON)
        _, paid_to = await asked_number(here, made)
        await settle_openings(here)
        assert await states(here, made) == ("expired", [])
        assert (await here.batches.report(replace(money(paid_to), paid_at=IN_TIME))).outcome == "booked"
        assert await states(here, made) == ("paid", ["succeeded"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answered", [False, True], ids=["by money", "by its partner"])
async def test_what_was_paid_before_a_code_was_written_down_was_paid_then(
    url: str, kind: CodeKind, answered: bool
) -> None:
    async with process(url, kind, Scripted("silent", number="" if kind == "registered" else uuid4().hex[:12])) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant, expires_at=START + timedelta(minutes=15))
        reference, paid_to = await asked_number(here, made)
        here.pass_time(minutes=10)
        if answered:
            await here.workers.catch_up()
            assert await states(here, made) == ("awaiting", ["waiting"])
        here.pass_time(minutes=8)
        report = replace(money(paid_to), request_id=reference, paid_at=IN_TIME)
        assert (await here.batches.report(report)).outcome == "booked"
        (charge,) = (await here.read(merchant, made)).charges
        assert charge.paid_at == IN_TIME


# Several reports at once


@pytest.mark.parametrize(("static", "outcomes"), [(True, ["booked", "booked"]), (False, ["booked", "double"])])
async def test_reports_of_one_code_by_its_reference_are_each_its_own(
    url: str, static: bool, outcomes: list[str]
) -> None:
    async with process(url, "minted", Scripted("silent")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant, **(STATIC if static else {}))
        reference, paid_to = await asked_number(here, made)
        report = replace(money(paid_to), request_id=reference)
        several = [report, replace(money(paid_to), request_id=reference, paid_at=IN_TIME - timedelta(seconds=9))]
        assert [booked.outcome for booked in await book_all(here.world, several)] == outcomes


async def test_reports_of_one_number_are_those_of_the_payments_that_they_name(url: str) -> None:
    async with process(url, "minted", Scripted(number="8808131")) as here:
        merchant, other = await here.merchant(), await here.merchant()
        first = await here.create(merchant)
        await here.batches.report(money("8808131"))
        here.pass_time(hours=2)
        second = await here.create(other)
        named = [(await asked_number(here, each))[0] for each in (second, first)]
        booked = await book_all(here.world, [replace(money("8808131"), request_id=each) for each in named])
        assert [(each.payment_id, each.outcome) for each in booked] == [(second, "booked"), (first, "double")]


async def test_money_to_one_number_pays_no_other_payment_that_its_partner_names(url: str) -> None:
    async with process(url, "registered", Scripted()) as here:
        first, second = [await here.create(await here.merchant()) for _ in range(2)]
        (_, number), (reference, own) = [await asked_number(here, each) for each in (first, second)]
        mixed = replace(money(number), request_id=reference)
        booked = await here.batches.report(mixed)
        assert (booked.outcome, booked.payment_id) == ("late", second)
        assert (await here.batches.report(mixed)).known_before
        acceptance = Acceptance(uuid4().hex, replace(mixed, reference="other"))
        assert (await here.batches.answer(acceptance)).verdict == "refused"
        assert [await states(here, each) for each in (first, second)] == [("awaiting", ["waiting"])] * 2
        assert (await here.batches.report(money(number))).payment_id == first
        named = replace(money(own.lstrip("0")[1:]), request_id=reference)
        assert (await here.batches.report(named)).outcome == "booked"


# Merchants who repeat their request


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("amount", [PRICE, 1000], ids=["right", "too little"])
async def test_a_merchant_is_answered_once_money_has_come_and_the_partner_still_makes_the_code(
    url: str, kind: CodeKind, amount: int
) -> None:
    partner = Scripted("silent")
    async with process(url, kind, partner) as here:
        merchant = await here.merchant()
        said = order(merchant.id, key="k", fingerprint=b"f")
        with pytest.raises(NotOpenYet):
            await here.batches.create(said)
        made = await the_only_payment(here, merchant.id)
        reference, paid_to = await asked_number(here, made)
        await here.batches.report(replace(money(paid_to, amount=amount), request_id=reference))
        assert payment_id(await here.batches.create(said)) == made
        await settle_openings(here)
        assert payment_id(await here.batches.create(said)) == made
        assert partner.operations == (["open", "status"] if amount == PRICE else ["open", "status", "open"])


async def test_a_registered_code_has_the_number_that_was_asked_for_however_its_money_is_reported(url: str) -> None:
    async with process(url, "registered", Scripted("silent")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant)
        reference, asked = await asked_number(here, made)
        await here.batches.report(replace(money(asked.lstrip("0")[1:], amount=1000), request_id=reference))
        (charge,) = (await here.read(merchant, made)).charges
        assert charge.instructions.number == asked


@pytest.mark.parametrize("static", [False, True], ids=["one time", "static"])
async def test_the_text_of_a_partners_code_is_shown_though_money_came_first(url: str, static: bool) -> None:
    async with process(url, "minted", Scripted("made", content="the partner's own")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant, **(STATIC if static else {}) | {"method": Method("qris")})
        reference, paid_to = await asked_number(here, made)
        await here.batches.report(replace(money(paid_to, amount=1000, channel="qris"), request_id=reference))
        await settle_openings(here)
        found = await here.read(merchant, made)
        shown = found.payment.method.instructions if static and found.payment.method else found.charges[0].instructions
        assert shown is not None
        assert shown.content == "the partner's own"


# Codes that their partner declined


@pytest.mark.parametrize("amount", [PRICE, PRICE // 2], ids=["right", "too little"])
@pytest.mark.parametrize("then", ["chooses nothing", "chooses another way", "waits for another way"])
async def test_money_for_a_declined_code_is_late(url: str, amount: int, then: str) -> None:
    partner = Scripted("declined", "silent" if then.startswith("waits") else "open")
    async with process(url, "registered", partner) as here:
        merchant = await here.merchant()
        made = await here.create(merchant, method=None, details=PAGE)
        with pytest.raises(PartnerDeclined):
            await here.batches.confirm(Confirmation(merchant.id, made, CHOSEN))
        if then == "chooses another way":
            await here.batches.confirm(Confirmation(merchant.id, made, QRIS_CHOSEN))
        elif then == "waits for another way":
            await silent_choice(here, merchant, made, QRIS_CHOSEN)
        before = await states(here, made)
        _, declined = await asked_number(here, made)
        assert (await here.batches.report(money(declined, amount=amount))).outcome == "late"
        question = Inquiry("simulator", uuid4().hex, "virtual_account", declined, amount)
        assert (await here.batches.answer(question)).verdict == "refused"
        assert await states(here, made) == before


# Buyers who leave a code that money has opened


async def left_by_its_buyer(here: Services, merchant: Merchant, *, then: Method = QRIS_CHOSEN) -> tuple[UUID, str]:
    """A payment of whose code its partner says nothing, which too little money opened, and which its buyer left for another."""
    made = await here.create(merchant, method=None, details=PAGE)
    await silent_choice(here, merchant, made, CHOSEN)
    reference, paid_to = await asked_number(here, made)
    report = replace(money(paid_to, amount=PRICE // 2), request_id=reference)
    assert (await here.batches.report(report)).outcome == "underpaid"
    await end.reopen(here.world, Reopening(merchant.id, made, reference))
    await silent_choice(here, merchant, made, then)
    return made, paid_to


@pytest.mark.parametrize("kind", KINDS)
async def test_money_for_a_code_that_was_left_is_late_while_another_one_is_opened(url: str, kind: CodeKind) -> None:
    async with process(url, kind, Scripted("silent", "silent", "silent")) as here:
        merchant = await here.merchant()
        made, paid_to = await left_by_its_buyer(here, merchant)
        assert (await here.batches.report(money(paid_to))).outcome == "late"
        assert await states(here, made) == ("opening", ["expired"])
        await settle_openings(here)
        assert await states(here, made) == ("awaiting", ["expired", "waiting"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ["made", "silent"])
async def test_a_late_answer_about_a_code_that_was_left_changes_nothing_for_the_next(
    url: str, kind: CodeKind, answer: str
) -> None:
    partner = Scripted(answer, "silent")
    async with process(url, kind, partner) as here:
        merchant = await here.merchant()
        made, _ = await left_by_its_buyer(here, merchant)
        first, second = [(await asked_number(here, made, place))[0] for place in range(2)]
        # The worker asks about the code that was left first, and is answered.
        await here.rows(
            "UPDATE partner_requests SET next_at = next_at + interval '1 day' WHERE id = $1 RETURNING 1", second
        )
        await settle_openings(here)
        assert await states(here, made) == ("opening", ["expired"])
        closed = [opening for operation, opening in partner.asked if operation == "close"]
        assert closed == ([first] if answer == "made" else []), "nobody may pay what was left"
        here.pass_time(days=1)
        await settle_openings(here)
        assert (await states(here, made))[1][0] == "expired"


async def test_a_buyer_cannot_leave_a_code_twice(url: str) -> None:
    async with process(url, "registered", Scripted("silent", "silent")) as here:
        merchant = await here.merchant()
        made, _ = await left_by_its_buyer(here, merchant)
        reference, _ = await asked_number(here, made)
        payment = await end.reopen(here.world, Reopening(merchant.id, made, reference))
        assert payment.state == "opening"


async def test_a_code_that_money_opened_is_closed_when_its_payment_is_withdrawn(url: str) -> None:
    partner = Scripted("made")
    async with process(url, "registered", partner) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant)
        reference, paid_to = await asked_number(here, made)
        assert (await here.batches.report(money(paid_to, amount=1000))).outcome == "underpaid"
        await end.withdraw(here.world, Cancellation(merchant.id, made, "changed my mind"))
        await settle_openings(here)
        assert await states(here, made) == ("cancelled", ["expired"])
        assert partner.asked[-1] == ("close", reference)


# Agreements that change while a code is made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", ["the answer", "money"])
async def test_a_code_is_written_down_whatever_its_merchant_agrees_to_meanwhile(
    url: str, kind: CodeKind, first: str
) -> None:
    async with process(url, kind, Scripted("silent")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant, method=Method("qris"))
        reference, paid_to = await asked_number(here, made)
        without = default_agreement(1, "Toko").with_settings("qris", None)
        await set_agreement(here.world, merchant.id, without)
        if first == "money":
            report = replace(money(paid_to, channel="qris"), request_id=reference)
            assert (await here.batches.report(report)).outcome == "booked"
        await settle_openings(here)
        assert (await states(here, made))[0] == ("paid" if first == "money" else "awaiting")
        (charge,) = (await here.read(merchant, made)).charges
        assert charge.instructions.content.startswith("000201")


# Answers that cannot be written down


async def test_an_answer_that_cannot_be_written_down_is_put_off_and_holds_up_nobody(url: str) -> None:
    # A zero byte is what no text of the database can hold.
    async with process(url, "minted", Scripted("silent", "silent", number="88\0")) as here:
        merchant = await here.merchant()
        made = await silent_create(here, merchant)
        broken, _ = await asked_number(here, made)
        await settle_openings(here)  # which raises what a worker's step raises
        (row,) = await here.rows("SELECT tries, state FROM partner_requests WHERE id = $1", broken)
        assert row["state"] == "pending"
        assert row["tries"] > 3


# A static method that was declined


async def test_a_declined_static_method_that_is_asked_for_again_is_refused_again(url: str) -> None:
    async with process(url, "registered", Scripted("declined")) as here:
        merchant = await here.merchant()
        said = order(merchant.id, product="v4-payments", scope="qris", **STATIC | {"method": Method("qris")})
        for _ in range(2):
            with pytest.raises(PartnerDeclined):
                await create_or_repeat(here.world, here.batches, said)
