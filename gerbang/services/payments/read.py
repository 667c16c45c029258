"""Looking payments up. What is read is what is true at this instant: an expiry counts from its own moment on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

import msgspec

from gerbang.db import Tx, charges, lists, merchants, payments
from gerbang.db.lists import HIGHEST, Span
from gerbang.domain import charges as charge_rules
from gerbang.domain import payments as payment_rules
from gerbang.domain.charges import Charge
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Payment
from gerbang.errors import MerchantUnknown, PageTooLong, PaymentUnknown, Refused
from gerbang.services import page_positions
from gerbang.services.page_positions import Page, Place
from gerbang.world import World

CHARGES_PER_PAGE = 10
PAGE_BYTES_MAX = 8_000_000
"""Of the details of the payments on one page. A hundred with as much as is accepted today have a quarter of it;
there are older ones with more.
"""


class Question(msgspec.Struct, frozen=True):
    """A merchant asks for one payment and one page of its charges, from 1; None: for its newest, and means to turn no pages."""

    merchant_id: UUID
    payment_id: UUID
    page: int | None = None


class Found(msgspec.Struct, frozen=True):
    """A payment with its charges, newest first."""

    payment: Payment
    charges: list[Charge]


def _as_of(payment: Payment, its_charges: Sequence[Charge], now: datetime) -> Found:
    end = payment.expires_at
    return Found(payment_rules.as_of(payment, now), [charge_rules.as_of(charge, now, end) for charge in its_charges])


async def read_all(world: World, questions: Sequence[Question]) -> list[Found | Refused]:
    """Payments by id, many at a time, each with a page of its charges. PaymentUnknown for those of other merchants too."""
    now = world.clock.now()
    async with world.db.reading() as tx:
        found = await payments.by_id(tx, [(question.merchant_id, question.payment_id) for question in questions])
        listed = await charges.newest(tx, [(p.merchant_id, p.id) for p in found.values()], most=CHARGES_PER_PAGE)
        # Only a static payment has pages: of a one-time payment, the one charge is always shown.
        turned = [q for q in questions if q.page and q.payment_id in found and found[q.payment_id].static]
        paged = {q: await _turned(world, tx, found[q.payment_id], q.page or 1) for q in turned}
    answers: list[Found | Refused] = []
    for question in questions:
        payment = found.get(question.payment_id)
        if payment is None or payment.merchant_id != question.merchant_id:
            answers.append(PaymentUnknown())
        else:
            its_charges = paged[question] if question in paged else listed.get(payment.id, [])
            answers.append(_as_of(payment, its_charges, now))
    return answers


async def _turned(world: World, tx: Tx, payment: Payment, number: int, size: int = CHARGES_PER_PAGE) -> list[Charge]:
    """A page of the charges of one payment, newest first."""

    async def read(place: Place) -> list[Charge]:
        behind = place.edge(newest_first=True) or HIGHEST
        return await charges.page(tx, payment.merchant_id, payment.id, behind, skip=place.skip, most=size)

    asked = Page(payment.merchant_id, ("charges", payment.id), number, size)
    return await page_positions.read_page(world, tx, asked, read, attrgetter("id"))


async def by_reference(world: World, merchant_id: UUID, reference: str) -> list[Found]:
    """The merchant's payments of this reference: one, or several that other dialects keep in series of their own."""
    async with world.db.reading() as tx:
        found = await payments.of_reference(tx, merchant_id, reference)
        listed = await charges.newest(tx, [(merchant_id, payment.id) for payment in found], most=CHARGES_PER_PAGE)
    now = world.clock.now()
    return [_as_of(payment, listed.get(payment.id, []), now) for payment in found]


async def charges_of(
    world: World, merchant_id: UUID, reference: str, *, page: int, per_page: int
) -> tuple[list[Charge], int]:
    """A page of the charges of the payment with this reference, newest first, and how many there are in all."""
    async with world.db.reading() as tx:
        payment = await payments.by_reference(tx, merchant_id, reference)
        if payment is None:
            return [], 0
        listed = await _turned(world, tx, payment, page, per_page)
        count = await charges.count_of(tx, payment.id)
    return _as_of(payment, listed, world.clock.now()).charges, count


async def page_of(world: World, merchant_id: UUID, *, page: int, per_page: int) -> tuple[list[Found], int]:
    """A page of a merchant's payments, newest first, and how many there are in all. Raises PageTooLong."""
    async with world.db.reading() as tx:

        async def read(place: Place) -> list[UUID]:
            high = place.edge(newest_first=True) or HIGHEST
            return await lists.of_both_kinds(tx, merchant_id, Span(high=high, skip=place.skip, most=per_page))

        listed = await page_positions.read_page(
            world, tx, Page(merchant_id, ("sessions",), page, per_page), read, lambda id_: id_
        )
        found = await payments.if_not_longer(tx, merchant_id, listed, PAGE_BYTES_MAX)
        if found is None:
            raise PageTooLong("page_size", megabytes=PAGE_BYTES_MAX // 1_000_000)
        its_charges = await charges.newest(tx, [(merchant_id, id_) for id_ in listed], most=CHARGES_PER_PAGE)
        count = await merchants.payments_count(tx, merchant_id)
    now = world.clock.now()
    return [_as_of(found[id_], its_charges.get(id_, []), now) for id_ in listed], count


async def merchant(world: World, merchant_id: UUID) -> Merchant:
    """A merchant with its agreement. Raises MerchantUnknown."""
    async with world.db.reading() as tx:
        found = await merchants.by_id(tx, [merchant_id])
    if merchant_id not in found:
        raise MerchantUnknown
    return found[merchant_id]


async def picture_text(world: World, merchant_id: UUID, id_: UUID) -> str | None:
    """The text of the QR code of a merchant's charge or static payment; None where there is no such code."""
    async with world.db.reading() as tx:
        charge = (await charges.by_id(tx, [(merchant_id, id_)])).get(id_)
        if charge is not None:
            return charge.instructions.content or None
        payment = (await payments.by_id(tx, [(merchant_id, id_)])).get(id_)
    instructions = payment.method.instructions if payment and payment.method else None
    return instructions.content or None if instructions else None


def own(locked: Mapping[UUID, Payment], merchant_id: UUID, payment_id: UUID) -> Payment:
    """The merchant's payment. Raises PaymentUnknown, also for another merchant's: nobody learns that there is one."""
    payment = locked.get(payment_id)
    if payment is None or payment.merchant_id != merchant_id:
        raise PaymentUnknown
    return payment
