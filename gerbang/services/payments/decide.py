"""Deciding orders: who the customer is, what the payment will be, and its answer. Nothing is written here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import ids
from gerbang.db import Tx, customers, merchants
from gerbang.domain.cards import StoredCard
from gerbang.domain.changes import KnownCustomer
from gerbang.domain.charges import Charge
from gerbang.domain.customers import Customer, known_as
from gerbang.domain.merchants import Merchant, Offer
from gerbang.domain.partner_requests import PartnerRequest
from gerbang.domain.payments import Details, Kind, Method, Payment, check_kept, expiry
from gerbang.errors import AmountMissing, CustomerUnknown, ExpiryTooFar, MerchantUnknown, Refused, StaticNeedsApiMode
from gerbang.services.cards.given import CardGiven, stored
from gerbang.services.payments import codes
from gerbang.services.payments.codes import Plan
from gerbang.world import World


class NewPayment(msgspec.Struct, frozen=True):
    """A request to be paid, as any dialect may put it."""

    merchant_id: UUID
    product: str
    """Its terms apply, and its callbacks report the payment."""
    reference: str
    kind: Kind
    amount: int | None
    method: Method | None
    details: Details
    descriptor: str | None
    expires_at: datetime | None
    scope: str = ""
    """The series in which the reference must be new."""
    customer: Customer | None = None
    customer_id: str | None = None
    key: str | None = None
    fingerprint: bytes = b""
    card: CardGiven | None = None
    """The card that is to pay, in memory alone."""


class Made(msgspec.Struct, frozen=True):
    """A payment as it will be written, with the bytes of its answer, or with what a partner must be asked first."""

    order: NewPayment
    payment: Payment
    charge: Charge | None
    answer: bytes | None
    request: PartnerRequest | None = None
    stored_cards: tuple[StoredCard, ...] = ()

    @property
    def customer(self) -> KnownCustomer | None:
        """What the order says of its customer."""
        customer_id, customer = self.payment.customer_id, self.payment.details.customer
        if self.order.customer is None or customer_id is None or customer is None:
            return None
        return KnownCustomer(self.payment.merchant_id, customer_id, customer)


async def plans_of(world: World, tx: Tx, orders: Mapping[int, NewPayment], now: datetime) -> dict[int, Plan | Refused]:
    """What each of these orders comes to, or why it is refused; numbers are still missing."""
    known = await merchants.by_id(tx, list({order.merchant_id for order in orders.values()}))
    who = await _customers(tx, list(orders.values()), now)
    plans: dict[int, Plan | Refused] = {}
    for (i, order), customer in zip(orders.items(), who, strict=True):
        try:
            plans[i] = _decided(world, order, known, customer, now)
        except Refused as refusal:
            plans[i] = refusal.with_traceback(None)  # it would lead back to where it is kept
    return plans


def made(world: World, order: NewPayment, plan: Plan, number: str | None, now: datetime) -> Made:
    """The payment of a plan, complete with its number and its answer."""
    request = None if number is None else plan.partner_request(number, order.key, now)
    if number is not None and request is not None and plan.card is not None and plan.given is not None:
        payment, charge = codes.opened(plan, number, now)
        assert charge is not None, "a card pays a charge"
        kept = stored(world.vault, payment, plan.card, plan.given, charge.id, now)
        return Made(order, payment, charge, None, request, tuple(kept))
    if request is not None:
        return Made(order, plan.payment, None, None, request)
    payment, charge = (plan.payment, None) if number is None else codes.opened(plan, number, now)
    return Made(order, payment, charge, world.answer_formats[order.product].answer(payment, charge))


async def _customers(
    tx: Tx, orders: Sequence[NewPayment], now: datetime
) -> list[tuple[str, Customer] | Refused | None]:
    """Who each order's customer is: (id, what is known of them). The e-mail address decides, then the id that was given."""
    by_email_wanted = [
        (order.merchant_id, email) for order in orders if order.customer and (email := order.customer.email)
    ]
    by_id_wanted = [(order.merchant_id, order.customer_id) for order in orders if order.customer_id]
    by_email = await customers.by_email(tx, by_email_wanted) if by_email_wanted else {}
    by_id = await customers.by_id(tx, by_id_wanted) if by_id_wanted else {}
    found: list[tuple[str, Customer] | Refused | None] = []
    given: dict[tuple[UUID, str], str] = {}
    for order in orders:
        if order.customer is None and order.customer_id is None:
            found.append(None)
            continue
        email = order.customer.email if order.customer else None
        row = by_email.get((order.merchant_id, email or "")) or by_id.get((order.merchant_id, order.customer_id or ""))
        if row is not None:
            found.append((row.id, known_as(order.customer, row.customer) if order.customer else row.customer))
        elif order.customer is None:
            found.append(CustomerUnknown("customer_id"))
        else:
            fresh = order.customer_id or str(ids.uuid7(now))
            customer_id = given.setdefault((order.merchant_id, email), fresh) if email else fresh
            found.append((customer_id, order.customer))
    return found


def _decided(
    world: World,
    order: NewPayment,
    known: dict[UUID, Merchant],
    customer: tuple[str, Customer] | Refused | None,
    now: datetime,
) -> Plan:
    """Decides one order. Raises its refusal."""
    if isinstance(customer, Refused):
        raise customer
    merchant = known.get(order.merchant_id)
    if merchant is None:
        raise MerchantUnknown
    check_kept(order.details)
    offer = world.offer(merchant, order.product)
    if order.kind == "one_time" and order.amount is None:
        raise AmountMissing("amount")
    if order.kind == "static" and order.details.redirect:
        raise StaticNeedsApiMode("mode")
    payment = Payment(
        id=ids.uuid7(now),
        merchant_id=merchant.id,
        product=order.product,
        scope=order.scope,
        reference=order.reference,
        kind=order.kind,
        amount=order.amount,
        state="needs_method" if order.details.auto_confirm else "needs_confirmation",
        created_at=now,
        updated_at=now,
        expires_at=expiry(order.expires_at, order.kind, order.amount, now, offer.terms.expires_after),
        descriptor=order.descriptor if order.descriptor is not None else merchant.short_name,
        details=replace(order.details, customer=customer[1]) if customer else order.details,
        method=order.method,
        customer_id=customer[0] if customer else None,
    )
    if order.method is None:
        _check_page_expiry(payment, offer, now)
        return Plan(payment, offer)
    channel = codes.channel_for(world, order.method, offer, payment)
    codes.check_number(order.method, offer, payment)
    option_open = order.method.option is None and bool(channel.options(offer)) and channel.spec.shows != "card"
    if option_open and (order.details.redirect or not order.details.auto_confirm):
        return Plan(payment, offer)
    if not order.details.auto_confirm:
        with codes.AsAgreed(channel, merchant):
            channel.plan(payment, offer, now)  # so that a wrong method is refused now and not at the confirmation
        return Plan(payment, offer)
    return codes.plan(world, payment, channel, offer, now, order.card)


def _check_page_expiry(payment: Payment, offer: Offer, now: datetime) -> None:
    """Raises ExpiryTooFar (field "expires_at") where no channel would be left to be offered on the page."""
    most = offer.terms.page_expiry_max
    if most is not None and payment.expires_at is not None and payment.expires_at > now + most:
        raise ExpiryTooFar("expires_at", title="A payment link", maximum=f"{most.days} days")
