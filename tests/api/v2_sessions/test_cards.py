"""Payments by card over HTTP: encrypted, stored, held and captured; and no number where it could be found."""

from typing import Any

import pytest

from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.encrypted_cards import DOCUMENTED_BLOB_NAMES, NAMES, encrypted
from tests.api.v2_sessions.sessions import fresh, order, rupiah

FRICTIONLESS, CHALLENGED = "4440000112200001", "4440000112290002"
SECRET, CODE = "4929173058462719", "907"
"""A number that stands nowhere else, so that it can be searched for."""
BUDI = {"givenName": "Budi", "surname": "Santoso", "email": "budi@shop.example"}


def waiting(shop: CheckedShop, **changes: object) -> dict[str, Any]:
    """A session that waits for an encrypted card."""
    asked = order(
        paymentType="SINGLE",
        paymentMethod={"type": "CARD"},
        paymentMethodOptions=...,
        autoConfirm=False,
        redirectUrl={"successReturnUrl": "https://shop.example/ok"},
    )
    return shop.post("/v2/payments", asked | changes)["data"]


def confirmed(shop: CheckedShop, session: dict[str, Any], number: str, **options: object) -> dict[str, Any]:
    card = {"encryptedCard": encrypted(session["encryptionKey"], number, cvc=CODE)}
    body: dict[str, Any] = {"paymentMethod": {"type": "CARD", "card": card}}
    if options:
        body["paymentMethodOptions"] = {"card": options}
    return shop.post(f"/v2/payments/{session['id']}/confirm", body)["data"]


def states(session: dict[str, Any]) -> tuple[str, str]:
    return session["status"], session["chargeDetails"][0]["status"]


def test_a_session_for_an_encrypted_card_has_a_key_and_no_charge(shop: CheckedShop) -> None:
    session = waiting(shop)
    assert (session["status"], session["chargeDetails"]) == ("REQUIRE_CONFIRMATION", None)
    assert session["encryptionKey"]


def test_an_encrypted_card_pays_and_is_shown_without_its_number(shop: CheckedShop) -> None:
    session = confirmed(shop, waiting(shop), FRICTIONLESS)
    assert states(session) == ("PAID", "SUCCESS")
    card = session["chargeDetails"][0]["card"]
    assert (card["first8"], card["last4"], card["binInformations"]["brand"]) == ("44400001", "0001", "VISA")
    assert card["authenticationResult"]["threeDsMethod"] == "FRICTIONLESS"
    [alone] = shop.get(f"/v2/charges?clientReferenceId={session['clientReferenceId']}")["data"]
    assert (alone["card"], alone["virtualAccount"]) == (card, None)
    assert shop.received_events() == ["PAYMENT.PAID"]


@pytest.mark.parametrize("names", [NAMES, DOCUMENTED_BLOB_NAMES, ("ENCRYPTEDKEY", "NONCE", "CIPHERTEXT")])
def test_the_names_in_an_encrypted_card_are_read_in_any_spelling(
    shop: CheckedShop, names: tuple[str, str, str]
) -> None:
    session = waiting(shop)
    card = {"encryptedCard": encrypted(session["encryptionKey"], FRICTIONLESS, names=names)}
    body = {"paymentMethod": {"type": "CARD", "card": card}}
    assert shop.post(f"/v2/payments/{session['id']}/confirm", body)["data"]["status"] == "PAID"


def test_a_card_whose_bank_asks_is_sent_there_and_then_paid(shop: CheckedShop) -> None:
    session = confirmed(shop, waiting(shop), CHALLENGED)
    assert states(session) == ("REQUIRE_ACTION", "WAITING_FOR_USER_ACTION")
    assert "/threeds?token=" in session["paymentUrl"]
    shop.simulate(session["id"])
    assert states(shop.get(f"/v2/payments/{session['id']}")["data"]) == ("PAID", "SUCCESS")


