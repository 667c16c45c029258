"""A buyer with a browser, and a shop that sends them to the payer's page."""

import itertools
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from gerbang.services import lookups, merchants
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.shopfronts import Shopfront

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 640}
ORDER = {
    "productDetails": [
        {"type": "PHYSICAL", "name": "Kopi Gayo 250 g", "quantity": 2, "price": {"value": 68000, "currency": "IDR"}},
        {"type": "PHYSICAL", "name": "Saringan V60", "quantity": 1, "price": {"value": 34000, "currency": "IDR"}},
    ],
}
BUDI = {"givenName": "Budi", "surname": "Santoso", "email": "budi@buyer.example"}
_serial = itertools.count(1)


def send(shop: Shop, front: Shopfront | None = None, **changes: object) -> dict[str, Any]:
    """A payment in redirect mode over Rp 185.000 that leaves its method to the buyer, unless said otherwise."""
    to = front.url if front else "https://shop.example"
    body: dict[str, object] = {
        "clientReferenceId": f"INV-2025-{next(_serial):04d}",
        "amount": {"value": 185000, "currency": "IDR"},
        "mode": "REDIRECT",
        "paymentMethod": None,
        "paymentMethodOptions": None,
        "redirectUrl": {
            "successReturnUrl": f"{to}/success?order=1&x=%20y",
            "failureReturnUrl": f"{to}/failure",
            "expirationReturnUrl": f"{to}/expiration",
        },
        "customer": BUDI,
        "orderInformation": ORDER,
    } | changes
    return shop.create(**body)


def offers(shop: Shop, *channels: str) -> None:
    """Lets a shop's sessions be paid in ways that the first dialect does not offer to everybody."""
    gateway, world = shop.gateway, shop.gateway.services.world
    agreement = gateway.do(lookups.merchant(world, shop.merchant_id)).agreement
    agreed = replace(agreement, also_offered={"payment": list(channels)})
    gateway.do(merchants.set_agreement(world, shop.merchant_id, agreed))


def link(gateway: Gateway, **changes: object) -> str:
    """Where a payment link of the second dialect leads to: every way to pay, no address to return to."""
    attributes: dict[str, object] = {
        "amount": 185000,
        "referenceId": f"LINK-2025-{next(_serial):04d}",
        "customerName": "Budi Santoso",
        "customerEmail": "budi@buyer.example",
        "customerPhoneNumber": "081234567890",
        "description": "Kopi Gayo dua bungkus dan satu saringan",
    } | changes
    return str(document(gateway, "/api/v4/payment_links", attributes)["paymentLinkUrl"])


def document(gateway: Gateway, path: str, attributes: dict[str, object]) -> dict[str, Any]:
    """Makes something in the second dialect, as the sandbox merchant; its attributes."""
    keys = gateway.sandbox.v4
    answered = gateway.client.post(
        path, json={"data": {"attributes": attributes}}, auth=(keys.api_key, keys.secret_key)
    )
    assert answered.status_code == 201, answered.text
    return answered.json()["data"]["attributes"]


class Buyer:
    """One browser window. It notes every complaint of the browser and every request to somebody else."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        chosen: dict[str, Any] = {"viewport": PHONE, "locale": "id-ID"} | options
        self.context: BrowserContext = browser.new_context(**chosen)
        self.context.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.requests: list[Request] = []
        self.may_fail = False
        self.context.on("console", self._complained)
        self.context.on("request", self._requested)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = self.context.new_page()

    def _complained(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _requested(self, request: Request) -> None:
        self.requests.append(request)

    def opens(self, url: str) -> Page:
        self.page.goto(url)
        return self.page

    def strangers(self, base_url: str) -> list[str]:
        """Requests that went neither to the gateway nor, as a whole page, anywhere else."""
        ours = urlsplit(base_url).netloc
        return [
            request.url
            for request in self.requests
            # A redirect that the page's script declines to follow is on the browser's list, and was never sent.
            if request.resource_type != "fetch" or request.redirected_from is None
            if urlsplit(request.url).netloc not in (ours, "") and not request.is_navigation_request()
            if not request.url.endswith("/favicon.ico")
        ]


def choose(page: Page, way: str) -> None:
    """Presses a way to pay and waits for its page."""
    page.click(f"button[name=way][value='{way}']")
    page.wait_for_selector(".card.pay")


def play(page: Page, play: str) -> None:
    """Presses a button of the sandbox panel."""
    page.click(f"button[name=play][value='{play}']")


def heading(page: Page) -> str:
    return page.inner_text("h1")


def waits_for(page: Page, text: str) -> None:
    """Waits until the page's heading says so."""
    page.wait_for_function("text => document.querySelector('h1')?.textContent === text", arg=text)


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
