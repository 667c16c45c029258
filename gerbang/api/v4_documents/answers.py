"""The desk where requests are taken: who is asking, the envelope of answers, and every failure in this dialect's words."""

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
from gerbang.api._ids import id_of
from gerbang.api._routes import Endpoint
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
    """What every endpoint of this dialect has at hand."""

    def __init__(self, context: Context) -> None:
        self.world = context.world
        self.batches = context.batches
        self.pages = Pages(context.base_url, context.world.keyring.page_key)

    async def merchant_of(self, request: Request) -> UUID:
        """Who is asking: HTTP Basic with the API key and the secret key (reference, 1.3). Raises CredentialsWrong."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            said = "Authorization does not begin with Basic" if scheme else "the header Authorization is missing"
            raise CredentialsWrong(why=f"{said}; {BASIC}")
        try:
            key, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except ValueError:  # not base64, or not text
            raise CredentialsWrong(
                why=f"what follows Basic in Authorization is not base64 of a text; {BASIC}"
            ) from None
        return await self.batches.sign_in(SignIn(key, secret, V4))

    def endpoint(self, does: Callable[["Endpoints", Request, UUID], Awaitable[Response]]) -> Endpoint:
        """What answers one method of one path: whatever goes wrong is told as `errors`."""

        async def answer(request: Request) -> Response:
            try:
                merchant_id = await self.merchant_of(request)
                return await does(self, request, merchant_id)
            except Refused as refusal:
                return errors.refused(refusal, request.url.path)
            except Malformed as wrong:
                return errors.told(errors.MALFORMED, _sentence(wrong), wrong.field, in_query=request.method != "POST")
            except BodyTooLarge:
                return errors.told(errors.TOO_LARGE, "The body is over 1 MB.")
            except BodyPacked as packed:
                return errors.told(errors.PACKED, packed.why)
            except Exception:
                trace_id = ids.trace_id()
                log.exception("a request failed", path=request.url.path, trace_id=trace_id)
                return errors.told(
                    errors.INTERNAL, f"Something went wrong on our side. Its name in our logs: {trace_id}"
                )

        return answer


def _sentence(wrong: Malformed) -> str:
    """What is wrong, with the member called as in the vendor's recorded sentences: "account_no must all be numbers"."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", wrong.field.rpartition(".")[2]).lower()
    between = " " if wrong.why.startswith(("must ", "is ")) else ": "
    return f"{name}{between}{wrong.why}" if name else wrong.why


async def not_found(request: Request) -> Response:
    return errors.told(errors.NOT_FOUND, "There is no such address.")


async def method_not_allowed(request: Request) -> Response:
    return errors.told(errors.METHOD_NOT_ALLOWED, f"{request.method} is not possible here.")


def document(data: object) -> bytes:
    """The envelope of an answer, without a space: what a merchant writes again from it is the same bytes."""
    return msgspec.json.encode({"data": data})


def answer(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def created(body: bytes, merchant_id: UUID, differs: Sequence[str] = ()) -> Response:
    """The answer to a create. Where a repeated reference asked for something else, what was not done stands beside what was.

    The vendor answers 201 whatever the body (reference, 1.6), and whoever reads only the status must not be misled.
    """
    if not differs:
        return answer(body, 201)
    if list(differs) != ["expiredAt"]:  # many programs reckon it anew whenever they try again
        log.warning("a reference was used again for something else", merchant=str(merchant_id), differs=list(differs))
    meta = msgspec.json.encode({"repeated": True, "differs": differs, "detail": REPEATED})
    response = answer(b'%s,"meta":%s}' % (body.removesuffix(b"}"), meta), 201)
    response.headers["x-gerbang-differs"] = ", ".join(differs)
    return response


def id_in_path(request: Request, prefix: str) -> UUID | None:
    """The id in the path behind its prefix; None for anything that is not one."""
    return id_of(request.path_params["id"], prefix)
