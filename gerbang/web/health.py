"""Health checks: /livez answers 200 while the process runs; /readyz and /healthz 503 with a reason if it cannot."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gerbang.services import health
from gerbang.world import World

RESULT_SECONDS = 1.0
"""For how long the result of a check is answered again: anybody may call this, and a check writes to the database."""


class Health:
    """The routes of the health checks. Requests that come together share one check."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._check: asyncio.Task[str | None] | None = None

    def routes(self) -> list[Route]:
        return [Route("/livez", _lives), Route("/readyz", self.ready), Route("/healthz", self.ready)]

    async def ready(self, request: Request) -> Response:
        """200 if the database can be written, else 503 with the reason."""
        if self._check is None:
            self._check = asyncio.create_task(health.complaint(self._world))
            self._check.add_done_callback(self._found)
        reason = await asyncio.shield(self._check)
        if reason is not None:
            return _answer(503, {"status": "unavailable", "reason": reason}, {"retry-after": "1"})
        return _answer(200, {"status": "ok"})

    def _found(self, check: "asyncio.Task[str | None]") -> None:
        check.get_loop().call_later(RESULT_SECONDS, self._forget)

    def _forget(self) -> None:
        self._check = None


async def _lives(request: Request) -> Response:
    return _answer(200, {"status": "ok"})


def _answer(status: int, body: dict[str, str], headers: dict[str, str] | None = None) -> Response:
    headers = {"cache-control": "no-store"} | (headers or {})
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
