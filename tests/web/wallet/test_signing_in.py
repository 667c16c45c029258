"""The pages on which a session's buyer signs in to the simulated wallet: at a phone's width, without a script, for everybody."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.support.gateways import Shop
from tests.web.checkout.buyers import Buyer, heading, too_wide
from tests.web.checkout.test_status_stream import awaiting
from tests.web.wallet.test_deciding import PAY, wallet_url

Buyers = Callable[..., Buyer]
Axe = Callable[[Page], list[str]]
PHONE = {"width": 360, "height": 740}


def submits(page: Page, phone: str, password: str) -> None:
    page.fill("#phone", phone)
    page.fill("#password", password)
    page.click(PAY)


def looks_right(page: Page, axe: Axe, title: str) -> None:
    assert (heading(page), too_wide(page), axe(page)) == (title, 0, [])


def test_each_page_of_signing_in_fits_a_phone_and_can_be_read_by_everybody(shop: Shop, buyer: Buyers, axe: Axe) -> None:
    session = awaiting(shop, "ewallet/DANA")
    page = buyer(viewport=PHONE).opens(wallet_url(shop.gateway, session["id"]))
    assert "memerankan DANA" in page.inner_text("header")
    assert "000000" in page.inner_text("#hint")
    looks_right(page, axe, "Setujui pembayaran ini?")
    submits(page, "081234567890", "111111")
    page.wait_for_selector("#wrong")
    assert "Sisa percobaan: 2." in page.inner_text("#wrong")
    assert page.input_value("#phone") == "081234567890", "it need not be written again"
    looks_right(page, axe, "Setujui pembayaran ini?")
    submits(page, "12345", "000000")
    page.wait_for_selector("#phone[aria-invalid]")
    looks_right(page, axe, "Setujui pembayaran ini?")
    submits(page, "08111111002", "000000")
    page.wait_for_selector("h1:text-is('Pembayaran sedang diproses')")
    looks_right(page, axe, "Pembayaran sedang diproses")
    page.click(".choice a")
    page.wait_for_url("**/detail?**")
    looks_right(page, axe, "Pembayaran sedang diproses")


def test_a_wallet_that_does_not_pay_leads_back_to_the_choice(shop: Shop, buyer: Buyers, axe: Axe) -> None:
    session = awaiting(shop, "ewallet/OVO")
    url = wallet_url(shop.gateway, session["id"])
    page = buyer(viewport=PHONE, locale="en-GB", java_script_enabled=False).opens(url)
    submits(page, "08111111003", "000000")
    page.wait_for_url("**/detail?**")
    assert "The payment with OVO was declined." in page.inner_text("[role=alert]")
    page.goto(url)
    assert heading(page) == "The payment has failed"
    status = shop.get(f"/v2/payments/{session['id']}")["data"]["status"]
    assert status == "REQUIRE_PAYMENT_METHOD"
