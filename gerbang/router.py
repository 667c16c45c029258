"""Which application answers a request, by its path: a dialect, the pages of payers, a bank's addresses, contracts, health."""

from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gerbang import api
from gerbang.api import Context, Dialect
from gerbang.http_refusals import in_plain_text
from gerbang.settings import SettingsWrong
from gerbang.web import banks, checkout, threeds, wallet
from gerbang.web.contracts import Contracts
from gerbang.web.health import Health
from gerbang.world import World


class Router:
    """The root ASGI application: passes each request to the application that has its path."""

    def __init__(self, world: World, dialects: list[Dialect], context: Context, proxies: str = "") -> None:
        self._dialects = [(prefix, app) for one in dialects for app in [one.build(context)] for prefix in one.prefixes]
        self._unread = [(prefix, one.unread) for one in dialects for prefix in one.prefixes]
        self._pages = [
            ("/detail/", checkout.build(context)),
            ("/wallet/", wallet.build(context)),
            ("/threeds/", threeds.build(context)),
        ]
        self._banks = banks.build(context, proxies.split(",") if proxies else ())
        contracts = Contracts({dialect.name: (dialect.title, dialect.openapi) for dialect in dialects}, context)
        routes = [*Health(world).routes(), *contracts.routes()]
        self._rest = Starlette(routes=routes, exception_handlers={404: contracts.not_found})
        self._nothing_here = contracts.nothing_here
        # A redirect would go to whatever host the request's Host header names.
        self._rest.router.redirect_slashes = False
        self._root = unquote(context.root)
        self.when_stopping = context.when_stopping
        claims = [*self._dialects, *self._pages]
        ours = {path.split("/")[1] for path in [*dict(claims), *(route.path for route in routes)]}
        for prefix in self._banks.prefixes:
            if prefix.split("/")[1] in ours:
                raise SettingsWrong(
                    f"A connection's path_prefix cannot be {prefix.rstrip('/')}, since addresses of Gerbang's own begin so."
                )
        if self._root and self._root.split("/")[1] in ours:
            raise SettingsWrong(
                f"GERBANG_PUBLIC_URL cannot end in {self._root}, since addresses of Gerbang's own begin so: choose "
                "another path for the proxy."
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._inside(scope["path"])
        plain = api.plain_path(path)
        below = f"{plain}/"
        for prefix, app in self._dialects:
            if below.startswith(prefix):
                scope["path"] = plain
                return await app(scope, receive, send)
        scope["path"] = path
        for prefix in self._banks.prefixes:
            if f"{path}/".startswith(prefix):
                return await self._banks(scope, receive, send)
        for prefix, app in self._pages:
            if path.startswith(prefix) or path == prefix.rstrip("/"):
                return await app(scope, receive, send)
        return await self._rest(scope, receive, send)

    def refusal(self, path: str, status: int, why: str) -> Response:
        """The response to a request that no application can read, in the form of the dialect that its path belongs to."""
        plain = api.plain_path(self._inside(path))
        for prefix, unread in self._unread:
            if f"{plain}/".startswith(prefix):
                return unread(status, why)
        if (answer := self._banks.unread(self._inside(path), status, why)) is not None:
            return answer
        return self._nothing_here() if status == 404 else in_plain_text(path, status, why)

    def _inside(self, path: str) -> str:
        """The path without the path of the public URL, which a reverse proxy may strip or keep."""
        if self._root and f"{path}/".startswith(f"{self._root}/"):
            return path[len(self._root) :] or "/"
        return path
