"""All methods on one page: barcodes for retail outlets, and e-wallets and back."""

import base64
import itertools
import re
from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from gerbang.services.pictures import svg
from tests.services.test_pictures import LONG_PAN, QRIS
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import (
    DESKTOP,
    NARROW,
    Buyer,
    assert_fits,
    choose,
    heading,
    link,
    offers,
    play,
    send,
    waits_for,
)
from tests.web.checkout.scanners import scanned
from tests.web.checkout.shop_sites import ShopSite
from tests.web.checkout.test_reading import scriptless
from tests.web.checkout.test_trust import form_of

Buyers = Callable[..., Buyer]
Axe = Callable[[Page], list[str]]
SMALL = {"width": 360, "height": 640}
OPEN, PAY, DECLINE = ".leave .button", "form[action*='/wallet/pay'] button", "form[action*='/wallet/decline'] button"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """A shop whose sessions can be paid on every channel."""
    offers(shop, "retail_outlet", "ewallet")
    return shop


def agrees(page: Page) -> None:
    """Signs in to the simulated wallet and approves."""
    page.fill("#phone", "081234567890")
    page.fill("#password", "000000")
    page.click(PAY)


def code_of(shop: Shop, session: dict[str, Any]) -> str:
    rows = shop.gateway.rows("SELECT number FROM paycodes WHERE payment_id = $1::uuid", session["id"])
    return str(rows[0]["number"])


# -- choosing ---------------------------------------------------------------------------------------------------------


def test_all_methods_fit_two_screens_of_a_small_phone(site: Gateway, buyer: Buyers) -> None:
    url = link(site)
    for locale in ("id-ID", "en-US"):
        page = buyer(viewport=SMALL, locale=locale).opens(url)
        ways = [button.get_attribute("value") or "" for button in page.locator("button[name=way]").all()]
        assert ways[:4] == ["qris", "ewallet/SHOPEEPAY", "retail_outlet/ALFAMART", "retail_outlet/INDOMARET"]
        assert {"virtual_account/HANA", "virtual_account/SAHABAT_SAMPOERNA"} <= set(ways[4:])
        last = page.locator("button[name=way]").last.bounding_box()
        assert last and last["y"] + last["height"] <= 2 * SMALL["height"]
        for tile in page.locator(".tile").all():
            assert tile.evaluate("e => e.scrollWidth <= e.clientWidth && e.clientHeight < 64"), tile.inner_text()
        for viewport in (SMALL, DESKTOP):
            page.set_viewport_size({"width": viewport["width"], "height": viewport["height"]})
            columns = {(tile.bounding_box() or {})["x"] for tile in page.locator("[value^=virtual_account]").all()}
            assert len(columns) == 3


def test_an_outlet_is_offered_by_its_own_limits(shop: Shop, buyer: Buyers) -> None:
    def ways(rupiah: int) -> list[str]:
        page.goto(send(shop, amount={"value": rupiah, "currency": "IDR"})["paymentUrl"])
        found = [button.get_attribute("value") or "" for button in page.locator("button[name=way]").all()]
        return [way for way in found if way.startswith("retail")]

    page = buyer().page
    assert ways(15_000) == ["retail_outlet/ALFAMART", "retail_outlet/INDOMARET"]
    assert ways(14_999) == ["retail_outlet/INDOMARET"]
    assert ways(2_500_001) == ["retail_outlet/INDOMARET"]
    assert ways(5_000_001) == []
    assert "Bisa dipakai sampai Rp\u00a05.000.000." in page.inner_text("main")
    assert ways(9_999) == []
    assert "Bisa dipakai mulai Rp\u00a010.000." in page.inner_text("main")


def test_sessions_offer_wallets_and_no_outlets_unless_agreed(site: Gateway, buyer: Buyers) -> None:
    page = buyer().opens(send(site.new_shop())["paymentUrl"])
    assert not page.locator("[value^=retail_outlet]").count()
    assert page.locator("[value^=ewallet]").count() == 3


