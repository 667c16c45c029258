"""Security of 3-D Secure's pages: forged links, foreign forms, frames, live mode, languages, accessibility."""

import dataclasses
import re
from collections.abc import Callable
from uuid import uuid4

import httpx
import jwt
import pytest
from playwright.sync_api import Page

from gerbang.web import threeds
from gerbang.web._pages import rate_limit
from gerbang.web.threeds.rendering import TEXTS
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import Buyer, heading, send
from tests.web.checkout.test_trust import form_of, looks, token_of
from tests.web.threeds.cards import PASS, at_the_bank, states

Buyers = Callable[..., Buyer]
Axe = Callable[[Page], list[str]]
PLACEHOLDERS = re.compile(r"\{\w+\}")
ANSWERS = ("pass", "fail", "cancel")


@pytest.mark.parametrize("how", ["missing", "garbled", "signed by another", "of nobody", "of the payment page"])
def test_an_invalid_link_gets_an_error_page_without_data(shop: Shop, how: str) -> None:
    token, key = token_of(at_the_bank(shop)["paymentUrl"]), shop.gateway.services.world.keyring.page_key
    claims = jwt.decode(token, options={"verify_signature": False})
    tokens = {
        "garbled": token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
        "signed by another": jwt.encode(claims, "k" * 64, algorithm="HS256"),
        "of nobody": jwt.encode(claims | {"uuid": str(uuid4())}, key, algorithm="HS256"),
        "of the payment page": token_of(send(shop)["paymentUrl"]),
    }
    params = {"token": tokens[how]} if how in tokens else {}
    asked = [("GET", ""), ("GET", "/return"), ("POST", "/return"), *(("POST", f"/{answer}") for answer in ANSWERS)]
    for method, path in asked:
        answered = shop.client.request(method, f"/threeds{path}", params=params)
        assert answered.status_code == 404
        assert "Tautan ini tidak berlaku" in answered.text
        assert "Toko Baru" not in answered.text
    for page in ("/detail", "/detail/card", "/wallet"):
        assert shop.client.get(page, params={"token": token}).status_code == 404, "nor does its token open other pages"


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_form_from_another_site_answers_nothing(shop: Shop, headers: dict[str, str], answer: str) -> None:
    session = at_the_bank(shop)
    path = session["paymentUrl"].replace("/threeds?", f"/threeds/{answer}?")
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    refused = shop.client.post(path, data={"form": form}, headers=headers)
    assert refused.status_code == 403
    assert "Tidak ada yang berubah" in refused.text
    assert shop.client.post(path).status_code == 403, "nor without the page's CSRF token"
    assert shop.client.get(path).status_code == 404, "nor by a link"
    assert states(shop, session) == ("PROCESSING", "WAITING_FOR_AUTHENTICATION")


def test_too_many_requests_for_one_charge_are_answered_429(shop: Shop) -> None:
    session = at_the_bank(shop)
    answers = [shop.client.get(session["paymentUrl"]).status_code for _ in range(int(rate_limit.BURST) + 30)]
    assert 429 in answers


def test_every_answer_is_uncached_and_has_a_strict_content_security_policy(shop: Shop) -> None:
    looks(shop, frame_ancestors=["https://shop.example"])
    session = at_the_bank(shop)
    for url in (session["paymentUrl"], session["paymentUrl"].replace("/threeds?", "/threeds/return?")):
        answered = shop.client.get(url)
        policy = answered.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "form-action 'self' https://shop.example;" in policy
        assert "frame-ancestors https://shop.example" in policy, "it is framed with the payment page"
        assert answered.headers["cache-control"] == "no-store"
        assert answered.headers["referrer-policy"] == "no-referrer"
        assert not re.search(r"<script|\son\w+=|\sstyle=|javascript:", answered.text)


def test_live_mode_plays_no_bank_and_takes_buyers_back(site: Gateway, shop: Shop) -> None:
    """The same gateway in live mode."""

    class Live:
        world = dataclasses.replace(site.services.world, live=True)
        batches = site.services.batches
        base_url = site.base_url
        root = ""
        when_stopping = site.services.router.when_stopping

    session = at_the_bank(shop)
    url, form = session["paymentUrl"], form_of(shop.client.get(session["paymentUrl"]).text)

    async def requests() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(threeds.build(Live()))) as client:
            posts = [url.replace("/threeds?", f"/threeds/{answer}?") for answer in ANSWERS]
            answers = [await client.get(url), *[await client.post(path, data={"form": form}) for path in posts]]
            return [*answers, await client.get(url.replace("/threeds?", "/threeds/return?"))]

    *played, back = site.do(requests())
    assert {answered.status_code for answered in played} == {404}
    assert back.status_code == 200
    assert "Kami menanyakan bank Anda" in back.text
    assert "SIMULATOR" not in back.text
    assert states(shop, session) == ("PROCESSING", "WAITING_FOR_AUTHENTICATION")


def test_every_text_has_both_languages_with_the_same_placeholders() -> None:
    assert TEXTS["id"].keys() == TEXTS["en"].keys()
    for key, text in TEXTS["id"].items():
        assert text
        assert TEXTS["en"][key]
        assert set(PLACEHOLDERS.findall(text)) == set(PLACEHOLDERS.findall(TEXTS["en"][key])), key


def test_the_language_stays_from_the_payment_page_to_the_bank_and_back(shop: Shop, buyer: Buyers) -> None:
    session, one = at_the_bank(shop, redirectUrl=None), buyer(locale="en-US")
    page = one.opens(f"{session['paymentUrl']}&lang=id")
    assert heading(page) == "Benar Anda yang membayar?"
    page.click("nav a[hreflang=en]")
    assert heading(page) == "Is it you who is paying?"
    page.click(PASS)
    page.wait_for_selector("h1:text-is('Payment approved')")


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_axe_finds_nothing_on_its_ends(shop: Shop, buyer: Buyers, axe: Axe, locale: str) -> None:
    session, one = at_the_bank(shop, redirectUrl=None), buyer(locale=locale)
    one.may_fail = True  # the invalid link is a 404, which the browser logs as an error
    page = one.opens(session["paymentUrl"])
    page.click(PASS)
    assert axe(page) == [], heading(page)
    page.goto(f"{shop.gateway.base_url}/threeds?token=x")
    assert axe(page) == [], heading(page)
