"""Fuzzes the running server with schemathesis: valid and invalid requests of each contract must get documented answers."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, hooks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from tests.support.gateways import DOCUMENTS_DAY, Gateway, Shop, V4Shop
from tests.support.openapi import read_openapi

Ready = Callable[[Case[Any], str], None]
_hooks, _config = cast("Any", hooks), cast("Any", SchemathesisConfig)
"""Parts of schemathesis that have no types."""
SEED = 20250330
MONEY = {"amount": 100_000_000}  # rupiah
ACCEPTED = [200, 201, 202, 400, 401, 404, 409, 422]
"""Statuses for a request that is valid by the schema. Business rules are not in the schema, so it may still be refused."""


def contract(name: str) -> dict[str, Any]:
    return read_openapi((resources.files(f"gerbang.api.{name}") / "openapi.yaml").read_text("utf-8"))


@dataclass
class Findings:
    """The result of one run: the count of answers by operation and status, and each violation of the contract."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    faults: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def requests(self) -> int:
        return sum(self.answers.values())

    @property
    def succeeded(self) -> set[str]:
        return {operation for operation, status in self.answers if 200 <= status < 300}

    def record(self, recorder: ScenarioRecorder) -> None:
        for case_id, sent in recorder.interactions.items():
            if sent.response is not None:
                case = cast("Case[Any]", cast("Any", recorder.cases[case_id]).value)
                self.answers[case.operation.label, sent.response.status_code] += 1
        for case_id, checks in recorder.checks.items():
            for check in checks:
                case = cast("Case[Any]", cast("Any", recorder.cases[case_id]).value)
                if check.failure_info is not None and not (check.name == REJECTION and is_empty_value(case)):
                    failure = check.failure_info.failure
                    fault = f"{failure.operation}: {check.name}: {failure.message}"
                    self.faults.setdefault(fault, check.failure_info.code_sample or "")


REJECTION = "negative_data_rejection"


def is_empty_value(case: Case[Any]) -> bool:
    """Whether the invalid value is blank text or an empty list, which the API treats as absent though the schema forbids it."""
    if case.meta is None:
        return False
    value: Any = case.body
    for name in re.findall("/properties/([^/]+)", case.meta.phase.data.location or ""):
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return value == [] or (isinstance(value, str) and not value.strip())


def fuzz(
    document: dict[str, Any], base_url: str, keys: dict[str, dict[str, str]], ready: Ready, *, examples: int
) -> Findings:
    """Sends what schemathesis generates from a contract: its examples, boundary values, random values, chains of links.

    `keys` maps each security scheme to its credentials. `examples` is the number of random requests per operation.
    """
    settings = {
        "seed": SEED,
        "base-url": base_url,
        "continue-on-failure": True,
        "request-timeout": 10,
        # A NUL in a path or header is not valid HTTP; test_fuzz_bodies.py sends it in bodies.
        "generation": {
            "deterministic": True,
            "allow-x00": False,
            "max-examples": examples,
            "no-shrink": True,
            "database": "none",
        },
        "phases": {"stateful": {"max-steps": 6}},
        "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
        "auth": {"openapi": keys},
    }
    schema = schemathesis.openapi.from_dict(document, config=_config.from_dict(settings))
    findings = Findings()
    schemathesis.openapi.format("date-time", _INSTANTS)
    with _made_ready(ready):
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                findings.record(event.recorder)
            elif isinstance(event, events.NonFatalError):
                findings.faults[f"{event.label}: {event.value!r}"] = ""
            elif isinstance(event, events.FatalError):
                raise event.exception
    return findings


_INSTANTS = st.integers(1, 6 * 86_400).map(
    lambda seconds: (DOCUMENTS_DAY + timedelta(hours=2, seconds=seconds)).isoformat().replace("+00:00", "Z")
)
"""Instants within six days. Most random ones are past or centuries ahead and would be refused before other checks."""


def _unchanged(_case: Case[Any], _wrong: str) -> None:
    """Leaves the request as generated."""


