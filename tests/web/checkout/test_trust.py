"""Security of the payment page: tampered links, forms of other sites, outdated tabs, hostile texts, rate limits."""

import dataclasses
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from msgspec.structs import replace

from gerbang.domain.merchants import Look
from gerbang.services import merchants
from gerbang.services.pages import Pages
from gerbang.services.payments import read
from gerbang.web import checkout
from gerbang.web._pages import rate_limit, urls
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import Buyer, choose, heading, play, send, waits_for
from tests.web.checkout.shop_sites import ShopSite

Buyers = Callable[..., Buyer]
SCRIPT = "<script>alert(1)</script>"
NASTY = f"{SCRIPT}\"'><img src=x onerror=alert(2)>{{{{7*7}}}}"


def form_of(page: str) -> str:
    """The CSRF token in the forms of a page."""
    found = re.search(r'name="form" value="(\w+)"', page)
    assert found
    return found[1]


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def looks(shop: Shop, **look: object) -> None:
    """Changes the look of the shop's page."""
    world = shop.gateway.services.world
    agreement = shop.gateway.do(read.merchant(world, shop.merchant_id)).agreement
    shop.gateway.do(merchants.set_agreement(world, shop.merchant_id, replace(agreement, look=Look(**look))))  # pyright: ignore[reportArgumentType]  each test names real fields


@pytest.mark.parametrize(
    "how", ["missing", "garbled", "cut", "signed by another", "unsigned", "of nobody", "empty", "odd"]
)
def test_an_invalid_link_gets_an_error_page_without_data(shop: Shop, how: str) -> None:
    token = token_of(send(shop)["paymentUrl"])
    claims = jwt.decode(token, options={"verify_signature": False})
    key = shop.gateway.services.world.keyring.page_key
    tokens = {
        "garbled": token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
        "cut": token[:40],
        "signed by another": jwt.encode(claims, "k" * 64, algorithm="HS256"),
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "of nobody": jwt.encode(claims | {"uuid": str(uuid4())}, key, algorithm="HS256"),
        "empty": "",
        "odd": "\x00é%",
    }
    for path in ("/detail", "/detail/status", "/detail/events"):
        answered = shop.client.get(path, params={"token": tokens[how]} if how in tokens else {})
        if path == "/detail":
            assert answered.status_code == 404
            assert "Tautan ini tidak berlaku" in answered.text
            assert "185.000" not in answered.text
            assert "Toko Baru" not in answered.text
        else:
            assert answered.status_code == 404
            assert answered.content == b""
    assert shop.client.post("/detail/choose", params={"token": tokens.get(how, "")}).status_code in (403, 404)


@pytest.mark.parametrize("path", ["/detail", "/wallet"])
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("id", "pastikan tautannya utuh. Jika Anda sudah membayar, pembayaran Anda tidak terpengaruh.</p>"),
        ("en", "make sure it is complete. If you have already paid, your payment is not affected.</p>"),
    ],
)
def test_the_error_page_of_a_cut_link_does_not_reveal_whether_the_order_was_paid(
    shop: Shop, path: str, language: str, said: str
) -> None:
    session = send(shop, paymentMethod={"type": "QR"})
    shop.simulate(session["id"])
    cut = {"token": token_of(session["paymentUrl"])[:40], "lang": language}
    answered = shop.client.get(path, params=cut)
    assert answered.status_code == 404
    assert said in answered.text


