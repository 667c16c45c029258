"""Documents to test with: requests, payments in every status, and time for the workers."""

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
"""Of the documents' day: Nyepi and Lebaran closed the banks until then."""
Json = dict[str, Any]


def document(**attributes: object) -> Json:
    """The envelope of a request; members that are `...` are left out."""
    return {"data": {"attributes": {name: value for name, value in attributes.items() if value is not ...}}}


def order(**changes: object) -> Json:
    """A request for a virtual account of BCA over Rp 20.000, with attributes changed or taken out."""
    asked: Json = {
        "paymentMethodType": "virtual_bank_account",
        "amount": 20_000,
        "referenceId": fresh(),
        "paymentMethodOptions": {"bankShortCode": "BCA", "displayName": "Budi"},
    }
    return document(**asked | changes)


def link_order(**changes: object) -> Json:
    asked: Json = {
        "amount": 50_000,
        "referenceId": fresh("link"),
        "customerName": "Sari Dewi",
        "customerEmail": "sari@shop.example",
        "customerPhoneNumber": "+6281200000017",
    }
    return document(**asked | changes)


def payout_order(method: Json | None = None, /, **changes: object) -> Json:
    destination: Json = {"type": "bank_transfer", "bankShortCode": "BRI", "bankAccountNo": "0102030405"}
    asked: Json = {
        "amount": 10_000,
        "referenceId": fresh("payout"),
        "disbursementMethod": {k: v for k, v in (destination | (method or {})).items() if v is not ...},
    }
    return document(**asked | changes)


def task(action: object, **more: object) -> Json:
    return document(action=action, **more)


def made(shop: CheckedShop, path: str, body: Json) -> Json:
    """What a create made; its data."""
    answered = shop.call("POST", path, body)
    assert answered.status_code == 201, answered.text
    return answered.json()["data"]


def static_va(shop: CheckedShop, **changes: object) -> Json:
    """A static virtual account of BRI, unless said otherwise."""
    asked = {"referenceId": fresh("customer"), "bankShortCode": "BRI", "displayName": "Budi"}
    return made(shop, STATIC_VA, document(**asked | changes))


def static_qris(shop: CheckedShop, **changes: object) -> Json:
    return made(shop, STATIC_QRIS, document(**{"referenceId": fresh("counter"), "displayName": "Budi"} | changes))


def folder(data: Json) -> str:
    """The address of a payment, static method, link or disbursement without its tasks."""
    folders = {
        "payment": PAYMENTS,
        "payment_links": LINKS,
        "disbursement": PAYOUTS,
        "virtual_bank_account": STATIC_VA,
        "qris": STATIC_QRIS,
    }
    return f"{folders[data['type']]}/{data['id']}"


def read(shop: CheckedShop, data: Json) -> Json:
    """The same object as it is now."""
    answered = shop.call("GET", folder(data))
    assert answered.status_code == 200, answered.text
    return answered.json()["data"]


def status_of(shop: CheckedShop, data: Json) -> str:
    return read(shop, data)["attributes"]["status"]


def pay_into(shop: CheckedShop, static: Json, amount: int = 20_000) -> Json:
    """Money arrives on a static method; the payment that it makes."""
    answered = shop.call("POST", f"{folder(static)}/tasks", task("receive_payment", options={"amount": amount}))
    assert answered.status_code == 201, answered.text
    return arrivals(shop, static)[0]


def arrivals(shop: CheckedShop, static: Json, query: str = "") -> list[Json]:
    """What a static method took, newest first unless the query says otherwise."""
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
    """A one-time payment that has come into a status the way payments do."""
    # BRI settles at once, so it cannot stay paid; BCA can.
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
    """The buyer of a wallet does not want to pay."""
    charge = UUID(hex=payment["attributes"]["paymentMethod"]["id"].removeprefix("shopeepay_")[:32])
    gateway = shop.gateway
    gateway.do(end.decline(gateway.services.world, Decline(UUID(uuid_of(payment)), charge)))


def uuid_of(data: Json) -> str:
    """The id by which the other dialect knows a payment."""
    return str(UUID(hex=data["id"].rpartition("_")[2]))


def balance(shop: CheckedShop) -> tuple[str, str, str]:
    """Total, available, pending; without what a sandbox's own merchant begins with."""
    answered = shop.call("GET", "/api/v4/overviews/balance_overview")
    said = answered.json()["data"]["attributes"]
    live = shop.gateway.services.world.live
    own = not live and str(shop.merchant_id) == shop.gateway.sandbox.v2.merchant_id
    begun = STARTING_BALANCE // MINOR_PER_RUPIAH if own else 0
    total, available = (str(Decimal(said[name]) - begun) for name in ("totalBalance", "availableBalance"))
    return total, available, said["pendingBalance"]


def funded(shop: CheckedShop, amount: int = 10_000_000) -> CheckedShop:
    """The shop with money to send: somebody paid into an account at a bank that settles at once."""
    pay_into(shop, static_va(shop), amount)
    shop.advance(seconds=0)
    return shop


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for what the workers do by themselves."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
