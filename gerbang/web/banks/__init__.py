"""Where banks and acquirers call us: each connection's addresses, below its own `path_prefix`. Bodies are passed on byte for byte."""

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gerbang.services import partner_calls
from gerbang.services.partner_calls import Call, CallAnswer, Partner
from gerbang.web._pages.endpoints import Context

BODY_BYTES_MAX = 64 * 1024
"""No request of the standard comes near it."""
HOPS_MAX = 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Banks:
    """The application of all connections whose partners call us."""

    def __init__(self, context: Context, proxies: Sequence[str]) -> None:
        self._world, self._batches = context.world, context.batches
        self._root = context.root
        self._proxies = [ipaddress.ip_network(text) for text in proxies]
        self._partners: Mapping[str, Partner] = context.world.partners.serving_calls
        self._allowed = {
            prefix: [ipaddress.ip_network(text) for text in partner.allowed_addresses]
            for prefix, partner in self._partners.items()
        }
        self.prefixes = [f"{prefix}/" for prefix in self._partners]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix = next(each for each in self._partners if f"{scope['path']}/".startswith(f"{each}/"))
        response = await self._answer(prefix, Request(scope, receive))
        await response(scope, receive, send)

    def unread(self, path: str, status: int, why: str) -> Response | None:
        """The answer to a request that is not one, where its path is a connection's; else None."""
        for prefix, partner in self._partners.items():
            if f"{path}/".startswith(f"{prefix}/"):
                return _response(partner_calls.unread(partner, status, why))
        return None

    async def _answer(self, prefix: str, request: Request) -> Response:
        partner = self._partners[prefix]
        caller, allowed = self._caller(request), self._allowed[prefix]
        if allowed and not any(caller in network for network in allowed if caller is not None):
            return _response(partner_calls.not_allowed(partner, str(caller or "unknown")))
        body = await _body(request)
        if body is None:
            return _response(partner_calls.unread(partner, 413, "the body is too large, or did not come to its end"))
        path = request.scope["path"]
        call = Call(
            method=request.method,
            address=path[len(prefix) :] or "/",
            signed_paths=self._signed(request),
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.scope["headers"]
            },
            body=body,
        )
        return _response(await partner_calls.answer(self._world, self._batches, partner, call))

    def _signed(self, request: Request) -> tuple[str, ...]:
        """The path and query as they came, and with the path of the public URL before them: a proxy may have taken it off."""
        raw = request.scope["raw_path"].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        path = f"{raw}?{query}" if query else raw
        if not self._root:
            return (path,)
        other = path.removeprefix(self._root) if path.startswith(f"{self._root}/") else self._root + path
        return path, other

    def _caller(self, request: Request) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The address that the request comes from; behind proxies of ours, what the outermost of them says."""
        caller = _peer(request.client.host if request.client else "")
        if not self._proxies:
            return caller
        hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        for hop in reversed(hops[-HOPS_MAX:]):
            if caller is None or not any(caller in network for network in self._proxies) or not hop.strip():
                break
            caller = _address(hop.strip())
        return caller


def build(context: Context, proxies: Sequence[str] = ()) -> Banks:
    """The application. `proxies` are the networks of our own reverse proxies, whose X-Forwarded-For is believed."""
    return Banks(context, proxies)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


_peer = lru_cache(maxsize=256)(_address)
"""Of whom the connection is with: few, and the same ones again and again."""


async def _body(request: Request) -> bytes | None:
    """The body as it came; None for one that is too large or did not end."""
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _response(answer: CallAnswer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