def test_a_csrf_token_is_valid_for_its_own_payment_only(shop: Shop) -> None:
    mine, other = send(shop), send(shop)
    form = form_of(shop.client.get(mine["paymentUrl"]).text)
    token = token_of(other["paymentUrl"])
    answered = shop.client.post("/detail/choose", params={"token": token}, data={"form": form, "way": "qris"})
    assert answered.status_code == 403
    assert shop.get(f"/v2/payments/{other['id']}")["data"]["status"] == "REQUIRE_PAYMENT_METHOD"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
    ],
)
def test_a_form_from_another_site_changes_nothing(shop: Shop, headers: dict[str, str]) -> None:
    session = send(shop)
    fields = {"form": form_of(shop.client.get(session["paymentUrl"]).text), "way": "qris"}
    path = session["paymentUrl"].replace("/detail?", "/detail/choose?")
    answered = shop.client.post(path, data=fields, headers=headers)
    assert answered.status_code == 403
    assert "Tidak ada yang berubah" in answered.text
    assert shop.client.post(path, data={"way": "qris"}).status_code == 403, "nor without the page's CSRF token"
    assert shop.client.post(path, content=b"x" * 100_000).status_code == 403
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["status"] == "REQUIRE_PAYMENT_METHOD"
    assert shop.client.post(path, data=fields).status_code == 303


@pytest.mark.parametrize(
    "way", ["virtual_account/NOBANK", "virtual_account", "qris/BCA", "card", "", "%", "a/b/c", "ewallet/LINKAJA"]
)
def test_a_method_that_is_not_offered_is_refused(shop: Shop, way: str) -> None:
    session = send(shop)
    fields = {"form": form_of(shop.client.get(session["paymentUrl"]).text), "way": way}
    path = session["paymentUrl"].replace("/detail?", "/detail/choose?")
    answered = shop.client.post(path, data=fields)
    assert answered.status_code == 303
    back = shop.client.get(answered.headers["location"])
    said = "Cara bayar itu sedang tidak tersedia. Silakan pilih yang lain."
    assert said in back.text
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["status"] == "REQUIRE_PAYMENT_METHOD"
    shop.post(f"/v2/payments/{session['id']}/cancel", {})
    ended = shop.client.get(answered.headers["location"])
    assert "Pembayaran dibatalkan" in ended.text
    assert said not in ended.text, "there is nothing left to choose"


def test_a_double_submit_chooses_once_and_a_second_method_is_ignored(shop: Shop) -> None:
    session = send(shop)
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    path = session["paymentUrl"].replace("/detail?", "/detail/choose?")
    for way in ("virtual_account/BRI", "virtual_account/BRI", "qris"):
        assert shop.client.post(path, data={"form": form, "way": way}).status_code == 303
    charges = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"]
    assert [charge["virtualAccount"]["channel"] for charge in charges] == ["BRI"]


