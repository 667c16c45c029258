"""Authentication, the response envelope and error handling, shared by the endpoints of the one-time-payment API."""

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
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
from gerbang.api.v4_documents import errors
from gerbang.errors import CredentialsWrong, Refused
from gerbang.services.credentials import SignIn
from gerbang.services.merchants import V4
from gerbang.services.pages import Pages

log = structlog.get_logger()
REPEATED = (
    "This referenceId was used before. Nothing was made now: data is what was made then, of which these members differ."
)

BASIC = "send the API key as user and the secret key as password by HTTP Basic; bearer tokens are for /v2"


class Endpoints:
    """What the endpoints of this dialect share."""

    def __init__(self, context: Context) -> None:
        self.world = context.world
        self.batches = context.batches
        self.pages = Pages(context.base_url, context.world.keyring.page_key)

    async def merchant_of(self, request: Request) -> UUID:
        """The merchant of the API key and secret key in HTTP Basic (reference, 1.3). Raises CredentialsWrong."""
        scheme, _, value = header(request, b"authorization").partition(" ")
        if scheme.lower() != "basic":
            problem = "Authorization does not begin with Basic" if scheme else "the header Authorization is missing"
            raise CredentialsWrong(why=f"{problem}; {BASIC}")
        try:
            key, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except ValueError:  # not base64, or not text
            raise CredentialsWrong(
                why=f"what follows Basic in Authorization is not base64 of a text; {BASIC}"
            ) from None
        return await self.batches.sign_in(SignIn(key, secret, V4))

    def endpoint(self, respond: Callable[["Endpoints", Request, UUID], Awaitable[Response]]) -> Endpoint:
        """Wraps an endpoint: authenticates the merchant first, and turns every error into a response with `errors`."""

        async def answer(request: Request) -> Response:
            try:
                merchant_id = await self.merchant_of(request)
                return await respond(self, request, merchant_id)
            except Refused as refusal:
                return errors.refused(refusal, request.url.path)
            except Malformed as wrong:
                return errors.error_response(
                    errors.MALFORMED, _sentence(wrong), wrong.field, in_query=request.method != "POST"
                )
            except BodyTooLarge:
                return errors.error_response(errors.TOO_LARGE, "The body is over 1 MB.")
            except BodyPacked as packed:
                return errors.error_response(errors.PACKED, packed.why)
            except Exception:
                trace_id = ids.trace_id()
                log.exception("a request failed", path=request.url.path, trace_id=trace_id)
                return errors.error_response(
                    errors.INTERNAL, f"Something went wrong on our side. Its name in our logs: {trace_id}"
                )

        return answer


def _sentence(wrong: Malformed) -> str:
    """The error as a sentence that names the field as the vendor's messages do: "account_no must all be numbers"."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", wrong.field.rpartition(".")[2]).lower()
    between = " " if wrong.why.startswith(("must ", "is ")) else ": "
    return f"{name}{between}{wrong.why}" if name else wrong.why


async def not_found(request: Request) -> Response:
    return errors.error_response(errors.NOT_FOUND, "There is no such address.")


async def method_not_allowed(request: Request) -> Response:
    return errors.error_response(errors.METHOD_NOT_ALLOWED, f"{request.method} is not possible here.")


def document(data: object) -> bytes:
    """The body of a successful response, in the envelope and without white space between tokens."""
    return msgspec.json.encode({"data": data})


def answer(body: bytes, status: int = 200) -> Response:
    return JsonResponse(body, status)


def created(body: bytes, merchant_id: UUID, differs: Sequence[str] = ()) -> Response:
    """The response to a create. `differs` names the fields in which a repeated reference came with other values.

    The vendor answers 201 in either case (reference, 1.6), so differences are reported in `meta` and in a header.
    """
    if not differs:
        return answer(body, 201)
    if list(differs) != ["expiredAt"]:  # many clients compute it again for each retry
        log.warning("a reference was used again for something else", merchant=str(merchant_id), differs=list(differs))
    meta = msgspec.json.encode({"repeated": True, "differs": differs, "detail": REPEATED})
    response = answer(b'%s,"meta":%s}' % (body.removesuffix(b"}"), meta), 201)
    response.headers["x-gerbang-differs"] = ", ".join(differs)
    return response


def id_in_path(request: Request, prefix: str) -> UUID | None:
    """The UUID after the prefix in the path; None if it is not one."""
    return id_of(request.path_params["id"], prefix)
