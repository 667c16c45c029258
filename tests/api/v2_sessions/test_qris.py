"""QRIS: the payload, the pictures, and the expiry of dynamic codes."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import httpx
import pytest

from gerbang.domain.emv import Fields, parse
from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import rupiah, status_of, waiting
from tests.services.test_pictures import pixels_of_png, pixels_of_svg
from tests.services.test_pictures import read as scanned

QR: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}
OPEN: dict[str, Any] = {"paymentType": "MULTIPLE", "amount": None}


def named(shop: CheckedShop, id_: str) -> str:
    """The name of the picture of this charge or payment."""
    return f"{shop.merchant_id.hex}{UUID(id_).hex}"


def qr_of(session: dict[str, Any]) -> dict[str, Any]:
    charges = session["chargeDetails"]
    return charges[0]["qr"] if charges else session["paymentMethod"]["qr"]


def read(session: dict[str, Any]) -> Fields:
    """The payload, parsed strictly by the standard."""
    return parse(qr_of(session)["qrContent"], strict=True)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- payloads ---------------------------------------------------------------------------------------------------------


def test_a_dynamic_code_names_the_merchant_the_amount_and_the_bill(shop: CheckedShop) -> None:
    session = shop.create(**QR, amount=rupiah(75_000))
    fields = read(session)
    assert (fields["01"], fields["53"], fields["54"], fields["58"]) == ("12", "360", "75000", "ID")
    assert (fields["59"], fields["26-03"], fields["51-00"], fields["51-03"]) == (
        "Toko Baru",
        "UKE",
        "ID.CO.QRIS.WWW",
        "UKE",
    )
    assert fields["51-02"].startswith("ID20")
    assert fields["62-07"] == "A01"
    [held] = shop.gateway.rows("SELECT number FROM paycodes WHERE merchant_id = $1", shop.merchant_id)
    assert fields["62-01"] == held["number"]
    assert "62-05" not in fields


def test_a_static_code_leaves_the_amount_to_the_payer_and_names_its_store(shop: CheckedShop) -> None:
    session = shop.create(**QR | OPEN)
    fields = read(session)
    assert fields["01"] == "11"
    assert "54" not in fields
    assert "62-01" not in fields
    assert fields["62-05"].endswith(qr_of(session)["storeId"])
    assert len(qr_of(session)["storeId"]) == 12


def test_no_two_codes_are_the_same(shop: CheckedShop) -> None:
    codes = {qr_of(shop.create(**QR | kind))["qrContent"] for kind in ({}, {}, OPEN, OPEN)}
    assert len(codes) == 4


def test_the_code_is_the_same_wherever_it_is_read(shop: CheckedShop) -> None:
    session = shop.create(**QR)
    again = shop.get(f"/v2/payments/{session['id']}")["data"]
    assert qr_of(again) == qr_of(session)
    [charge] = shop.get(f"/v2/charges?clientReferenceId={session['clientReferenceId']}")["data"]
    assert (charge["qr"], charge["virtualAccount"]) == (qr_of(session), None)


def test_a_dynamic_code_has_no_store(shop: CheckedShop) -> None:
    qr = qr_of(shop.create(**QR))
    assert (qr["qrType"], qr["retrievalReferenceNumber"], qr["issuerName"]) == ("DYNAMIC", "", "")
    assert "storeId" not in qr


def test_the_issuer_is_shown_once_the_code_is_paid(shop: CheckedShop) -> None:
    session = shop.create(**QR)
    shop.simulate(session["id"], bankReference="RRN-0001")
    charge = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"][0]
    assert charge["status"] == "SUCCESS"
    assert (charge["qr"]["retrievalReferenceNumber"], charge["qr"]["issuerName"]) == (
        "RRN-0001",
        "Gerbang Simulator Bank",
    )
    assert charge["qr"]["qrContent"] == qr_of(session)["qrContent"]


# -- expiry -----------------------------------------------------------------------------------------------------------


def test_a_code_expires_with_its_payment(shop: CheckedShop) -> None:
    session = shop.create(**QR)
    assert qr_of(session)["expiryAt"] == session["expiryAt"]


def test_a_code_expires_after_an_hour_however_long_its_payment_lasts(shop: CheckedShop) -> None:
    session = shop.create(**QR, expiryAt="2025-03-31T00:00:00Z")
    assert session["expiryAt"] == "2025-03-31T00:00:00Z"
    assert instant(qr_of(session)["expiryAt"]) - instant(session["createdAt"]) == timedelta(minutes=60)


def test_a_code_may_be_requested_to_expire_earlier(shop: CheckedShop) -> None:
    in_5_minutes = shop.gateway.services.world.clock.now() + timedelta(minutes=5)
    end = f"{in_5_minutes:%Y-%m-%dT%H:%M:%SZ}"
    session = shop.create(**QR | {"paymentMethodOptions": {"qr": {"expiryAt": end}}})
    assert qr_of(session)["expiryAt"] == end
    body = {"clientReferenceId": "past", "amount": rupiah(1000), "mode": "API", "paymentMethod": {"type": "QR"}}
    body["paymentMethodOptions"] = {"qr": {"expiryAt": "2025-03-30T05:00:00Z"}}
    field = "paymentMethodOptions.qr.expiryAt"
    shop.refused("POST", "/v2/payments", body, status=400, code="api_validation_error", field=field)


def test_an_expired_code_cannot_be_paid_while_its_payment_goes_on(sole_shop: CheckedShop) -> None:
    session = sole_shop.create(**QR, expiryAt="2025-03-31T00:00:00Z")
    sole_shop.advance(to=qr_of(session)["expiryAt"])
    read_again = sole_shop.get(f"/v2/payments/{session['id']}")["data"]
    assert (read_again["status"], read_again["chargeDetails"][0]["status"]) == ("REQUIRE_ACTION", "EXPIRED")
    assert sole_shop.simulate(session["id"]) == "false"
    assert status_of(sole_shop, session["id"]) == "REQUIRE_ACTION"


# -- pictures ---------------------------------------------------------------------------------------------------------


def picture(shop: CheckedShop, url: str) -> httpx.Response:
    """The response that an `<img>` gets: without a token, at the URL in the payment."""
    path = url.removeprefix(shop.gateway.base_url)
    assert path != url
    answered = shop.stranger("GET", path)
    assert answered.status_code == 200
    return answered


@pytest.mark.parametrize("kind", [{}, OPEN])
def test_the_picture_shows_the_code(shop: CheckedShop, kind: dict[str, Any]) -> None:
    qr = qr_of(shop.create(**QR | kind))
    png = picture(shop, qr["qrUrl"])
    assert png.headers["content-type"] == "image/png"
    assert scanned(pixels_of_png(png.content)) == (qr["qrContent"], "M")
    svg = picture(shop, qr["qrUrl"].removesuffix("png") + "svg")
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert scanned(pixels_of_svg(svg.text, scale=3)) == (qr["qrContent"], "M")
    # Browsers do not show an SVG file without its namespace.
    assert ET.fromstring(svg.text).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_charge_on_a_static_code_shows_the_same_picture(shop: CheckedShop) -> None:
    session = shop.create(**QR | OPEN)
    shop.simulate(session["id"], amount=rupiah(1_000))
    charge = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"][0]
    assert picture(shop, charge["qr"]["qrUrl"]).content == picture(shop, qr_of(session)["qrUrl"]).content


@pytest.mark.parametrize(
    "name", ["png", ".png", "1.png", "00000000-0000-4000-8000-000000000000.png", f"{'0' * 64}.png", "%00.svg"]
)
def test_an_unknown_picture_is_not_found(shop: CheckedShop, name: str) -> None:
    assert shop.stranger("GET", f"/v2/qr/{name}").status_code == 404


def test_there_is_no_picture_of_a_virtual_account_nor_in_another_form(shop: CheckedShop) -> None:
    account, code = shop.create(), shop.create(**QR)
    for id_ in (account["id"], account["chargeDetails"][0]["id"], code["id"]):
        refusal(shop.stranger("GET", f"/v2/qr/{named(shop, id_)}.png"), status=404, code="resource_missing")
    charge = named(shop, code["chargeDetails"][0]["id"])
    for name in (charge, f"{charge}.gif", f"{code['chargeDetails'][0]['id']}.png"):
        assert shop.stranger("GET", f"/v2/qr/{name}").status_code == 404


def test_the_payment_that_waits_for_its_code_has_no_picture_yet(shop: CheckedShop) -> None:
    assert shop.stranger("GET", f"/v2/qr/{named(shop, waiting(shop))}.png").status_code == 404
