"""The endpoints under /v1/refunds: ask for a refund, read one, list them."""

import re
from typing import cast
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._addresses import spellings
from gerbang.api._bodies import Malformed, body_of, fingerprint, metadata_in, read
from gerbang.api._ids import id_of
from gerbang.api._structs import shaped
from gerbang.api._texts import TEXT
from gerbang.api.v2_sessions import orders, refund_shapes, requests
from gerbang.api.v2_sessions.answers import Endpoints, answer, id_in_path, page_of_query, pagination, success
from gerbang.api.v2_sessions.events import REFUND
from gerbang.api.v2_sessions.payments import REQUEST_ID
from gerbang.domain.bank_directory import named
from gerbang.domain.refunds import Destination, Method, Reason, Refund
from gerbang.errors import ChargeUnknown, PaymentUnknown, RefundUnknown
from gerbang.services import refunds
from gerbang.services.refunds import NewRefund

REFERENCE_LENGTH_MAX = 100


async def create(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    body = await body_of(request)
    body_object = read(request, body)
    given = shaped(body_object, requests.CreateRefund, body)
    new = new_refund(merchant_id, given, body_object, body, request.headers.get("x-request-id"))
    return answer(await refunds.create(endpoints.world, new, rendered))


def rendered(refund: Refund) -> bytes:
    """The answer to a request: the refund as it is then."""
    return success(refund_shapes.refund(refund))


def new_refund(
    merchant_id: UUID,
    given: requests.CreateRefund,
    body_object: dict[str, object],
    body: bytes,
    request_id: str | None,
) -> NewRefund:
    """A request as a NewRefund. Raises Malformed, or Unknown for an id that is none."""
    seen = fingerprint("POST /v1/refunds", body_object)
    if request_id is not None and not REQUEST_ID.fullmatch(request_id):
        raise Malformed("X-REQUEST-ID", "must be 1 to 100 letters, digits, hyphens, underscores or full stops")
    if not given.paymentSessionId and not given.chargeId:
        raise Malformed("paymentSessionId", "is required, or a chargeId")
    whole = given.isFullAmount is True
    amount = orders.minor(given.amount, zero_is_open=False)
    if amount is None and not whole:
        raise Malformed("amount", "is required unless isFullAmount is true")
    method = cast("Method", (given.method or "AUTO").lower())
    account = given.transferDestination
    if account is None and method == "transfer_only":
        raise Malformed("transferDestination", "is required for TRANSFER_ONLY")
    metadata = metadata_in(body, body_object) if given.metadata is not None else None
    return NewRefund(
        merchant_id=merchant_id,
        product=REFUND,
        reference=given.clientReferenceId,
        payment_id=_id(given.paymentSessionId, PaymentUnknown("payment_id")),
        charge_id=_id(given.chargeId, ChargeUnknown("charge_id")),
        amount=amount,
        whole=whole,
        method=method,
        reason=cast("Reason", given.reason.lower()),
        destination=None if account is None else destination(account, "transferDestination"),
        statement_text=(account.description or "").strip() if account is not None else "",
        description=given.description or None,
        metadata=msgspec.Raw(metadata or b"{}"),
        key=request_id,
        fingerprint=seen,
    )


def _id(given: str | None, unknown: Exception) -> UUID | None:
    """The id in a field that may be left out. Raises `unknown` for what is none."""
    if not given:
        return None
    found = id_of(given)
    if found is None:
        raise unknown
    return found


def destination(given: requests.RefundDestination, path: str) -> Destination:
    """The account that is named at a path of the request. Raises Malformed."""
    bank = named(given.channelCode)
    if bank is None:
        raise Malformed(f"{path}.channelCode", "must be a bank, by its name or code, such as BCA or 014")
    number = given.channelInformation.accountNumber
    if not (number.isascii() and number.isdigit()):
        raise Malformed(f"{path}.channelInformation.accountNumber", "must be digits")
    return Destination(bank.code, number, given.channelInformation.accountName.strip(), given.channelCode)


async def retrieve(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    refund_id = id_in_path(request)
    if refund_id is None:
        raise RefundUnknown
    return answer(rendered(await refunds.read(endpoints.world, merchant_id, refund_id)))


async def listing(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    page, per_page = page_of_query(request)
    wanted = request.query_params.get("paymentSessionId")
    payment_id = id_of(wanted) if wanted is not None else None
    if references := spellings(request, "clientReferenceId"):
        found = await _of_reference(endpoints, merchant_id, references)
        if wanted is not None and found is not None and found.payment_id != payment_id:
            found = None
        listed, count = ([found] if found is not None and page == 1 else []), int(found is not None)
    elif wanted is not None and payment_id is None:
        listed, count = [], 0
    else:
        listed, count = await refunds.page(endpoints.world, merchant_id, payment_id, page=page, per_page=per_page)
    return answer(success([refund_shapes.refund(each) for each in listed], pagination(page, per_page, count)))


async def _of_reference(endpoints: Endpoints, merchant_id: UUID, references: list[str]) -> Refund | None:
    for reference in references:
        if not 1 <= len(reference) <= REFERENCE_LENGTH_MAX or not re.match(TEXT, reference):
            raise Malformed("clientReferenceId", "must be 1 to 100 characters without control characters")
        found = await refunds.by_reference(endpoints.world, merchant_id, reference)
        if found is not None:
            return found
    return None
