"""The desk where requests are taken: who is asking, the envelope of answers, and every failure in this dialect's words."""

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
from gerbang.api._ids import id_of
from gerbang.api._routes import Endpoint
from gerbang.api.v2_sessions import errors
from gerbang.errors import CredentialsWrong, Refused
from gerbang.services.credentials import SIGN_IN, Tokens
from gerbang.services.pages import Pages

log = structlog.get_logger()
PER_PAGE_DEFAULT = 10
PER_PAGE_MAX = 100
PAGE_MAX = 1_000_000


class Endpoints:
    """What every endpoint of this dialect has at hand."""

    def __init__(self, context: Context) -> None:
        self.world = context.world
        self.batches = context.batches
        self.pages = Pages(context.base_url, context.world.keyring.page_key)
        self._tokens = Tokens(context.world)

    def merchant_of(self, request: Request) -> UUID:
        """Who is asking. Raises CredentialsWrong; a call on behalf of a sub-account is refused, never done for another."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            said = "Authorization does not begin with Bearer" if scheme else "the header Authorization is missing"
            raise CredentialsWrong(why=f"{said}; {SIGN_IN}")
        merchant_id = self._tokens.merchant_of(token.strip())
        if request.headers.get("x-submerchant-id"):
            raise SubMerchantNotEnabled
        return merchant_id

    def endpoint(self, does: Callable[["Endpoints", Request], Awaitable[Response]]) -> Endpoint:
        """What answers one method of one path: whatever goes wrong is told in the envelope."""

        async def answer(request: Request) -> Response:
            try:
                return await does(self, request)
            except Refused as refusal:
                return errors.refused(refusal)
            except Malformed as wrong:
                return errors.told(errors.MALFORMED, field=wrong.field, why=wrong.why, others=wrong.others)
            except BodyTooLarge:
                return errors.told(errors.TOO_LARGE)
            except BodyPacked as packed:
                return errors.told(errors.PACKED, why=packed.why)
            except SubMerchantNotEnabled:
                return errors.told(errors.FORBIDDEN, field="x-submerchant-id", why="sub-accounts are not enabled here")
            except Exception:
                trace_id = ids.trace_id()
                log.exception("a request failed", path=request.url.path, trace_id=trace_id)
                return errors.told(errors.INTERNAL, trace_id=trace_id)

        return answer


class SubMerchantNotEnabled(Exception):
    """The call is on behalf of a sub-account, and there are none."""


async def not_found(request: Request) -> Response:
    return errors.told(errors.NOT_FOUND)


async def method_not_allowed(request: Request) -> Response:
    return errors.told(errors.METHOD_NOT_ALLOWED)


def success(data: object, pagination: Mapping[str, int] | None = None) -> bytes:
    """The envelope of an answer."""
    body: dict[str, Any] = {"code": "00", "message": "Success", "data": data}
    if pagination is not None:
        body["pagination"] = pagination
    return msgspec.json.encode(body)


def answer(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def pagination(page: int, per_page: int, items: int) -> dict[str, int]:
    return {"page": page, "perPage": per_page, "totalItems": items, "totalPages": -(-items // per_page)}


def page_asked(request: Request) -> tuple[int, int]:
    """The page and its length that a query asks for. Raises Malformed."""
    return (
        number_asked(request, "page", 1, PAGE_MAX),
        number_asked(request, "perPage", PER_PAGE_DEFAULT, PER_PAGE_MAX),
    )


def number_asked(request: Request, name: str, default: int, most: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 7 and 1 <= int(given) <= most):
        raise Malformed(name, f"must be a whole number from 1 to {most}")
    return int(given)


def id_in_path(request: Request) -> UUID | None:
    """The id in the path; None for anything that is not one."""
    return id_of(request.path_params["id"])
