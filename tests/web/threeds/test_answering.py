"""The page of a card's bank, as a sandbox plays it: passed, failed, cancelled, left, answered twice."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from tests.support.gateways import Gateway, Shop
from tests.support.plain_http import TRUSTS_NOBODY
from tests.web.checkout.buyers import Buyer, heading, send
from tests.web.checkout.shop_sites import ShopSite
from tests.web.checkout.test_trust import form_of
from tests.web.threeds.cards import CANCEL, FAIL, PASS, POOR, at_the_bank, states

Buyers = Callable[..., Buyer]


def answered(client: httpx.Client, url: str, answer: str, form: str) -> httpx.Response:
    """Sends a form of the bank's page."""
    return client.post(url.replace("/threeds?", f"/threeds/{answer}?"), data={"form": form})


def outcomes(shop: Shop, session: dict[str, str]) -> list[str]:
    rows = shop.gateway.rows("SELECT outcome FROM reports WHERE payment_id = $1", UUID(session["id"]))
    return [row["outcome"] for row in rows]


def test_opening_the_page_says_that_the_buyer_is_being_authenticated(shop: Shop) -> None:
    session = at_the_bank(shop)
    assert (session["status"], session["chargeDetails"][0]["status"]) == ("REQUIRE_ACTION", "WAITING_FOR_USER_ACTION")
    shown = shop.client.get(session["paymentUrl"]).text
    assert states(shop, session) == ("PROCESSING", "WAITING_FOR_AUTHENTICATION")
    shop.client.get(session["paymentUrl"])
    assert states(shop, session) == ("PROCESSING", "WAITING_FOR_AUTHENTICATION")
    for said in ("SIMULATOR", "Toko Baru", "Rp\u00a0185.000", "Visa •••• 0002", session["clientReferenceId"]):
        assert said in shown


@pytest.mark.parametrize(
    ("button", "to", "ends"),
    [
        (PASS, "success", ("PAID", "SUCCESS")),
        (FAIL, "failure", ("CANCELLED", "FAILED")),
        (CANCEL, "failure", ("CANCELLED", "FAILED")),
    ],
)
def test_an_answer_redirects_to_the_shop(
    shop: Shop, shop_site: ShopSite, buyer: Buyers, button: str, to: str, ends: tuple[str, str]
) -> None:
    session = at_the_bank(shop, shop_site)
    page = buyer(java_script_enabled=False).opens(session["paymentUrl"])
    assert heading(page) == "Benar Anda yang membayar?"
    assert "<script" not in page.content()
    page.click(button)
    page.wait_for_url(f"{shop_site.url}/{to}")
    assert shop_site.visits[-1].referrer is None, "the shop must not learn the token"
    assert states(shop, session) == ends
    page.goto(session["paymentUrl"])
    assert page.url == f"{shop_site.url}/{to}", "the page of an answered question leads to where its answer led"


def test_a_card_that_is_declined_after_its_bank_agreed_leads_to_the_failure_url(shop: Shop) -> None:
    session = at_the_bank(shop, number=POOR)
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    to = answered(shop.client, session["paymentUrl"], "pass", form)
    assert to.headers["location"] == "https://shop.example/failure"
    charge = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"][0]
    assert charge["failureCode"] == "INSUFFICIENT_FUND"


def test_money_that_is_held_for_a_capture_leads_to_the_success_url(shop: Shop) -> None:
    session = at_the_bank(shop, paymentMethodOptions={"card": {"captureMethod": "manual"}})
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    to = answered(shop.client, session["paymentUrl"], "pass", form)
    assert to.headers["location"] == "https://shop.example/success"
    assert states(shop, session) == ("PROCESSING", "WAITING_FOR_CAPTURE")


def test_a_buyer_who_leaves_finds_that_the_time_is_over(gateway: Gateway) -> None:
    shop = gateway.shop
    session = at_the_bank(shop)
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    shop.advance(seconds=16 * 60)
    assert states(shop, session) == ("EXPIRED", "EXPIRED")
    late = answered(shop.client, session["paymentUrl"], "pass", form)
    assert late.headers["location"] == "https://shop.example/expiration"
    assert shop.client.get(session["paymentUrl"]).headers["location"] == "https://shop.example/expiration"
    shop.advance(seconds=16 * 60)
    assert outcomes(shop, session) == []
    assert states(shop, session) == ("EXPIRED", "EXPIRED")


