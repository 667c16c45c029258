"""Valid and invalid requests of the payment session API's contract must get documented answers."""

import itertools
from typing import Any, cast

from msgspec.structs import replace
from schemathesis import Case

from gerbang.domain.merchants import WithdrawalAccount
from gerbang.services.merchants import default_agreement
from tests.support.fuzzing import contract, fuzz, merchant_keys, operations, report_of
from tests.support.gateways import Shop

DESTINATION = {
    "channelCode": "BCA",
    "channelInformation": {"accountNumber": "999966660001", "accountName": "Budi Santoso"},
}
PART: dict[str, Any] = {
    "isFullAmount": False,
    "amount": {"value": "10", "currency": "IDR"},
    "method": "AUTO",
    "reason": "OTHERS",
    "transferDestination": DESTINATION,
    "metadata": {},
}
NEEDS_MORE = {
    "POST /v2/payments/{id}/capture",
    "DELETE /v1/customers/{customerId}/stored-payment-methods/{token}",
    "POST /v1/refunds",
    "GET /v1/balance-histories",
}
"""What succeeds only with a card that was given, money that is left, or a span of days: the tests of these endpoints do."""


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
    account = WithdrawalAccount("BCA", "999966660001", "Toko Uji")
    agreed = replace(default_agreement(7300, "Toko Uji"), withdrawal_account=account)
    shop = shop.gateway.new_shop(agreement=agreed)
    document = contract("v2_sessions")
    keys = {"accessToken": {"bearer": shop.token}} | merchant_keys(shop)
    serial = itertools.count(1)
    unconfirmed = itertools.cycle([shop.create(autoConfirm=False)["id"] for _ in range(20)])
    confirmed = itertools.cycle([shop.create()["id"] for _ in range(10)])
    code = shop.create(paymentMethod={"type": "QR"}, paymentMethodOptions=None)
    qr = code["chargeDetails"][0]["qr"]["qrUrl"].rpartition("/")[2].removesuffix(".png")

    paid = shop.create()["id"]
    shop.simulate(paid)
    refund = shop.post("/v1/refunds", {"clientReferenceId": "fuzz", "paymentSessionId": paid, **PART})["data"]["id"]
    line = {"referenceId": "fuzz", "amount": {"value": "20000", "currency": "IDR"}, **DESTINATION}
    payout = shop.post("/v1/payouts", {"payouts": [line]})["data"]["uuid"]

    def ready(case: Case[Any], wrong: str) -> None:
        operation: str = case.operation.label
        if operation == "POST /v2/payments" and isinstance(case.body, dict):
            payable(cast("dict[str, Any]", case.body), wrong, next(serial))
            cast("Any", case).headers["X-REQUEST-ID"] = f"fuzz-{next(serial)}"
        elif operation == "POST /v2/payments/simulations" and isinstance(case.body, dict) and not wrong:
            case.body["paymentSessionId"] = next(confirmed)
        elif operation.endswith(("/confirm", "/cancel")):
            case.path_parameters["id"] = next(unconfirmed)
        elif operation == "GET /v1/refunds/{id}":
            case.path_parameters["id"] = refund
        elif operation == "GET /v1/payouts/{id}" and not wrong:
            case.path_parameters["id"], case.query = payout, {}
        elif operation.startswith("GET /v2/qr/"):
            case.path_parameters["id"] = qr

    findings = fuzz(document, shop.gateway.base_url, keys, ready, examples=15)
    assert findings.faults == {}, report_of(findings)
    assert operations(document) - findings.succeeded == NEEDS_MORE
    assert findings.answers["POST /v2/payments", 200] > 100
    assert findings.answers["POST /v2/payments", 400] > 500
