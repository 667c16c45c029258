"""Money that comes by codes which a partner has not answered for: whatever became of them, it is written down, once."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from gerbang.connections import CodeKind, Declined, Link, Opened, Silence
from gerbang.connections.simulator import Simulator
from gerbang.domain.inquiries import Acceptance, Inquiry
from gerbang.domain.merchants import Merchant
from gerbang.domain.partner_requests import OpenCode
from gerbang.domain.payments import Details, Method
from gerbang.errors import NotOpenYet, NumberTaken, PartnerDeclined
from gerbang.services.merchants import default_agreement, set_agreement
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Cancellation, Reopening
from gerbang.services.payments.repeats import create_or_repeat
from tests.support.codes import process, settle_openings, states, the_only_payment
from tests.support.gateways import Databases
from tests.support.partners import Recording
from tests.support.services import BRI, PRICE, START, Services, money, order

KINDS: list[CodeKind] = ["registered", "minted"]
STATIC = {"kind": "static", "amount": None}
PAGE = Details(redirect=True, auto_confirm=False)
SOON = START + timedelta(seconds=20)
IN_TIME = START + timedelta(seconds=10)
CHOSEN = replace(BRI, left_to_buyer="method")
QRIS_CHOSEN = Method("qris", left_to_buyer="method")


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


class Scripted(Recording):
    """A partner that does what `says` holds for the next codes, one after the other, and then opens them."""

    def __init__(self, *says: str, number: str = "") -> None:
        super().__init__()
        self.says = list(says)
        self.made = set[UUID]()
        """References of codes that it made and was silent about."""
        self.number = number
        """The number that it gives, to whatever it is asked for."""

    async def open(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
        self.asked.append(("open", reference))
        said = self.says.pop(0) if self.says else "open"
        if said == "made":
            self.made.add(reference)
        if said in ("silent", "made"):
            raise Silence("for a test")
        if said == "declined":
            raise Declined("for a test")
        return await self._opened(link, reference, asked, now)

    async def _opened(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
        opened = await Simulator.open(self, link, reference, asked, now)
        return replace(opened, number=self.number) if self.number else opened

    async def status(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened | None:
        self.asked.append(("status", reference))
        return await self._opened(link, reference, asked, now) if reference in self.made else None


async def silent_create(here: Services, merchant: Merchant, **changes: object) -> UUID:
    """A payment whose partner was silent: it is opening."""
    with pytest.raises(NotOpenYet):
        await here.batches.create(order(merchant.id, **changes))
    return await the_only_payment(here, merchant.id)


async def silent_choice(here: Services, merchant: Merchant, payment: UUID, method: Method) -> None:
    with pytest.raises(NotOpenYet):
        await here.batches.confirm(Confirmation(merchant.id, payment, method))


async def asked_number(here: Services, payment: UUID, place: int = 0) -> tuple[UUID, str]:
    """Our reference and the number of the payment's n-th request to open a code; a new number where a partner gives it."""
    rows = await here.rows(
        "SELECT id, asked ->> 'number' AS number FROM partner_requests WHERE asked ->> 'payment_id' = $1 ORDER BY id",
        str(payment),
    )
    return rows[place]["id"], rows[place]["number"] or str(uuid4().int)[:16]


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


# Numbers that a partner gives


async def test_a_chosen_number_that_is_taken_is_refused_before_the_partner_is_asked(url: str) -> None:
    partner = Scripted()
    async with process(url, "minted", partner) as here:
        merchant = await here.merchant()
        chosen = replace(BRI, number="0000042")
        await here.batches.create(order(merchant.id, **STATIC | {"method": chosen}))
        with pytest.raises(NumberTaken):
            await here.batches.create(order(merchant.id, **STATIC | {"method": chosen}))
        assert partner.operations == ["open"]


async def test_a_number_that_its_partner_gives_again_is_the_next_payments(url: str) -> None:
    async with process(url, "minted", Scripted(number="8808123")) as here:
        merchant = await here.merchant()
        first = await here.create(merchant)
        assert (await here.batches.report(money("8808123"))).outcome == "booked"
        here.pass_time(hours=2)
        second = await here.create(merchant)
        assert (await here.batches.report(money("8808123"))).outcome == "booked"
        assert await states(here, first) == await states(here, second) == ("paid", ["succeeded"])


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_number_that_another_payment_has_is_declined_and_closed(url: str, at_once: bool) -> None:
    partner = Scripted("silent", "silent", number="8808124") if at_once else Scripted(number="8808126")
    async with process(url, "minted", partner) as here:
        merchant = await here.merchant()
        if at_once:
            for _ in range(2):
                with pytest.raises(NotOpenYet):
                    await here.batches.create(order(merchant.id))
        else:
            await here.create(merchant)
            with pytest.raises(PartnerDeclined, match="another payment has the number"):
                await here.batches.create(order(merchant.id))
        await settle_openings(here)
        rows = await here.rows("SELECT state FROM payments WHERE merchant_id = $1 ORDER BY state", merchant.id)
        assert [row["state"] for row in rows] == ["awaiting", "failed"]
        assert partner.operations.count("close") == 1


async def test_money_under_our_reference_is_booked_though_another_payment_has_the_number(url: str) -> None:
    async with process(url, "minted", Scripted("open", "silent", number="8808125")) as here:
        merchant = await here.merchant()
        other = await here.create(merchant)
        with pytest.raises(NotOpenYet):
            await here.batches.create(order(merchant.id))
        (row,) = await here.rows("SELECT id FROM payments WHERE merchant_id = $1 AND id <> $2", merchant.id, other)
        reference, _ = await asked_number(here, row["id"])
        report = replace(money("8808125"), request_id=reference)
        assert (await here.batches.report(report)).outcome == "booked"
        await settle_openings(here)
        assert await states(here, row["id"]) == ("paid", ["succeeded"])
        assert await states(here, other) == ("awaiting", ["waiting"])


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
