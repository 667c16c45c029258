"""Finds the endpoint of a request by its path, then by its method."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send


class JsonResponse(Response):
    """A response whose body is JSON already."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        # What Response does for any body takes longer.
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


Endpoint = Callable[[Request], Awaitable[Response]]
Methods = Mapping[str, Endpoint]


class Routes:
    """The endpoints of one dialect as an ASGI application. It answers 404 and 405; endpoints answer all other errors.

    A path without parameters is matched before one with parameters. An endpoint for GET also answers HEAD.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Methods],
        *,
        not_found: Endpoint,
        method_not_allowed: Endpoint,
    ) -> None:
        """`endpoints` maps a path in Starlette's notation to its methods; a parameter is text without a slash.

        405 responses get the header Allow.
        """
        self._fixed = {path: methods for path, methods in endpoints.items() if "{" not in path}
        self._patterns = [
            (pattern.fullmatch, endpoints[path])
            for path in endpoints
            if "{" in path
            for pattern, _, _ in [compile_path(path)]
        ]
        self._not_found = not_found
        self._method_not_allowed = method_not_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods, scope["path_params"] = self._found(scope["path"])
        request = Request(scope, receive)
        endpoint = methods.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if endpoint is not None:
            response = await endpoint(request)
        elif methods:
            response = await self._method_not_allowed(request)
            response.headers["allow"] = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])
        else:
            response = await self._not_found(request)
        await response(scope, receive, send)

    def _found(self, path: str) -> tuple[Methods, dict[str, Any]]:
        """The methods of a path (empty if the path is unknown) and the values of its parameters."""
        methods = self._fixed.get(path)
        if methods is not None:
            return methods, {}
        for match, methods in self._patterns:
            if found := match(path):
                return methods, found.groupdict()
        return {}, {}
