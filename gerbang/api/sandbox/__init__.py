"""The sandbox API, an addition of ours: move the clock, simulate the bank, read received callbacks, resend them."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from gerbang.api import Context, Dialect
from gerbang.api._bodies import BodyPacked, BodyTooLarge, Malformed
from gerbang.api._routes import Endpoint, Routes
from gerbang.api.sandbox import bank, endpoints, errors, ledger
from gerbang.api.sandbox.endpoints import Endpoints
from gerbang.domain.deliveries import CallbackFormat
from gerbang.errors import Refused
from gerbang.vault import Vault
from gerbang.world import AnswerFormat

log = structlog.get_logger()


def build(context: Context) -> ASGIApp:
    shared = Endpoints(context)

    def guarded(endpoint: Callable[[Endpoints, Request], Awaitable[Response]]) -> Endpoint:
        async def answer(request: Request) -> Response:
            try:
                return await endpoint(shared, request)
            except Refused as refusal:
                return errors.refused(refusal)
            except Malformed as wrong:
                return errors.error_response(
                    400, "invalid", f"{wrong.field}: {wrong.why}".removeprefix(": "), wrong.field
                )
            except BodyTooLarge:
                return errors.error_response(413, "too_large", "The body is larger than 1 MB.")
            except BodyPacked as packed:
                return errors.error_response(415, "body_compressed", packed.why)
            except Exception:
                log.exception("a request failed", path=request.url.path)
                return errors.error_response(500, "internal_error", "Something went wrong on our side.")

        return answer

    routes = {
        "/sandbox/clock": {"GET": guarded(endpoints.clock)},
        "/sandbox/clock/advance": {"POST": guarded(endpoints.advance)},
        "/sandbox/inbox": {"GET": guarded(endpoints.inbox), "DELETE": guarded(endpoints.inbox)},
        "/sandbox/inbox/{key}": {"POST": guarded(endpoints.receive)},
        "/sandbox/deliveries": {"GET": guarded(endpoints.deliveries)},
        "/sandbox/deliveries/{id}/resend": {"POST": guarded(endpoints.resend)},
        "/sandbox/callbacks": {"GET": guarded(endpoints.callbacks)},
        "/sandbox/callbacks/{product}": {"PUT": guarded(endpoints.set_callback)},
        "/sandbox/bank/reports": {"POST": guarded(bank.report)},
        "/sandbox/bank/inquiries": {"POST": guarded(bank.inquire)},
        "/sandbox/bank/acceptances": {"POST": guarded(bank.accept)},
        "/sandbox/events": {"GET": guarded(endpoints.events)},
        "/sandbox/ledger": {"GET": guarded(ledger.ledger)},
        "/sandbox/settlements": {"GET": guarded(ledger.listed)},
        "/sandbox/settlements/{id}": {"GET": guarded(ledger.one)},
    }
    return Routes(routes, not_found=_not_found, method_not_allowed=_method_not_allowed)


async def _not_found(request: Request) -> Response:
    return errors.error_response(404, "not_found", "There is no such address.")


async def _method_not_allowed(request: Request) -> Response:
    return errors.error_response(405, "method_not_allowed", f"{request.method} is not possible here.")


def callback_formats(base_url: str, page_key: str) -> list[CallbackFormat]:
    return []


def answer_formats(base_url: str, page_key: str, vault: Vault) -> list[AnswerFormat]:
    return []


DIALECT = Dialect(
    name="sandbox",
    title="Sandbox",
    prefixes=("/sandbox/",),
    build=build,
    callback_formats=callback_formats,
    answer_formats=answer_formats,
    unread=errors.unread,
    sandbox_only=True,
)
