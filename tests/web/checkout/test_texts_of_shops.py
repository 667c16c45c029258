"""Texts and URLs of shops on the page: no control of text direction, and return URLs into the shop's app."""

import re
from typing import Any

import pytest

from gerbang.web._pages import urls
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import link, send

DIRECTION_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
EVIL = f"Kopi{DIRECTION_CONTROLS}000.01 pR"
APP = "tokoku://thanks?order=1"


def test_direction_controls_are_removed_from_texts(gateway: Gateway, shop: Shop) -> None:
    product = {"type": "DIGITAL", "name": EVIL, "quantity": 1, "price": {"value": 1, "currency": "IDR"}}
    session = send(
        shop,
        clientReferenceId=f"INV{DIRECTION_CONTROLS}1",
        customer={"givenName": EVIL, "email": "budi@buyer.example"},
        orderInformation={"productDetails": [product]},
        paymentMethod={"type": "VIRTUAL_ACCOUNT"},
        paymentMethodOptions={"virtualAccount": {"channel": "BRI", "virtualAccountName": EVIL}},
    )
    for url in (session["paymentUrl"], link(gateway, description=EVIL, displayName=EVIL)):
        page = shop.client.get(url).text
        assert "Kopi000.01 pR" in page
        assert re.search(f"[{DIRECTION_CONTROLS}]", page) is None
    assert session["clientReferenceId"] == f"INV{DIRECTION_CONTROLS}1", "the merchant gets its own text back unchanged"


def test_a_return_url_may_open_the_app_of_the_shop(shop: Shop) -> None:
    urls = {"successReturnUrl": APP, "failureReturnUrl": "tokoku://failed", "expirationReturnUrl": "com.toko://late"}
    method: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "redirectUrl": urls}
    paid = send(shop, None, **method)
    shop.simulate(paid["id"])
    assert f'href="{APP}" id="back"' in shop.client.get(paid["paymentUrl"]).text
    over = send(shop, None, **method)
    shop.simulate(over["id"], "EXPIRED")
    assert 'href="com.toko://late" id="back"' in shop.client.get(over["paymentUrl"]).text
    direct = send(shop, None, bypassStatusPage=True, **method)
    policy = shop.client.get(direct["paymentUrl"]).headers["content-security-policy"]
    assert re.search(r"form-action 'self' com\.toko: tokoku:(;|$)", policy), policy
    shop.simulate(direct["id"])
    assert shop.client.get(direct["paymentUrl"]).headers["location"] == APP


@pytest.mark.parametrize("url", ["javascript://x/%0aalert(1)", "data://text/html,x", "https://u:p@x", "https://a\\b"])
def test_a_stored_url_that_may_not_be_linked_is_left_out(url: str) -> None:
    assert urls.linked(url) is None
    assert urls.origins([url]) == []
