"""Whether a process lives and can work: GET /livez, and GET /readyz (also called /healthz), 503 with the reason where not."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gerbang.services import health
from gerbang.world import World

ASKED_AGAIN_AFTER_SECONDS = 1.0
"""Whoever asks more often is told what was found: anybody may ask, and asking writes."""


class Health:
    def __init__(self, world: World) -> None:
        self._world = world
        self._asking: asyncio.Task[str | None] | None = None

    def routes(self) -> list[Route]:
        return [Route("/livez", _lives), Route("/readyz", self.ready), Route("/healthz", self.ready)]

    async def ready(self, request: Request) -> Response:
        if self._asking is None:
            self._asking = asyncio.create_task(health.complaint(self._world))
            self._asking.add_done_callback(self._found)
        reason = await asyncio.shield(self._asking)
        if reason is not None:
            return _told(503, {"status": "unavailable", "reason": reason}, {"retry-after": "1"})
        return _told(200, {"status": "ok"})

    def _found(self, asking: "asyncio.Task[str | None]") -> None:
        asking.get_loop().call_later(ASKED_AGAIN_AFTER_SECONDS, self._forget)

    def _forget(self) -> None:
        self._asking = None


async def _lives(request: Request) -> Response:
    return _told(200, {"status": "ok"})


def _told(status: int, body: dict[str, str], headers: dict[str, str] | None = None) -> Response:
    headers = {"cache-control": "no-store"} | (headers or {})
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