@pytest.mark.parametrize(
    ("first", "second"), [("pass", "fail"), ("fail", "pass"), ("cancel", "pass"), ("pass", "pass")]
)
def test_a_second_answer_changes_nothing(shop: Shop, first: str, second: str) -> None:
    session = at_the_bank(shop)
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    to = answered(shop.client, session["paymentUrl"], first, form).headers["location"]
    before = states(shop, session)
    assert answered(shop.client, session["paymentUrl"], second, form).headers["location"] == to
    assert states(shop, session) == before


def test_two_tabs_that_answer_at_once_have_one_outcome(shop: Shop) -> None:
    for _ in range(4):
        session = at_the_bank(shop)
        form = form_of(shop.client.get(session["paymentUrl"]).text)

        async def both(url: str = session["paymentUrl"], form: str = form) -> list[httpx.Response]:
            async with httpx.AsyncClient(verify=TRUSTS_NOBODY) as client:
                paths = [url.replace("/threeds?", f"/threeds/{answer}?") for answer in ("pass", "fail") * 3]
                return list(await asyncio.gather(*(client.post(path, data={"form": form}) for path in paths)))

        answers = shop.gateway.do(both())
        paid = outcomes(shop, session) == ["booked"]
        assert states(shop, session) == (("PAID", "SUCCESS") if paid else ("CANCELLED", "FAILED"))
        to = "https://shop.example/" + ("success" if paid else "failure")
        assert {answer.headers["location"] for answer in answers} == {to}
    assert shop.get("/sandbox/ledger")["sum"] == "0.00"


# -- buyers who come back ---------------------------------------------------------------------------------------------


def returning(session: dict[str, str]) -> str:
    return session["paymentUrl"].replace("/threeds?", "/threeds/return?")


def test_a_buyer_who_comes_back_waits_until_the_bank_has_answered(
    shop: Shop, shop_site: ShopSite, buyer: Buyers
) -> None:
    session = at_the_bank(shop, shop_site)
    page = buyer(java_script_enabled=False).opens(returning(session))
    assert heading(page) == "Kami menanyakan bank Anda"
    assert page.get_attribute("a:text-is('Ke halaman bank Anda')", "href") == session["paymentUrl"]
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    answered(shop.client, session["paymentUrl"], "pass", form)
    page.wait_for_url(f"{shop_site.url}/success")  # the page loads itself again


def test_a_bank_may_send_its_buyers_back_by_a_form(shop: Shop) -> None:
    session = at_the_bank(shop)
    back = shop.client.post(returning(session), data={"cres": "x" * 20_000}, headers={"origin": "https://bank.example"})
    assert back.status_code == 200
    assert "Kami menanyakan bank Anda" in back.text
    waits, _, again = back.headers["refresh"].partition(";url=")
    assert (waits, again.endswith("&tries=1")) == ("2", True)


def test_a_shop_without_return_urls_has_a_page_that_says_how_it_ended(shop: Shop) -> None:
    session = at_the_bank(shop, redirectUrl=None)
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    said = answered(shop.client, session["paymentUrl"], "pass", form)
    assert said.status_code == 200
    assert "Pembayaran disetujui" in said.text


# -- the sandbox's own API --------------------------------------------------------------------------------------------


def test_a_simulated_success_passes_the_question_of_the_bank(shop: Shop) -> None:
    session = at_the_bank(shop)
    assert shop.simulate(session["id"]) == "true"
    assert states(shop, session) == ("PAID", "SUCCESS")
    assert shop.simulate(session["id"]) == "false", "a second time it changes nothing"
    poor = at_the_bank(shop, number=POOR)
    assert shop.simulate(poor["id"]) == "false"
    assert states(shop, poor) == ("CANCELLED", "FAILED")
    late = at_the_bank(shop)
    shop.client.get(late["paymentUrl"])
    assert shop.simulate(late["id"], "EXPIRED") == "true"
    assert states(shop, late) == ("EXPIRED", "EXPIRED")


def test_no_money_is_simulated_for_a_card_that_nobody_has_given(shop: Shop) -> None:
    session = send(shop, paymentMethod={"type": "CARD"})
    body = {"paymentSessionId": session["id"], "chargeStatus": "SUCCESS"}
    refused = shop.call("POST", "/v2/payments/simulations", body)
    assert refused.status_code == 422
    assert "has given no card yet" in refused.text
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    shop.client.post(session["paymentUrl"].replace("?", "/simulate?"), data={"form": form, "play": "exact"})
    assert outcomes(shop, session) == []
    assert states(shop, session) == ("REQUIRE_ACTION", "WAITING_FOR_USER_ACTION")
