"""Valid and invalid requests of the payment session API's contract must get documented answers."""

import itertools
from typing import Any, cast

from schemathesis import Case

from tests.support.fuzzing import contract, fuzz, merchant_keys, operations, report_of
from tests.support.gateways import Shop


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
