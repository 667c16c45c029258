"""The endpoints /v1/balances and /v1/balance-histories: what a merchant has, and what moved it."""

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed
from gerbang.api._ids import id_of
from gerbang.api._instants import instant_of
from gerbang.api.v2_sessions import money_shapes
from gerbang.api.v2_sessions.answers import (
    PAGE_MAX,
    PER_PAGE_MAX,
    Endpoints,
    answer,
    number_of_query,
    pagination,
    success,
)
from gerbang.api.v2_sessions.money_out import PER_PAGE_DEFAULT, coded
from gerbang.domain.balance_history import BACK_MAX, SPAN_MAX, Asked
from gerbang.services import balance_history, balances

USECASES = ("DISBURSEMENT", "PAYMENT", "WALLET")


@coded
async def retrieve(endpoints: Endpoints, request: Request) -> Response:
    """The balance for payouts, that of payments, or that of a wallet, which nobody has here."""
    merchant_id = endpoints.merchant_of(request)
    usecase = request.query_params.get("usecase", USECASES[0])
    if usecase not in USECASES:
        raise Malformed("usecase", f"must be one of {', '.join(USECASES)}")
    found = await balances.overview(endpoints.world, merchant_id)
    available, pending = {
        "DISBURSEMENT": (found.payouts, 0),
        "PAYMENT": (found.available, found.pending),
        "WALLET": (0, 0),
    }[usecase]
    return answer(
        success({"availableBalance": money_shapes.balance(available), "pendingBalance": money_shapes.balance(pending)})
    )


@coded
async def histories(endpoints: Endpoints, request: Request) -> Response:
    """What moved one of the balances in a span of at most 31 days."""
    merchant_id = endpoints.merchant_of(request)
    query = request.query_params
    account = query.get("accountType", "PAYMENT")
    if account not in USECASES:
        raise Malformed("accountType", f"must be one of {', '.join(USECASES)}")
    since, until = _span(request, endpoints.world.clock.now())
    thing_id = id_of(query["transactionId"]) if query.get("transactionId") else None
    if query.get("transactionId") and thing_id is None:
        raise Malformed("transactionId", "must be the id of a payment, a payout or a withdrawal")
    page = number_of_query(request, "page", 1, PAGE_MAX)
    per_page = number_of_query(request, "perPage", PER_PAGE_DEFAULT, PER_PAGE_MAX)
    if account == "WALLET":
        return answer(success([], pagination(page, per_page, 0)))
    asked = Asked("payment" if account == "PAYMENT" else "payouts", since, until, thing_id)
    found, count = await balance_history.page(endpoints.world, merchant_id, asked, page, per_page)
    return answer(success([money_shapes.movement(each) for each in found], pagination(page, per_page, count)))


def _span(request: Request, now: datetime) -> tuple[datetime, datetime]:
    """From when until when; a date alone as the end is that whole day. Raises Malformed."""
    for name in ("startDate", "endDate"):
        if not request.query_params.get(name):
            raise Malformed(name, "is required")
    since = instant_of(request.query_params["startDate"], "startDate").astimezone(UTC)
    given = request.query_params["endDate"]
    until = instant_of(given, "endDate").astimezone(UTC) + timedelta(days=len(given.strip()) == len("2025-03-30"))
    if until < since:
        raise Malformed("endDate", "must not be before startDate")
    if until - since > SPAN_MAX:
        raise Malformed("endDate", f"must be at most {SPAN_MAX.days} days after startDate")
    if since < now - BACK_MAX:
        raise Malformed("startDate", "must be at most six months back")
    return since, until
