"""Paying by card on the payment page, in a real browser: the form, its errors, the card's bank, declines, saved cards."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import NARROW, Buyer, assert_fits, heading, in_each_print, send, too_wide, waits_for
from tests.web.checkout.shop_sites import ShopSite
from tests.web.checkout.test_trust import form_of
from tests.web.threeds.cards import CANCEL, CHALLENGED, FAIL, FRICTIONLESS, PASS, POOR, states

Buyers = Callable[..., Buyer]
Axe = Callable[[Page], list[str]]
CARD, PAY = "a.offer[href*='/detail/card']", ".fields .button"
FOREIGN, AMEX = "4448100334430014", "378282246310005"


def typed(
    page: Page, number: str = CHALLENGED, *, expiry: str = "12/30", cvc: str = "123", name: str = "BUDI S"
) -> None:
    """Fills the form and sends it."""
    for field, value in (("number", number), ("expiry", expiry), ("cvc", cvc), ("name", name)):
        page.fill(f"[name={field}]", value)
    page.click(PAY)


def at_the_form(shop: Shop, one: Buyer, to: ShopSite | None = None, **changes: Any) -> dict[str, Any]:
    """A session whose buyer has chosen to pay by card."""
    session = send(shop, to, **changes)
    one.opens(session["paymentUrl"])
    one.page.click(CARD)
    one.page.wait_for_selector(".fields")
    return session


# -- paying -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [True, False])
def test_a_buyer_pays_by_card_and_their_bank_asks_them(
    shop: Shop, shop_site: ShopSite, buyer: Buyers, script: bool
) -> None:
    one = buyer(java_script_enabled=script)
    page = one.opens(send(shop, shop_site)["paymentUrl"])
    assert page.locator(CARD).count() == 1, "one entry, however many networks there are"
    assert "Visa, Mastercard, JCB" in page.inner_text(CARD)
    session = at_the_form(shop, one, shop_site)
    kinds = {
        each.get_attribute("name"): each.get_attribute("autocomplete") for each in page.locator(".field input").all()
    }
    assert kinds == {"number": "cc-number", "expiry": "cc-exp", "cvc": "cc-csc", "name": "cc-name"}
    typed(page)
    assert heading(page) == "Benar Anda yang membayar?"
    assert "Visa •••• 0002" in page.inner_text("dl")
    assert states(shop, session) == ("PROCESSING", "WAITING_FOR_AUTHENTICATION")
    page.click(PASS)
    page.wait_for_selector("h1:text-is('Pembayaran diterima')")
    assert "Visa\u00a0••••\u00a00002" in page.inner_text("dl")
    assert states(shop, session) == ("PAID", "SUCCESS")
    assert shop.received_events()[-1] == "PAYMENT.PAID"


def test_a_card_whose_bank_asks_nothing_pays_at_once(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    one = buyer()
    session = at_the_form(shop, one, shop_site, bypassStatusPage=True)
    typed(one.page, FRICTIONLESS)
    one.page.wait_for_url(f"{shop_site.url}/success**")
    assert states(shop, session) == ("PAID", "SUCCESS")


@pytest.mark.parametrize(
    ("number", "answer", "said"),
    [
        (CHALLENGED, FAIL, "Bank Anda tidak bisa memastikan bahwa Anda yang membayar."),
        (CHALLENGED, CANCEL, "Anda membatalkannya di halaman bank."),
        (POOR, PASS, "Saldo atau limit kartunya tidak cukup."),
    ],
)
def test_a_declined_card_says_why_and_the_buyer_chooses_again(
    shop: Shop, buyer: Buyers, number: str, answer: str, said: str
) -> None:
    one = buyer()
    session = at_the_form(shop, one)
    typed(one.page, number)
    one.page.click(answer)
    waits_for(one.page, "Pilih cara bayar")
    notice = one.page.inner_text("[role=alert]")
    assert said in notice
    assert f"Visa\u00a0••••\u00a0{number[-4:]}" in notice
    assert "Tidak ada yang ditagih." in notice
    one.page.click(CARD)
    typed(one.page, FRICTIONLESS)
    waits_for(one.page, "Pembayaran diterima")
    assert states(shop, session) == ("PAID", "SUCCESS")


def test_money_that_is_held_is_shown_as_approved(shop: Shop, shop_site: ShopSite, buyer: Buyers) -> None:
    manual = {"card": {"captureMethod": "manual"}}
    session = send(shop, shop_site, paymentMethod={"type": "CARD"}, paymentMethodOptions=manual)
    page = buyer().opens(session["paymentUrl"])
    assert heading(page) == "Bayar dengan kartu"
    assert not page.locator("text=Pilih cara bayar lain").count()
    typed(page, FRICTIONLESS)
    waits_for(page, "Pembayaran disetujui")
    assert page.get_attribute("#back", "href") == f"{shop_site.url}/success?order=1&x=%20y"
    assert states(shop, session) == ("PROCESSING", "WAITING_FOR_CAPTURE")
    shop.post(f"/v2/payments/{session['id']}/capture", {"amount": session["amount"], "releaseRemainingAmount": True})
    waits_for(page, "Pembayaran diterima")


def test_a_payment_that_waits_for_a_card_is_paid_by_the_one_that_is_given(shop: Shop, buyer: Buyers) -> None:
    """The merchant chose the card, and its session confirmed itself."""
    session = send(shop, paymentMethod={"type": "CARD"}, paymentMethodOptions=None)
    assert states(shop, session) == ("REQUIRE_ACTION", "WAITING_FOR_USER_ACTION")
    page = buyer().opens(session["paymentUrl"])
    typed(page, POOR)
    page.click(PASS)
    waits_for(page, "Bayar dengan kartu")
    assert "Saldo atau limit kartunya tidak cukup." in page.inner_text("[role=alert]")
    typed(page, "5550000112220002")
    page.click(PASS)
    waits_for(page, "Pembayaran diterima")
    assert states(shop, session) == ("PAID", "SUCCESS")
    charges = shop.get(f"/v2/charges?clientReferenceId={session['clientReferenceId']}")["data"]
    assert [each["card"]["last4"] for each in charges] == ["0002", "0010"]


def test_two_tabs_pay_by_one_card(shop: Shop, buyer: Buyers) -> None:
    for method in (None, {"type": "CARD"}):
        one = buyer()
        session = send(shop, paymentMethod=method)
        to = session["paymentUrl"].replace("/detail?", "/detail/card?")
        tabs = [one.opens(to), one.context.new_page()]
        tabs[1].goto(to)
        typed(tabs[0], FRICTIONLESS)
        waits_for(tabs[0], "Pembayaran diterima")
        waits_for(tabs[1], "Pembayaran diterima")
        assert states(shop, session) == ("PAID", "SUCCESS")
        form = form_of(shop.client.get(send(shop)["paymentUrl"]).text)
        assert shop.client.post(to, data={"form": form}).status_code == 403, (
            "nor is a form of another payment one of this"
        )
    assert shop.get("/sandbox/ledger")["sum"] == "0.00"


def test_a_buyer_who_goes_back_from_their_bank_is_led_there_again(shop: Shop, buyer: Buyers) -> None:
    one = buyer()
    session = at_the_form(shop, one)
    typed(one.page)
    waits_for(one.page, "Benar Anda yang membayar?")
    one.page.go_back()
    waits_for(one.page, "Setujui di bank Anda")
    assert not one.page.locator("form").count()
    one.page.goto(session["paymentUrl"])
    one.page.click("text=Lanjut ke bank Anda")
    one.page.click(PASS)
    waits_for(one.page, "Pembayaran diterima")
    one.page.go_back()
    waits_for(one.page, "Pembayaran diterima")


def test_an_acquirers_page_is_reached_without_a_form(shop: Shop, buyer: Buyers) -> None:
    """Where it is not ours, the payment page leads there: the policy of a form that takes cards names nobody else's address."""
    one = buyer()
    session = at_the_form(shop, one)
    policy = shop.client.get(one.page.url).headers["content-security-policy"]
    assert "form-action 'self';" in policy
    typed(one.page)
    waits_for(one.page, "Benar Anda yang membayar?")
    bank = one.page.url
    assert "refresh" not in shop.client.get(session["paymentUrl"]).headers
    one.page.goto(f"{session['paymentUrl']}&go=1")
    one.page.wait_for_url(bank)
    one.page.click(PASS)
    waits_for(one.page, "Pembayaran diterima")
    assert "refresh" not in shop.client.get(f"{session['paymentUrl']}&go=1").headers


