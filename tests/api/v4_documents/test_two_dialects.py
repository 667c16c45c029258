"""One merchant, two dialects: v2 and v4 each show the other's payments in their own format and send only their own callbacks."""

from typing import Any

import pytest

from tests.api.v2_sessions import contracts as v2_contracts
from tests.api.v2_sessions.sessions import at_once, fresh
from tests.api.v2_sessions.sessions import in_state as in_v2_state
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    STATIC_VA,
    Json,
    arrivals,
    balance,
    folder,
    ids,
    in_status,
    link_order,
    listed,
    made,
    order,
    pay_into,
    read,
    static_qris,
    static_va,
    status_of,
    task,
    uuid_of,
)

V2Shop = v2_contracts.CheckedShop


@pytest.fixture
def sessions(shop: CheckedShop) -> V2Shop:
    """The same merchant in v2, with every answer validated against the v2 contract."""
    return V2Shop.of(shop.v2)


def session_of(sessions: V2Shop, payment: Json) -> Json:
    return sessions.get(f"/v2/payments/{uuid_of(payment)}")["data"]


def as_payment(shop: CheckedShop, session: Json) -> Json:
    """A v2 session as a v4 payment."""
    answered = shop.call("GET", f"{PAYMENTS}/contract_{session['id'].replace('-', '')}")
    assert answered.status_code == 200, answered.text
    return answered.json()["data"]


# -- v4 payments in v2 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state", "charge", "reason"),
    [
        ("pending", "REQUIRE_ACTION", "WAITING_FOR_USER_ACTION", None),
        ("paid", "PAID", "SUCCESS", None),
        ("completed", "PAID", "SUCCESS", None),
        ("cancelled", "CANCELLED", "EXPIRED", "VOID_SESSION"),
        ("expired", "EXPIRED", "EXPIRED", None),
        ("failed", "CANCELLED", "FAILED", "CHARGE_FAILED"),
    ],
)
def test_every_v4_status_is_mapped_to_v2(
    shop: CheckedShop, sessions: V2Shop, status: str, state: str, charge: str, reason: str | None
) -> None:
    payment = in_status(shop, status)
    session = session_of(sessions, payment)
    assert (session["status"], session.get("cancellationReason")) == (state, reason)
    assert [one["status"] for one in session["chargeDetails"]] == [charge]
    assert (session["paymentType"], session["mode"]) == ("SINGLE", "API")
    assert session["clientReferenceId"] == payment["attributes"]["referenceId"]


def test_the_paycode_is_the_same_in_both_dialects(shop: CheckedShop, sessions: V2Shop) -> None:
    account = shop.create(paymentMethodOptions={"bankShortCode": "CIMB_NIAGA", "displayName": "Budi"})
    method, [charge] = account["attributes"]["paymentMethod"], session_of(sessions, account)["chargeDetails"]
    number = charge["virtualAccount"]
    assert number["channel"] == "CIMB"
    assert number["virtualAccountNumber"] == method["instructions"]["accountNo"]
    assert number["virtualAccountName"] == method["instructions"]["displayName"] == "IKN-Budi"
    qris = shop.create("qris")
    [charge] = session_of(sessions, qris)["chargeDetails"]
    assert charge["qr"]["qrContent"] == qris["attributes"]["paymentMethod"]["instructions"]["qrString"]
    assert charge["qr"]["qrUrl"] == qris["attributes"]["paymentMethod"]["instructions"]["imageUrl"]


@pytest.mark.parametrize(("type_", "method"), [("retail_outlet", "RETAIL_OUTLET"), ("e-wallet", "EWALLET")])
@pytest.mark.parametrize("status", ["pending", "paid"])
def test_v2_shows_channels_that_it_does_not_offer_itself(
    shop: CheckedShop, sessions: V2Shop, type_: str, method: str, status: str
) -> None:
    payment = shop.create(type_)
    if status == "paid":
        shop.do(payment, "receive_payment")
    session = session_of(sessions, payment)
    assert session["paymentMethod"]["type"] == method
    [charge] = sessions.get(f"/v2/charges?clientReferenceId={session['clientReferenceId']}")["data"]
    assert charge["id"] == session["chargeDetails"][0]["id"]
    if type_ == "retail_outlet":
        code = payment["attributes"]["paymentMethod"]["instructions"]["paymentCode"]
        assert charge["retailOutlet"]["paymentCode"] == code


def test_a_static_method_is_a_v2_multiple_session_with_a_charge_per_payment(
    shop: CheckedShop, sessions: V2Shop
) -> None:
    for static in (static_va(shop, bankShortCode="BCA"), static_qris(shop)):
        arrived = [pay_into(shop, static, amount) for amount in (11_000, 12_000)]
        # The v4 id of a static QRIS is too short to hold the UUID, so the session is found by its reference.
        reference = static["attributes"]["referenceId"]
        session = next(one for one in sessions.get("/v2/payments")["data"] if one["clientReferenceId"] == reference)
        assert (session["status"], session["paymentType"]) == ("ACTIVE", "MULTIPLE")
        assert [charge["id"] for charge in session["chargeDetails"]] == [uuid_of(one) for one in arrived[::-1]]
        assert [charge["amount"]["value"] for charge in session["chargeDetails"]] == [12_000, 11_000]