# -- at an outlet ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outlet", ["ALFAMART", "INDOMARET"])
def test_a_buyer_pays_at_an_outlet(shop: Shop, shop_site: ShopSite, buyer: Buyers, outlet: str) -> None:
    session = send(shop, shop_site)
    page = buyer().opens(session["paymentUrl"])
    choose(page, f"retail_outlet/{outlet}")
    code = code_of(shop, session)
    assert re.fullmatch(r"\d{8}", code)
    assert heading(page) == f"Tunjukkan kode ini di kasir {outlet.capitalize()}"
    assert page.inner_text(".digits").split() == [code[:4], code[4:]]
    shown = page.inner_text(".pay").replace("\u00a0", " ")
    assert f"Mau bayar TOKO BARU, kode {code[:4]} {code[4:]}." in shown, (
        "the cashier sees the shop's name and not the buyer's"
    )
    assert "Budi" not in shown
    assert "Rp 185.000" in shown
    assert outlet.capitalize() in page.inner_text(".how details[open]")
    assert scanned(page) == [("Code 128", code)]
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    assert f"{outlet.capitalize()} · Bayar di gerai" in page.inner_text("dl")
    page.click("#back")
    page.wait_for_url(f"{shop_site.url}/success?order=1&x=%20y")
    assert shop.received_events()[-1] == "PAYMENT.PAID"


def test_the_barcode_can_be_scanned_from_any_screen(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    page = buyer().opens(session["paymentUrl"])
    choose(page, "retail_outlet/ALFAMART")
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for (width, height), theme in itertools.product([(320, 640), (360, 640), (1280, 900)], themes):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)
        page.locator(".barcode").scroll_into_view_if_needed()
        assert scanned(page) == [("Code 128", code_of(shop, session))], (width, theme)
        box = page.locator(".barcode").bounding_box()
        assert box and box["width"] >= min(width, 400) * 0.8, (width, theme)
        ground = page.locator(".barcode").evaluate("e => getComputedStyle(e).backgroundColor")
        assert ground == "rgb(255, 255, 255)", (width, theme)


def test_a_payment_code_is_copied_without_its_space(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    page = buyer(permissions=["clipboard-read", "clipboard-write"]).opens(session["paymentUrl"])
    choose(page, "retail_outlet/INDOMARET")
    page.click("text=Salin kode")
    page.wait_for_selector("text=Tersalin")
    assert page.evaluate("navigator.clipboard.readText()") == code_of(shop, session)


def test_the_copy_button_names_a_number_or_a_code(shop: Shop, buyer: Buyers) -> None:
    page = buyer().page
    for way, labels in (
        ("virtual_account/BCA", {"id": "Salin nomor", "en": "Copy the number"}),
        ("retail_outlet/ALFAMART", {"id": "Salin kode", "en": "Copy the code"}),
        ("retail_outlet/INDOMARET", {"id": "Salin kode", "en": "Copy the code"}),
    ):
        url = send(shop)["paymentUrl"]
        page.goto(url)
        choose(page, way)
        for language, said in labels.items():
            page.goto(f"{url}&lang={language}")
            assert page.inner_text("button.copy.wide") == said, way


# -- to the wallet and back -------------------------------------------------------------------------------------------


def test_a_buyer_pays_with_a_wallet_and_sees_the_result(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    session = send(shop, shop_site)
    page = buyer(locale="en-US").opens(session["paymentUrl"])
    choose(page, "ewallet/SHOPEEPAY")
    assert heading(page) == "Pay with ShopeePay"
    assert page.inner_text(OPEN) == "Open ShopeePay"
    assert not page.locator(".sandbox").count(), "the simulated wallet replaces the sandbox panel"
    page.click(OPEN)
    waits_for(page, "Approve this payment?")
    agrees(page)
    waits_for(page, "Payment received")
    assert page.url.startswith(f"{shop.gateway.base_url}/detail?")
    assert "ShopeePay · E-wallet" in page.inner_text("dl")
    page.click("#back")
    page.wait_for_url(f"{shop_site.url}/success?order=1&x=%20y")
    assert shop_site.visits[-1].referrer is None
    assert shop.received_events()[-1] == "PAYMENT.PAID"


def test_an_open_page_shows_what_was_decided_in_the_wallet(shop: Shop, buyer: Buyers) -> None:
    one = buyer()
    page = one.opens(send(shop)["paymentUrl"])
    choose(page, "ewallet/SHOPEEPAY")
    app = one.context.new_page()
    app.goto(page.get_attribute(OPEN, "href") or "")
    app.click(DECLINE)
    page.wait_for_selector("[role=alert]")
    assert "Pembayaran dengan ShopeePay ditolak." in page.inner_text("[role=alert]")
    choose(page, "ewallet/SHOPEEPAY")
    app.goto(page.get_attribute(OPEN, "href") or "")
    agrees(app)
    waits_for(page, "Pembayaran diterima")


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("id-ID", "ShopeePay ditolak. Silakan pilih cara bayar lagi. Kami belum menerima uang untuk pesanan ini."),
        ("en-US", "was declined. Please choose how to pay again. We have received no money for this order yet."),
    ],
)
def test_a_declined_wallet_charge_returns_to_the_choice(shop: Shop, buyer: Buyers, locale: str, said: str) -> None:
    session = send(shop)
    page = buyer(locale=locale).opens(session["paymentUrl"])
    choose(page, "ewallet/SHOPEEPAY")
    page.click(OPEN)
    page.click(DECLINE)
    assert said in page.inner_text("[role=alert]")
    page.reload()
    assert said in page.inner_text("[role=alert]"), "the notice is shown again after a reload"
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["status"] == "REQUIRE_PAYMENT_METHOD"
    choose(page, "retail_outlet/ALFAMART")
    assert not page.locator("[role=alert]").count()
    play(page, "exact")
    page.wait_for_selector(".result.paid")
    assert shop.received_events()[-1] == "PAYMENT.PAID"