def test_a_buyer_who_leaves_their_bank_finds_the_time_over(gateway: Gateway, buyer: Buyers) -> None:
    shop, one = gateway.shop, buyer()
    session = at_the_form(shop, one)
    typed(one.page)
    waits_for(one.page, "Benar Anda yang membayar?")
    one.page.goto(session["paymentUrl"])
    waits_for(one.page, "Setujui di bank Anda")
    shop.advance(seconds=16 * 60)
    waits_for(one.page, "Waktu pembayaran habis")
    assert states(shop, session) == ("EXPIRED", "EXPIRED")


def test_a_page_waits_for_an_acquirer_that_is_silent(gateway: Gateway, buyer: Buyers) -> None:
    shop, one = gateway.shop, buyer()
    session = at_the_form(shop, one, amount={"value": 185504, "currency": "IDR"})
    typed(one.page)
    waits_for(one.page, "Pembayaran sedang diproses")
    shop.advance(seconds=10)
    waits_for(one.page, "Setujui di bank Anda")
    without = buyer(java_script_enabled=False).opens(session["paymentUrl"])
    assert without.locator("meta[http-equiv=refresh]").count() == 1
    one.page.click("text=Lanjut ke bank Anda")
    one.page.click(PASS)
    waits_for(one.page, "Pembayaran diterima")


