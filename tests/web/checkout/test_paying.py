"""A buyer comes from the shop, chooses, pays and returns to the shop, in a real browser."""

from collections.abc import Callable

import pytest

from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import DESKTOP, PHONE, Buyer, choose, heading, link, play, send, waits_for
from tests.web.checkout.shop_sites import ShopSite

Buyers = Callable[..., Buyer]
RETURNS_AFTER = 9_000
"""Milliseconds of the browser's clock after which a page with a result has returned to the shop by itself."""


def stays(one: Buyer, shop_site: ShopSite) -> None:
    """The page does not return to the shop by itself, however long it is looked at."""
    one.page.clock.run_for(RETURNS_AFTER)
    # Whatever the page had requested before this is on the list of requests by now.
    one.page.evaluate("fetch('/livez').then(() => fetch('/livez')).then(() => true)")
    assert not [request.url for request in one.requests if request.url.startswith(shop_site.url)]


@pytest.mark.parametrize("way", ["virtual_account/BRI", "qris"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_buyer_chooses_pays_and_returns_to_the_shop(
    shop: Shop, shop_site: ShopSite, buyer: Buyers, way: str, viewport: dict[str, int]
) -> None:
    session, one = send(shop, shop_site), buyer(viewport=viewport)
    one.page.clock.install()
    page = one.opens(session["paymentUrl"])
    assert heading(page) == "Pilih cara bayar"
    assert page.inner_text(".amount") == "Rp\u00a0185.000"
    choose(page, way)
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    if way == "qris":
        page.click("#back")
    else:
        page.clock.run_for(RETURNS_AFTER)
    # Otherwise the page returns by itself, to exactly the return URL.
    page.wait_for_url(f"{shop_site.url}/**", timeout=15_000)
    assert page.url == f"{shop_site.url}/success?order=1&x=%20y"
    assert shop_site.visits[-1].referrer is None, "the shop must not learn the token"
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["status"] == "PAID"
    assert shop.received_events() == ["PAYMENT.PAID"]


def test_a_buyer_can_choose_and_pay_without_javascript(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    page = buyer(java_script_enabled=False).opens(send(shop, shop_site)["paymentUrl"])
    assert not page.is_visible("[data-ends]")
    page.click("button[value='virtual_account/PERMATA']")
    assert heading(page) == "Transfer ke nomor ini"
    assert page.is_visible("text=Periksa status")
    assert not page.is_visible("button.copy"), "a button that needs JavaScript is hidden without it"
    assert not page.is_visible("[data-ends]"), "a countdown that does not run would be wrong"
    assert "30 Maret 2025, " in page.inner_text(".ends")
    page.click("text=Periksa status")
    page.click("button[value='exact']")
    assert heading(page) == "Pembayaran diterima"
    page.click("text=Kembali ke Toko Baru")
    assert page.url == f"{shop_site.url}/success?order=1&x=%20y"


def test_the_page_redraws_and_announces_the_result_when_money_arrives(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    page = buyer().opens(session["paymentUrl"])
    choose(page, "qris")
    shop.simulate(session["id"])
    waits_for(page, "Pembayaran diterima")
    page.wait_for_function("() => document.querySelector('#announcement')?.textContent === 'Pembayaran diterima'")
    assert page.get_attribute("#announcement", "aria-live") == "polite"
    assert page.title() == "Pembayaran diterima · Toko Baru"


def test_the_page_polls_where_the_event_stream_is_blocked(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    one = buyer()
    one.may_fail = True  # the browser logs the stream that is aborted here as an error
    one.context.route("**/detail/events*", lambda route: route.abort())
    page = one.opens(session["paymentUrl"])
    choose(page, "virtual_account/BNI")
    shop.simulate(session["id"])
    waits_for(page, "Pembayaran diterima")


def test_an_open_page_expires_with_its_payment(gateway: Gateway, shop_site: ShopSite, buyer: Buyers) -> None:
    page = buyer().opens(send(gateway.shop, shop_site)["paymentUrl"])
    choose(page, "virtual_account/BCA")
    gateway.shop.advance(seconds=16 * 60)
    waits_for(page, "Waktu pembayaran habis")
    assert "Terlanjur membayar? Uang Anda tidak hilang: begitu kami terima," in page.inner_text("main")
    assert "Kopi Gayo" not in page.inner_text("body"), "an expired page does not list the order"
    assert page.get_attribute("#back", "href") == f"{shop_site.url}/expiration"
    page.reload()
    assert heading(page) == "Waktu pembayaran habis"


def test_the_countdown_runs_and_announces_the_last_minute(gateway: Gateway, buyer: Buyers) -> None:
    page = buyer().opens(send(gateway.shop)["paymentUrl"])
    choose(page, "virtual_account/BRI")
    assert page.inner_text("[data-ends]") in ("15:00", "14:59", "14:58")
    assert not page.locator(".left.soon").count()
    gateway.shop.advance(seconds=14 * 60 + 10)
    page.reload()
    page.wait_for_selector(".left.soon")
    page.wait_for_function("() => document.querySelector('#announcement')?.textContent === 'Sisa waktu satu menit.'")


def test_numbers_and_amounts_are_copied_without_spaces_and_separators(shop: Shop, buyer: Buyers) -> None:
    one = buyer(permissions=["clipboard-read", "clipboard-write"])
    page = one.opens(send(shop)["paymentUrl"])
    choose(page, "virtual_account/BRI")
    shown = page.inner_text(".digits").split()
    assert [len(group) for group in shown] == [4, 4, 4, 4]
    page.click("text=Salin nomor")
    page.wait_for_selector("text=Tersalin")
    assert page.evaluate("navigator.clipboard.readText()") == "".join(shown)
    page.click("[aria-label='Salin jumlah']")
    page.wait_for_function("() => navigator.clipboard.readText().then(text => text === '185000')")
    for button in page.locator("button, .plain, .button, summary").all():
        box = button.bounding_box()
        assert box is None or box["height"] >= 24, button.inner_text()
    copies = [button.bounding_box() for button in page.locator("button.copy").all()]
    assert all(box and box["height"] >= 44 for box in copies)


def test_a_merchant_can_skip_the_result_page(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    for way in ("simulated on the page", "paid elsewhere"):
        session, before = send(shop, shop_site, bypassStatusPage=True), len(shop_site.visits)
        page = buyer().opens(session["paymentUrl"])
        choose(page, "qris")
        if way == "paid elsewhere":
            shop.simulate(session["id"])
        else:
            play(page, "exact")
        page.wait_for_url(f"{shop_site.url}/**")
        assert page.url == f"{shop_site.url}/success?order=1&x=%20y"
        assert len(shop_site.visits) == before + 1, "the shop is visited once, by the buyer"


def test_each_end_of_a_payment_links_to_its_own_return_url(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    cancelled, expired = send(shop, shop_site), send(shop, shop_site)
    shop.post(f"/v2/payments/{cancelled['id']}/cancel", {})
    page = buyer().opens(cancelled["paymentUrl"])
    assert heading(page) == "Pembayaran dibatalkan"
    assert page.get_attribute("#back", "href") == f"{shop_site.url}/failure"
    page.goto(expired["paymentUrl"])
    choose(page, "virtual_account/BRI")
    play(page, "late")
    waits_for(page, "Waktu pembayaran habis")
    assert page.get_attribute("#back", "href") == f"{shop_site.url}/expiration"
    assert "WIB, setelah waktunya habis. Uang itu tidak hilang" in page.inner_text("main")
    # The shop gets a callback about the late money too.
    assert "MONEY.SET_ASIDE" in shop.received_events()


@pytest.mark.fast
def test_the_buyer_may_stay_on_the_result_page(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    session, one = send(shop, shop_site), buyer()
    one.page.clock.install()
    page = one.opens(session["paymentUrl"])
    choose(page, "qris")
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    page.click("text=Tetap di halaman ini")
    stays(one, shop_site)
    assert heading(page) == "Pembayaran diterima"


@pytest.mark.parametrize("plays", [["late"], ["wrong", "exact"], ["exact", "twice"]], ids=["late", "wrong", "twice"])
def test_a_page_with_a_note_about_money_in_suspense_does_not_return_by_itself(
    shop: Shop, shop_site: ShopSite, buyer: Buyers, plays: list[str]
) -> None:
    session, one = send(shop, shop_site), buyer()
    one.page.clock.install()
    page = one.opens(session["paymentUrl"])
    choose(page, "virtual_account/BRI")
    for each in plays:
        if each == "twice":
            page.click("text=Tetap di halaman ini")
            shop.post("/sandbox/bank/reports", {"paymentId": session["id"], "amount": 185000})
            page.reload()
        else:
            play(page, each)
            page.wait_for_selector(".note" if each != "exact" else ".result")
    assert "Uang Anda aman" in page.inner_text(".note")
    stays(one, shop_site)
    assert page.url.startswith(shop.gateway.base_url)
    page.click("#back")
    page.wait_for_url(f"{shop_site.url}/**")


def test_a_buyer_can_return_to_the_shop_before_paying(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    session = send(shop, shop_site)
    page = buyer().opens(session["paymentUrl"])
    assert page.inner_text(".leaving") == "Kembali ke Toko Baru tanpa membayar"
    choose(page, "virtual_account/BCA")
    page.click(".leaving a")
    page.wait_for_url(f"{shop_site.url}/failure")
    assert shop_site.visits[-1].referrer is None
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["status"] == "REQUIRE_ACTION", "it can still be paid"
    page.goto(session["paymentUrl"])
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    assert not page.locator(".leaving").count()


def test_the_note_about_late_money_comes_before_the_advice_to_order_again(shop: Shop, buyer: Buyers) -> None:
    page = buyer().opens(send(shop)["paymentUrl"])
    choose(page, "virtual_account/BCA")
    play(page, "late")
    page.wait_for_selector(".note")
    said = page.inner_text("main")
    assert said.index("setelah waktunya habis") < said.index("Belum membayar?")


def test_money_for_a_cancelled_payment_is_shown_even_if_it_was_paid_before_the_cancellation(
    site: Gateway, buyer: Buyers
) -> None:
    page = buyer().opens(link(site, referenceId="CANCELLED_BUT_PAID"))
    choose(page, "virtual_account/BRI")
    number, paid_at = "".join(page.inner_text(".digits").split()), site.services.world.clock.now().isoformat()
    (row,) = site.rows("SELECT id FROM payments WHERE reference = $1", "CANCELLED_BUT_PAID")
    task, keys = {"data": {"attributes": {"action": "cancel"}}}, site.sandbox.v4
    path = f"/api/v4/payments/contract_{row['id'].hex}/tasks"
    assert site.client.post(path, json=task, auth=(keys.api_key, keys.secret_key)).is_success
    waits_for(page, "Pembayaran dibatalkan")
    assert "Terlanjur membayar? Uang Anda tidak hilang: begitu kami terima," in page.inner_text("main")
    report = {"number": number, "amount": 185000, "paidAt": paid_at}
    assert site.shop.post("/sandbox/bank/reports", report)["reports"][0]["outcome"] == "late"
    page.reload()
    assert heading(page) == "Pembayaran dibatalkan"
    said = page.inner_text("main")
    assert "Kami menerima Rp\u00a0185.000 pada 30 Maret 2025, " in said
    assert " WIB, untuk pembayaran yang sudah dibatalkan ini. Uang itu tidak hilang" in said
    assert "juga menerima" not in said
    assert "Terlanjur membayar?" not in said
    assert "Tidak ada yang perlu dibayar lagi di sini." in said


def test_a_wrong_amount_is_not_called_late_once_the_time_is_over(gateway: Gateway, buyer: Buyers) -> None:
    page = buyer().opens(send(gateway.shop)["paymentUrl"])
    choose(page, "virtual_account/BRI")
    play(page, "wrong")
    page.wait_for_selector(".note")
    gateway.shop.advance(seconds=16 * 60)
    waits_for(page, "Waktu pembayaran habis")
    said = page.inner_text(".note")
    assert "Kami menerima Rp\u00a0186.000 pada 30 Maret 2025, " in said
    assert " WIB, yang tidak bisa kami pakai untuk tagihan ini. Uang itu tidak hilang" in said


def test_a_payment_without_return_urls_has_a_result_page(shop: Shop, buyer: Buyers) -> None:
    page = buyer().opens(send(shop, redirectUrl=None)["paymentUrl"])
    choose(page, "qris")
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    assert "Anda boleh menutup halaman ini." in page.inner_text("main")
    assert not page.locator("#back").count()


def test_a_wrong_amount_is_shown_at_once_and_the_payment_stays_open(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    page = buyer().opens(session["paymentUrl"])
    choose(page, "virtual_account/BRI")
    play(page, "wrong")
    page.wait_for_selector(".note")
    said = page.inner_text(".note")
    assert "Kami menerima Rp\u00a0186.000 pada 30 Maret 2025, " in said
    assert " WIB, tetapi tagihannya Rp\u00a0185.000. Uang itu tidak hilang" in said
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    assert "Kami juga menerima Rp\u00a0186.000" in page.inner_text(".note")


def test_methods_that_cannot_be_used_are_shown_with_the_reason(shop: Shop, buyer: Buyers) -> None:
    page = buyer().opens(send(shop, amount={"value": 2500, "currency": "IDR"})["paymentUrl"])
    assert page.locator("button[name=way]").count() == 1, "QRIS alone takes so little"
    assert "Tidak tersedia" in page.inner_text(".off")
    assert "Bisa dipakai mulai Rp\u00a010.000." in page.inner_text(".off")
    page.goto(send(shop, amount={"value": 20_000_000, "currency": "IDR"})["paymentUrl"])
    assert "Bisa dipakai sampai Rp\u00a09.999.999." in page.inner_text(".off")
    assert page.locator("button[name=way]").count() == 9
    page.goto(send(shop, amount={"value": 1, "currency": "IDR"})["paymentUrl"])
    assert not page.locator("button[name=way]").count()
    assert "Belum ada cara bayar yang bisa dipakai untuk pesanan ini. Silakan hubungi Toko Baru." in page.inner_text(
        "main"
    )
    assert "Pilih dan bayar sebelum" not in page.inner_text("main")


def test_the_order_is_shown_as_the_merchant_sent_it(shop: Shop, buyer: Buyers) -> None:
    page = buyer(locale="en-GB").opens(send(shop)["paymentUrl"])
    page.click(".order summary")
    shown = " ".join(page.inner_text(".order").split())
    assert "Kopi Gayo 250 g × 2 Rp 68,000 Saringan V60 Rp 34,000" in shown


def test_the_language_is_that_of_the_browser_or_of_the_switch(shop: Shop, buyer: Buyers) -> None:
    url = send(shop)["paymentUrl"]
    page = buyer(locale="en-US").opens(url)
    assert heading(page) == "Choose how to pay"
    assert page.get_attribute("html", "lang") == "en"
    assert page.inner_text(".amount") == "Rp\u00a0185,000"
    page.click("nav a[hreflang=id]")
    assert heading(page) == "Pilih cara bayar"
    choose(page, "virtual_account/BRI")
    assert heading(page) == "Transfer ke nomor ini", "the language that was chosen goes on through forms"
    assert "30 Maret 2025, " in page.inner_text("main")
    page.click("nav a[hreflang=en]")
    assert heading(page) == "Transfer to this number"
    assert "30 March 2025, " in page.inner_text("main")


def test_a_qr_code_is_large_labelled_and_can_be_saved(shop: Shop, buyer: Buyers) -> None:
    page = buyer().opens(send(shop)["paymentUrl"])
    choose(page, "qris")
    assert "185.000" in (page.get_attribute(".qr", "aria-label") or "")
    assert page.locator(".qr svg").count() == 1
    box = page.locator(".qr svg").bounding_box()
    assert box is not None
    assert box["width"] > 250
    assert "NMID ID2025" in page.inner_text(".payee")
    with page.expect_download() as download:
        page.click("text=Simpan gambar QR")
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
