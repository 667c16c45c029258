"""What a buyer quotes to the shop after an order has ended: its number, its amount, and the money received and when."""

import re
from typing import Any

import pytest

from gerbang.web._pages.formatting import instant
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import send
from tests.web.checkout.test_status_stream import awaiting

SAYS = {
    "id": ("Nomor pesanan", "Jumlah tagihan", "Rp\u00a0185.000"),
    "en": ("Order number", "Amount of the bill", "Rp\u00a0185,000"),
}


def rows(shop: Shop, session: dict[str, Any], language: str) -> dict[str, str]:
    """The rows of a result page, by label."""
    page = shop.client.get(f"{session['paymentUrl']}&lang={language}").text
    return dict(re.findall(r"<dt[^>]*>([^<]+)</dt><dd[^>]*>([^<]+)</dd>", page))


def note(shop: Shop, session: dict[str, Any], language: str) -> str:
    """The note about money held in suspense."""
    page = shop.client.get(f"{session['paymentUrl']}&lang={language}").text
    return re.findall(r'<p dir="auto">([^<]+)</p>', page)[0]


def receive(shop: Shop, number: str, amount: int) -> str:
    """Reports money for a number; returns the time of its arrival in Indonesian."""
    shop.post("/sandbox/bank/reports", {"number": number, "amount": amount})
    return instant(shop.gateway.services.world.clock.now(), "id")


def number_of(shop: Shop, session: dict[str, Any]) -> str:
    (charge,) = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"]
    return str(charge["virtualAccount"]["virtualAccountNumber"])


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("ending", ["cancelled", "expired without a choice", "expired", "ended early"])
def test_an_order_that_ended_unpaid_is_listed_with_its_amount(gateway: Gateway, ending: str, language: str) -> None:
    shop = gateway.shop
    session = send(shop) if ending in ("cancelled", "expired without a choice") else awaiting(shop)
    if ending == "cancelled":
        shop.post(f"/v2/payments/{session['id']}/cancel", {})
    elif ending == "ended early":
        shop.simulate(session["id"], "EXPIRED")
    else:
        shop.advance(seconds=25 * 3600)
    number, bill, amount = SAYS[language]
    assert rows(shop, session, language) == {number: session["clientReferenceId"], bill: amount}


def test_a_receipt_is_still_shown_after_the_link_has_expired(gateway: Gateway) -> None:
    shop = gateway.shop
    session = awaiting(shop)
    shop.simulate(session["id"])
    before = rows(shop, session, "id")
    assert before.keys() == {"Dibayar pada", "Cara bayar", "Nomor pesanan"}
    shop.advance(seconds=25 * 3600)
    assert rows(shop, session, "id") == before
    assert '<p class="amount">Rp\u00a0185.000</p>' in shop.client.get(session["paymentUrl"]).text


def test_the_note_about_late_money_has_its_amount_and_time(gateway: Gateway) -> None:
    shop = gateway.shop
    session = awaiting(shop)
    number = number_of(shop, session)
    shop.advance(seconds=16 * 60)
    at = receive(shop, number, 185_000)
    assert note(shop, session, "id").startswith(f"Kami menerima Rp\u00a0185.000 pada {at}, setelah waktunya habis. ")
    at = at.replace("Maret", "March").replace(".", ":")
    assert note(shop, session, "en").startswith(f"We received Rp\u00a0185,000 on {at}, after the time was over. ")
    shop.advance(seconds=120)
    at = receive(shop, number, 15_000)
    said = f"Kami menerima Rp\u00a0200.000 (terakhir pada {at}), setelah waktunya habis. "
    assert note(shop, session, "id").startswith(said)


def test_money_before_and_after_the_expiry_together_is_not_called_late(gateway: Gateway) -> None:
    shop = gateway.shop
    session = awaiting(shop)
    number = number_of(shop, session)
    receive(shop, number, 15_000)
    shop.advance(seconds=16 * 60)
    at = receive(shop, number, 185_000)
    said = f"Kami menerima Rp\u00a0200.000 (terakhir pada {at}), yang tidak bisa kami pakai untuk tagihan ini. "
    assert note(shop, session, "id").startswith(said)
