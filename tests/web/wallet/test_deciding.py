"""Charges in the simulated e-wallet: paid, declined, paid twice, expired and opened again."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Page

from gerbang.domain.payments import Details, Method
from gerbang.services.pages import Pages
from gerbang.services.payments.decide import NewPayment
from tests.support.gateways import Gateway, Shop
from tests.support.plain_http import TRUSTS_NOBODY
from tests.web.checkout.buyers import Buyer, choose, document, heading, waits_for
from tests.web.checkout.shop_sites import ShopSite
from tests.web.checkout.test_choosing_again import back
from tests.web.checkout.test_status_stream import awaiting
from tests.web.checkout.test_trust import form_of

Buyers = Callable[..., Buyer]
OPEN, PAY, DECLINE = ".leave .button", "form[action*='/wallet/pay'] button", "form[action*='/wallet/decline'] button"

SIGNED_IN = {"phone": "081234567890", "password": "000000"}
"""What a form of the wallet also sends where its page asks for it."""


def approve(page: Page) -> None:
    """Fills in what the wallet's page asks, and taps its button."""
    if page.locator("#phone").count():
        page.fill("#phone", SIGNED_IN["phone"])
        page.fill("#password", SIGNED_IN["password"])
    page.click(PAY)


def wallet_url(gateway: Gateway, payment_id: object) -> str:
    """The URL of the wallet's page for the newest charge of a payment."""
    visit = gateway.do(gateway.services.batches.visit(UUID(str(payment_id))))
    assert visit.charge is not None
    return Pages(gateway.base_url, gateway.services.world.keyring.page_key).wallet_url(visit.charge)


def at_the_wallet(shop: Shop) -> tuple[dict[str, str], str]:
    """A session whose buyer chose the wallet, and the URL of the wallet's page."""
    session = awaiting(shop, "ewallet/SHOPEEPAY")
    return session, wallet_url(shop.gateway, session["id"])


def wallet_payment(gateway: Gateway, reference: str, **changes: object) -> dict[str, Any]:
    """A one-time payment of the second dialect, for which its merchant chose the wallet; its attributes."""
    attributes: dict[str, object] = {
        "paymentMethodType": "e-wallet",
        "amount": 15000,
        "referenceId": reference,
        "paymentMethodOptions": {"providerCode": "SHOPEEPAY"} | changes,
    }
    return document(gateway, "/api/v4/payments", attributes)


def decided(client: httpx.Client, url: str, decision: str) -> httpx.Response:
    """Sends the form of a wallet's page."""
    form = form_of(client.get(url).text)
    return client.post(url.replace("/wallet?", f"/wallet/{decision}?"), data={"form": form} | SIGNED_IN)


def location(answered: httpx.Response) -> str:
    """The absolute URL that a redirect leads to."""
    return str(answered.url.join(answered.headers["location"]))


def callback_statuses(gateway: Gateway, reference: str) -> list[str]:
    """The statuses in the callbacks of a payment of the second dialect."""
    seen = [item["body"]["data"]["attributes"] for item in gateway.shop.inbox() if "data" in item["body"]]
    return [each["status"] for each in seen if each.get("referenceId") == reference]


def outcomes(gateway: Gateway, payment_id: object) -> list[str]:
    rows = gateway.rows("SELECT outcome FROM reports WHERE payment_id = $1", UUID(str(payment_id)))
    return [row["outcome"] for row in rows]


# -- a payment that a merchant made for the wallet --------------------------------------------------------------------


def test_paying_redirects_to_the_return_url_and_sends_a_callback(
    site: Gateway, shop_site: ShopSite, buyer: Buyers
) -> None:
    made = wallet_payment(site, "WALLET_PAID", afterSettlementReturnUrl=f"{shop_site.url}/back?order=1&x=%20y")
    page = buyer().opens(made["paymentMethod"]["settlement"]["httpUrl"])
    assert heading(page) == "Setujui pembayaran ini?"
    shown = page.inner_text("body")
    for said in ("SIMULATOR", "memerankan ShopeePay", "Rp\u00a015.000", "Toko Gerbang", "WALLET_PAID"):
        assert said in shown
    approve(page)
    page.wait_for_url(f"{shop_site.url}/back?order=1&x=%20y")
    assert shop_site.visits[-1].referrer is None, "the shop must not learn the token"
    assert callback_statuses(site, "WALLET_PAID") == ["paid"]


def test_declining_redirects_to_the_return_url_and_the_payment_has_failed(
    site: Gateway, shop_site: ShopSite, buyer: Buyers
) -> None:
    made = wallet_payment(site, "WALLET_DECLINED", afterSettlementReturnUrl=f"{shop_site.url}/back")
    url = made["paymentMethod"]["settlement"]["httpUrl"]
    page = buyer().opens(url)
    page.click(DECLINE)
    page.wait_for_url(f"{shop_site.url}/back")
    page.goto(url)
    assert heading(page) == "Sudah ditolak"
    assert page.get_attribute(".choice a", "href") == f"{shop_site.url}/back"
    (row,) = site.rows("SELECT state, cancellation_reason FROM payments WHERE reference = $1", "WALLET_DECLINED")
    assert row == {"state": "failed", "cancellation_reason": None}


