"""E-wallets: the buyer accepts or declines on the wallet's page and is redirected to the merchant's return URL."""

import re

from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    balance,
    ids,
    in_status,
    link_order,
    listed,
    made,
    read,
    status_of,
    uuid_of,
)
from tests.api.v4_documents.pages import page_of, send_form, url_of, wallet_of


def test_a_buyer_who_accepts_on_the_wallet_page_has_paid_and_is_redirected(shop: CheckedShop) -> None:
    payment = shop.create("e-wallet")
    sent = send_form(shop, wallet_of(payment), "pay")
    assert (sent.status_code, sent.headers["location"]) == (303, "https://shop.example/return")
    assert status_of(shop, payment) == "paid"
    assert [callback["attributes"]["status"] for callback in shop.callbacks()] == ["paid"]
    assert page_of(shop, wallet_of(payment)).status_code == 200
    assert balance(shop) == ("20000.0", "0.0", "20000.0")


def test_a_buyer_who_declines_on_the_wallet_page_fails_the_payment_and_is_redirected(shop: CheckedShop) -> None:
    payment = shop.create("e-wallet")
    sent = send_form(shop, wallet_of(payment), "decline")
    assert (sent.status_code, sent.headers["location"]) == (303, "https://shop.example/return")
    attributes = read(shop, payment)["attributes"]
    assert (attributes["status"], attributes["failureReason"]) == ("failed", "The customer declined the payment.")
    assert shop.callbacks() == []


def test_a_link_whose_wallet_payment_was_declined_is_pending_again(shop: CheckedShop) -> None:
    link = made(shop, LINKS, link_order())
    way = re.search(r'value="(ewallet[^"]*)"', page_of(shop, url_of(link)).text)
    assert way
    send_form(shop, url_of(link), "choose", way=way[1])
    [payment] = listed(shop)
    send_form(shop, wallet_of(payment), "decline")
    assert (status_of(shop, link), shop.callbacks()) == ("pending", [])
    send_form(shop, url_of(link), "choose", way="qris")
    shop.do(link, "receive_payment")
    assert status_of(shop, link) == "paid"


def test_the_wallet_page_of_a_payment_that_has_ended_has_no_form(shop: CheckedShop) -> None:
    for status in ("cancelled", "expired"):
        payment = shop.create("e-wallet")
        if status == "cancelled":
            shop.do(payment, "cancel")
        else:
            shop.v2.simulate(uuid_of(payment), "EXPIRED")
        page = page_of(shop, wallet_of(payment))
        assert (page.status_code, "<form" in page.text) == (200, False)


def test_a_failed_payment_is_never_listed_as_cancelled(shop: CheckedShop) -> None:
    failed, cancelled = in_status(shop, "failed"), in_status(shop, "cancelled")
    assert ids(listed(shop, "?filter[status]=failed")) == [failed["id"]]
    assert ids(listed(shop, "?filter[status]=cancelled")) == [cancelled["id"]]
