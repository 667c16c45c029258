"""/payment_methods: static virtual accounts and QR codes, the payments they received, and their tasks."""

import re
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api.v4_documents import listing, shapes
from gerbang.api.v4_documents.answers import Endpoints, answer, document
from gerbang.api.v4_documents.events import PRODUCT
from gerbang.api.v4_documents.payments import STATUSES, create_or_repeat, looked_up, method_of, written
from gerbang.api.v4_documents.requests import REFERENCE_LENGTH_MAX, attributes_of
from gerbang.domain.payments import Details, Payment
from gerbang.errors import NotOpenYet, PaymentUnknown
from gerbang.services import sandbox, simulations
from gerbang.services.payments import search
from gerbang.services.payments.decide import NewPayment
from gerbang.services.payments.search import PaymentLookup

TYPES = {"virtual_bank_accounts": "virtual_bank_account", "qris": "qris"}
"""Types in paths to types in bodies (reference, 1.2)."""
PREFIXES = {"virtual_bank_accounts": "va_", "qris": "qr_"}
DIGITS = {"virtual_bank_accounts": 32, "qris": shapes.QR_DIGITS}


async def create(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    type_ = TYPES[request.path_params["type"]]
    attributes = await attributes_of(request)

    order = NewPayment(
        merchant_id=merchant_id,
        product=PRODUCT,
        scope=shapes.CHANNELS[type_],
        reference=attributes.demanded("referenceId", REFERENCE_LENGTH_MAX),
        kind="static",
        amount=None,
        method=method_of(type_, attributes, attributes),
        details=Details(),
        descriptor=None,
        expires_at=None,
    )
    return await create_or_repeat(endpoints, order)


async def _found(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Payment:
    type_ = request.path_params["type"]
    found = re.fullmatch(
        f"{PREFIXES[type_]}([0-9a-f]{{{DIGITS[type_]}}})", str(request.path_params["id"]), re.ASCII | re.IGNORECASE
    )
    if found is None:
        raise PaymentUnknown
    low, high = UUID(hex=found[1].ljust(32, "0")), UUID(hex=found[1].ljust(32, "f"))
    payment = await search.static(endpoints.world, merchant_id, low, high, shapes.CHANNELS[TYPES[type_]])
    if payment.state == "opening":
        raise NotOpenYet
    if payment.method is None or payment.method.instructions is None:
        raise PaymentUnknown  # its partner declined it, so there never was one
    return payment


async def read(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    return answer(document(shapes.static_method(await _found(endpoints, request, merchant_id), endpoints.pages)))


async def payments(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    query = listing.query_of(request, STATUSES)
    found = await _found(endpoints, request, merchant_id)
    listed = await looked_up(
        query, lambda query: search.page_of_static(endpoints.world, found, listing.wanted(query), query.number)
    )
    return answer(written(endpoints, listed))


async def tasks(endpoints: Endpoints, request: Request, merchant_id: UUID) -> Response:
    """Simulates an incoming payment; every task creates a new one (reference, section 6)."""
    sandbox.sandbox_clock(endpoints.world)
    attributes = await attributes_of(request)
    action = attributes.one_of("action", ("receive_payment",))
    options = attributes.member("options")
    amount = options.arriving()
    found = await _found(endpoints, request, merchant_id)
    field = options.field("amount")
    report, booked = await simulations.arrive(endpoints.world, endpoints.batches, found, amount, field)
    reference = None
    if report.channel == "virtual_account" and booked.charge_id is not None:
        arrived = await endpoints.batches.find(PaymentLookup(merchant_id, booked.charge_id))
        reference = None if arrived.charge is None else shapes.arrival_reference(arrived.charge)
    target = shapes.method_id(found), shapes.TYPES[report.channel]
    return answer(document(shapes.task(*target, action, reference=reference, amount=amount)), 201)