def test_the_wallet_page_has_no_script(site: Gateway, shop_site: ShopSite, buyer: Buyers) -> None:
    made = wallet_payment(site, "WALLET_PLAIN", afterSettlementReturnUrl=f"{shop_site.url}/back")
    url = made["paymentMethod"]["settlement"]["httpUrl"]
    page = buyer(java_script_enabled=False, locale="en-GB").opens(url)
    assert "<script" not in page.content()
    approve(page)
    page.wait_for_url(f"{shop_site.url}/back")
    page.goto(url)
    page.wait_for_selector("h1:text-is('Already paid')")
    page.click("text=Back to Toko Gerbang")
    page.wait_for_url(f"{shop_site.url}/back")


# -- paid twice -------------------------------------------------------------------------------------------------------


def test_two_taps_pay_once(shop: Shop, buyer: Buyers) -> None:
    session, url = at_the_wallet(shop)
    one = buyer()
    tabs = [one.opens(url), one.context.new_page()]
    tabs[1].goto(url)
    for tab in tabs:
        tab.fill("#phone", SIGNED_IN["phone"])
        tab.fill("#password", SIGNED_IN["password"])
        tab.evaluate("setTimeout(() => document.querySelector('form[action*=pay] button').click(), 50)")
    for tab in tabs:
        waits_for(tab, "Pembayaran diterima")
    assert outcomes(shop.gateway, session["id"]) == ["booked"]
    assert [event for event in shop.received_events() if event != "PAYMENT.PROCESSING"] == ["PAYMENT.PAID"]


def test_many_simultaneous_taps_pay_once_and_all_redirect_to_the_payment_page(shop: Shop) -> None:
    session, url = at_the_wallet(shop)
    form = form_of(shop.client.get(url).text)

    async def tap() -> list[httpx.Response]:
        async with httpx.AsyncClient(verify=TRUSTS_NOBODY) as client:
            path = url.replace("/wallet?", "/wallet/pay?")
            return list(await asyncio.gather(*(client.post(path, data={"form": form} | SIGNED_IN) for _ in range(8))))

    answers = shop.gateway.do(tap())
    assert {answer.headers["location"] for answer in answers} == {session["paymentUrl"]}
    assert outcomes(shop.gateway, session["id"]) == ["booked"]
    assert shop.get("/sandbox/ledger")["sum"] == "0.00"


def test_simultaneous_paying_and_declining_has_one_outcome(shop: Shop) -> None:
    for _ in range(6):
        session, url = at_the_wallet(shop)
        form = form_of(shop.client.get(url).text)

        async def both(url: str = url, form: str = form) -> list[httpx.Response]:
            async with httpx.AsyncClient(verify=TRUSTS_NOBODY) as client:
                paths = [url.replace("/wallet?", f"/wallet/{decision}?") for decision in ("pay", "decline")]
                return list(
                    await asyncio.gather(*(client.post(path, data={"form": form} | SIGNED_IN) for path in paths))
                )

        answers = shop.gateway.do(both())
        assert [answer.status_code for answer in answers] == [303, 303]
        status = shop.get(f"/v2/payments/{session['id']}")["data"]["status"]
        assert (status, outcomes(shop.gateway, session["id"])) in (
            ("PAID", ["booked"]),
            ("REQUIRE_PAYMENT_METHOD", ["late"]),
            ("REQUIRE_PAYMENT_METHOD", []),
        )
    assert shop.get("/sandbox/ledger")["sum"] == "0.00"


# -- ended ---------------------------------------------------------------------------------------------------------


def shows_end(page: Page, title: str, back_to: str) -> None:
    """The page has this title, no form, and a link to `back_to`."""
    assert heading(page) == title
    assert not page.locator("form").count()
    assert page.get_attribute(".choice a", "href") == back_to


@pytest.mark.parametrize("ending", ["declined", "expired"])
def test_the_page_does_not_say_that_nothing_was_charged_once_money_has_arrived(gateway: Gateway, ending: str) -> None:
    shop = gateway.shop
    session, url = at_the_wallet(shop)
    if ending == "declined":
        decided(shop.client, url, "decline")
    else:
        shop.advance(seconds=16 * 60)
    assert "Tidak ada yang ditagih kepada Anda." in shop.client.get(url).text
    visit = gateway.do(gateway.services.batches.visit(UUID(session["id"])))
    assert visit.charge is not None
    report = {"channel": "ewallet", "number": visit.charge.instructions.number, "amount": 185000}
    assert shop.post("/sandbox/bank/reports", report)["reports"][0]["outcome"] == "late"
    after = shop.client.get(url).text
    assert "Sudah ditolak" in after or "Waktunya sudah habis" in after
    assert "ditagih" not in after


