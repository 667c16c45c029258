"""Security of the simulated e-wallet: foreign tokens and forms, hostile texts, rate limits, live mode."""

import dataclasses
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from playwright.sync_api import Page

from gerbang.errors import CredentialsWrong
from gerbang.services.pages import Pages
from gerbang.web import wallet
from gerbang.web._pages import rate_limit
from gerbang.web.wallet.rendering import TEXTS
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import NARROW, Buyer, heading, in_each_print, send, too_wide
from tests.web.checkout.test_trust import NASTY, SCRIPT, form_of, token_of
from tests.web.wallet.test_deciding import PAY, SIGNED_IN, approve, at_the_wallet, decided, outcomes, wallet_payment

Buyers = Callable[..., Buyer]
Axe = Callable[[Page], list[str]]
PLACEHOLDERS = re.compile(r"\{\w+\}")


def pages_of(gateway: Gateway) -> Pages:
    return Pages(gateway.base_url, gateway.services.world.keyring.page_key)


# -- links ------------------------------------------------------------------------------------------------------------


def test_a_wallet_link_names_its_charge_and_expires_with_it(shop: Shop) -> None:
    session, url = at_the_wallet(shop)
    pages = pages_of(shop.gateway)
    visit = shop.gateway.do(shop.gateway.services.batches.visit(UUID(session["id"])))
    assert visit.charge is not None and visit.charge.expires_at is not None
    assert urlsplit(url).path == "/wallet"
    claims = jwt.decode(token_of(url), options={"verify_signature": False})
    assert claims == {
        "charge": str(visit.charge.id),
        "uuid": session["id"],
        "iss": "wallet",
        "exp": int(visit.charge.expires_at.timestamp()),
    }
    assert pages.wallet_charge_of(token_of(url)) == (UUID(session["id"]), visit.charge.id)
    app = pages.wallet_app_url(visit.charge)
    assert app.startswith("shopeeid://main?apprl=http%3A%2F%2F")
    assert parse_qs(urlsplit(app).query) == {"apprl": [url]}


def test_the_payment_page_and_the_wallet_do_not_accept_each_others_tokens(shop: Shop) -> None:
    session, url = at_the_wallet(shop)
    pages = pages_of(shop.gateway)
    with pytest.raises(CredentialsWrong):
        pages.payment_of(token_of(url))
    with pytest.raises(CredentialsWrong):
        pages.wallet_charge_of(token_of(session["paymentUrl"]))
    assert shop.client.get("/detail", params={"token": token_of(url)}).status_code == 404
    assert shop.client.get("/wallet", params={"token": token_of(session["paymentUrl"])}).status_code == 404


@pytest.mark.parametrize("how", ["missing", "garbled", "signed by another", "unsigned", "of nobody", "odd"])
def test_an_invalid_link_gets_an_error_page_without_data(shop: Shop, how: str) -> None:
    _, url = at_the_wallet(shop)
    token, key = token_of(url), shop.gateway.services.world.keyring.page_key
    claims = jwt.decode(token, options={"verify_signature": False})
    tokens = {
        "garbled": token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
        "signed by another": jwt.encode(claims, "k" * 64, algorithm="HS256"),
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "of nobody": jwt.encode(claims | {"uuid": str(uuid4())}, key, algorithm="HS256"),
        "odd": "\x00é%",
    }
    params = {"token": tokens[how]} if how in tokens else {}
    for method, path in (("GET", "/wallet"), ("POST", "/wallet/pay"), ("POST", "/wallet/decline")):
        answered = shop.client.request(method, path, params=params)
        assert answered.status_code == 404
        assert "Tautan ini tidak berlaku" in answered.text
        assert "185.000" not in answered.text
        assert "Toko Baru" not in answered.text


def test_a_link_to_an_unknown_charge_shows_no_data(shop: Shop) -> None:
    _, url = at_the_wallet(shop)
    claims = jwt.decode(token_of(url), options={"verify_signature": False}) | {"charge": str(uuid4())}
    token = jwt.encode(claims, shop.gateway.services.world.keyring.page_key, algorithm="HS256")
    answered = shop.client.get("/wallet", params={"token": token})
    assert "Tidak berlaku lagi" in answered.text
    assert "185.000" not in answered.text


# -- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
    ],
)
@pytest.mark.parametrize("decision", ["pay", "decline"])
def test_a_form_from_another_site_decides_nothing(shop: Shop, headers: dict[str, str], decision: str) -> None:
    session, url = at_the_wallet(shop)
    form = form_of(shop.client.get(url).text)
    path = url.replace("/wallet?", f"/wallet/{decision}?")
    answered = shop.client.post(path, data={"form": form} | SIGNED_IN, headers=headers)
    assert answered.status_code == 403
    assert "Tidak ada yang berubah" in answered.text
    assert shop.client.post(path).status_code == 403, "nor without the page's CSRF token"
    payers = form_of(shop.client.get(send(shop)["paymentUrl"]).text)
    assert shop.client.post(path, data={"form": payers}).status_code == 403, "nor with that of another page"
    assert shop.client.post(path, content=b"x" * 100_000).status_code == 403
    assert shop.client.get(path).status_code == 404, "nor by a link"
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["status"] == "REQUIRE_ACTION"
    assert shop.client.post(path, data={"form": form} | SIGNED_IN).status_code == 303


