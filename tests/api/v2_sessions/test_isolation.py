"""Objects of other merchants cannot be read, changed or paid, and send no callbacks to this one."""

from typing import Any

import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import rupiah, waiting, written

VA: dict[str, Any] = {
    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
    "paymentMethodOptions": {"virtualAccount": {"channel": "BRI"}},
}


@pytest.fixture
def other(shop: CheckedShop) -> CheckedShop:
    """Another merchant on the same gateway."""
    return CheckedShop.of(shop.gateway.new_shop())


def test_another_merchants_payment_is_not_found(shop: CheckedShop, other: CheckedShop) -> None:
    theirs, waits = other.create(), waiting(other)
    simulation = {"paymentSessionId": theirs["id"], "chargeStatus": "SUCCESS"}
    before = written(other)
    for method, path, body in (
        ("GET", f"/v2/payments/{theirs['id']}", None),
        ("GET", f"/v2/payments/{theirs['id']}?page=2", None),
        ("POST", f"/v2/payments/{waits}/confirm", VA),
        ("POST", f"/v2/payments/{waits}/cancel", {}),
        ("POST", "/v2/payments/simulations", simulation),
        ("POST", "/v2/payments/simulations", simulation | {"chargeStatus": "EXPIRED"}),
    ):
        shop.refused(method, path, body, status=404, code="resource_missing")
    assert written(other) == before
    assert {each["status"] for each in other.get("/v2/payments")["data"]} == {"REQUIRE_ACTION", "REQUIRE_CONFIRMATION"}


def test_it_is_refused_exactly_as_an_unknown_payment_is(shop: CheckedShop, other: CheckedShop) -> None:
    ids = (other.create()["id"], "00000000-0000-4000-8000-000000000000")
    bodies = [shop.call("GET", f"/v2/payments/{id_}").json() for id_ in ids]
    for body in bodies:
        del body["error"]["traceId"]
    assert bodies[0] == bodies[1]


def test_another_merchants_reference_finds_nothing(shop: CheckedShop, other: CheckedShop) -> None:
    theirs = other.create()
    for path in ("/v2/payments", "/v2/charges"):
        assert shop.get(f"{path}?clientReferenceId={theirs['clientReferenceId']}")["data"] == []
    assert shop.get("/v2/payments")["pagination"]["totalItems"] == 0


def test_the_same_reference_finds_each_merchants_own(shop: CheckedShop, other: CheckedShop) -> None:
    ours, theirs = (each.create(clientReferenceId="INV-1", paymentType="SINGLE") for each in (shop, other))
    other.simulate(theirs["id"])
    [charge] = shop.get("/v2/charges?clientReferenceId=INV-1")["data"]
    assert (charge["id"], charge["status"]) == (ours["chargeDetails"][0]["id"], "WAITING_FOR_USER_ACTION")


def test_idempotency_keys_of_another_merchant_do_not_matter(shop: CheckedShop, other: CheckedShop) -> None:
    body = {"clientReferenceId": "INV-1", "amount": rupiah(20000), "mode": "API"} | VA
    first = other.call("POST", "/v2/payments", body, X_REQUEST_ID="the-same-key")
    second = shop.call("POST", "/v2/payments", body | {"amount": rupiah(30000)}, X_REQUEST_ID="the-same-key")
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json()["data"]["amount"] == rupiah(30000)


def test_a_charge_or_a_customer_is_not_a_payment(shop: CheckedShop) -> None:
    session = shop.create(customer={"email": "budi@shop.example"})
    for id_ in (session["chargeDetails"][0]["id"], session["customerId"], str(shop.merchant_id)):
        shop.refused("GET", f"/v2/payments/{id_}", status=404, code="resource_missing")


def test_another_merchants_number_cannot_be_paid_for_it(shop: CheckedShop, other: CheckedShop) -> None:
    theirs = other.create()
    before = written(other)
    number = theirs["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]
    for wanted in ({"number": number}, {"paymentId": theirs["id"]}):
        answered = shop.call("POST", "/sandbox/bank/reports", {"amount": 20000} | wanted)
        assert answered.status_code == 404
    assert written(other) == before


def test_callbacks_go_to_the_merchant_that_owns_the_payment(shop: CheckedShop, other: CheckedShop) -> None:
    theirs = other.create()
    other.simulate(theirs["id"])
    assert other.received_events() == ["PAYMENT.PAID"]
    assert shop.received_events() == []
    assert shop.get("/sandbox/deliveries")["items"] == []
    assert shop.get("/sandbox/events")["items"] == []
    assert shop.get("/sandbox/ledger")["accounts"] == []
    [delivery] = other.get("/sandbox/deliveries")["items"]
    assert shop.call("POST", f"/sandbox/deliveries/{delivery['id']}/resend").status_code == 404


def test_a_token_gives_access_to_its_own_merchant_whatever_the_headers_are(
    shop: CheckedShop, other: CheckedShop
) -> None:
    other.create()
    headers = {"X-MERCHANT-ID": str(other.merchant_id), "X-MERCHANT-SECRET": other.secret}
    listed = shop.stranger("GET", "/v2/payments", {"Authorization": f"Bearer {shop.token}", **headers})
    assert listed.json()["data"] == []
    refusal(shop.stranger("GET", "/v2/payments", headers), status=401, code="credentials_invalid")
