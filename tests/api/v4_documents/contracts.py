"""The contract as a judge of this dialect: every answer and every callback is held against its openapi.yaml."""

import json
from pathlib import Path
from typing import Any

import httpx
import yaml

from gerbang.api import v4_documents
from tests.api.v2_sessions.contracts import Contract
from tests.support.gateways import V4Shop

HOOKS = {"payment": "payment", "payment_links": "paymentLink", "disbursement": "disbursement"}


class DocumentContract(Contract):
    """This dialect's contract; what a callback is about stands in its `type`."""

    def faults(self, method: str, path: str, answer: httpx.Response) -> list[str]:
        """As for any contract; a slash at the end changes nothing."""
        return super().faults(method, path.partition("?")[0].rstrip("/"), answer)

    def event_faults(self, body: bytes) -> list[str]:
        hook = HOOKS[json.loads(body)["data"]["type"]]
        schema = f"#/webhooks/{hook}/post/requestBody/content/application~1json/schema"
        return self.body_faults(schema, body)


CONTRACT = DocumentContract(yaml.safe_load((Path(v4_documents.__file__).parent / "openapi.yaml").read_text("utf-8")))


class CheckedShop(V4Shop):
    """A shop whose every answer and every callback is held against the contract."""

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        return self._held(method, path, super().call(method, path, body, **headers))

    def stranger(
        self, method: str, path: str, headers: dict[str, str] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        """One request exactly as given: no keys, no content type, nothing added."""
        return self._held(method, path, self.client.request(method, path, headers=headers, content=content))

    def neighbour(self) -> "CheckedShop":
        """Another merchant on the same gateway."""
        return CheckedShop(self.gateway.new_shop())

    def heard(self) -> list[dict[str, Any]]:
        """The callbacks of this dialect in the inbox, in the order of the news: what each of them says."""
        said: list[dict[str, Any]] = []
        for item in self.inbox():
            if "xfers-signature" in item["headers"]:
                assert CONTRACT.event_faults(item["raw"].encode()) == [], item["raw"]
                said.append(item["body"]["data"])
        return said

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
        """A request that must be refused so; the sentence that says why. `at` is a pointer, or a parameter's name."""
        return refusal(self.call(method, path, body), code=code, status=status, at=at)

    def _held(self, method: str, path: str, answered: httpx.Response) -> httpx.Response:
        if path.startswith("/api/v4/"):
            faults = CONTRACT.faults(method, path, answered)
            assert faults == [], f"{method} {path} answered {answered.status_code} {answered.text[:2000]}"
        return answered


def refusal(answered: httpx.Response, *, code: str, status: int = 400, at: str | None = None) -> str:
    """Demands that an answer is this one refusal, and gives the sentence that says why."""
    assert answered.status_code == status, answered.text[:2000]
    [error] = answered.json()["errors"]
    assert error["code"] == code, answered.text[:2000]
    if at is not None:
        source = error.get("source", {})
        assert source.get("pointer", source.get("parameter", "")) == at, answered.text[:2000]
    return error["detail"]
