"""The endpoints under /v1/payouts: bulk payouts and their lines."""

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed, body_of, fingerprint, read
from gerbang.api._ids import id_of
from gerbang.api._structs import shaped
from gerbang.api.v2_sessions import money_requests, money_shapes
from gerbang.api.v2_sessions.answers import (
    PAGE_MAX,
    PER_PAGE_MAX,
    Endpoints,
    answer,
    number_of_query,
    pagination,
    success,
)
from gerbang.api.v2_sessions.events import PayoutCallbacks
from gerbang.api.v2_sessions.money_out import PER_PAGE_DEFAULT, amount, coded, destination, request_id
from gerbang.errors import PayoutUnknown
from gerbang.services import balances, bulk_payouts
from gerbang.services.bulk_payouts import Found, NewBulk, NewLine

VALUES_MAX = 25_000
"""A thousand lines with every field have about sixteen thousand values."""


@coded
async def create(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    body = await body_of(request)
    body_object = read(request, body, values_max=VALUES_MAX)
    given = shaped(body_object, money_requests.Payouts, body)
    new = NewBulk(
        merchant_id=merchant_id,
        product=PayoutCallbacks.product.name,
        lines=[_line(line, f"payouts[{place}]") for place, line in enumerate(given.payouts)],
        key=request_id(request),
        fingerprint=fingerprint("POST /v1/payouts", body_object),
        answer=_created,
    )
    return answer(await bulk_payouts.create(endpoints.world, new))


def _line(given: money_requests.PayoutLine, path: str) -> NewLine:
    """A line of the request. Raises Malformed or DestinationUnknown."""
    minor = amount(given.amount, f"{path}.amount.value")
    if given.inquiryId is not None:
        inquiry_id = id_of(given.inquiryId)
        if inquiry_id is None:
            raise Malformed(f"{path}.inquiryId", "must be the uuid of an inquiry")
        return NewLine(given.referenceId, minor, None, inquiry_id, given.description or None)
    if given.channelCode is None:
        raise Malformed(f"{path}.channelCode", "is required")
    if given.channelInformation is None:
        raise Malformed(f"{path}.channelInformation", "is required")
    to = destination(given.channelCode, given.channelInformation, f"{path}.channelCode")
    return NewLine(given.referenceId, minor, to, None, given.description or None)


def _created(found: Found) -> bytes:
    return success(money_shapes.created(found.bulk, found.lines))


@coded
async def retrieve(endpoints: Endpoints, request: Request) -> Response:
    """A bulk payout with a page of its lines, or one line of it; or a line alone, by its reference."""
    merchant_id = endpoints.merchant_of(request)
    name = str(request.path_params["id"])
    kind = request.query_params.getlist("type")
    if kind not in ([], ["single"]):
        raise Malformed("type", "must be single, or be left out")
    if kind:
        found = await bulk_payouts.read_line(endpoints.world, merchant_id, name)
        return answer(success(money_shapes.read_line(found.bulk, found.totals, found.lines[0])))
    bulk_id = id_of(name)
    if bulk_id is None:
        raise PayoutUnknown
    if (reference := request.query_params.get("referenceId")) is not None:
        found = await bulk_payouts.read_line(endpoints.world, merchant_id, reference, bulk_id)
        return answer(success(money_shapes.read_line(found.bulk, found.totals, found.lines[0])))
    page = number_of_query(request, "page", 1, PAGE_MAX)
    per_page = number_of_query(request, "perPage", PER_PAGE_DEFAULT, PER_PAGE_MAX)
    found = await bulk_payouts.read(endpoints.world, merchant_id, bulk_id)
    first = (page - 1) * per_page
    shown = money_shapes.read(found.bulk, found.totals, found.lines[first : first + per_page])
    return answer(success(shown, pagination(page, per_page, len(found.lines))))


@coded
async def balance(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = endpoints.merchant_of(request)
    if request.query_params.get("currency", "IDR") != "IDR":
        raise Malformed("currency", "must be IDR")
    found = await balances.overview(endpoints.world, merchant_id)
    return answer(success({"availableBalance": money_shapes.balance(found.payouts)}))