@contextmanager
def _made_ready(ready: Ready) -> Generator[None]:
    """Calls `ready` before each request is sent, with the JSON pointer of its intentionally invalid value, "" if none."""

    def before_call(_context: Any, case: Case[Any], _kwargs: dict[str, Any]) -> None:
        if case.meta is None:
            return
        wrong = case.meta.phase.data.location if case.meta.generation.mode.is_negative else ""
        if wrong is not None and (wrong == "" or case.meta.phase.data.parameter_location == ParameterLocation.BODY):
            ready(case, wrong)

    _hooks.hook(before_call)
    try:
        yield
    finally:
        _hooks.unregister(before_call)


def merchant_keys(shop: Shop) -> dict[str, dict[str, str]]:
    return {"merchantId": {"api_key": str(shop.merchant_id)}, "merchantSecret": {"api_key": shop.secret}}


def operations(document: dict[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def report_of(findings: Findings) -> str:
    return "\n\n".join(f"{fault}\n{sample}" for fault, sample in findings.faults.items())


def payable(body: dict[str, Any], wrong: str, serial: int) -> None:
    """Completes a create with what the schema cannot express: a fresh reference, an amount where one is needed.

    The intentionally invalid value stays, so that the request can be refused for nothing else.
    """
    values = {
        "clientReferenceId": f"fuzz-{serial}",
        "amount": body.get("amount") or {"value": 20_000, "currency": "IDR"},
        "splitRoutingConfigurations": None,
        "customerId": None,
    }
    body |= {name: value for name, value in values.items() if f"/{name}" not in wrong}


def test_the_payment_session_api_answers_as_its_contract_says(shop: Shop) -> None:
    document = contract("v2_sessions")
    keys = {"accessToken": {"bearer": shop.token}} | merchant_keys(shop)
    serial = itertools.count(1)
    unconfirmed = itertools.cycle([shop.create(autoConfirm=False)["id"] for _ in range(20)])
    confirmed = itertools.cycle([shop.create()["id"] for _ in range(10)])
    code = shop.create(paymentMethod={"type": "QR"}, paymentMethodOptions=None)
    qr = code["chargeDetails"][0]["qr"]["qrUrl"].rpartition("/")[2].removesuffix(".png")

    def ready(case: Case[Any], wrong: str) -> None:
        operation: str = case.operation.label
        if operation == "POST /v2/payments" and isinstance(case.body, dict):
            payable(cast("dict[str, Any]", case.body), wrong, next(serial))
            cast("Any", case).headers["X-REQUEST-ID"] = f"fuzz-{next(serial)}"
        elif operation == "POST /v2/payments/simulations" and isinstance(case.body, dict) and not wrong:
            case.body["paymentSessionId"] = next(confirmed)
        elif operation.endswith(("/confirm", "/cancel")):
            case.path_parameters["id"] = next(unconfirmed)
        elif operation.startswith("GET /v2/qr/"):
            case.path_parameters["id"] = qr

    findings = fuzz(document, shop.gateway.base_url, keys, ready, examples=15)
    assert findings.faults == {}, report_of(findings)
    assert operations(document) == findings.succeeded
    assert findings.answers["POST /v2/payments", 200] > 100
    assert findings.answers["POST /v2/payments", 400] > 500


METHOD_OPTIONS: dict[str, dict[str, object]] = {
    "virtual_bank_account": {"bankShortCode": "BCA"},
    "retail_outlet": {"retailOutletName": "ALFAMART"},
    "qris": {},
    "e-wallet": {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"},
}


def makeable(body: Any, wrong: str, serial: int) -> None:
    """The same for v4: a fresh reference, an amount that every method accepts, and options that fit the method's type."""
    try:
        attributes: dict[str, Any] = body["data"]["attributes"]
        values: dict[str, Any] = {"referenceId": f"fuzz-{serial}"}
        if "amount" in attributes:
            values["amount"] = 20_000
        if attributes.get("paymentMethodType") in METHOD_OPTIONS:
            options = attributes.get("paymentMethodOptions")
            fitting_options = METHOD_OPTIONS[attributes["paymentMethodType"]]
            values["paymentMethodOptions"] = (options if isinstance(options, dict) else {}) | fitting_options
        if "disbursementMethod" in attributes:
            values["disbursementMethod"] = attributes["disbursementMethod"] | {"bankShortCode": "BRI"}
        if "accountNo" in attributes:
            values["bankShortCode"] = "BRI"
    except (TypeError, KeyError, AttributeError):
        return  # the document itself is what is invalid
    attributes |= {name: value for name, value in values.items() if f"/{name}" not in wrong}


def test_the_one_time_payment_api_answers_as_its_contract_says(shop: Shop) -> None:
    document, v4 = contract("v4_documents"), V4Shop(shop)
    serial = itertools.count(1)
    bank_account = {"displayName": "Budi", "bankShortCode": "BRI"}
    account = v4.post("payment_methods/virtual_bank_accounts", referenceId="account", **bank_account)
    qris = v4.post("payment_methods/qris", referenceId="qris")
    v4.post(f"payment_methods/virtual_bank_accounts/{account['id']}/tasks", action="receive_payment", options=MONEY)
    shop.advance(seconds=0)
    buyer = {"customerName": "Sari", "customerEmail": "sari@shop.example", "customerPhoneNumber": "1"}
    to = {"type": "bank_transfer", "bankShortCode": "BRI", "bankAccountNo": "0102030405"}
    made = {
        "payments": [v4.create()["id"] for _ in range(30)],
        "virtual_bank_accounts": [account["id"]],
        "qris": [qris["id"]],
        "payment_links": [
            v4.post("payment_links", amount=20_000, referenceId=f"l{n}", **buyer)["id"] for n in range(30)
        ],
        "disbursements": [
            v4.post("disbursements", amount=10_000, referenceId=f"d{n}", disbursementMethod=to)["id"] for n in range(30)
        ],
    }
    ids = {folder: itertools.cycle(found) for folder, found in made.items()}

    def ready(case: Case[Any], wrong: str) -> None:
        parts = case.operation.path.split("/")
        if "{id}" in parts:
            case.path_parameters["id"] = next(ids[parts[parts.index("{id}") - 1]])
        elif case.operation.label.startswith("POST"):
            makeable(case.body, wrong, next(serial))

    keys = {"basic": {"username": v4.keys[0], "password": v4.keys[1]}}
    findings = fuzz(document, shop.gateway.base_url, keys, ready, examples=8)
    assert findings.faults == {}, report_of(findings)
    assert operations(document) == findings.succeeded
    assert findings.answers["POST /api/v4/payments", 201] > 50
    assert findings.answers["POST /api/v4/payments", 400] > 75


def test_the_sandbox_api_answers_as_its_contract_says(gateway: Gateway) -> None:
    document = contract("sandbox")
    shop = gateway.shop
    shop.simulate(shop.create()["id"])
    shop.inbox()

    def ready(case: Case[Any], wrong: str) -> None:
        if not wrong and case.operation.label == "POST /sandbox/inbox/{key}":
            case.path_parameters["key"] = str(shop.merchant_id)

    # A bearer token would expire when the sandbox clock is moved.
    keys = merchant_keys(shop)
    findings = fuzz(document, gateway.base_url, keys, ready, examples=15)
    assert findings.faults == {}, report_of(findings)
    assert operations(document) == findings.succeeded
    assert findings.requests > 300


@pytest.mark.parametrize(
    ("promised", "instead", "check"),
    [
        ('"offsetSeconds": {"type": "number"', '"offsetSeconds": {"type": "string"', "response_schema_conformance"),
        ('"required": ["now", "offsetSeconds"]', '"required": ["zone"]', "response_schema_conformance"),
        ('"application/json"', '"application/xml"', "content_type_conformance"),
        ('"200"', '"201"', "status_code_conformance"),
        ('"401"', '"402"', "status_code_conformance"),
        ('"get"', '"put"', "positive_data_acceptance"),
    ],
)
def test_an_answer_that_violates_the_contract_is_found(shop: Shop, promised: str, instead: str, check: str) -> None:
    """Checks `fuzz` itself: with one statement of the contract changed, it must report a fault."""
    document = contract("sandbox")
    written = json.dumps(document | {"paths": {"/sandbox/clock": document["paths"]["/sandbox/clock"]}})
    assert promised in written
    keys = merchant_keys(shop)
    broken = json.loads(written.replace(promised, instead))
    findings = fuzz(broken, shop.gateway.base_url, keys, _unchanged, examples=3)
    assert any(check in fault for fault in findings.faults), report_of(findings)