def test_a_payment_takes_no_more_than_ten_cards(shop: Shop) -> None:
    to, led = send(shop)["paymentUrl"].replace("/detail?", "/detail/card?"), ""
    for tried in range(11):
        form = form_of(shop.client.get(to).text)
        card = {"number": "4440000334410008", "expiry": "12/30", "cvc": "123", "name": "B"}
        led = shop.client.post(to, data={"form": form} | card).headers["location"]
        assert led.endswith("notice=tried_out") == (tried == 10), tried
    assert "Terlalu banyak kartu yang gagal" in shop.client.get(led).text


# -- what is wrong with a card ----------------------------------------------------------------------------------------


def wrong(page: Page) -> dict[str, str]:
    """What is said beside the fields."""
    said = {each.get_attribute("id") or "": each.inner_text() for each in page.locator(".field .wrong").all()}
    return {name.removesuffix("-wrong"): text for name, text in said.items() if text}


@pytest.mark.parametrize("script", [True, False])
def test_each_wrong_field_says_what_is_wrong_with_it(shop: Shop, buyer: Buyers, script: bool) -> None:
    one = buyer(java_script_enabled=script, locale="en-US")
    at_the_form(shop, one)
    page = one.page
    page.click(PAY)
    assert wrong(page) == {
        "number": "Enter the card number.",
        "expiry": "Enter month and year.",
        "cvc": "Enter the security code.",
        "name": "Enter the name as on the card.",
    }
    typed(page, "4440000112290003", expiry="01/25", cvc="12", name="4440 0001")
    assert wrong(page) == {
        "number": "This is not a card number: a digit is wrong or missing.",
        "expiry": "This card has expired.",
        "cvc": "The security code has 3 digits (4 for American Express).",
        "name": "Enter the name alone, without digits.",
    }
    assert page.locator("[aria-invalid=true]").count() == 4
    for number, said in (
        (AMEX, "This card is not accepted. Accepted are: Visa, Mastercard, JCB."),
        (FOREIGN, "A card from abroad cannot be used for this order. Use another card."),
    ):
        typed(page, number, cvc="1234" if number == AMEX else "123")
        page.wait_for_selector(f"#number-wrong:text-is('{said}')")
        assert list(wrong(page)) == ["number"]
    typed(page, FRICTIONLESS, expiry="12 / 2030")
    page.wait_for_selector("h1:text-is('Payment received')")


