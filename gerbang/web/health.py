"""GET /healthz: 200 while the gateway can do its work, 503 with the reason while it cannot."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from gerbang.errors import Unavailable
from gerbang.services import health
from gerbang.world import World


class Health:
    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, request: Request) -> Response:
        try:
            await health.check(self._world)
        except Unavailable as gone:
            return _told(503, {"status": "unavailable", "reason": gone.message})
        return _told(200, {"status": "ok"})


def _told(status: int, body: dict[str, str]) -> Response:
    return Response(msgspec.json.encode(body), status, {"cache-control": "no-store"}, media_type="application/json")
