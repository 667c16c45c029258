"""Merchants that use the sandbox API, with responses checked against the contract; and a server for callbacks."""

import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx

from gerbang.api import sandbox
from tests.api.v2_sessions.contracts import Contract
from tests.support.gateways import Shop
from tests.support.openapi import read_openapi

CONTRACT = Contract(read_openapi((Path(sandbox.__file__).parent / "openapi.yaml").read_text("utf-8")))


class SandboxShop(Shop):
    """A merchant that uses the sandbox API. It sends its id and secret, which do not expire when the clock moves."""

    @classmethod
    def of(cls, shop: Shop) -> Self:
        return cls(shop.gateway, shop.merchant_id, shop.secret)

    @property
    def keys(self) -> dict[str, str]:
        return {"X-MERCHANT-ID": str(self.merchant_id), "X-MERCHANT-SECRET": self.secret}

    def request(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """One request to the sandbox."""
        return self.as_anybody(method, path, body, self.keys | headers)

    def as_anybody(self, method: str, path: str, body: object, headers: dict[str, str]) -> httpx.Response:
        """One request to the sandbox API with no credentials but those in `headers`."""
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        answered = self.client.request(method, f"/sandbox/{path}", headers=headers, **sent)
        faults = CONTRACT.faults(method, f"/sandbox/{path}", answered)
        assert faults == [], f"{method} {path} answered {answered.status_code} {answered.text[:2000]}"
        return answered

    def done(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The response body of a request that must succeed."""
        answered = self.request(method, path, body)
        assert answered.status_code == 200, answered.text
        return answered.json()

    def refused(self, method: str, path: str, body: object = None) -> tuple[int, str, str | None]:
        """The status, the code and the wrong field of a request that must be refused."""
        answered = self.request(method, path, body)
        assert answered.status_code >= 400, answered.text
        error = answered.json()["error"]
        return answered.status_code, error["code"], error["field"]

    def number(self, payment: dict[str, Any]) -> str:
        """The virtual account number of a SINGLE payment."""
        return payment["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]

    def deliveries(self, **filters: str) -> list[dict[str, Any]]:
        """The deliveries, newest first."""
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        return self.done("GET", f"deliveries?{query}")["items"]


class Receiver:
    """The callbacks that a merchant's server received: bodies and headers, in the order of arrival."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []


@contextmanager
def receiver(statuses: Iterable[int] = (), after_seconds: float = 0) -> Generator[Receiver]:
    """A merchant's own server. It answers with these statuses, one per request, and then always with 200."""
    left = iter(statuses)

    class CallbackEndpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            received.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(after_seconds)
            self.send_response(next(left, 200))
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"taken")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), CallbackEndpoint) as server:
        received = Receiver(f"http://127.0.0.1:{server.server_port}/callbacks")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()