def test_the_notice_of_a_decline_does_not_deny_money_from_another_method(shop: Shop, buyer: Buyers) -> None:
    page = buyer().opens(send(shop)["paymentUrl"])
    choose(page, "virtual_account/BRI")
    play(page, "wrong")
    page.wait_for_selector(".note")
    page.click("[aria-label='Ganti cara bayar']")
    waits_for(page, "Pilih cara bayar")
    choose(page, "ewallet/SHOPEEPAY")
    page.click(OPEN)
    page.click(DECLINE)
    said = page.inner_text("[role=alert]")
    assert said == "Pembayaran dengan ShopeePay ditolak. Silakan pilih cara bayar lagi."
    assert "Kami menerima Rp\u00a0186.000" in page.inner_text(".note.kept")


def test_the_chosen_language_is_kept_in_the_wallet_and_back(shop: Shop, buyer: Buyers) -> None:
    page = buyer(locale="id-ID").opens(send(shop)["paymentUrl"] + "&lang=en")
    choose(page, "ewallet/SHOPEEPAY")
    page.click(OPEN)
    waits_for(page, "Approve this payment?")
    page.click("nav a[hreflang=id]")
    waits_for(page, "Setujui pembayaran ini?")
    page.click(DECLINE)
    waits_for(page, "Pilih cara bayar")


