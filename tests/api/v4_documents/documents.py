"""Builders of v4 requests, payments in every status, and readers of what the API returns. Amounts are in rupiah."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from gerbang.domain.money import MINOR_PER_RUPIAH
from gerbang.services.payments import end
from gerbang.services.payments.end import Decline
from gerbang.services.sandbox_merchant import STARTING_BALANCE
from tests.api.v2_sessions.sessions import at_once, fresh, written
from tests.api.v4_documents.contracts import CheckedShop

__all__ = ["at_once", "fresh", "written"]
BANKS = (
    "BCA",
    "BRI",
    "BNI",
    "MANDIRI",
    "CIMB_NIAGA",
    "DANAMON",
    "PERMATA",
    "HANA",
    "SAHABAT_SAMPOERNA",
    "BSI",
    "MAYBANK",
)
PAYMENTS, LINKS, PAYOUTS = "/api/v4/payments", "/api/v4/payment_links", "/api/v4/disbursements"
STATIC_VA, STATIC_QRIS = "/api/v4/payment_methods/virtual_bank_accounts", "/api/v4/payment_methods/qris"
NEXT_WORKDAY = "2025-04-08T12:00:00+07:00"
"""The first working day after the day of the tests' clock (2025-03-30): banks were closed for Nyepi and Lebaran."""
Json = dict[str, Any]


def document(**attributes: object) -> Json:
    """A request body with these attributes; those that are `...` are left out."""
    return {"data": {"attributes": {name: value for name, value in attributes.items() if value is not ...}}}


def order(**changes: object) -> Json:
    """A create of a BCA virtual account payment of Rp 20.000; `changes` replaces attributes, `...` removes one."""
    attributes: Json = {
        "paymentMethodType": "virtual_bank_account",
        "amount": 20_000,
        "referenceId": fresh(),
        "paymentMethodOptions": {"bankShortCode": "BCA", "displayName": "Budi"},
    }
    return document(**attributes | changes)


def link_order(**changes: object) -> Json:
    attributes: Json = {
        "amount": 50_000,
        "referenceId": fresh("link"),
        "customerName": "Sari Dewi",
        "customerEmail": "sari@shop.example",
        "customerPhoneNumber": "+6281200000017",
    }
    return document(**attributes | changes)


def payout_order(method: Json | None = None, /, **changes: object) -> Json:
    destination: Json = {"type": "bank_transfer", "bankShortCode": "BRI", "bankAccountNo": "0102030405"}
    attributes: Json = {
        "amount": 10_000,
        "referenceId": fresh("payout"),
        "disbursementMethod": {k: v for k, v in (destination | (method or {})).items() if v is not ...},
    }
    return document(**attributes | changes)


def task(action: object, **more: object) -> Json:
    return document(action=action, **more)


def made(shop: CheckedShop, path: str, body: Json) -> Json:
    """Sends a create that must succeed and returns the `data` of its answer."""
    answered = shop.call("POST", path, body)
    assert answered.status_code == 201, answered.text
    return answered.json()["data"]


def static_va(shop: CheckedShop, **changes: object) -> Json:
    """Creates a static virtual account, by default at BRI."""
    attributes = {"referenceId": fresh("customer"), "bankShortCode": "BRI", "displayName": "Budi"}
    return made(shop, STATIC_VA, document(**attributes | changes))


def static_qris(shop: CheckedShop, **changes: object) -> Json:
    return made(shop, STATIC_QRIS, document(**{"referenceId": fresh("counter"), "displayName": "Budi"} | changes))


def folder(data: Json) -> str:
    """The URL path of a payment, static method, link or disbursement."""
    folders = {
        "payment": PAYMENTS,
        "payment_links": LINKS,
        "disbursement": PAYOUTS,
        "virtual_bank_account": STATIC_VA,
        "qris": STATIC_QRIS,
    }
    return f"{folders[data['type']]}/{data['id']}"


