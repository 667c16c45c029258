"""Payments by card whose bank asks the buyer."""

from typing import Any

import msgspec
from msgspec.structs import replace

from gerbang.channels.card import USUAL, CardAgreement
from gerbang.services import merchants
from gerbang.services.payments import read
from tests.support.gateways import Shop
from tests.web.checkout.shop_sites import ShopSite

CHALLENGED, FRICTIONLESS, POOR = "4440000112290002", "4440000112200001", "4440000334470010"
PASS, FAIL, CANCEL = (f"form[action*='/threeds/{what}'] button" for what in ("pass", "fail", "cancel"))
BUDI = {"givenName": "Budi", "surname": "Santoso", "email": "budi@buyer.example"}


def card_block(number: str = CHALLENGED) -> dict[str, Any]:
    return {"number": number, "expMonth": "12", "expYear": "2030", "cvc": "123", "cardHolderFirstName": "Budi"}


def takes_numbers(shop: Shop) -> None:
    """Lets the shop send card numbers as they are, as the sandbox merchant may."""
    gateway, world = shop.gateway, shop.gateway.services.world
    agreement = gateway.do(read.merchant(world, shop.merchant_id)).agreement
    card = msgspec.Raw(msgspec.json.encode(CardAgreement([*USUAL], raw_numbers=True)))
    agreed = replace(agreement, channels=agreement.channels | {"card": card})
    gateway.do(merchants.set_agreement(world, shop.merchant_id, agreed))


def at_the_bank(shop: Shop, to: ShopSite | None = None, *, number: str = CHALLENGED, **changes: Any) -> dict[str, Any]:
    """A session in API mode that is paid by a card whose bank asks; its `paymentUrl` is the bank's page."""
    takes_numbers(shop)
    url = to.url if to else "https://shop.example"
    return_urls = {f"{name}ReturnUrl": f"{url}/{name}" for name in ("success", "failure", "expiration")}
    return shop.create(
        **{
            "amount": {"value": 185000, "currency": "IDR"},
            "paymentMethod": {"type": "CARD", "card": card_block(number)},
            "paymentMethodOptions": None,
            "redirectUrl": return_urls,
            "customer": BUDI,
        }
        | changes
    )


def states(shop: Shop, session: dict[str, Any]) -> tuple[str, str]:
    """The statuses of a session and of its newest charge."""
    now = shop.get(f"/v2/payments/{session['id']}")["data"]
    return now["status"], now["chargeDetails"][0]["status"]
