"""Valid and invalid requests of the sandbox API's contract must get documented answers, and an answer that is not is found."""

import json
from typing import Any

import pytest
from schemathesis import Case

from tests.support.fuzzing import contract, fuzz, merchant_keys, operations, report_of, unchanged
from tests.support.gateways import Gateway, Shop


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
    findings = fuzz(broken, shop.gateway.base_url, keys, unchanged, examples=3)
    assert any(check in fault for fault in findings.faults), report_of(findings)
