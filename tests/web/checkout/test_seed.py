"""The vendor's example of a redirect-mode payment, sent as it is printed, and its payment page."""

import json
from collections.abc import Callable

import jwt
import pytest

from tests.support.gateways import Gateway
from tests.web.checkout.buyers import Buyer, choose, heading, play, waits_for

Buyers = Callable[..., Buyer]

CREATE = json.loads("""{
"clientReferenceId": "1743240980",
"amount": {
"value": 10000,
"currency": "IDR"
},
"paymentMethod": {
"type": "VIRTUAL_ACCOUNT"
},
"paymentMethodOptions": {
"virtualAccount": {
"channel": "PERMATA",
"virtualAccountName": "Reforza Harsya"
}
},
"mode": "REDIRECT",
"redirectUrl": {
"successReturnUrl": "https://merchant.com/success",
"failureReturnUrl": "https://merchant.com/failure",
"expirationReturnUrl": "https://merchant.com/expiration"
},
"autoConfirm": true,
"statementDescriptor": "Harsya",
"expiryAt": "2025-03-31T23:59:05Z",
"metadata": {
"invoiceNo": "INV001"
}
}""")
CONFIRM = {key: CREATE[key] for key in ("paymentMethod", "paymentMethodOptions")}


@pytest.mark.parametrize("way", ["fixed by the merchant", "confirmed by the shop", "chosen on the page"])
def test_the_example_payment_is_paid_on_its_page_and_returns_to_the_shop(
    gateway: Gateway, buyer: Buyers, way: str
) -> None:
    shop = gateway.shop
    body = dict(CREATE)
    if way != "fixed by the merchant":
        body = {key: value for key, value in body.items() if key not in CONFIRM} | {"autoConfirm": False}
    session = shop.post("/v2/payments", body)["data"]
    claims = jwt.decode(session["paymentUrl"].partition("token=")[2], options={"verify_signature": False})
    assert claims == {"uuid": session["id"], "iss": "backend-portal", "exp": 1743465545}
    if way == "confirmed by the shop":
        session = shop.post(f"/v2/payments/{session['id']}/confirm", CONFIRM)["data"]
    one = buyer()
    one.context.route("https://merchant.com/**", lambda route: route.fulfill(body="<title>Shop</title>"))
    page = one.opens(session["paymentUrl"])
    if way == "chosen on the page":
        assert heading(page) == "Pilih cara bayar"
        choose(page, "virtual_account/PERMATA")
    shown = page.inner_text("main")
    assert page.inner_text(".amount") == "Rp\u00a010.000"
    assert "1743240980" in shown
    assert "Permata" in shown
    assert page.inner_text(".digits").replace("\n", "").replace(" ", "").startswith("76630000")
    assert "1 April 2025, 06.59 WIB" in shown
    if way != "chosen on the page":
        assert "TOKO GERBANG - Reforza Harsya" in shown
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    page.click("#back")
    page.wait_for_url("https://merchant.com/success")
    assert shop.received_events() == ["PAYMENT.PAID"]
    data = shop.inbox()[-1]["body"]["data"]
    assert data["redirectUrl"] == CREATE["redirectUrl"]
    assert data["chargeDetails"][0]["status"] == "SUCCESS"
