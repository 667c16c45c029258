"""/payments: one-time payments and the payments received on static methods: create, read, list and tasks."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed
from gerbang.api.v4_documents import listing, shapes
from gerbang.api.v4_documents.answers import Endpoints, answer, created, document, id_in_path
from gerbang.api.v4_documents.errors import FIELDS
from gerbang.api.v4_documents.events import PRODUCT
from gerbang.api.v4_documents.listing import Query
from gerbang.api.v4_documents.requests import (
    NAME_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    Attributes,
    attributes_of,
)
from gerbang.api.v4_documents.tasks import ACTIONS, perform
from gerbang.domain.charges import Charge
from gerbang.domain.payments import Details, Method, Payment
from gerbang.errors import PaymentUnknown
from gerbang.services.pages import Pages
from gerbang.services.payments import repeats, search
from gerbang.services.payments.decide import NewPayment
from gerbang.services.payments.search import Paid, PaymentLookup

OPTION = {
    "virtual_bank_account": "bankShortCode",
    "retail_outlet": "retailOutletName",
    "e-wallet": "providerCode",
} | {shapes.TYPES[name]: "providerCode" for name in shapes.TYPES if name not in shapes.KNOWN}
FIELD_NAMES = FIELDS | {
    "payer_name": "displayName",
    "shown_name": "displayName",
    "description": "description",
    "customer": "customerName",
    "customer_email": "customerEmail",
    "customer_phone": "customerPhoneNumber",
}
"""The name in this API of each field in which two payments may differ."""
OPTIONS = ("number", "payer_name", "shown_name", "return_url")
"""The fields inside `paymentMethodOptions`, besides `option`."""
STATUSES = ("pending", "processing", "paid", "completed", "cancelled", "expired", "failed")


class PaymentAnswers:
    """The answers to creates: a one-time payment, a static method or a payment link, as it is also read."""

    product = PRODUCT

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def answer(self, payment: Payment, charge: Charge | None) -> bytes:
        if payment.static:
            return document(shapes.static_method(payment, self._pages))
        if payment.scope == shapes.LINKS:
            return document(shapes.link(payment, charge, self._pages))
        return document(shapes.one_time(payment, charge, self._pages))


async def create(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    attributes = await attributes_of(request)
    type_ = attributes.one_of("paymentMethodType", list(shapes.CHANNELS))
    options = attributes.member("paymentMethodOptions")

    attributes.rupiah_only()
    ends = attributes.instant("expiredAt")
    order = NewPayment(
        merchant_id=merchant_id,
        product=PRODUCT,
        reference=attributes.demanded("referenceId", REFERENCE_LENGTH_MAX),
        kind="one_time",
        amount=attributes.amount(),
        method=method_of(type_, options, attributes),
        details=Details(
            description=attributes.text("description", lines=True), echo=_offset(ends and ends.utcoffset())
        ),
        descriptor=None,
        expires_at=ends,
    )
    return await create_or_repeat(endpoints, order, "paymentMethodOptions.")


def method_of(type_: str, options: Attributes, beside: Attributes) -> Method:
    """The chosen payment method. The display name may be in the options or beside them. Raises Malformed."""
    option = options.text(OPTION[type_]) if type_ in OPTION else None
    if type_ == "e-wallet":
        option = option or options.text("provider_code")
    if type_ == "virtual_bank_account" and option is not None:
        if option in shapes.BANK_NAMES:
            raise Malformed(options.field("bankShortCode"), f"must be {shapes.BANK_NAMES[option]} for this bank")
        option = shapes.BANKS.get(option, option)
    return Method(
        channel=shapes.CHANNELS[type_],
        option=option,
        payer_name=options.text("displayName", NAME_LENGTH_MAX) or beside.text("displayName", NAME_LENGTH_MAX) or "",
        number=options.digits("suffixNo") if type_ == "virtual_bank_account" else None,
        return_url=options.url("afterSettlementReturnUrl") if type_ == "e-wallet" else None,
    )


def _offset(offset: timedelta | None) -> dict[str, str | bool]:
    """The UTC offset of the expiry as it was sent, in seconds, to be returned in the same form."""
    return {} if offset is None else {"offset": str(int(offset.total_seconds()))}


async def create_or_repeat(endpoints: Endpoints, order: NewPayment, options: str = "") -> Response:
    """Creates a payment, or returns the earlier one with the same reference (reference, 1.6). Raises ReferenceTaken.

    `options` is the path of the method's options in the request.
    """
    made = await repeats.create_or_repeat(endpoints.world, endpoints.batches, order)
    differs = [field for name in made.differs if (field := _field_name(name, order, options))]
    return created(made.answer, order.merchant_id, differs)


def _field_name(name: str, order: NewPayment, options: str) -> str | None:
    """The path of a field in the request; None if the request has no such field."""
    if name == "option" and order.method is not None:
        return options + OPTION[shapes.TYPES[order.method.channel]]
    return options + FIELD_NAMES[name] if name in OPTIONS else FIELD_NAMES.get(name)


async def read(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    found = await _found(endpoints, request, merchant_id)
    return answer(document(shapes.paid(found.payment, found.charge, endpoints.pages)))


async def _found(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Paid:
    id_ = id_in_path(request, "contract_")
    if id_ is None:
        raise PaymentUnknown
    return await endpoints.batches.find(PaymentLookup(merchant_id, id_))


async def looked_up(query: Query, look: Callable[[Query], Awaitable[list[Paid]]]) -> list[Paid]:
    """The payments of a query. None is ever `processing`: what a partner has not opened yet is pending."""
    return [] if query.status == "processing" else await listing.looked_up(query, look)


async def listed(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    query = listing.query_of(request, STATUSES)
    found = await looked_up(
        query, lambda query: search.page(endpoints.world, merchant_id, listing.wanted(query), query.number)
    )
    return answer(written(endpoints, found))


def written(endpoints: Endpoints, found: list[Paid]) -> bytes:
    """A page of payments as a response body."""
    return document([shapes.paid(one.payment, one.charge, endpoints.pages) for one in found])


async def tasks(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    attributes = await attributes_of(request)
    action = attributes.one_of("action", ACTIONS)
    found = await _found(endpoints, request, merchant_id)
    await perform(endpoints, found, action)
    return answer(document(shapes.task(f"contract_{found.id.hex}", "payment", action)), 201)