def test_without_a_result_page_the_wallet_redirects_to_the_shop(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    page = buyer().opens(send(shop, shop_site, bypassStatusPage=True)["paymentUrl"])
    choose(page, "ewallet/SHOPEEPAY")
    page.click(OPEN)
    agrees(page)
    page.wait_for_url(f"{shop_site.url}/success?order=1&x=%20y")


def test_outlets_and_wallets_work_without_javascript(shop: Shop, buyer: Buyers) -> None:
    page = buyer(java_script_enabled=False).opens(send(shop)["paymentUrl"])
    page.click("button[value='ewallet/SHOPEEPAY']")
    page.click(OPEN)
    page.click(DECLINE)
    assert "ditolak" in page.inner_text("[role=alert]")
    page.click("button[value='retail_outlet/INDOMARET']")
    page.wait_for_selector(".barcode svg")
    page.click("text=Ganti")
    page.click("button[value='ewallet/SHOPEEPAY']")
    page.click(OPEN)
    agrees(page)
    page.wait_for_selector("h1:text-is('Pembayaran diterima')")


# -- payment links ----------------------------------------------------------------------------------------------------


def test_a_payment_link_without_return_urls_has_a_result_page(site: Gateway, buyer: Buyers) -> None:
    url = link(site)
    page = buyer().opens(url)
    assert "Kopi Gayo dua bungkus dan satu saringan" in page.inner_text(".summary")
    choose(page, "virtual_account/HANA")
    assert "Budi Santoso" in page.inner_text(".pay")
    assert "MyHana" in page.inner_text(".how")
    page.click("[aria-label='Ganti cara bayar']")
    waits_for(page, "Pilih cara bayar")
    choose(page, "ewallet/SHOPEEPAY")
    page.click(OPEN)
    page.click(PAY)
    waits_for(page, "Pembayaran diterima")
    assert "Anda boleh menutup halaman ini." in page.inner_text("main")
    assert not page.locator("#back").count()
    page.goto(url)
    assert heading(page) == "Pembayaran diterima"


# -- accessibility -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_axe_finds_nothing_on_the_pages_of_outlets_and_wallets(
    shop: Shop, buyer: Buyers, axe: Axe, locale: str
) -> None:
    one = buyer(locale=locale)
    page = one.opens(send(shop)["paymentUrl"])
    assert axe(page) == []
    choose(page, "retail_outlet/ALFAMART")
    assert axe(page) == []
    page.click(".done button")
    page.wait_for_selector(".tiles")
    choose(page, "ewallet/SHOPEEPAY")
    assert axe(page) == []
    page.click(OPEN)
    page.click(DECLINE)
    page.wait_for_selector("[role=alert]")
    assert axe(page) == []
    one.context.route(re.compile(r"/detail\?"), scriptless)
    page.reload()
    choose(page, "retail_outlet/INDOMARET")
    page.reload()
    assert axe(page) == [], "nor without the page's script"


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_outlets_and_wallets_need_no_sideways_scrolling(shop: Shop, buyer: Buyers, locale: str) -> None:
    page = buyer(viewport=NARROW, locale=locale).opens(send(shop)["paymentUrl"])
    assert_fits(page)
    choose(page, "retail_outlet/ALFAMART")
    assert_fits(page)
    page.click(".done button")
    page.wait_for_selector(".tiles")
    choose(page, "ewallet/SHOPEEPAY")
    assert_fits(page)
    page.click(OPEN)
    page.wait_for_selector(PAY)
    assert_fits(page)
    page.click(DECLINE)
    page.wait_for_selector("[role=alert]")
    assert_fits(page)


def test_the_pages_of_outlets_and_wallets_are_smaller_than_50_kilobytes(shop: Shop, site: Gateway) -> None:
    assert len(shop.client.get(link(site)).content) < 50_000
    for way in ("retail_outlet/ALFAMART", "ewallet/SHOPEEPAY"):
        session = send(shop)
        path = session["paymentUrl"].replace("/detail?", "/detail/choose?")
        shop.client.post(path, data={"form": form_of(shop.client.get(session["paymentUrl"]).text), "way": way})
        assert len(shop.client.get(session["paymentUrl"]).content) < 50_000, way


# -- small QR codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "sides"), [(QRIS, (113, 115, 127)), (LONG_PAN, (91, 96, 115, 119))])
def test_a_qr_code_shown_small_as_svg_can_be_scanned(buyer: Buyers, text: str, sides: tuple[int, ...]) -> None:
    page = buyer().page
    drawing = svg(text).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    source = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    for side in sides:
        page.set_content(f'<body style="margin: 20px; background: #fff"><img src="{source}" width="{side}">')
        page.wait_for_function("document.images[0].complete")
        assert [read for _, read in scanned(page)] == [text], side
