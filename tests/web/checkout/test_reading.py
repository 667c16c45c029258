"""The page for everybody: screen readers, keyboards, large print, narrow screens, both languages, light and dark."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import NARROW, Buyer, choose, heading, play, send, too_wide, waits_for

Buyers = Callable[..., Buyer]
Axe = Callable[[Page], list[str]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_axe_finds_nothing_on_any_page(shop: Shop, buyer: Buyers, axe: Axe, scheme: str, locale: str) -> None:
    cancelled = send(shop)
    shop.post(f"/v2/payments/{cancelled['id']}/cancel", {})
    small = send(shop, amount={"value": 2500, "currency": "IDR"})
    one = buyer(color_scheme=scheme, locale=locale)
    one.may_fail = True  # the foreign link is a 404, of which the browser complains
    page = one.opens(shop.gateway.base_url + "/detail?token=x")
    assert axe(page) == []
    for url in (cancelled["paymentUrl"], small["paymentUrl"]):
        page.goto(url)
        assert axe(page) == [], heading(page)
    for way in ("virtual_account/BCA", "qris"):
        page.goto(send(shop)["paymentUrl"])
        page.click(".order summary")
        assert axe(page) == []
        choose(page, way)
        for summary in page.locator(".how summary").all():
            summary.click()
            assert axe(page) == []
        play(page, "wrong")
        page.wait_for_selector(".note")
        assert axe(page) == []
        play(page, "exact")
        page.wait_for_selector(".result.paid")
        assert axe(page) == []
    page.goto(send(shop)["paymentUrl"])
    choose(page, "virtual_account/BRI")
    play(page, "late")
    page.wait_for_selector(".result.expired")
    assert axe(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_without_javascript(shop: Shop, buyer: Buyers, axe: Axe, scheme: str) -> None:
    # Axe itself is a script, so the page's own one is taken out instead of all of them.
    one = buyer(color_scheme=scheme)
    one.context.route(re.compile(r"/detail\?"), scriptless)
    page = one.opens(send(shop)["paymentUrl"])
    assert axe(page) == []
    choose(page, "virtual_account/BRI")
    page.reload()  # what a form leads to is not routed
    assert page.is_visible("text=Periksa status")
    assert axe(page) == []


def scriptless(route: Any) -> None:
    answered = route.fetch()
    head, _, rest = answered.text().partition("<script")
    route.fulfill(response=answered, body=head + rest.partition("</script>")[2])


def test_the_keyboard_alone_suffices(shop: Shop, buyer: Buyers) -> None:
    page = buyer().opens(send(shop)["paymentUrl"])
    _tab_to(page, "QRIS")
    page.keyboard.press("Enter")
    page.wait_for_selector(".card.pay")
    _tab_to(page, "Ganti cara bayar")
    page.keyboard.press("Enter")
    waits_for(page, "Pilih cara bayar")
    _tab_to(page, "BRI")
    page.keyboard.press("Space")
    page.wait_for_selector(".card.pay")
    _tab_to(page, "Salin nomor")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Tersalin")
    _tab_to(page, "BRImo")
    page.keyboard.press("Enter")
    assert "Selesai. Pembayaran terkonfirmasi otomatis" in page.inner_text(".how details[open]")
    _tab_to(page, "Bayar Rp 185.000")
    page.keyboard.press("Enter")
    waits_for(page, "Pembayaran diterima")
    _tab_to(page, "Kembali ke Toko Baru")


def _tab_to(page: Page, name: str) -> None:
    """Presses Tab until something of this name has the focus, and sees that the focus can be seen."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => { const e = document.activeElement;
            return [(e.ariaLabel || e.textContent).trim().replace(/\\s+/g, ' '), getComputedStyle(e).outlineStyle]; }"""
        )
        if focused[0].startswith(name):
            assert focused[1] != "none", f"the focus on {name} cannot be seen"
            return
    pytest.fail(f"Tab never came to {name}")


def test_the_focus_is_not_lost_when_the_page_turns(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    page = buyer().opens(session["paymentUrl"])
    choose(page, "virtual_account/BRI")
    page.focus("button.copy.wide")
    shop.simulate(session["id"])
    waits_for(page, "Pembayaran diterima")
    page.wait_for_function("() => document.activeElement.tagName === 'H1'")


@pytest.mark.parametrize("held", [True, False], ids=["with the focus", "without"])
def test_a_page_that_expires_says_so_once(gateway: Gateway, buyer: Buyers, held: bool) -> None:
    one = buyer()
    one.page.clock.install()
    page = one.opens(send(gateway.shop)["paymentUrl"])
    choose(page, "virtual_account/BRI")
    page.evaluate(
        """() => { window.said = []; new MutationObserver(() => {
        const text = document.querySelector('#news').textContent; if (text) said.push(text);
        }).observe(document.querySelector('#news'), {childList: true}); }"""
    )
    if held:
        page.focus("button.copy.wide")
    gateway.shop.advance(seconds=16 * 60)
    waits_for(page, "Waktu pembayaran habis")
    page.clock.run_for(4_000)
    assert (page.evaluate("document.activeElement.tagName") == "H1") is held, "the focus is read out by itself"
    assert page.evaluate("said") == ([] if held else ["Waktu pembayaran habis"])
    assert page.inner_text("#news") == "", "whoever reads the page on comes to the title once"


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_what_is_seen_on_a_button_is_in_its_name_and_amounts_hold_together(
    shop: Shop, buyer: Buyers, locale: str
) -> None:
    page = buyer(locale=locale).opens(send(shop)["paymentUrl"])

    def reads_well() -> None:
        named = page.evaluate(
            """() => [...document.querySelectorAll('a, button, summary')].map(e => {
            const seen = e.cloneNode(true); seen.querySelectorAll('.unseen').forEach(each => each.remove());
            const heard = e.cloneNode(true); heard.querySelectorAll('[aria-hidden]').forEach(each => each.remove());
            return [seen.textContent.trim(), e.ariaLabel || heard.textContent.trim()]; })"""
        )
        assert len(named) > 2
        for seen, name in named:
            assert name.lower().startswith(seen.lower()), f"{seen!r} is called {name!r}"
        shown = page.text_content("main") or ""
        assert "Rp\u00a0" in shown
        assert not re.search(r"Rp\s(?<!\u00a0)", shown)

    reads_well()
    for way in ("qris", "virtual_account/BCA"):
        choose(page, way)
        reads_well()
        if way == "qris":
            page.click(".done button")
            page.wait_for_selector(".tiles")
    play(page, "wrong")
    page.wait_for_selector(".note")
    reads_well()
    play(page, "exact")
    page.wait_for_selector(".result.paid")
    reads_well()


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
@pytest.mark.parametrize("large", [False, True], ids=["320 px", "200 percent"])
def test_nothing_needs_sideways_scrolling(shop: Shop, buyer: Buyers, locale: str, large: bool) -> None:
    # Zooming to 200 % halves the window in CSS pixels; large print alone doubles the letters in it.
    one = buyer(viewport=NARROW, locale=locale)
    page = one.opens(send(shop, clientReferenceId="R" * 100)["paymentUrl"])

    def fits() -> None:
        if large:
            page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert too_wide(page) <= 0, heading(page)

    fits()
    for way in ("virtual_account/BCA", "qris"):
        page.goto(send(shop, clientReferenceId=f"{way[:3]}{large}{locale}".ljust(100, "R"))["paymentUrl"])
        choose(page, way)
        for summary in page.locator(".how summary").all():
            summary.click()
        fits()
        play(page, "wrong")
        page.wait_for_selector(".note")
        fits()
        play(page, "exact")
        page.wait_for_selector(".result.paid")
        fits()
    page.goto(send(shop, clientReferenceId=f"L{large}{locale}".ljust(100, "R"))["paymentUrl"])
    choose(page, "virtual_account/BRI")
    play(page, "late")
    page.wait_for_selector(".result.expired")
    assert page.inner_text("dd.reference").endswith("RRR")
    fits()


def test_the_page_is_still_for_those_who_want_stillness(shop: Shop, buyer: Buyers) -> None:
    for motion, moving in (("reduce", False), ("no-preference", True)):
        page = buyer(reduced_motion=motion).opens(send(shop)["paymentUrl"])
        choose(page, "qris")
        assert bool(page.evaluate("document.getAnimations().length")) is moving


def test_absurdly_long_orders_are_cut_short(shop: Shop, buyer: Buyers) -> None:
    things = [
        {
            "type": "PHYSICAL",
            "name": f"Barang {n} " + "panjang " * 8,
            "quantity": n,
            "price": {"value": 9_999_999_999, "currency": "IDR"},
        }
        for n in range(1, 81)
    ]
    page = buyer().opens(send(shop, orderInformation={"productDetails": things})["paymentUrl"])
    page.click(".order summary")
    assert page.locator(".order li").count() == 21
    assert "dan 60 barang lain" in page.inner_text(".order")
    assert too_wide(page) <= 0
    assert len(page.content().encode()) < 50_000