def read(shop: CheckedShop, data: Json) -> Json:
    """Reads the object again."""
    answered = shop.call("GET", folder(data))
    assert answered.status_code == 200, answered.text
    return answered.json()["data"]


def status_of(shop: CheckedShop, data: Json) -> str:
    return read(shop, data)["attributes"]["status"]


def pay_into(shop: CheckedShop, static: Json, amount: int = 20_000) -> Json:
    """Simulates money (in rupiah) to a static method and returns the payment made of it."""
    answered = shop.call("POST", f"{folder(static)}/tasks", task("receive_payment", options={"amount": amount}))
    assert answered.status_code == 201, answered.text
    return arrivals(shop, static)[0]


def arrivals(shop: CheckedShop, static: Json, query: str = "") -> list[Json]:
    """The payments of a static method, newest first unless the query sorts otherwise."""
    answered = shop.call("GET", f"{folder(static)}/payments{query}")
    assert answered.status_code == 200, answered.text
    return answered.json()["data"]


def listed(shop: CheckedShop, query: str = "", path: str = PAYMENTS) -> list[Json]:
    answered = shop.call("GET", f"{path}{query}")
    assert answered.status_code == 200, answered.text
    return answered.json()["data"]


def ids(found: list[Json]) -> list[str]:
    return [one["id"] for one in found]


def in_status(shop: CheckedShop, status: str) -> Json:
    """A one-time payment brought into a status through the API."""
    # BRI settles at once, so its payments do not stay in paid; those of BCA do.
    bank = "BRI" if status == "completed" else "BCA"
    type_ = "e-wallet" if status == "failed" else "virtual_bank_account"
    options = {} if status == "failed" else {"paymentMethodOptions": {"bankShortCode": bank, "displayName": "Budi"}}
    payment = shop.create(type_, **options)
    if status in ("paid", "completed"):
        shop.do(payment, "receive_payment")
        shop.advance(seconds=0)
    if status == "cancelled":
        shop.do(payment, "cancel")
    if status == "expired":
        shop.v2.simulate(uuid_of(payment), "EXPIRED")
    if status == "failed":
        decline(shop, payment)
    assert status_of(shop, payment) == status
    return payment


def decline(shop: CheckedShop, payment: Json) -> None:
    """Reports that the buyer declined an e-wallet payment."""
    charge = UUID(hex=payment["attributes"]["paymentMethod"]["id"].removeprefix("shopeepay_")[:32])
    gateway = shop.gateway
    gateway.do(end.decline(gateway.services.world, Decline(shop.merchant_id, UUID(uuid_of(payment)), charge)))


def uuid_of(data: Json) -> str:
    """The id of the same payment in v2, a UUID with hyphens."""
    return str(UUID(hex=data["id"].rpartition("_")[2]))


def balance(shop: CheckedShop) -> tuple[str, str, str]:
    """Total, available and pending balance in rupiah, less the starting balance of the sandbox's own merchant."""
    answered = shop.call("GET", "/api/v4/overviews/balance_overview")
    overview = answered.json()["data"]["attributes"]
    live = shop.gateway.services.world.live
    own = not live and str(shop.merchant_id) == shop.gateway.sandbox.v2.merchant_id
    starting = STARTING_BALANCE // MINOR_PER_RUPIAH if own else 0
    total, available = (str(Decimal(overview[name]) - starting) for name in ("totalBalance", "availableBalance"))
    return total, available, overview["pendingBalance"]


def funded(shop: CheckedShop, amount: int = 10_000_000) -> CheckedShop:
    """The merchant with an available balance: a payment of this amount (in rupiah) to a bank that settles at once."""
    pay_into(shop, static_va(shop), amount)
    shop.advance(seconds=0)
    return shop


def until(is_true: Callable[[], bool], seconds: float = 20) -> None:
    """Waits until the background workers have made a condition true, at most so many seconds."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
