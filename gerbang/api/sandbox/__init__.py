"""The sandbox API, which neither vendor has: move the clock, play the bank, look into the inbox, send callbacks again."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gerbang.api import Context, Dialect
from gerbang.api._bodies import BodyPacked, BodyTooLarge, Malformed
from gerbang.api.sandbox import books, endpoints, errors
from gerbang.api.sandbox.endpoints import Desk
from gerbang.domain.deliveries import Voice
from gerbang.errors import Refused

log = structlog.get_logger()


def build(context: Context) -> ASGIApp:
    desk = Desk(context)

    def guarded(endpoint: Callable[[Desk, Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                return await endpoint(desk, request)
            except Refused as refusal:
                return errors.refused(refusal)
            except Malformed as wrong:
                return errors.told(400, "invalid", f"{wrong.field}: {wrong.why}".removeprefix(": "), wrong.field)
            except BodyTooLarge:
                return errors.told(413, "too_large", "The body is larger than 1 MB.")
            except BodyPacked as packed:
                return errors.told(415, "body_compressed", packed.why)
            except Exception:
                log.exception("a request failed", path=request.url.path)
                return errors.told(500, "internal_error", "Something went wrong on our side.")

        return answer

    routes = [
        Route("/sandbox/clock", guarded(endpoints.clock), methods=["GET"]),
        Route("/sandbox/clock/advance", guarded(endpoints.advance), methods=["POST"]),
        Route("/sandbox/inbox", guarded(endpoints.inbox), methods=["GET", "DELETE"]),
        Route("/sandbox/inbox/{key}", guarded(endpoints.receive), methods=["POST"]),
        Route("/sandbox/deliveries", guarded(endpoints.deliveries), methods=["GET"]),
        Route("/sandbox/deliveries/{id}/resend", guarded(endpoints.resend), methods=["POST"]),
        Route("/sandbox/callbacks", guarded(endpoints.callbacks), methods=["GET"]),
        Route("/sandbox/callbacks/{product}", guarded(endpoints.set_callback), methods=["PUT"]),
        Route("/sandbox/bank/reports", guarded(endpoints.report), methods=["POST"]),
        Route("/sandbox/events", guarded(endpoints.events), methods=["GET"]),
        Route("/sandbox/ledger", guarded(books.ledger), methods=["GET"]),
        Route("/sandbox/settlements", guarded(books.listed), methods=["GET"]),
        Route("/sandbox/settlements/{id}", guarded(books.one), methods=["GET"]),
    ]
    application = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _method_not_allowed})
    application.router.redirect_slashes = False  # the contract knows no redirects: what it does not list is not found
    return application


async def _not_found(request: Request, failure: Exception) -> Response:
    return errors.told(404, "not_found", "There is no such address.")


async def _method_not_allowed(request: Request, failure: Exception) -> Response:
    response = errors.told(405, "method_not_allowed", f"{request.method} is not possible here.")
    response.headers["allow"] = getattr(failure, "headers", {}).get("Allow", "")
    return response


def voices(base_url: str, page_key: str) -> list[Voice]:
    return []


DIALECT = Dialect(
    name="sandbox",
    title="Sandbox",
    prefixes=("/sandbox/",),
    build=build,
    voices=voices,
    unread=errors.unread,
    sandbox_only=True,
)
