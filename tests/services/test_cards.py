"""Payments by card: authorized, held, captured and let go, whatever the acquirer answers and whoever asks twice."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from gerbang.connections import BankAnswer
from gerbang.domain.cards import CardChoice
from gerbang.domain.charges import Charge
from gerbang.domain.customers import Customer
from gerbang.domain.merchants import Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.payments import Details, Method, Payment
from gerbang.errors import (
    BillingAddressMissing,
    CaptureTooMuch,
    CardNotStored,
    CardUnreadable,
    CustomerMissing,
    NotOpenYet,
    WrongState,
)
from gerbang.services import vault_keys
from gerbang.services.cards import captures, challenges, stored
from gerbang.services.cards.captures import CaptureOrder
from gerbang.services.cards.given import CardGiven
from gerbang.vault import card
from tests.support.gateways import Databases
from tests.support.services import START, Services, order, payment_id, services

PRICE = rupiah(75_000)
FRICTIONLESS, CHALLENGED, POOR, FOREIGN = (
    "4440000112200001",
    "5550000112220002",
    "4440000334470010",
    "4448100334430014",
)
MANUAL = Method("card", card=CardChoice(capture="manual"))
AUTOMATIC = Method("card")
NEVER_ASKED = Method("card", card=CardChoice(three_ds="never"))
API = Details(redirect=False)
BUDI = Customer(given_name="Budi", email="budi@shop.example")


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


def given(number: str = FRICTIONLESS) -> CardGiven:
    return CardGiven(card(number, "123", "09", "2039", now=START, path="card"))


async def pay(
    here: Services,
    merchant: Merchant,
    number: str = FRICTIONLESS,
    *,
    method: Method = AUTOMATIC,
    amount: int = PRICE,
    details: Details = API,
    customer: Customer | None = None,
    by: CardGiven | None = None,
) -> UUID:
    await vault_keys.ready(here.world)
    asked = order(merchant.id, method=method, amount=amount, details=details, customer=customer)
    return payment_id(await here.batches.create(replace(asked, card=by or given(number))))


async def seen(here: Services, merchant: Merchant, id_: UUID) -> tuple[Payment, Charge]:
    found = await here.read(merchant, id_)
    return found.payment, found.charges[0]


async def at_the_bank(here: Services, merchant: Merchant, id_: UUID, does: BankAnswer) -> tuple[Payment, Charge]:
    _, charge = await seen(here, merchant, id_)
    await challenges.answered(here.world, here.batches, charge, does)
    return await seen(here, merchant, id_)


async def capture(
    here: Services, merchant: Merchant, id_: UUID, amount: int | None = None, *, release: bool = False
) -> tuple[Payment, Charge]:
    await captures.order(here.world, CaptureOrder(merchant.id, id_, amount, release))
    await here.workers.catch_up()
    return await seen(here, merchant, id_)


async def test_a_card_whose_bank_asks_nothing_has_paid_when_the_create_is_answered(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        payment, charge = await seen(here, merchant, await pay(here, merchant))
        assert (payment.state, charge.state, charge.taken) == ("paid", "succeeded", PRICE)
        assert charge.card is not None and charge.card.authorization is not None
        assert charge.card.authentication is not None and charge.card.authentication.method == "frictionless"
        assert await here.faults() == []


@pytest.mark.parametrize(
    ("does", "ends"),
    [
        ("passed", ("paid", "succeeded", None)),
        ("failed", ("failed", "failed", "not_authenticated")),
        ("cancelled", ("failed", "failed", "declined")),
    ],
)
async def test_a_card_whose_bank_asks_ends_as_its_buyer_answers_there(
    url: str, does: BankAnswer, ends: tuple[str, str, str | None]
) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        id_ = await pay(here, merchant, CHALLENGED)
        payment, charge = await seen(here, merchant, id_)
        assert (payment.state, charge.state) == ("awaiting", "waiting")
        assert charge.card is not None and "/threeds?token=" in charge.card.page
        payment, charge = await at_the_bank(here, merchant, id_, does)
        assert (payment.state, charge.state, charge.failure) == ends
        again = await at_the_bank(here, merchant, id_, "passed")
        assert again == (payment, charge), "an answer that is given twice changes nothing"
        assert await here.faults() == []


async def test_ten_answers_of_one_buyer_at_once_take_the_money_once(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        id_ = await pay(here, merchant, CHALLENGED)
        _, charge = await seen(here, merchant, id_)
        await asyncio.gather(*(challenges.answered(here.world, here.batches, charge, "passed") for _ in range(10)))
        assert (await seen(here, merchant, id_))[1].state == "succeeded"
        assert len(await here.rows("SELECT FROM reports WHERE merchant_id = $1", merchant.id)) == 1
        assert await here.faults() == []


async def test_a_card_that_is_declined_ends_the_payment_with_its_reason(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        payment, charge = await seen(here, merchant, await pay(here, merchant, POOR, method=NEVER_ASKED))
        assert (payment.state, charge.state, charge.failure) == ("failed", "failed", "insufficient_funds")
        assert await here.faults() == []


async def test_a_buyer_who_never_comes_back_from_their_bank_has_not_paid(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        id_ = await pay(here, merchant, CHALLENGED)
        here.pass_time(minutes=40)
        await here.workers.catch_up()
        payment, charge = await seen(here, merchant, id_)
        assert (payment.state, charge.state) == ("expired", "expired")
        assert (await at_the_bank(here, merchant, id_, "passed"))[0].state == "expired"
        assert await here.faults() == []


@pytest.mark.parametrize(("ends_in", "state"), [(503, "failed"), (504, "paid")])
async def test_an_acquirer_that_is_silent_is_asked_again_and_never_given_the_card_again(
    url: str, ends_in: int, state: str
) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        with pytest.raises(NotOpenYet):
            await pay(here, merchant, amount=rupiah(75_000 + ends_in))
        here.pass_time(minutes=2)
        await here.workers.catch_up()
        [row] = await here.rows("SELECT id FROM payments WHERE merchant_id = $1", merchant.id)
        payment, charge = await seen(here, merchant, row["id"])
        assert payment.state == state
        assert charge.failure == ("unavailable" if state == "failed" else None)
        assert await here.faults() == []


async def test_an_acquirer_that_is_at_work_says_later_how_it_ended(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        id_ = await pay(here, merchant, amount=rupiah(75_505))
        payment, charge = await seen(here, merchant, id_)
        assert (payment.state, charge.state) == ("processing", "processing")
        here.pass_time(minutes=2)
        await here.workers.catch_up()
        assert (await seen(here, merchant, id_))[0].state == "paid"
        assert await here.faults() == []


# What is held


async def test_what_is_held_is_taken_in_parts_until_it_is_all_taken(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        id_ = await pay(here, merchant, method=MANUAL)
        payment, charge = await seen(here, merchant, id_)
        assert (payment.state, charge.state, charge.captured) == ("processing", "authorized", 0)
        payment, charge = await capture(here, merchant, id_, rupiah(25_000))
        assert (payment.state, charge.state, charge.captured) == ("processing", "authorized", rupiah(25_000))
        assert await here.faults() == []
        payment, charge = await capture(here, merchant, id_, rupiah(50_000))
        assert (payment.state, charge.state, charge.taken) == ("paid", "succeeded", PRICE)
        here.pass_time(days=12)
        await here.workers.catch_up()
        assert (await seen(here, merchant, id_))[1].settled_at is not None
        assert await here.faults() == []


async def test_the_rest_of_what_is_held_is_let_go_with_the_last_part(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        id_ = await pay(here, merchant, method=MANUAL)
        payment, charge = await capture(here, merchant, id_, rupiah(60_000), release=True)
        assert (payment.state, charge.state, charge.taken) == ("paid", "succeeded", rupiah(60_000))
        [void] = await here.rows(
            "SELECT state FROM partner_requests WHERE operation = 'void' AND merchant_id = $1", merchant.id
        )
        assert void["state"] == "done"
        with pytest.raises(WrongState):
            await capture(here, merchant, id_, rupiah(1_000))
        here.pass_time(days=12)
        await here.workers.catch_up()
        assert await here.faults() == []


async def test_no_more_is_taken_than_is_held_however_many_ask_at_once(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        id_ = await pay(here, merchant, method=MANUAL)
        asked = [
            captures.order(here.world, CaptureOrder(merchant.id, id_, rupiah(20_000), release_rest=False))
            for _ in range(10)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(not isinstance(answer, BaseException) for answer in answers) == 3
        assert {type(answer) for answer in answers if isinstance(answer, BaseException)} == {CaptureTooMuch}
        await here.workers.catch_up()
        assert (await seen(here, merchant, id_))[1].captured == rupiah(60_000)
        assert await here.faults() == []


async def test_what_the_acquirer_does_not_capture_can_be_captured_again(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        id_ = await pay(here, merchant, method=MANUAL)
        payment, charge = await capture(here, merchant, id_, rupiah(10_404))
        assert (payment.state, charge.captured) == ("processing", 0)
        assert charge.card is not None and [part.state for part in charge.card.captures] == ["failed"]
        assert (await capture(here, merchant, id_))[0].state == "paid"
        assert await here.faults() == []


async def test_what_nobody_captures_is_let_go_after_a_week(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        untouched, partly = await pay(here, merchant, method=MANUAL), await pay(here, merchant, method=MANUAL)
        await capture(here, merchant, partly, rupiah(30_000))
        here.pass_time(days=7, minutes=5)
        await here.workers.catch_up()
        assert (await seen(here, merchant, untouched))[0].state == "expired"
        payment, charge = await seen(here, merchant, partly)
        assert (payment.state, charge.taken) == ("paid", rupiah(30_000))
        assert await here.faults() == []


# Cards that are stored


async def test_a_card_is_stored_once_its_payment_has_succeeded_and_pays_again(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        keep = replace(API, keep_method=True)
        declined = await pay(here, merchant, POOR, method=NEVER_ASKED, details=keep, customer=BUDI)
        paid = await pay(here, merchant, details=keep, customer=BUDI)
        payment, charge = await seen(here, merchant, paid)
        assert payment.customer_id is not None and charge.card is not None
        assert (await seen(here, merchant, declined))[0].customer_id == payment.customer_id
        customer = (await stored.customer(here.world, merchant.id, payment.customer_id)).customer
        [method] = customer.stored_methods
        assert (method.token, method.option) == (charge.card.token, "VISA"), "what was declined is not kept"
        again = await stored.by_token(here.world, merchant.id, method.token, "", "card")
        _, second = await seen(here, merchant, await pay(here, merchant, by=again, customer=BUDI))
        assert second.state == "succeeded"
        assert second.card is not None and second.card.fingerprint == charge.card.fingerprint
        assert await here.faults() == []


async def test_a_stored_card_pays_for_its_customer_at_its_merchant_alone_until_it_is_deleted(url: str) -> None:
    async with services(url) as here:
        merchant, other = await here.merchant(), await here.merchant()
        paid = await pay(here, merchant, details=replace(API, keep_method=True), customer=BUDI)
        payment, charge = await seen(here, merchant, paid)
        assert payment.customer_id is not None and charge.card is not None
        token = charge.card.token
        with pytest.raises(CardNotStored):
            await stored.by_token(here.world, other.id, token, "", "card")
        kept = await stored.by_token(here.world, merchant.id, token, "", "card")
        with pytest.raises(CardNotStored):
            await pay(here, merchant, by=kept, customer=Customer(email="sari@shop.example"))
        with pytest.raises(CardNotStored):
            await stored.delete(here.world, other.id, payment.customer_id, token)
        await stored.delete(here.world, merchant.id, payment.customer_id, token)
        with pytest.raises(CardNotStored):
            await stored.by_token(here.world, merchant.id, token, "", "card")
        [row] = await here.rows("SELECT sealed FROM stored_cards WHERE token = $1", token)
        assert row["sealed"] == b"", "the number is forgotten"


async def test_keys_are_changed_while_stored_cards_go_on_paying(url: str) -> None:
    async with services(url) as here, services(url) as beside:
        merchant = await here.merchant()
        paid = await pay(here, merchant, details=replace(API, keep_method=True), customer=BUDI)
        _, charge = await seen(here, merchant, paid)
        assert charge.card is not None
        await stored.by_token(beside.world, merchant.id, charge.card.token, "", "card")  # reads the old keys
        assert await vault_keys.rotate(here.world) >= 1
        for each in (here, beside):
            found = await stored.by_token(each.world, merchant.id, charge.card.token, "", "card")
            assert found.card.last4 == "0001"
        assert len(await here.rows("SELECT FROM vault_keys WHERE purpose = 'store'")) == 1


async def test_a_card_that_is_kept_needs_a_customer_and_a_foreign_one_an_address(url: str) -> None:
    async with services(url) as here:
        merchant = await here.merchant()
        with pytest.raises(CustomerMissing):
            await pay(here, merchant, details=replace(API, keep_method=True))
        with pytest.raises(BillingAddressMissing):
            await pay(here, merchant, FOREIGN)
        assert await here.rows("SELECT FROM payments WHERE merchant_id = $1", merchant.id) == []


async def test_whatever_is_wrong_with_an_encrypted_card_is_one_error(url: str) -> None:
    async with services(url) as here:
        await vault_keys.ready(here.world)
        sentences: set[str] = set()
        for wrong in ("", "x", "e30=", "eyJlbmNyeXB0ZWRLZXkiOiJhIn0=", "A" * 30_000):
            with pytest.raises(CardUnreadable) as refused:
                here.world.vault.opened(wrong, START + timedelta(days=1), "paymentMethod.card.encryptedCard")
            sentences.add(f"{refused.value.field} {refused.value.message}")
        assert len(sentences) == 1
