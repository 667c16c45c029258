"""Health checks: /livez answers 200 while the process runs; /readyz and /healthz 503 with a reason if it cannot."""

import asyncio
import ipaddress

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gerbang.services import health
from gerbang.services.health import State
from gerbang.world import World

FORWARDED = {"forwarded", "x-forwarded-for", "x-real-ip", "via"}
RESULT_SECONDS = 1.0
"""For how long the result of a check is answered again: anybody may call this, and a check writes to the database."""


class Health:
    """The routes of the health checks. Requests that come together share one check."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._check: asyncio.Task[State] | None = None

    def routes(self) -> list[Route]:
        return [Route("/livez", _lives), Route("/readyz", self.ready), Route("/healthz", self.ready)]

    async def ready(self, request: Request) -> Response:
        """200 if the database can be written, else 503 with the reason. Who asks from nearby also sees what else is wrong."""
        if self._check is None:
            self._check = asyncio.create_task(health.state(self._world))
            self._check.add_done_callback(self._found)
        found = await asyncio.shield(self._check)
        body: dict[str, object] = {"status": "ok"}
        if found.complaint is not None:
            body = {"status": "unavailable", "reason": found.complaint}
        if found.remarks and _is_near(request):
            body["details"] = found.remarks
        if found.complaint is not None:
            return _answer(503, body, {"retry-after": "1"})
        return _answer(200, body)

    def _found(self, check: "asyncio.Task[State]") -> None:
        check.get_loop().call_later(RESULT_SECONDS, self._forget)

    def _forget(self) -> None:
        self._check = None


def _is_near(request: Request) -> bool:
    """Whether somebody asks from this machine or a private network, and through no proxy: nobody else learns who our banks are."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return address.is_private and FORWARDED.isdisjoint(request.headers.keys())


async def _lives(request: Request) -> Response:
    return _answer(200, {"status": "ok"})


def _answer(status: int, body: dict[str, object], headers: dict[str, str] | None = None) -> Response:
    headers = {"cache-control": "no-store"} | (headers or {})
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
