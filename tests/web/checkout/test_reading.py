"""Accessibility of the page: screen readers, keyboard, large print, narrow screens, both languages, light and dark."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import NARROW, Buyer, assert_fits, choose, heading, play, send, too_wide, waits_for

Buyers = Callable[..., Buyer]
Axe = Callable[[Page], list[str]]


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_axe_finds_nothing_on_any_page(shop: Shop, buyer: Buyers, axe: Axe, locale: str) -> None:
    cancelled = send(shop)
    shop.post(f"/v2/payments/{cancelled['id']}/cancel", {})
    small = send(shop, amount={"value": 2500, "currency": "IDR"})
    one = buyer(locale=locale)
    one.may_fail = True  # the invalid link is a 404, which the browser logs as an error
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
        assert axe(page) == []
        # A guide looks the same wherever it stands: with all of them open, axe sees each.
        page.evaluate(
            "document.querySelectorAll('.how details').forEach((e) => { e.removeAttribute('name'); e.open = true; })"
        )
        assert page.locator(".how details[open] ol").count() == page.locator(".how details").count() > 1
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


def test_axe_finds_nothing_without_javascript(shop: Shop, buyer: Buyers, axe: Axe) -> None:
    # axe is a script itself, so only the page's own script is removed.
    one = buyer()
    one.context.route(re.compile(r"/detail\?"), scriptless)
    page = one.opens(send(shop)["paymentUrl"])
    assert axe(page) == []
    choose(page, "virtual_account/BRI")
    page.reload()  # the route does not apply to the redirect after a form
    assert page.is_visible("text=Periksa status")
    assert axe(page) == []


def scriptless(route: Any) -> None:
    """Answers with the page without its script."""
    answered = route.fetch()
    head, _, rest = answered.text().partition("<script")
    route.fulfill(response=answered, body=head + rest.partition("</script>")[2])


def test_the_page_can_be_used_with_the_keyboard_alone(shop: Shop, buyer: Buyers) -> None:
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
    """Presses Tab until an element of this name has the focus; fails if the focus is not visible."""
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


def test_the_focus_moves_to_the_heading_when_the_page_redraws(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    page = buyer().opens(session["paymentUrl"])
    choose(page, "virtual_account/BRI")
    page.focus("button.copy.wide")
    shop.simulate(session["id"])
    waits_for(page, "Pembayaran diterima")
    page.wait_for_function("() => document.activeElement.tagName === 'H1'")


@pytest.mark.parametrize("focused", [True, False], ids=["with the focus", "without"])
def test_an_expiry_is_announced_once(gateway: Gateway, buyer: Buyers, focused: bool) -> None:
    one = buyer()
    one.page.clock.install()
    page = one.opens(send(gateway.shop)["paymentUrl"])
    choose(page, "virtual_account/BRI")
    page.evaluate(
        """() => { window.announced = []; new MutationObserver(() => {
        const text = document.querySelector('#announcement').textContent; if (text) announced.push(text);
        }).observe(document.querySelector('#announcement'), {childList: true}); }"""
    )
    if focused:
        page.focus("button.copy.wide")
    gateway.shop.advance(seconds=16 * 60)
    waits_for(page, "Waktu pembayaran habis")
    page.clock.run_for(4_000)
    assert (page.evaluate("document.activeElement.tagName") == "H1") is focused, (
        "a focused heading is read out by the screen reader"
    )
    assert page.evaluate("announced") == ([] if focused else ["Waktu pembayaran habis"])
    assert page.inner_text("#announcement") == "", "the announcement is removed, so that it is not read twice"


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_accessible_names_begin_with_the_visible_text_and_amounts_do_not_break(
    shop: Shop, buyer: Buyers, locale: str
) -> None:
    page = buyer(locale=locale).opens(send(shop)["paymentUrl"])

    def assert_names_and_amounts() -> None:
        named = page.evaluate(
            """() => [...document.querySelectorAll('a, button, summary')].map(e => {
            const seen = e.cloneNode(true); seen.querySelectorAll('.unseen').forEach(each => each.remove());
            const spoken = e.cloneNode(true); spoken.querySelectorAll('[aria-hidden]').forEach(each => each.remove());
            return [seen.textContent.trim(), e.ariaLabel || spoken.textContent.trim()]; })"""
        )
        assert len(named) > 2
        for seen, name in named:
            assert name.lower().startswith(seen.lower()), f"{seen!r} is called {name!r}"
        shown = page.text_content("main") or ""
        assert "Rp\u00a0" in shown
        assert not re.search(r"Rp\s(?<!\u00a0)", shown)

    assert_names_and_amounts()
    for way in ("qris", "virtual_account/BCA"):
        choose(page, way)
        assert_names_and_amounts()
        if way == "qris":
            page.click(".done button")
            page.wait_for_selector(".tiles")
    play(page, "wrong")
    page.wait_for_selector(".note")
    assert_names_and_amounts()
    play(page, "exact")
    page.wait_for_selector(".result.paid")
    assert_names_and_amounts()


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_nothing_needs_sideways_scrolling(shop: Shop, buyer: Buyers, locale: str) -> None:
    one = buyer(viewport=NARROW, locale=locale)
    page = one.opens(send(shop, clientReferenceId="R" * 100)["paymentUrl"])

    assert_fits(page)
    for way in ("virtual_account/BCA", "qris"):
        page.goto(send(shop, clientReferenceId=f"{way[:3]}{locale}".ljust(100, "R"))["paymentUrl"])
        choose(page, way)
        for summary in page.locator(".how summary").all():
            summary.click()
        assert_fits(page)
        play(page, "wrong")
        page.wait_for_selector(".note")
        assert_fits(page)
        play(page, "exact")
        page.wait_for_selector(".result.paid")
        assert_fits(page)
    page.goto(send(shop, clientReferenceId=f"L{locale}".ljust(100, "R"))["paymentUrl"])
    choose(page, "virtual_account/BRI")
    play(page, "late")
    page.wait_for_selector(".result.expired")
    assert page.inner_text("dd.reference").endswith("RRR")
    assert_fits(page)


def test_reduced_motion_turns_animations_off(shop: Shop, buyer: Buyers) -> None:
    for motion, moving in (("reduce", False), ("no-preference", True)):
        page = buyer(reduced_motion=motion).opens(send(shop)["paymentUrl"])
        choose(page, "qris")
        assert bool(page.evaluate("document.getAnimations().length")) is moving


def test_very_long_orders_are_shortened(shop: Shop, buyer: Buyers) -> None:
    products = [
        {
            "type": "PHYSICAL",
            "name": f"Barang {n} " + "panjang " * 8,
            "quantity": n,
            "price": {"value": 9_999_999_999, "currency": "IDR"},
        }
        for n in range(1, 81)
    ]
    page = buyer().opens(send(shop, orderInformation={"productDetails": products})["paymentUrl"])
    page.click(".order summary")
    assert page.locator(".order li").count() == 21
    assert "dan 60 barang lain" in page.inner_text(".order")
    assert too_wide(page) <= 0
    assert len(page.content().encode()) < 50_000