def test_a_link_is_a_v2_session_with_a_payment_page(shop: CheckedShop, sessions: V2Shop) -> None:
    link = made(shop, LINKS, link_order())
    session = session_of(sessions, link)
    assert (session["status"], session["mode"]) == ("REQUIRE_PAYMENT_METHOD", "REDIRECT")
    assert session["paymentUrl"] == link["attributes"]["paymentLinkUrl"]
    shop.do(link, "receive_payment")
    assert session_of(sessions, link)["status"] == "PAID"


# -- v2 sessions in v4 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("REQUIRE_ACTION", "pending"),
        ("PAID", "completed"),
        ("CANCELLED", "cancelled"),
        ("EXPIRED", "expired"),
    ],
)
def test_every_v2_status_is_mapped_to_v4(shop: CheckedShop, sessions: V2Shop, state: str, status: str) -> None:
    """These sessions are at BRI, which settles at once, so a paid one is completed."""
    session = {"id": in_v2_state(sessions, state)}
    shop.advance(seconds=0)
    payment = as_payment(shop, session)
    assert payment["attributes"]["status"] == status
    assert ids(listed(shop, f"?filter[status]={status}")) == [payment["id"]]


def test_v4_shows_a_session_with_its_own_fee_name_and_expiry(shop: CheckedShop, sessions: V2Shop) -> None:
    session = sessions.create()
    attributes = as_payment(shop, session)["attributes"]
    assert (attributes["amount"], attributes["fees"], attributes["referenceId"]) == (
        "20000.0",
        "4440.0",
        session["clientReferenceId"],
    )
    number = session["chargeDetails"][0]["virtualAccount"]
    assert attributes["paymentMethod"]["instructions"] == {
        "bankShortCode": "BRI",
        "accountNo": number["virtualAccountNumber"],
        "displayName": number["virtualAccountName"],
    }
    assert attributes["expiredAt"].endswith("+07:00")


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "REDIRECT", "paymentMethod": None, "paymentMethodOptions": None},
        {"autoConfirm": False, "paymentMethod": None, "paymentMethodOptions": None},
        {"autoConfirm": False},
    ],
)
def test_a_session_without_a_paycode_is_pending_without_a_payment_method(
    shop: CheckedShop, sessions: V2Shop, changes: dict[str, Any]
) -> None:
    payment = as_payment(shop, sessions.create(**changes))
    attributes = payment["attributes"]
    assert (attributes["status"], attributes["paymentMethod"], attributes["fees"]) == ("pending", None, "0.0")
    assert ids(listed(shop, "?filter[status]=pending")) == [payment["id"]]
    shop.refused("POST", f"{folder(payment)}/tasks", task("settle"), code="005")
    shop.do(payment, "cancel")
    assert sessions.get(f"/v2/payments/{uuid_of(payment)}")["data"]["status"] == "CANCELLED"


def test_a_multiple_session_is_a_static_method_and_its_charges_are_payments(
    shop: CheckedShop, sessions: V2Shop
) -> None:
    session = sessions.create(paymentType="MULTIPLE", amount=None)
    sessions.simulate(session["id"], amount={"value": 11_000, "currency": "IDR"})
    digits = session["id"].replace("-", "")
    static = shop.call("GET", f"{STATIC_VA}/va_{digits}").json()["data"]
    assert static["attributes"]["referenceId"] == session["clientReferenceId"]
    [arrived] = arrivals(shop, static)
    assert arrived["attributes"]["paymentMethod"]["id"] == static["id"]
    assert ids(listed(shop)) == [arrived["id"]]
    shop.refused("GET", f"{PAYMENTS}/contract_{digits}", status=404, code="004")


def test_a_closed_multiple_session_is_shown_like_an_open_one(shop: CheckedShop, sessions: V2Shop) -> None:
    session = sessions.create(paymentType="MULTIPLE")
    sessions.simulate(session["id"])
    static = shop.call("GET", f"{STATIC_VA}/va_{session['id'].replace('-', '')}").json()["data"]
    [arrived] = arrivals(shop, static)
    assert arrived["attributes"]["amount"] == "20000.0"


# -- lists ------------------------------------------------------------------------------------------------------------


def test_each_list_has_the_payments_of_both_dialects(shop: CheckedShop, sessions: V2Shop) -> None:
    session = sessions.create()
    payment = shop.create()
    static = static_va(shop)
    link = made(shop, LINKS, link_order())
    theirs = sessions.get("/v2/payments")
    wanted = [uuid_of(link), uuid_of(static), uuid_of(payment), session["id"]]
    assert [one["id"] for one in theirs["data"]] == wanted
    assert theirs["pagination"]["totalItems"] == 4
    ours = [one.replace("-", "") for one in wanted if one != uuid_of(static)]
    assert ids(listed(shop)) == [f"contract_{digits}" for digits in ours]


