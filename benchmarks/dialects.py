"""The requests of each dialect: how a payment is created, read and paid, how to sign in, and how ids are written."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from benchmarks.gateways import Gateway
from gerbang.services.merchants import Keys

MEASURED = ("create", "get", "pay")
"""The kinds of requests that are measured, if the dialect has them."""
WRITTEN = ("create", "pay")
TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"


@dataclass(frozen=True)
class Request:
    """One request, sent for one payment after the other.

    Words in capitals are placeholders for what differs between them.

    SERIAL is the payment's serial number, LAIRES the same read from behind, and ID the payment's id.
    """

    method: str
    path: str
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def filled(self, **words: str) -> "Request":
        def filled(text: str) -> str:
            return re.sub("[A-Z]+", lambda found: words.get(found[0], found[0]), text)

        headers = {name: filled(text) for name, text in self.headers.items()}
        return replace(self, path=filled(self.path), body=filled(self.body), headers=headers)

    def about(self, serial: str) -> "Request":
        return self.filled(SERIAL=serial, LAIRES=serial[::-1])


@dataclass(frozen=True)
class Dialect:
    """The requests of one dialect. Its label precedes the kinds of its requests in every table."""

    label: str
    product: str
    """The product whose callbacks report its payments."""
    authorization: Callable[[Gateway, Keys], str]
    requests: Mapping[str, Request]
    measured: Sequence[str] = MEASURED
    id_prefix: str = ""
    id_dashes: bool = True

    def named(self, kind: str) -> str:
        return f"{self.label} {kind}".strip()

    @property
    def kinds(self) -> list[str]:
        return [kind for kind in self.measured if kind in self.requests]

    @property
    def written_kinds(self) -> list[str]:
        """Those that write: each has merchants of its own on both sides."""
        return [kind for kind in self.kinds if kind in WRITTEN]

    def written(self, id_: str) -> str:
        """An id, or the beginning of ids, as this dialect writes it."""
        return self.id_prefix + (id_ if self.id_dashes else id_.replace("-", ""))

    def id_in(self, answer: Any) -> str:
        """The id of the payment in an answer, with its dashes."""
        return str(UUID(answer["data"]["id"].removeprefix(self.id_prefix)))

    def ask(self, gateway: Gateway, keys: Keys, request: Request) -> Any:
        """Sends one request, and returns the answer's JSON."""
        headers = {"Authorization": self.authorization(gateway, keys), **request.headers}
        return gateway.ask(request.method, request.path, request.body or None, **headers)


def _json(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))


def _document(**attributes: object) -> str:
    return _json({"data": {"attributes": attributes}})


def _bearer(gateway: Gateway, keys: Keys) -> str:
    return f"Bearer {gateway.token(keys)}"


def _basic(gateway: Gateway, keys: Keys) -> str:
    return f"Basic {base64.b64encode(f'{keys.v4_key}:{keys.v4_secret}'.encode()).decode()}"


V2 = Dialect(
    label="",
    product="payment",
    authorization=_bearer,
    requests={
        "create": Request(
            "POST",
            "/v2/payments",
            _json(
                {
                    "clientReferenceId": "order-SERIAL",
                    "amount": {"value": 150000, "currency": "IDR"},
                    "paymentType": "SINGLE",
                    "mode": "API",
                    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
                    "paymentMethodOptions": {
                        "virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi Santoso"}
                    },
                    "expiryAt": f"{TOMORROW}Z",
                    "metadata": {"cart": "cart-SERIAL", "source": "shop"},
                }
            ),
            # Keys of merchants are random and spread over the whole index; references grow.
            {"X-REQUEST-ID": "request-LAIRES"},
        ),
        "get": Request("GET", "/v2/payments/ID"),
        "pay": Request(
            "POST",
            "/v2/payments/simulations",
            _json({"paymentSessionId": "ID", "chargeStatus": "SUCCESS", "bankReference": "BANK-SERIAL"}),
        ),
    },
)

V4 = Dialect(
    label="v4",
    product="v4-payments",
    authorization=_basic,
    requests={
        "create": Request(
            "POST",
            "/api/v4/payments",
            _document(
                paymentMethodType="virtual_bank_account",
                amount=150000,
                referenceId="order-SERIAL",
                expiredAt=f"{TOMORROW}+07:00",
                description="cart-SERIAL",
                paymentMethodOptions={"bankShortCode": "BRI", "displayName": "Budi Santoso"},
            ),
        ),
        "pay": Request("POST", "/api/v4/payments/ID/tasks", _document(action="receive_payment")),
        "settle": Request("POST", "/api/v4/payments/ID/tasks", _document(action="settle")),
        "static": Request(
            "POST",
            "/api/v4/payment_methods/virtual_bank_accounts",
            _document(referenceId="customer-SERIAL", bankShortCode="BRI", displayName="Budi Santoso"),
        ),
        "arrive": Request(
            "POST",
            "/api/v4/payment_methods/virtual_bank_accounts/ID/tasks",
            _document(action="receive_payment", options={"amount": 150000}),
        ),
    },
    id_prefix="contract_",
    id_dashes=False,
)

PERSON = {
    "givenName": "Reforza Jordan",
    "sureName": "Geotama",
    "email": "reforza-SERIAL@example.com",
    "phoneNumber": {"countryCode": "+62", "number": "89699990001"},
}
ADDRESS = {
    "addressLine1": "Biomedical Building Lantai 3",
    "addressLine2": "Digital hub, BSD City",
    "city": "Tangerang Regency",
    "provinceState": "Banten",
    "country": "ID",
    "postalCode": "15331",
}
DRESS = {
    "type": "PHYSICAL",
    "category": "FASHION",
    "subCategory": "FASHION WANITA",
    "name": "Dress Kasual Warna Putih",
    "description": "Ukuran M",
    "quantity": 1,
    "price": {"value": 100000, "currency": "IDR"},
}
WHOLE = replace(
    V2,
    label="whole",
    measured=("create",),
    requests={
        **V2.requests,
        # The example of the API's document with every field, except that each payment has a customer of its own.
        "create": replace(
            V2.requests["create"],
            body=_json(
                {
                    "clientReferenceId": "order-SERIAL",
                    "amount": {"value": 10000, "currency": "IDR"},
                    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
                    "paymentMethodOptions": {
                        "virtualAccount": {"channel": "PERMATA", "virtualAccountName": "Reforza Pivot"}
                    },
                    "mode": "REDIRECT",
                    "redirectUrl": {
                        "successReturnUrl": "https://merchant.com/success",
                        "failureReturnUrl": "https://merchant.com/failure",
                        "expirationReturnUrl": "https://merchant.com/expiration",
                    },
                    "customerId": "SERIAL",
                    "customer": {
                        **PERSON,
                        "refundPreference": {
                            "method": "AUTO",
                            "transferDestination": {
                                "channelCode": "014",
                                "channelInformation": {
                                    "accountNumber": "17677665415",
                                    "accountName": "Reforza Jordan Geotama",
                                },
                            },
                        },
                    },
                    "orderInformation": {
                        "productDetails": [DRESS],
                        "billingInfo": {**PERSON, **ADDRESS},
                        "shippingInfo": {
                            **PERSON,
                            **ADDRESS,
                            "method": "REGULAR",
                            "shippingFee": {"value": 100000, "currency": "IDR"},
                        },
                    },
                    "autoConfirm": True,
                    "statementDescriptor": "Pivot",
                    "expiryAt": f"{TOMORROW}Z",
                    "metadata": {"invoiceNo": "INV001"},
                }
            ),
        ),
    },
)

DIALECTS = (V2, V4, WHOLE)
