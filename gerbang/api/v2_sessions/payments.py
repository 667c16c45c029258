"""The endpoints under /v2: create, confirm, read, list and cancel payments; charges, method configs, QR images."""

import re
from uuid import UUID

from anyio import to_thread
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from gerbang import channels as channel_rules
from gerbang.api._addresses import spellings
from gerbang.api._bodies import Malformed, body_of, fingerprint, json_body, metadata_in, read
from gerbang.api._structs import shaped
from gerbang.api._texts import TEXT
from gerbang.api.v2_sessions import cards, orders, requests, shapes
from gerbang.api.v2_sessions.answers import (
    PAGE_MAX,
    Endpoints,
    answer,
    id_in_path,
    not_found,
    number_of_query,
    page_of_query,
    pagination,
    success,
)
from gerbang.api.v2_sessions.events import PaymentCallbacks
from gerbang.api.v2_sessions.methods import OTHERS, block_of
from gerbang.channels import Channel
from gerbang.domain.charges import Charge
from gerbang.domain.merchants import Offer
from gerbang.domain.payments import Payment
from gerbang.errors import PaymentUnknown
from gerbang.services import pictures
from gerbang.services.pages import Pages, pictured
from gerbang.services.payments import end
from gerbang.services.payments import read as reading
from gerbang.services.payments.codes import usable_options
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.decide import NewPayment
from gerbang.services.payments.end import Cancellation
from gerbang.services.payments.read import Found, Question
from gerbang.vault import Vault
from gerbang.world import World

REFERENCE_LENGTH_MAX = 255
"""For look-ups only: payments of another dialect may have longer references than this dialect accepts."""
PRODUCT = PaymentCallbacks.product.name
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


class PaymentAnswers:
    """The answers to a create and to a confirm: the payment session in its `answer` view."""

    product = PRODUCT

    def __init__(self, pages: Pages, vault: Vault) -> None:
        self._pages = pages
        self._vault = vault

    def answer(self, payment: Payment, charge: Charge | None) -> bytes:
        session = shapes.session(payment, [charge] if charge else [], self._pages, "answer")
        if _is_card_to_be_given(payment):
            session = shapes.with_key(session, self._vault.public_key)
        return success(session)


def _is_card_to_be_given(payment: Payment) -> bool:
    """Whether the merchant sends a card with the confirmation, encrypted for the key that it gets now."""
    method, details = payment.method, payment.details
    return method is not None and method.channel == "card" and not details.redirect and not details.auto_confirm


