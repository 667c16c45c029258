"""Valid and invalid requests of the one-time payment API's contract must get documented answers."""

import itertools
from typing import Any

from schemathesis import Case

from tests.support.fuzzing import contract, fuzz, operations, report_of
from tests.support.gateways import Shop, V4Shop

MONEY = {"amount": 100_000_000}  # rupiah

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