def test_a_reference_is_found_in_the_lists_of_both_dialects(shop: CheckedShop, sessions: V2Shop) -> None:
    session, payment = sessions.create(), shop.create()
    reference = payment["attributes"]["referenceId"]
    found = sessions.get(f"/v2/payments?clientReferenceId={reference}")["data"]
    assert [one["id"] for one in found] == [uuid_of(payment)]
    found = listed(shop, f"?filter[referenceId]={session['clientReferenceId']}")
    assert ids(found) == [as_payment(shop, session)["id"]]


# -- references -------------------------------------------------------------------------------------------------------


def test_a_reference_used_in_v2_is_refused_in_v4(shop: CheckedShop, sessions: V2Shop) -> None:
    sessions.create(clientReferenceId="INV-1")
    order_ = order(referenceId="INV-1", amount=30_000)
    shop.refused("POST", PAYMENTS, order_, code="005", at="/data/attributes/referenceId")
    assert len(listed(shop)) == 1


def test_a_reference_used_in_v4_is_refused_in_v2(shop: CheckedShop, sessions: V2Shop) -> None:
    shop.create(referenceId="INV-1")
    body: dict[str, Any] = {
        "clientReferenceId": "INV-1",
        "amount": {"value": 20000, "currency": "IDR"},
        "mode": "API",
        "paymentMethod": {"type": "QR"},
    }
    sessions.refused("POST", "/v2/payments", body, status=409, code="duplicate_error", field="clientReferenceId")
    # Links and static methods have their own scopes, so their references are free.
    made(shop, LINKS, link_order(referenceId="INV-2"))
    static_va(shop, referenceId="INV-2")
    assert sessions.create(clientReferenceId="INV-2")["status"] == "REQUIRE_ACTION"


def test_a_reference_of_a_multiple_session_is_refused_for_a_v4_payment(shop: CheckedShop, sessions: V2Shop) -> None:
    sessions.create(clientReferenceId="INV-1", paymentType="MULTIPLE", amount=None)
    shop.refused("POST", PAYMENTS, order(referenceId="INV-1"), code="005", at="/data/attributes/referenceId")
    assert static_va(shop, referenceId="INV-1")["attributes"]["referenceId"] == "INV-1"


def test_one_reference_used_concurrently_in_both_dialects_makes_one_payment(
    shop: CheckedShop, sessions: V2Shop
) -> None:
    reference = fresh()
    body: dict[str, Any] = {
        "clientReferenceId": reference,
        "amount": {"value": 20000, "currency": "IDR"},
        "mode": "API",
        "paymentMethod": {"type": "QR"},
    }
    ours = order(referenceId=reference)
    calls = [lambda: sessions.call("POST", "/v2/payments", body), lambda: shop.call("POST", PAYMENTS, ours)]
    answers = at_once(*calls * 4)
    theirs, ours_ = (sorted({answer.status_code for answer in part}) for part in (answers[::2], answers[1::2]))
    assert (theirs, ours_) in (([409], [201]), ([200, 409], [400]))
    assert len(listed(shop)) == 1


# -- changes seen in the other dialect --------------------------------------------------------------------------------


def test_money_simulated_in_one_dialect_pays_a_payment_of_the_other(shop: CheckedShop, sessions: V2Shop) -> None:
    payment, session = shop.create(), sessions.create()
    assert sessions.simulate(uuid_of(payment)) == "true"
    shop.do(as_payment(shop, session), "receive_payment")
    assert (status_of(shop, payment), sessions.get(f"/v2/payments/{session['id']}")["data"]["status"]) == (
        "paid",
        "PAID",
    )
    inbox = shop.inbox()
    ours = [item["body"]["data"]["id"] for item in inbox if "xfers-signature" in item["headers"]]
    theirs = [item["body"]["data"]["id"] for item in inbox if "x-api-key" in item["headers"]]
    assert (ours, theirs) == ([payment["id"]], [session["id"]])


def test_the_settlement_of_a_session_sends_no_callback_and_changes_the_balance(
    shop: CheckedShop, sessions: V2Shop
) -> None:
    session = sessions.create()
    sessions.simulate(session["id"])
    shop.advance(seconds=0)
    assert as_payment(shop, session)["attributes"]["status"] == "completed"
    assert balance(shop) == ("15560.0", "15560.0", "0.0")
    assert shop.callbacks() == []


def test_a_session_cancelled_through_v4_sends_a_v2_callback(shop: CheckedShop, sessions: V2Shop) -> None:
    session = sessions.create()
    shop.do(as_payment(shop, session), "cancel")
    read_again = sessions.get(f"/v2/payments/{session['id']}")["data"]
    assert (read_again["status"], read_again["cancellationReason"]) == ("CANCELLED", "VOID_SESSION")
    assert sessions.received_events() == ["PAYMENT.CANCELLED"]
    assert shop.callbacks() == []


def test_a_v4_payment_with_a_paycode_cannot_be_cancelled_through_v2(shop: CheckedShop, sessions: V2Shop) -> None:
    payment = shop.create()
    answered = sessions.call("POST", f"/v2/payments/{uuid_of(payment)}/cancel", {})
    assert answered.status_code == 422
    assert read(shop, payment) == payment