def test_with_javascript_a_wrong_digit_costs_nothing_else(shop: Shop, buyer: Buyers) -> None:
    one = buyer()
    at_the_form(shop, one)
    page = one.page
    page.locator("[name=number]").press_sequentially("4440000112290003")
    page.locator("[name=expiry]").press_sequentially("1230")
    assert page.input_value("[name=number]") == "4440 0001 1229 0003"
    assert page.input_value("[name=expiry]") == "12/30"
    page.fill("[name=cvc]", "123")
    page.fill("[name=name]", "Budi")
    page.click(PAY)
    assert list(wrong(page)) == ["number"]
    assert page.evaluate("document.activeElement.name") == "number"
    assert page.input_value("[name=name]") == "Budi"
    page.fill("[name=number]", CHALLENGED)
    page.click(PAY)
    waits_for(page, "Benar Anda yang membayar?")


def test_no_page_address_or_log_line_has_a_number_or_a_security_code(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    number, cvc = "4929420573595709", "739"
    seen: list[str] = []
    session, led = send(shop, saveForFutureUse=True, showSavedPayment=True), ""
    to = session["paymentUrl"].replace("/detail?", "/detail/card?")

    def sent(**changes: str) -> str:
        form = form_of(shop.client.get(to).text)
        given = {"form": form, "number": number, "expiry": "12/30", "cvc": cvc, "name": "BUDI"} | changes
        answered = shop.client.post(to, data=given)
        seen.extend((answered.text, str(answered.headers)))
        return str(answered.url.join(answered.headers["location"]))

    for changes in ({"expiry": "13/30"}, {"number": f"{number[:-1]}8"}, {"name": number}, {"cvc": f"{cvc}11"}, {}):
        led = sent(**changes)
        seen.append(shop.client.get(led).text)
    assert "/threeds?" in led
    passing = led.replace("/threeds?", "/threeds/pass?")
    seen.append(shop.client.post(passing, data={"form": form_of(seen[-1])}, follow_redirects=True).text)
    assert "Pembayaran diterima" in seen[-1]
    again = send(shop, showSavedPayment=True)
    seen.append(shop.client.get(again["paymentUrl"]).text)
    assert "5709" in seen[-1]
    seen.extend(capfd.readouterr())
    for digits in (number, " ".join(re.findall("....", number)), number[:12], number[4:]):
        assert not [text for text in seen if digits in text]
    assert not [text for text in seen if re.search(rf"(?<![\w.-]){cvc}(?![\w-])", text)]


# -- saved cards ------------------------------------------------------------------------------------------------------


def with_saved_card(shop: Shop, buyer: Buyer) -> dict[str, Any]:
    """A session whose buyer has paid the shop by a card before, which was saved."""
    at_the_form(shop, buyer, saveForFutureUse=True)
    assert "menyimpan kartu ini" in buyer.page.inner_text(".fields")
    typed(buyer.page, FRICTIONLESS)
    waits_for(buyer.page, "Pembayaran diterima")
    return send(shop, showSavedPayment=True)


@pytest.mark.parametrize("script", [True, False])
def test_a_saved_card_pays_with_its_security_code(shop: Shop, buyer: Buyers, script: bool) -> None:
    session, one = with_saved_card(shop, buyer()), buyer(java_script_enabled=script)
    page = one.opens(session["paymentUrl"])
    assert page.locator(CARD).all_inner_texts()[0].startswith("Visa\u00a0••••\u00a00001")
    assert "Kartu lain" in page.locator(CARD).all_inner_texts()[1]
    page.click(f"{CARD} >> nth=0")
    assert page.locator(".field").count() == 1
    page.click(PAY)
    assert wrong(page) == {"cvc": "Isi kode keamanannya."}
    page.fill("[name=cvc]", "123")
    page.click(PAY)
    page.wait_for_selector("h1:text-is('Pembayaran diterima')")
    assert states(shop, session) == ("PAID", "SUCCESS")


def test_a_saved_card_is_removed_after_a_question(shop: Shop, buyer: Buyers) -> None:
    session, one = with_saved_card(shop, buyer()), buyer()
    page = one.opens(session["paymentUrl"])
    page.click(f"{CARD} >> nth=0")
    page.click("text=Hapus kartu ini")
    waits_for(page, "Hapus Visa\u00a0••••\u00a00001?")
    page.click("text=Tidak, simpan saja")
    page.click("text=Hapus kartu ini")
    question = page.url
    page.click("text=Ya, hapus")
    waits_for(page, "Pilih cara bayar")
    assert page.inner_text("[role=alert]") == "Kartu itu sudah dihapus."
    assert page.locator(CARD).count() == 1
    page.goto(question)
    waits_for(page, "Pilih cara bayar")
    customer = shop.get(f"/v1/customers/{session['customerId']}")["data"]
    assert not customer.get("storedPaymentMethods")


def test_saved_cards_are_shown_only_to_their_customer_and_where_the_shop_asks_for_it(shop: Shop, buyer: Buyers) -> None:
    session = with_saved_card(shop, buyer())
    siti = {"givenName": "Siti", "surname": "A", "email": "siti@buyer.example"}
    for other in (send(shop), send(shop, showSavedPayment=True, customer=siti), send(shop.gateway.new_shop())):
        assert "••••" not in shop.client.get(other["paymentUrl"]).text
    shown = shop.client.get(session["paymentUrl"]).text
    (name,) = re.findall(r"saved=(\w+)", shown)
    (row,) = shop.gateway.rows("SELECT token FROM stored_cards WHERE merchant_id = $1", shop.merchant_id)
    assert row["token"] not in shown
    other = send(shop, showSavedPayment=True, customer=siti)
    for path in ("card", "card/forget"):
        to = other["paymentUrl"].replace("/detail?", f"/detail/{path}?")
        form = form_of(shop.client.get(other["paymentUrl"]).text)
        led = shop.client.post(to, data={"form": form, "saved": name, "cvc": "123"}).headers["location"]
        assert led.endswith("notice=stale")
    assert shop.client.get(session["paymentUrl"]).text.count("saved=") == 1


# -- accessibility ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_axe_finds_nothing_and_nothing_needs_sideways_scrolling(
    shop: Shop, buyer: Buyers, axe: Axe, locale: str
) -> None:
    session = with_saved_card(shop, buyer())
    one = buyer(viewport=NARROW, locale=locale)
    page = one.opens(session["paymentUrl"])

    def looks_right() -> None:
        assert_fits(page)
        assert axe(page) == [], heading(page)

    looks_right()
    page.click(f"{CARD} >> nth=1")
    looks_right()
    page.click(PAY)
    looks_right()
    page.goto(session["paymentUrl"])
    page.click(f"{CARD} >> nth=0")
    looks_right()
    page.click(".center a[href*=forget]")
    looks_right()
    page.goto(session["paymentUrl"].replace("/detail?", "/detail/card?"))
    typed(page)
    page.wait_for_selector("form[action*='/threeds/pass']")
    for shown in in_each_print(page):
        assert too_wide(page) <= 0, shown
    assert axe(page) == []
    page.goto(page.url.replace("/threeds?", "/threeds/return?") + "&tries=9")  # which loads itself again much later
    for shown in in_each_print(page):
        assert too_wide(page) <= 0, shown
    assert axe(page) == []
    page.goto(session["paymentUrl"])
    looks_right()
