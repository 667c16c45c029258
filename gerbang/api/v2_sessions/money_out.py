"""What the endpoints that move money out have in common: where money goes, amounts, and how errors are coded."""

import re
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from gerbang.api._bodies import Malformed
from gerbang.api.v2_sessions import errors, money_requests, orders, requests
from gerbang.api.v2_sessions.answers import Endpoints
from gerbang.domain.bank_directory import destination_of
from gerbang.domain.payouts import Destination
from gerbang.errors import DestinationUnknown

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
PER_PAGE_DEFAULT = 20
"""Of all lists under /v1 (payment-session reference, 1.6)."""

Respond = Callable[[Endpoints, Request], Awaitable[Response]]


def coded(respond: Respond) -> Respond:
    """An endpoint whose wrong fields are answered with the codes of payouts (payment-session reference, 1.11)."""

    @wraps(respond)
    async def answer(endpoints: Endpoints, request: Request) -> Response:
        try:
            return await respond(endpoints, request)
        except Malformed as wrong:
            code = errors.FIELD_REQUIRED if wrong.why == "is required" else errors.FIELD_FORMAT
            return errors.error_response(code, field=wrong.field, why=wrong.why, others=wrong.others)

    return answer


def request_id(request: Request) -> str | None:
    """The idempotency key. Raises Malformed."""
    given = request.headers.get("x-request-id")
    if given is not None and not REQUEST_ID.fullmatch(given):
        raise Malformed("X-REQUEST-ID", "must be 1 to 100 letters, digits, hyphens, underscores or full stops")
    return given


def amount(given: requests.Amount, field: str) -> int:
    """An amount in minor units. Raises Malformed."""
    minor = orders.minor(given, zero_is_open=False, field=field)
    assert minor is not None, "it is there and not zero"
    return minor


def destination(code: str, account: money_requests.Account, field: str) -> Destination:
    """Where money goes. Raises DestinationUnknown."""
    bank_code = destination_of(code)
    if bank_code is None:
        raise DestinationUnknown(field, code=code)
    return Destination(
        kind="bank_transfer",
        bank_code=bank_code,
        account_number=account.accountNumber,
        account_name=account.accountName,
    )