def test_two_tabs_that_pay_at_the_same_time_pay_once(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    first = buyer()
    page = first.opens(session["paymentUrl"])
    choose(page, "virtual_account/BRI")
    second = first.context.new_page()
    second.goto(session["paymentUrl"])
    for tab in (page, second):
        tab.evaluate("setTimeout(() => document.querySelector('button[value=exact]').click(), 50)")
    for tab in (page, second):
        tab.wait_for_function("() => document.querySelector('h1')?.textContent === 'Pembayaran diterima'")
    assert shop.received_events() == ["PAYMENT.PAID"]
    rows = shop.gateway.rows("SELECT outcome FROM reports WHERE payment_id = $1", UUID(session["id"]))
    assert [row["outcome"] for row in rows] == ["booked"]


def test_history_back_and_a_second_tab_show_the_present_state(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    one = buyer()
    page = one.opens(session["paymentUrl"])
    choose(page, "qris")
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    page.go_back()
    waits_for(page, "Pembayaran diterima")
    second = one.context.new_page()
    second.goto(session["paymentUrl"])
    assert heading(second) == "Pembayaran diterima"


def test_texts_of_shops_and_buyers_are_escaped(site: Gateway, buyer: Buyers, shop_site: ShopSite) -> None:
    shop = site.new_shop(short_name=NASTY[:20])
    site.do(_rename(site, shop.merchant_id, NASTY))
    session = send(
        shop,
        shop_site,
        clientReferenceId=NASTY[:100],
        customer={"givenName": NASTY, "surname": NASTY, "email": "a@b.example"},
        orderInformation={
            "productDetails": [_product(NASTY), _product("مرحبا \u202e evil"), _product("🥭" * 80), _product("x" * 255)]
        },
        redirectUrl={"successReturnUrl": f"{shop_site.url}/?a={SCRIPT.replace(' ', '')}\"'><b>"},
        metadata={"a": NASTY},
    )
    one = buyer()
    page = one.opens(session["paymentUrl"])
    page.click(".order summary")
    assert SCRIPT in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    choose(page, "virtual_account/BRI")
    assert SCRIPT[:10] in page.inner_text(".pay")
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert "49" not in page.inner_text("h1")


def _product(name: str) -> dict[str, object]:
    return {"type": "PHYSICAL", "name": name, "quantity": 1.5, "price": {"value": 1000, "currency": "IDR"}}


async def _rename(site: Gateway, merchant_id: UUID, name: str) -> None:
    async with site.services.world.db.transaction() as tx:
        await tx.execute("UPDATE merchants SET name = $2 WHERE id = $1", merchant_id, name)


@pytest.mark.parametrize(
    "url", ["javascript://x/%0aalert(1)", "data://text/html,x", "vbscript://x", "intent://x", "//evil.example"]
)
def test_a_url_with_a_dangerous_scheme_is_refused_and_never_linked(shop: Shop, url: str) -> None:
    amount = {"value": 20_000, "currency": "IDR"}
    body = {"clientReferenceId": "elsewhere", "amount": amount, "redirectUrl": {"successReturnUrl": url}}
    answered = shop.call("POST", "/v2/payments", body)
    assert answered.status_code == 400
    assert answered.json()["error"]["details"][0]["field"] == "redirectUrl.successReturnUrl"
    # One stored before this check existed is not linked either.
    assert urls.linked(url) is None


def test_every_answer_is_uncached_and_has_a_strict_content_security_policy(shop: Shop) -> None:
    session = send(shop)
    nonces: set[str] = set()
    for url in (session["paymentUrl"], session["paymentUrl"], "/detail?token=x"):
        answered = shop.client.get(url)
        policy = answered.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "form-action 'self'" in policy
        found = re.search(r"script-src 'nonce-([\w-]{20,})';", policy)
        assert found
        nonces.add(found[1])
        assert f'<script nonce="{found[1]}">' in answered.text
        assert answered.headers["cache-control"] == "no-store"
        assert answered.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answered.headers["x-robots-tag"]
        assert answered.headers["x-frame-options"] == "DENY"
        assert not re.search(r"\son\w+=|\sstyle=|javascript:", answered.text)
        assert "set-cookie" not in answered.headers
    assert len(nonces) == 3


def test_a_merchant_can_allow_its_own_site_to_frame_the_page(shop: Shop) -> None:
    looks(
        shop,
        frame_ancestors=[
            "https://shop.example",
            "https://*.shop.example:8443",
            "*",
            "'self'; script-src *",
            "javascript:x",
        ],
    )
    answered = shop.client.get(send(shop)["paymentUrl"])
    assert (
        "frame-ancestors https://shop.example https://*.shop.example:8443"
        in answered.headers["content-security-policy"]
    )
    assert "x-frame-options" not in answered.headers


def test_every_colour_of_a_merchant_stays_readable(shop: Shop, buyer: Buyers, axe: Callable[..., list[str]]) -> None:
    pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    session, page = send(shop), buyer().page
    for colour in ("#ffee00", "#ffffff", "#000000", "#7f7f7f", "#ff2d55", "red; } body { display: none"):
        looks(shop, colour=colour, logo_url=pixel)
        page.goto(session["paymentUrl"])
        assert page.locator("img.mark").count() == 1, colour
        assert axe(page) == [], colour


def test_a_logo_that_would_have_to_be_fetched_is_left_out(shop: Shop) -> None:
    looks(shop, logo_url="https://cdn.example/logo.png")
    page = shop.client.get(send(shop)["paymentUrl"]).text
    assert "cdn.example" not in page
    assert 'class="mark letter"' in page


def test_too_many_requests_for_one_payment_are_answered_429_and_others_are_not(shop: Shop) -> None:
    busy, other = send(shop), send(shop)
    statuses = [
        shop.client.get(busy["paymentUrl"].replace("/detail?", "/detail/status?")).status_code for _ in range(150)
    ]
    assert statuses[: int(rate_limit.BURST)] == [200] * int(rate_limit.BURST)
    assert 429 in statuses
    pages = (shop.client.get(busy["paymentUrl"]) for _ in range(150))  # a bucket refills while a slow machine asks
    answered = next(page for page in pages if page.status_code == 429)
    assert "Pembayaran Anda tidak terpengaruh" in answered.text
    assert shop.client.get(other["paymentUrl"]).status_code == 200


def test_buckets_refill_and_the_idle_ones_are_dropped() -> None:
    buckets = rate_limit.Buckets()
    assert all(buckets.take("a", 0.0) for _ in range(int(rate_limit.BURST)))
    assert not buckets.take("a", 0.0)
    assert buckets.take("a", 1.0)
    for name in range(rate_limit.BUCKETS_MAX + 10):
        buckets.take(name, 2.0)
    assert len(buckets) <= rate_limit.BUCKETS_MAX


def test_live_mode_has_no_sandbox_panel_and_no_route_for_it(site: Gateway, shop: Shop) -> None:
    """The same gateway in live mode: the sandbox panel is removed and not only hidden."""

    class Live:
        world = dataclasses.replace(site.services.world, live=True)
        batches = site.services.batches
        base_url = site.base_url
        root = ""
        when_stopping = site.services.router.when_stopping

    session = send(shop)
    url = session["paymentUrl"]
    form = form_of(shop.client.get(url).text)
    shop.client.post(url.replace("/detail?", "/detail/choose?"), data={"form": form, "way": "qris"})
    assert "SANDBOX" in shop.client.get(url).text

    async def requests() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(checkout.build(Live()))
        async with httpx.AsyncClient(transport=transport, base_url=site.base_url) as client:
            path = url.replace("/detail?", "/detail/simulate?")
            return await client.get(url), await client.post(path, data={"form": form, "play": "exact"})

    page, simulated = site.do(requests())
    assert page.status_code == 200
    assert "SANDBOX" not in page.text
    assert "simulate" not in page.text
    assert simulated.status_code == 404
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["status"] == "REQUIRE_ACTION"


def test_a_page_is_smaller_than_50_kilobytes(shop: Shop) -> None:
    for way in ("virtual_account/BCA", "virtual_account/MANDIRI", "qris"):
        session = send(shop)
        path = session["paymentUrl"].replace("/detail?", "/detail/choose?")
        choosing = shop.client.get(session["paymentUrl"])
        shop.client.post(path, data={"form": form_of(choosing.text), "way": way})
        paying = shop.client.get(session["paymentUrl"])
        assert len(choosing.content) < 50_000
        assert len(paying.content) < 50_000, f"{way}: {len(paying.content)} bytes"


def test_urls_with_letters_outside_ascii_are_encoded(shop: Shop) -> None:
    assert urls.location("https://toko.example/selesai?n=Budi é") == "https://toko.example/selesai?n=Budi %C3%A9"
    assert urls.origin("https://bücher.example/x") == "https://xn--bcher-kva.example"
    assert urls.origin("http://127.0.0.1:80a/") is None
    assert urls.linked("https://user@bank.example@evil.example/") is None
    assert urls.linked("https:///x") is None
    assert urls.linked("https://shop.example/ok?a=1&b=2") == "https://shop.example/ok?a=1&b=2"


def test_the_token_of_a_page_carries_the_expiry(shop: Shop) -> None:
    session = send(shop, expiryAt="2025-03-31T23:59:05Z")
    claims = jwt.decode(token_of(session["paymentUrl"]), options={"verify_signature": False})
    assert claims == {"uuid": session["id"], "iss": "backend-portal", "exp": 1743465545}
    pages = Pages(shop.gateway.base_url, shop.gateway.services.world.keyring.page_key)
    assert str(pages.payment_of(token_of(session["paymentUrl"]))) == session["id"]
