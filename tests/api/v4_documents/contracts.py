"""Validates every v4 answer and callback against the OpenAPI document in gerbang/api/v4_documents/openapi.yaml."""

import json
from pathlib import Path
from typing import Any

import httpx

from gerbang.api import v4_documents
from tests.api.v2_sessions.contracts import Contract
from tests.support.gateways import V4Shop
from tests.support.openapi import read_openapi

HOOKS = {"payment": "payment", "payment_links": "paymentLink", "disbursement": "disbursement"}


class DocumentContract(Contract):
    """The v4 contract. The `type` in a callback's data selects its webhook schema."""

    def faults(self, method: str, path: str, answer: httpx.Response) -> list[str]:
        """The violations of the contract in an answer. The query and a trailing slash of the path are ignored."""
        return super().faults(method, path.partition("?")[0].rstrip("/"), answer)

    def event_faults(self, body: bytes) -> list[str]:
        hook = HOOKS[json.loads(body)["data"]["type"]]
        schema = f"#/webhooks/{hook}/post/requestBody/content/application~1json/schema"
        return self.body_faults(schema, body)


CONTRACT = DocumentContract(read_openapi((Path(v4_documents.__file__).parent / "openapi.yaml").read_text("utf-8")))


class CheckedShop(V4Shop):
    """A merchant's client that validates every answer and callback against the contract."""

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        return self._checked(method, path, super().call(method, path, body, **headers))

    def unauthenticated(
        self, method: str, path: str, headers: dict[str, str] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        """Sends one request exactly as given, without credentials or content type."""
        return self._checked(method, path, self.client.request(method, path, headers=headers, content=content))

    def other_merchant(self) -> "CheckedShop":
        """Another merchant on the same gateway."""
        return CheckedShop(self.gateway.new_shop())

    def callbacks(self) -> list[dict[str, Any]]:
        """The `data` of each v4 callback in the sandbox inbox, in the order of the events."""
        bodies: list[dict[str, Any]] = []
        for item in self.inbox():
            if "xfers-signature" in item["headers"]:
                assert CONTRACT.event_faults(item["raw"].encode()) == [], item["raw"]
                bodies.append(item["body"]["data"])
        return bodies

    def refused(
        self,
        method: str,
        path: str,
        body: object = None,
        /,
        *,
        code: str,
        status: int = 400,
        at: str | None = None,
    ) -> str:
        """Sends a request that must be refused, returns the error's detail. `at`: a JSON pointer or a parameter's name."""
        return refusal(self.call(method, path, body), code=code, status=status, at=at)

    def _checked(self, method: str, path: str, answered: httpx.Response) -> httpx.Response:
        if path.startswith("/api/v4/"):
            faults = CONTRACT.faults(method, path, answered)
            assert faults == [], f"{method} {path} answered {answered.status_code} {answered.text[:2000]}"
        return answered


def refusal(answered: httpx.Response, *, code: str, status: int = 400, at: str | None = None) -> str:
    """Checks that an answer has exactly this one error and returns its detail."""
    assert answered.status_code == status, answered.text[:2000]
    [error] = answered.json()["errors"]
    assert error["code"] == code, answered.text[:2000]
    if at is not None:
        source = error.get("source", {})
        assert source.get("pointer", source.get("parameter", "")) == at, answered.text[:2000]
    return error["detail"]