async def create(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    body = await body_of(request)
    body_object = read(request, body)
    card = cards.taken_out(endpoints, body_object)
    given = shaped(body_object, requests.CreatePayment, body)
    order = new_payment(merchant_id, given, body_object, body, request.headers.get("x-request-id"))
    if given.paymentMethod is not None and given.paymentMethod.type == "CARD":
        order = replace(
            order,
            card=await cards.given(endpoints, merchant_id, given.paymentMethod, card.taken),
            fingerprint=order.fingerprint + card.mark,
        )
    return answer(await endpoints.batches.create(order))


def new_payment(
    merchant_id: UUID,
    given: requests.CreatePayment,
    body_object: dict[str, object],
    body: bytes,
    request_id: str | None,
) -> NewPayment:
    """A create request as a NewPayment. Raises Malformed."""
    multiple = given.paymentType == "MULTIPLE"
    seen = fingerprint("POST /v2/payments", body_object)
    orders.check_order(given.orderInformation)
    orders.check_urls(given.redirectUrl)
    if given.splitRoutingConfigurations:
        raise Malformed("splitRoutingConfigurations", "splitting payments is not enabled for this merchant")
    if request_id is not None and not REQUEST_ID.fullmatch(request_id):
        raise Malformed("X-REQUEST-ID", "must be 1 to 100 letters, digits, hyphens, underscores or full stops")

    return NewPayment(
        merchant_id=merchant_id,
        product=PRODUCT,
        reference=given.clientReferenceId,
        kind="static" if multiple else "one_time",
        amount=orders.minor(given.amount, zero_is_open=multiple),
        method=orders.method(given.paymentMethod, given.paymentMethodOptions),
        details=orders.details(
            given, body_object, metadata_in(body, body_object) if given.metadata is not None else None
        ),
        descriptor=given.statementDescriptor,
        expires_at=orders.instant(given.expiryAt, "expiryAt"),
        customer=orders.customer(given.customer),
        customer_id=given.customerId or None,
        key=request_id,
        fingerprint=seen,
    )


async def confirm(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    body_object = await json_body(request, may_be_empty=True)
    taken = cards.taken_out(endpoints, body_object).taken
    given = shaped(body_object, requests.ConfirmPayment)
    payment_id = id_in_path(request)
    if payment_id is None:
        raise PaymentUnknown
    method = orders.method(given.paymentMethod, given.paymentMethodOptions)
    card = await cards.given(endpoints, merchant_id, given.paymentMethod, taken)
    payment, charge = await endpoints.batches.confirm(Confirmation(merchant_id, payment_id, method, card))
    return answer(endpoints.world.answer_formats[PRODUCT].answer(payment, charge))


async def cancel(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    given = shaped(await json_body(request, may_be_empty=True), requests.CancelPayment)
    payment_id = id_in_path(request)
    if payment_id is None:
        raise PaymentUnknown
    reason = given.cancellationReason or "REQUESTED_BY_CUSTOMER"
    payment = await end.cancel(endpoints.world, Cancellation(merchant_id, payment_id, reason))
    return answer(success(shapes.session(payment, [], endpoints.pages, "read")))


async def retrieve(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    paged = request.scope["query_string"] and "page" in request.query_params
    page = number_of_query(request, "page", 1, PAGE_MAX) if paged else None
    payment_id = id_in_path(request)
    if payment_id is None:
        raise PaymentUnknown
    found = await endpoints.batches.read(Question(merchant_id, payment_id, page))
    return answer(success(_read(endpoints, found)))


def _read(endpoints: Endpoints, found: Found) -> shapes.Json:
    return shapes.session(found.payment, found.charges, endpoints.pages, "read")


async def listing(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    page, per_page = page_of_query(request)
    if references := spellings(request, "clientReferenceId"):
        found: list[Found] = []
        for reference in references:
            found = found or await reading.by_reference(endpoints.world, merchant_id, _text(reference))
        listed, count = (found if page == 1 else []), len(found)
    else:
        listed, count = await reading.page_of(endpoints.world, merchant_id, page=page, per_page=per_page)
    return answer(success([_read(endpoints, found) for found in listed], pagination(page, per_page, count)))


async def charges(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    page, per_page = page_of_query(request)
    references = spellings(request, "clientReferenceId")
    if not any(references):
        raise Malformed("clientReferenceId", "is required")
    listed, count = list[Charge](), 0
    for reference in references:
        if not count:
            listed, count = await reading.charges_of(
                endpoints.world, merchant_id, _text(reference), page=page, per_page=per_page
            )
    written = [shapes.charge_alone(charge, endpoints.pages) for charge in listed]
    return answer(success(written, pagination(page, per_page, count)))


def _text(reference: str) -> str:
    if not 1 <= len(reference) <= REFERENCE_LENGTH_MAX or not re.match(TEXT, reference):
        raise Malformed("clientReferenceId", "must be 1 to 255 characters without control characters")
    return reference


async def method_configs(endpoints: Endpoints, request: Request) -> Response:
    offer = endpoints.world.offer(await reading.merchant(endpoints.world, endpoints.merchant_of(request)), PRODUCT)
    known = endpoints.world.channels
    return answer(
        success(
            {
                "card": _config(endpoints.world, known["card"], offer) | {"installmentConfig": None},
                "virtualAccount": _config(endpoints.world, known["virtual_account"], offer),
                "qr": _config(endpoints.world, known["qris"], offer),
                "ewallet": _config(endpoints.world, known["ewallet"], offer),
                **{block_of(name): _config(endpoints.world, known[name], offer) for name in OTHERS},
                "installment": {"enabled": False, "acceptedChannels": {}},
            }
        )
    )


def _config(world: World, channel: Channel, offer: Offer) -> shapes.Json:
    options = usable_options(world, channel, offer)
    if options is None:
        return {"enabled": False, "acceptedChannels": []}
    least, most = channel_rules.limits(channel.spec, offer)
    _, span, _ = channel_rules.spans(channel.spec, offer)
    return {
        "enabled": True,
        **({"acceptedChannels": options} if options else {}),
        "minimumAmount": shapes.amount(least),
        "maximumAmount": shapes.amount(most),
        "maximumExpiry": f"{span.days} DAYS" if span.days else f"{span.seconds // 60} MINUTES",
    }


async def picture(endpoints: Endpoints, request: Request) -> Response:
    """The image at qrUrl, as PNG or SVG. No credentials: buyers' browsers load it, and the id cannot be guessed."""
    name, _, kind = str(request.path_params["name"]).rpartition(".")
    shown = pictured(name)
    if shown is None:
        return await not_found(request)
    text = await reading.picture_text(endpoints.world, *shown) if kind in ("png", "svg") else None
    if text is None:
        raise PaymentUnknown
    headers = {"cache-control": "private, max-age=3600"}
    if kind == "svg":
        drawing = await to_thread.run_sync(pictures.svg, text)
        # An SVG file needs a namespace; an SVG element inside HTML, for which it was drawn, does not.
        file = drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        return Response(file, media_type="image/svg+xml", headers=headers)
    return Response(await to_thread.run_sync(pictures.png, text), media_type="image/png", headers=headers)
