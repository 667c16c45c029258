"""Checks every response that a test receives against the dialect's openapi.yaml, including the order of fields."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Self, cast

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from gerbang.api import v2_sessions
from gerbang.web.docs.contents import find
from tests.support.gateways import Shop
from tests.support.openapi import read_openapi

Schema = dict[str, Any]
WITHOUT_OPERATION = {404: "NotFound", 405: "MethodNotAllowed"}
"""The shared responses for a path that the contract does not have, and for a method that a path does not have."""


HOOKS = {"MONEY": "moneySetAside", "PAYOUT": "payout", "REFUND": "refund", "WITHDRAW": "withdrawal"}
"""The callback in the contract that an event is, by the first word of its name; all others are of payments."""


class Contract:
    """An OpenAPI document against which responses are checked."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        resource = Resource(contents=document, specification=DRAFT202012)
        self._registry: Registry[Any] = Registry[Any]().with_resource("urn:contract", resource)
        # A path without parameters is matched before one with parameters.
        self._paths = [
            (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+?", re.escape(path))), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]

    def faults(self, method: str, path: str, answer: httpx.Response) -> list[str]:
        """Every difference between a response and the contract for this request."""
        described, pointer = self._response(method, path, answer.status_code)
        if described is None:
            return [f"{answer.status_code} is not documented for {method} {path}"]
        kinds = described.get("content", {})
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind not in kinds:
            return [f"the content type is {kind!r}, documented are {sorted(kinds)}"]
        for name, header in described.get("headers", {}).items():
            if header.get("required") and name not in answer.headers:
                return [f"the header {name} is missing"]
        if kind != "application/json" or method == "HEAD":
            return []
        pointer = f"{pointer}/content/{kind.replace('/', '~1')}/schema"
        return self.body_faults(pointer, answer.content)

    def event_faults(self, body: bytes) -> list[str]:
        """Every difference between the body of a callback and the contract."""
        hook = HOOKS.get(json.loads(body)["event"].partition(".")[0], "payment")
        return self.body_faults(f"#/webhooks/{hook}/post/requestBody/content/application~1json/schema", body)

    def body_faults(self, pointer: str, body: bytes) -> list[str]:
        """Every violation of the schema at `pointer` in a JSON body, including the order of fields."""
        repeated: list[str] = []

        def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
            names = [name for name, _ in found]
            repeated.extend({name for name in names if names.count(name) > 1})
            return dict(found)

        value = json.loads(body, object_pairs_hook=pairs)
        broken = cast("Iterator[Any]", self._validator(pointer).iter_errors(value))  # pyright: ignore[reportUnknownMemberType]  untyped in the library
        return [
            *(f"{name} is printed twice" for name in repeated),
            *(f"{fault.json_path}: {fault.message}" for fault in broken),
            *self._disorder([find(self._document, pointer)], value, "$"),
        ]

    def _response(self, method: str, path: str, status: int) -> tuple[Schema | None, str]:
        """The description of a response, or None, and the JSON pointer to it."""
        responses: Schema = {}
        at = ""
        for pattern, template in self._paths:
            operation = self._document["paths"][template].get(method.replace("HEAD", "GET").lower())
            if pattern.fullmatch(path.partition("?")[0]) and operation:
                responses = operation["responses"]
                at = f"#/paths/{template.replace('/', '~1')}/{method.replace('HEAD', 'GET').lower()}/responses/{status}"
                break
        if not at:
            name = WITHOUT_OPERATION.get(status)
            at = f"#/components/responses/{name}"
            return (self._document["components"]["responses"][name], at) if name else (None, at)
        described = responses.get(str(status))
        if described is not None and "$ref" in described:
            at = described["$ref"]
            described = find(self._document, at)
        return described, at

    @cache  # noqa: B019  one contract lives as long as the tests
    def _validator(self, pointer: str) -> Draft202012Validator:
        return Draft202012Validator(
            {"$ref": f"urn:contract{pointer}"}, registry=self._registry, format_checker=FormatChecker()
        )

    def _disorder(self, schemas: list[Schema], value: Any, at: str) -> Iterator[str]:
        """Every object whose fields are in another order than in the contract's `properties`."""
        branches = [branch for schema in schemas for branch in self._branches(schema)]
        if isinstance(value, list):
            inside = [branch["items"] for branch in branches if "items" in branch]
            for number, item in enumerate(cast("list[Any]", value)):
                yield from self._disorder(inside, item, f"{at}[{number}]")
        if isinstance(value, dict):
            fields: dict[str, list[Schema]] = {}
            for branch in branches:
                for name, schema in branch.get("properties", {}).items():
                    fields.setdefault(name, []).append(schema)
            order = list(fields)
            printed = [name for name in cast("Schema", value) if name in fields]
            if printed != sorted(printed, key=order.index):
                yield f"{at} prints {printed}, the contract's order is {order}"
            for name in printed:
                yield from self._disorder(fields[name], value[name], f"{at}.{name}")

    def _branches(self, schema: Schema | bool) -> Iterator[Schema]:
        """A schema, after the schema that it refers to and before those that it combines."""
        if isinstance(schema, bool):
            return
        if "$ref" in schema:
            yield from self._branches(find(self._document, schema["$ref"]))
        yield schema
        for how in ("allOf", "anyOf", "oneOf"):
            for branch in schema.get(how, []):
                yield from self._branches(branch)


CONTRACT = Contract(read_openapi((Path(v2_sessions.__file__).parent / "openapi.yaml").read_text("utf-8")))


class CheckedShop(Shop):
    """A shop whose responses and callbacks are all checked against the contract."""

    @classmethod
    def of(cls, shop: Shop) -> Self:
        return cls(shop.gateway, shop.merchant_id, shop.secret)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        return self._checked(method, path, super().call(method, path, body, **headers))

    def stranger(
        self, method: str, path: str, headers: dict[str, str] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        """One request exactly as given, without a token or a content type."""
        answered = self.client.request(method, path, headers=headers, content=content)
        return self._checked(method, path, answered)

    def inbox(self) -> list[dict[str, Any]]:
        items = super().inbox()
        for item in items:
            assert CONTRACT.event_faults(item["raw"].encode()) == [], item["raw"]
        return items

    def refused(
        self, method: str, path: str, body: object = None, /, *, status: int, code: str, field: str | None = None
    ) -> str:
        """The sentence of a request that must be refused: that of the first detail, otherwise the message."""
        answered = self.call(method, path, body)
        return refusal(answered, status=status, code=code, field=field)

    def _checked(self, method: str, path: str, answered: httpx.Response) -> httpx.Response:
        if path.startswith(("/v1/", "/v2/")):
            faults = CONTRACT.faults(method, path, answered)
            assert faults == [], f"{method} {path} answered {answered.status_code} {answered.text[:2000]}"
        return answered


def refusal(answered: httpx.Response, *, status: int, code: str, field: str | None = None) -> str:
    """Asserts that a response is this error; returns its sentence: that of the first detail, else the message."""
    assert (answered.status_code, answered.json().get("code")) == (status, code), answered.text[:2000]
    body = answered.json()
    details = body["error"]["details"]
    if field is not None:
        assert [detail["field"] for detail in details] == [field], answered.text[:2000]
    return details[0]["message"] if details else body["message"]
