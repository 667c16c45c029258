"""Merchants that use the sandbox API, with responses checked against the contract; and a server for callbacks."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import httpx

from gerbang.api import sandbox
from tests.api.v2_sessions.contracts import Contract
from tests.support.gateways import Shop
from tests.support.http_servers import HttpAnswer, HttpServer, ReceivedRequest
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


class Receiver(HttpServer):
    """A merchant's own server. It answers with these statuses, one per callback, and then always with 200."""

    def __init__(self, statuses: Iterable[int] = (), after_seconds: float = 0) -> None:
        super().__init__(self._answer)
        self._left = iter(statuses)
        self._after_seconds = after_seconds

    def _answer(self, request: ReceivedRequest) -> HttpAnswer:
        time.sleep(self._after_seconds)
        return HttpAnswer(next(self._left, 200), b"taken")

    @property
    def url(self) -> str:
        return f"{super().url}/callbacks"