def test_what_is_held_is_captured_in_a_part_and_the_rest_is_let_go(shop: CheckedShop) -> None:
    session = confirmed(shop, waiting(shop), FRICTIONLESS, captureMethod="MANUAL")
    assert states(session) == ("PROCESSING", "WAITING_FOR_CAPTURE")
    assert session["chargeDetails"][0]["authorizedAmount"] == rupiah(20_000)
    path = f"/v2/payments/{session['id']}/capture"
    made = shop.post(path, {"releaseRemainingAmount": True, "amount": rupiah(15_000)})["data"]
    assert (made["status"], made["amount"]) == ("PENDING", rupiah(15_000))
    shop.advance(seconds=0)
    read = shop.get(f"/v2/payments/{session['id']}")["data"]
    assert states(read) == ("PAID", "SUCCESS")
    charge = read["chargeDetails"][0]
    assert (charge["capturedAmount"], charge["isCaptured"]) == (rupiah(15_000), True)
    assert [part["status"] for part in charge["captureHistories"]] == ["SUCCESS"]
    shop.refused("POST", path, {"releaseRemainingAmount": True}, status=422, code="api_validation_error")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "releaseRemainingAmount"),
        ({"releaseRemainingAmount": "yes"}, "releaseRemainingAmount"),
        ({"releaseRemainingAmount": True, "amount": rupiah(20_001)}, "amount.value"),
        ({"releaseRemainingAmount": True, "amount": rupiah(0)}, "amount.value"),
    ],
)
def test_a_capture_that_is_wrong_takes_nothing(shop: CheckedShop, body: dict[str, Any], field: str) -> None:
    session = confirmed(shop, waiting(shop), FRICTIONLESS, captureMethod="manual")
    path = f"/v2/payments/{session['id']}/capture"
    shop.refused("POST", path, body, status=400, code="api_validation_error", field=field)
    assert shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"][0]["captureHistories"] is None


def test_a_stored_card_is_listed_pays_again_and_is_deleted(shop: CheckedShop) -> None:
    first = confirmed(shop, waiting(shop, customer=BUDI, saveForFutureUse=True), FRICTIONLESS)
    customer = shop.get(f"/v1/customers/{first['customerId']}")["data"]
    [kept] = customer["storedPaymentMethods"]
    assert (kept["paymentMethod"], kept["card"]["last4"], kept["status"]) == ("CARD", "0001", "ACTIVE")
    by_token = {"paymentMethod": {"type": "CARD", "card": {"token": kept["token"]}}, "paymentMethodOptions": ...}
    asked = order(paymentType="SINGLE", customerId=first["customerId"], **by_token)
    again = shop.post("/v2/payments", asked)["data"]
    assert states(again) == ("PAID", "SUCCESS")
    assert again["customer"]["storedPaymentMethods"] == [kept]
    path = f"/v1/customers/{first['customerId']}/stored-payment-methods/{kept['token']}"
    assert shop.call("DELETE", path).json()["data"] == {"token": kept["token"], "status": "INACTIVE"}
    assert shop.get(f"/v1/customers/{first['customerId']}")["data"]["storePaymentMethods"] is None
    shop.refused(
        "POST", "/v2/payments", asked | {"clientReferenceId": fresh()}, status=400, code="api_validation_error"
    )


def test_a_repeated_create_by_card_is_answered_alike_and_takes_the_money_once(shop: CheckedShop) -> None:
    first = confirmed(shop, waiting(shop, customer=BUDI, saveForFutureUse=True), FRICTIONLESS)
    [kept] = shop.get(f"/v1/customers/{first['customerId']}")["data"]["storedPaymentMethods"]
    by_token = {"paymentMethod": {"type": "CARD", "card": {"token": kept["token"]}}, "paymentMethodOptions": ...}
    asked, key = order(paymentType="SINGLE", customerId=first["customerId"], **by_token), fresh("key")
    answers = [shop.post("/v2/payments", asked, X_REQUEST_ID=key) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["data"]["status"] == "PAID"
    count = "SELECT count(*) AS n FROM reports WHERE payment_id = $1::uuid"
    assert shop.gateway.rows(count, answers[0]["data"]["id"])[0]["n"] == 1


def test_no_number_and_no_security_code_is_stored_or_sent(shop: CheckedShop) -> None:
    session = confirmed(shop, waiting(shop, customer=BUDI, saveForFutureUse=True), SECRET, threeDsMethod="NEVER")
    raw = {"number": SECRET, "expMonth": "09", "expYear": "2039", "cvc": CODE}
    refused = shop.call(
        "POST",
        "/v2/payments",
        order(paymentMethod={"type": "CARD", "card": raw}, paymentMethodOptions=...),
        X_REQUEST_ID=fresh("key"),
    )
    assert refused.status_code == 400, "its number may not be sent as it is"
    assert SECRET not in refused.text
    shop.advance(seconds=0)
    assert states(shop.get(f"/v2/payments/{session['id']}")["data"]) == ("PAID", "SUCCESS")
    tables = shop.gateway.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 20
    in_hex = SECRET.encode().hex()
    for table in tables:
        name = table["name"]
        searched = f"SELECT count(*) AS n FROM {name} t WHERE t::text LIKE $1 OR t::text LIKE $2"
        [found] = shop.gateway.rows(searched, f"%{SECRET}%", f"%{in_hex}%")
        assert found["n"] == 0, f"the number stands in {name}"
    [kept] = shop.gateway.rows(
        "SELECT sealed FROM stored_cards WHERE merchant_id = $1 AND last4 = '2719'", shop.merchant_id
    )
    assert SECRET.encode() not in kept["sealed"]
    assert all(SECRET not in item["raw"] for item in shop.inbox())