def test_an_expired_payment_can_no_longer_be_paid(gateway: Gateway, buyer: Buyers) -> None:
    shop = gateway.shop
    session, url = at_the_wallet(shop)
    page = buyer().opens(url)
    shop.advance(seconds=16 * 60)
    approve(page)
    page.wait_for_selector("h1:text-is('Waktunya sudah habis')")
    shows_end(page, "Waktunya sudah habis", session["paymentUrl"])
    assert "185.000" not in page.inner_text("body"), "an expired link shows nothing of the order"
    assert outcomes(gateway, session["id"]) == []
    page.click("text=Kembali ke Toko Gerbang")
    waits_for(page, "Waktu pembayaran habis")


@pytest.mark.parametrize("decision", ["pay", "decline"])
def test_a_form_submitted_after_the_expiry_changes_nothing(gateway: Gateway, decision: str) -> None:
    shop = gateway.shop
    session, url = at_the_wallet(shop)
    form = form_of(shop.client.get(url).text)
    shop.advance(seconds=16 * 60)
    answered = shop.client.post(url.replace("/wallet?", f"/wallet/{decision}?"), data={"form": form} | SIGNED_IN)
    assert answered.status_code == 303
    assert location(answered) == url
    assert "Waktunya sudah habis" in shop.client.get(url).text
    assert outcomes(gateway, session["id"]) == []


def test_a_decision_cannot_be_changed(shop: Shop, buyer: Buyers) -> None:
    page = buyer().page
    for first, second, title in (("pay", "decline", "Sudah dibayar"), ("decline", "pay", "Sudah ditolak")):
        session, url = at_the_wallet(shop)
        form = form_of(shop.client.get(url).text)
        assert decided(shop.client, url, first).headers["location"] == session["paymentUrl"]
        late = shop.client.post(url.replace("/wallet?", f"/wallet/{second}?"), data={"form": form} | SIGNED_IN)
        assert (late.status_code, location(late)) == (303, url)
        again = shop.client.post(url.replace("/wallet?", f"/wallet/{first}?"), data={"form": form} | SIGNED_IN)
        assert again.headers["location"] == session["paymentUrl"], "a second tap redirects as the first did"
        page.goto(url)
        shows_end(page, title, session["paymentUrl"])


def test_a_charge_that_was_replaced_by_another_method_takes_no_money(shop: Shop, buyer: Buyers) -> None:
    session, url = at_the_wallet(shop)
    form = form_of(shop.client.get(url).text)
    charge = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"][0]
    back(shop, session, charge["id"])
    page = buyer().opens(url)
    shows_end(page, "Tidak berlaku lagi", session["paymentUrl"])
    page.goto(session["paymentUrl"])
    choose(page, "qris")
    page.goto(url)
    shows_end(page, "Tidak berlaku lagi", session["paymentUrl"])
    answered = shop.client.post(url.replace("/wallet?", "/wallet/pay?"), data={"form": form} | SIGNED_IN)
    assert location(answered) == url
    assert outcomes(shop.gateway, session["id"]) == []
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["status"] == "REQUIRE_ACTION"


def test_a_payment_that_its_merchant_cancelled_can_no_longer_be_approved(site: Gateway, buyer: Buyers) -> None:
    made = wallet_payment(site, "WALLET_TAKEN_BACK", afterSettlementReturnUrl="https://shop.example/back")
    (row,) = site.rows("SELECT id FROM payments WHERE reference = $1", "WALLET_TAKEN_BACK")
    keys = site.sandbox.v4
    task = {"data": {"attributes": {"action": "cancel"}}}
    path = f"/api/v4/payments/contract_{row['id'].hex}/tasks"
    assert site.client.post(path, json=task, auth=(keys.api_key, keys.secret_key)).is_success
    page = buyer().opens(made["paymentMethod"]["settlement"]["httpUrl"])
    shows_end(page, "Tidak berlaku lagi", "https://shop.example/back")


def test_a_payment_fixed_to_the_wallet_offers_the_wallet_again_after_a_decline(shop: Shop, buyer: Buyers) -> None:
    order = NewPayment(
        merchant_id=shop.merchant_id,
        product="payment",
        reference="fixed-to-the-wallet",
        kind="one_time",
        amount=18_500_000,
        method=Method("ewallet", "SHOPEEPAY"),
        details=Details(redirect=True),
        descriptor=None,
        expires_at=None,
    )
    gateway = shop.gateway
    session = json.loads(gateway.do(gateway.services.batches.create(order)))["data"]
    page = buyer().opens(session["paymentUrl"])
    assert heading(page) == "Bayar dengan ShopeePay"
    assert not page.locator(".done button").count(), "the buyer cannot change the merchant's choice"
    page.click(OPEN)
    page.click(DECLINE)
    waits_for(page, "Lanjutkan pembayaran")
    assert "Pembayaran dengan ShopeePay ditolak." in page.inner_text("[role=alert]")
    assert page.locator("button[name=way]").count() == 1
    choose(page, "ewallet/SHOPEEPAY")
    page.click(OPEN)
    approve(page)
    waits_for(page, "Pembayaran diterima")
