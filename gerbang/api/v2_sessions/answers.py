"""Authentication, the response envelope and error handling, shared by the endpoints of the payment-session API."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from gerbang import ids
from gerbang.api import Context
from gerbang.api._bodies import BodyPacked, BodyTooLarge, Malformed
from gerbang.api._headers import header
from gerbang.api._ids import id_of
from gerbang.api._routes import Endpoint, JsonResponse
from gerbang.api.v2_sessions import errors
from gerbang.errors import CredentialsWrong, Refused
from gerbang.services.credentials import SIGN_IN, Tokens
from gerbang.services.pages import Pages

log = structlog.get_logger()
PER_PAGE_DEFAULT = 10
PER_PAGE_MAX = 100
PAGE_MAX = 1_000_000


class Endpoints:
    """What the endpoints of this dialect share."""

    def __init__(self, context: Context) -> None:
        self.world = context.world
        self.batches = context.batches
        self.pages = Pages(context.base_url, context.world.keyring.page_key)
        self._tokens = Tokens(context.world)

    def merchant_of(self, request: Request) -> UUID:
        """The merchant of the bearer token. Raises CredentialsWrong, or SubMerchantNotEnabled for a sub-account."""
        scheme, _, token = header(request, b"authorization").partition(" ")
        if scheme.lower() != "bearer":
            problem = "Authorization does not begin with Bearer" if scheme else "the header Authorization is missing"
            raise CredentialsWrong(why=f"{problem}; {SIGN_IN}")
        merchant_id = self._tokens.merchant_of(token.strip())
        if header(request, b"x-submerchant-id"):
            raise SubMerchantNotEnabled
        return merchant_id

    def endpoint(self, respond: Callable[["Endpoints", Request], Awaitable[Response]]) -> Endpoint:
        """Wraps an endpoint so that every error becomes a response in this dialect's error envelope."""

        async def answer(request: Request) -> Response:
            try:
                return await respond(self, request)
            except Refused as refusal:
                return errors.refused(refusal)
            except Malformed as wrong:
                return errors.error_response(errors.MALFORMED, field=wrong.field, why=wrong.why, others=wrong.others)
            except BodyTooLarge:
                return errors.error_response(errors.TOO_LARGE)
            except BodyPacked as packed:
                return errors.error_response(errors.PACKED, why=packed.why)
            except SubMerchantNotEnabled:
                return errors.error_response(
                    errors.FORBIDDEN, field="x-submerchant-id", why="sub-accounts are not enabled here"
                )
            except Exception:
                trace_id = ids.trace_id()
                log.exception("a request failed", path=request.url.path, trace_id=trace_id)
                return errors.error_response(errors.INTERNAL, trace_id=trace_id)

        return answer


class SubMerchantNotEnabled(Exception):
    """The request names a sub-account, and sub-accounts are not supported."""


async def not_found(request: Request) -> Response:
    return errors.error_response(errors.NOT_FOUND)


async def method_not_allowed(request: Request) -> Response:
    return errors.error_response(errors.METHOD_NOT_ALLOWED)


def success(data: object, pagination: Mapping[str, int] | None = None) -> bytes:
    """The body of a successful response, in the envelope."""
    body: dict[str, Any] = {"code": "00", "message": "Success", "data": data}
    if pagination is not None:
        body["pagination"] = pagination
    return msgspec.json.encode(body)


def answer(body: bytes) -> Response:
    return JsonResponse(body)


def pagination(page: int, per_page: int, items: int) -> dict[str, int]:
    return {"page": page, "perPage": per_page, "totalItems": items, "totalPages": -(-items // per_page)}


def page_of_query(request: Request) -> tuple[int, int]:
    """The page number and page size in the query. Raises Malformed."""
    return (
        number_of_query(request, "page", 1, PAGE_MAX),
        number_of_query(request, "perPage", PER_PAGE_DEFAULT, PER_PAGE_MAX),
    )


def number_of_query(request: Request, name: str, default: int, most: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 7 and 1 <= int(given) <= most):
        raise Malformed(name, f"must be a whole number from 1 to {most}")
    return int(given)


def id_in_path(request: Request) -> UUID | None:
    """The UUID in the path; None if it is not one."""
    return id_of(request.path_params["id"])
