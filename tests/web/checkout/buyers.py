"""A buyer with a browser, and payments that send the buyer to the payment page."""

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from gerbang.services import merchants
from gerbang.services.payments import read
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.shop_sites import ShopSite

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


def send(shop: Shop, shop_site: ShopSite | None = None, **changes: object) -> dict[str, Any]:
    """A payment in redirect mode of Rp 185.000 whose method the buyer chooses; `changes` replace fields of the body."""
    to = shop_site.url if shop_site else "https://shop.example"
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
    """Lets the shop's sessions be paid on channels that the first dialect offers by agreement only."""
    gateway, world = shop.gateway, shop.gateway.services.world
    agreement = gateway.do(read.merchant(world, shop.merchant_id)).agreement
    agreed = replace(agreement, also_offered={"payment": list(channels)})
    gateway.do(merchants.set_agreement(world, shop.merchant_id, agreed))


def link(gateway: Gateway, **changes: object) -> str:
    """The URL of a new payment link of the second dialect: all methods, no return URLs."""
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
    """Makes a resource of the second dialect as the sandbox merchant; returns its attributes."""
    keys = gateway.sandbox.v4
    answered = gateway.client.post(
        path, json={"data": {"attributes": attributes}}, auth=(keys.api_key, keys.secret_key)
    )
    assert answered.status_code == 201, answered.text
    return answered.json()["data"]["attributes"]


class Buyer:
    """One browser window. It records every error that the browser logs and every request."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        chosen: dict[str, Any] = {"viewport": PHONE, "locale": "id-ID"} | options
        self.context: BrowserContext = browser.new_context(**chosen)
        self.context.set_default_timeout(10_000)
        self.browser_errors: list[str] = []
        self.requests: list[Request] = []
        self.may_fail = False
        self.context.on("console", self._note_console)
        self.context.on("request", self._note_request)
        self.context.on("weberror", lambda error: self.browser_errors.append(str(error.error)))
        self.page = self.context.new_page()

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.browser_errors.append(message.text)

    def _note_request(self, request: Request) -> None:
        self.requests.append(request)

    def opens(self, url: str) -> Page:
        self.page.goto(url)
        return self.page

    def requests_to_others(self, base_url: str) -> list[str]:
        """URLs of requests to other hosts, without navigations."""
        ours = urlsplit(base_url).netloc
        return [
            request.url
            for request in self.requests
            # A redirect that the script does not follow is listed by the browser and was never sent.
            if request.resource_type != "fetch" or request.redirected_from is None
            if urlsplit(request.url).netloc not in (ours, "") and not request.is_navigation_request()
            if not request.url.endswith("/favicon.ico")
        ]


def choose(page: Page, way: str) -> None:
    """Clicks a method and waits for its page."""
    page.click(f"button[name=way][value='{way}']")
    page.wait_for_selector(".card.pay")


def play(page: Page, play: str) -> None:
    """Clicks a button of the sandbox panel."""
    page.click(f"button[name=play][value='{play}']")


def heading(page: Page) -> str:
    return page.inner_text("h1")


def waits_for(page: Page, text: str) -> None:
    """Waits until the page has this heading."""
    page.wait_for_function("text => document.querySelector('h1')?.textContent === text", arg=text)


def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def in_each_print(page: Page) -> Iterator[str]:
    """Shows the page in its own print and in large print; yields its heading and the print."""
    # Zooming to 200 % halves the window in CSS pixels; large print alone doubles the letters in it.
    for size in ("100%", "200%"):
        page.evaluate("size => { document.documentElement.style.fontSize = size }", size)
        yield f"{heading(page)}, print of {size}"
    page.evaluate("document.documentElement.style.fontSize = ''")


def assert_fits(page: Page) -> None:
    """The page needs no sideways scrolling in either print."""
    for shown in in_each_print(page):
        assert too_wide(page) <= 0, shown