def test_too_many_requests_for_one_charge_are_answered_429(shop: Shop) -> None:
    _, url = at_the_wallet(shop)
    answers = [shop.client.get(url) for _ in range(int(rate_limit.BURST) + 30)]
    assert {answer.status_code for answer in answers[: int(rate_limit.BURST)]} == {200}
    busy = next(answer for answer in answers if answer.status_code == 429)
    assert "Tunggu beberapa detik" in busy.text
    _, other = at_the_wallet(shop)
    assert shop.client.get(other).status_code == 200


def test_every_answer_is_uncached_and_has_a_strict_content_security_policy(site: Gateway, shop: Shop) -> None:
    back_to = "https://shop.example"
    made = wallet_payment(site, "WALLET_POLICY", afterSettlementReturnUrl=f"{back_to}/back")
    own = made["paymentMethod"]["settlement"]["httpUrl"]
    for url, form_action in (
        (at_the_wallet(shop)[1], "'self'"),
        (own, f"'self' {back_to}"),
        ("/wallet?token=x", "'self'"),
    ):
        answered = shop.client.get(url)
        policy = answered.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert f"form-action {form_action};" in policy
        assert answered.headers["cache-control"] == "no-store"
        assert answered.headers["referrer-policy"] == "no-referrer"
        assert answered.headers["x-frame-options"] == "DENY"
        assert not re.search(r"<script|\son\w+=|\sstyle=|javascript:", answered.text)
        assert "set-cookie" not in answered.headers
        assert len(answered.content) < 10_000
    assert decided(shop.client, own, "pay").headers["location"] == f"{back_to}/back"


def test_texts_of_shops_are_escaped(shop: Shop, buyer: Buyers) -> None:
    site = shop.gateway
    one = site.new_shop()

    async def rename() -> None:
        async with site.services.world.db.transaction() as tx:
            await tx.execute("UPDATE merchants SET name = $2 WHERE id = $1", one.merchant_id, NASTY + "x" * 200)

    site.do(rename())
    _, url = at_the_wallet(one)
    page = buyer(viewport=NARROW).opens(url)
    assert SCRIPT in page.inner_text("dl")
    assert page.locator("script, img").count() == 0
    assert too_wide(page) <= 0


def test_live_mode_has_no_simulated_wallet(site: Gateway, shop: Shop) -> None:
    """The same gateway in live mode."""

    class Live:
        world = dataclasses.replace(site.services.world, live=True)
        batches = site.services.batches
        base_url = site.base_url
        root = ""
        when_stopping = site.services.router.when_stopping

    session, url = at_the_wallet(shop)
    form = form_of(shop.client.get(url).text)

    async def requests() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(wallet.build(Live()))) as client:
            posts = [url.replace("/wallet?", f"/wallet/{decision}?") for decision in ("pay", "decline")]
            return [
                await client.get(url),
                *[await client.post(path, data={"form": form} | SIGNED_IN) for path in posts],
            ]

    for answered in site.do(requests()):
        assert answered.status_code == 404
        assert "185.000" not in answered.text
    assert outcomes(site, session["id"]) == []


# -- accessibility -----------------------------------------------------------------------------------------------------


def test_every_text_has_both_languages_with_the_same_placeholders() -> None:
    assert TEXTS["id"].keys() == TEXTS["en"].keys()
    for key, text in TEXTS["id"].items():
        assert text
        assert TEXTS["en"][key]
        assert set(PLACEHOLDERS.findall(text)) == set(PLACEHOLDERS.findall(TEXTS["en"][key])), key
    assert not TEXTS["id"].keys() & set(dir(dict))


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_axe_finds_nothing(shop: Shop, buyer: Buyers, axe: Axe, locale: str) -> None:
    _, url = at_the_wallet(shop)
    one = buyer(locale=locale)
    one.may_fail = True  # the invalid link is a 404, which the browser logs as an error
    page = one.opens(url)
    assert axe(page) == []
    decided(shop.client, url, "decline")
    page.reload()
    assert axe(page) == [], heading(page)
    page.goto(shop.gateway.base_url + "/wallet?token=x")
    assert axe(page) == [], heading(page)


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_nothing_needs_sideways_scrolling(shop: Shop, buyer: Buyers, locale: str) -> None:
    _, url = at_the_wallet(shop)
    page = buyer(viewport=NARROW, locale=locale).opens(url)
    for decision in ("", "pay"):
        if decision:
            decided(shop.client, url, decision)
            page.reload()
        for shown in in_each_print(page):
            assert too_wide(page) <= 0, shown
            for button in page.locator(".button").all():
                box = button.bounding_box()
                assert box and box["height"] >= 44, shown


def test_the_page_can_be_used_with_the_keyboard_alone(shop: Shop, buyer: Buyers) -> None:
    session, url = at_the_wallet(shop)
    page = buyer().opens(url)
    for said in ("", "", SIGNED_IN["phone"], SIGNED_IN["password"], ""):  # two languages, two fields, the button
        page.keyboard.press("Tab")
        page.keyboard.type(said)
    assert page.evaluate("document.activeElement.matches(\"form[action*='/wallet/pay'] button\")")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.wait_for_url(session["paymentUrl"])


def test_the_language_is_that_of_the_browser_or_of_the_switch(shop: Shop, buyer: Buyers) -> None:
    _, url = at_the_wallet(shop)
    page = buyer(locale="en-US").opens(url)
    assert heading(page) == "Approve this payment?"
    assert page.inner_text(PAY) == "Pay Rp\u00a0185,000"
    page.click("nav a[hreflang=id]")
    page.wait_for_selector("h1:text-is('Setujui pembayaran ini?')")
    assert page.get_attribute("html", "lang") == "id"
    approve(page)
    page.wait_for_selector("h1:text-is('Pembayaran diterima')")
