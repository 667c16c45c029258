"""The refund endpoints: what they answer, what they refuse, and what their callbacks say."""

from functools import partial
from typing import Any

import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import at_once, fresh, in_state, rupiah

BUDI = {
    "channelCode": "BCA",
    "channelInformation": {"accountNumber": "1000200030", "accountName": "Budi Santoso"},
    "description": "Refund",
}
QR = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}
ARRIVES, FAILS, UNKNOWN = (
    {"channelCode": "014", "channelInformation": {"accountNumber": number, "accountName": "Budi"}}
    for number in ("999966660001", "999966660008", "999966660002")
)


def asked(payment_id: str, **changes: object) -> dict[str, Any]:
    """A request for Rp 5.000 of a payment; a field that is `...` is removed."""
    body: dict[str, object] = {
        "clientReferenceId": fresh("RF"),
        "paymentSessionId": payment_id,
        "amount": {"value": "5000", "currency": "IDR"},
        "reason": "REQUESTED_BY_CUSTOMER",
    }
    return {name: value for name, value in (body | changes).items() if value is not ...}


def paid(shop: CheckedShop, **changes: object) -> dict[str, Any]:
    """A payment of Rp 20.000 that is paid, by QRIS unless said otherwise."""
    payment_id = shop.create(**(QR | changes))["id"]
    shop.simulate(payment_id)
    return shop.get(f"/v2/payments/{payment_id}")["data"]


def refund(shop: CheckedShop, payment_id: str, **changes: object) -> dict[str, Any]:
    return shop.post("/v1/refunds", asked(payment_id, **changes))["data"]


def refund_events(shop: CheckedShop) -> list[str]:
    return [item["body"]["event"] for item in shop.inbox() if item["body"]["event"].startswith("REFUND.")]


def test_the_document_s_example_comes_out_as_printed(sole_shop: CheckedShop) -> None:
    payment = paid(sole_shop, amount=rupiah(75000))
    made = refund(
        sole_shop,
        payment["id"],
        clientReferenceId="RF-1",
        amount={"value": "25000", "currency": "IDR"},
        description="size",
        method="AUTO",
        transferDestination=BUDI,
        metadata={},
    )
    assert made == {
        "id": made["id"],
        "clientReferenceId": "RF-1",
        "paymentSessionId": payment["id"],
        "chargeId": payment["chargeDetails"][0]["id"],
        "capturedAmount": {"currency": "IDR", "value": "75000.00"},
        "isFullAmount": False,
        "amount": {"currency": "IDR", "value": "25000.00"},
        "status": "PENDING",
        "reason": "REQUESTED_BY_CUSTOMER",
        "description": "size",
        "method": "AUTO",
        "transferDestination": BUDI,
        "metadata": {},
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
    }
    events = refund_events(sole_shop)
    assert events == ["REFUND.PENDING", "REFUND.SUCCESS"]
    done = sole_shop.get(f"/v1/refunds/{made['id']}")["data"]
    assert (done["status"], done["destinationType"]) == ("SUCCESS", "CHANNEL")
    assert sole_shop.get(f"/v2/payments/{payment['id']}")["data"]["status"] == "PAID"


@pytest.mark.parametrize(
    ("reference", "account", "by_qr", "events", "reason"),
    [
        ("any-1", ARRIVES, False, ["PENDING", "WAITING_BANK_TRANFER", "SUCCESS"], None),
        ("1001-1", ARRIVES, True, ["PENDING", "WAITING_BANK_TRANFER", "SUCCESS"], None),
        ("2001-1", FAILS, True, ["PENDING", "WAITING_BANK_TRANFER", "FAILED"], "The bank did not carry it out"),
        ("2002-1", UNKNOWN, False, ["PENDING", "WAITING_BANK_TRANFER", "FAILED"], "Account not found"),
    ],
)
def test_the_documented_references_and_accounts_end_as_documented(
    sole_shop: CheckedShop, reference: str, account: object, by_qr: bool, events: list[str], reason: str | None
) -> None:
    payment = paid(sole_shop)
    method = "AUTO" if by_qr else "TRANSFER_ONLY"
    made = refund(sole_shop, payment["id"], clientReferenceId=reference, transferDestination=account, method=method)
    assert refund_events(sole_shop) == [f"REFUND.{event}" for event in events]
    ended = sole_shop.get(f"/v1/refunds/{made['id']}")["data"]
    assert ended.get("failureReason") == reason
    assert ended["destinationType"] == "ACCOUNT"


def test_a_part_and_then_all_that_is_left(sole_shop: CheckedShop) -> None:
    shop = sole_shop
    payment = paid(shop)
    refund(shop, payment["id"])
    rest = refund(shop, payment["id"], isFullAmount=True, amount=...)
    assert (rest["amount"]["value"], rest["capturedAmount"]["value"], rest["isFullAmount"]) == (
        "15000.00",
        "15000.00",
        True,
    )
    sentence = shop.refused(
        "POST",
        "/v1/refunds",
        asked(payment["id"]),
        status=400,
        code="api_validation_error",
        field="amount.value",
    )
    assert sentence == "Rp 0 of this payment can still be refunded."


def test_ten_refunds_at_once_never_give_back_more_than_was_paid(shop: CheckedShop) -> None:
    payment = paid(shop)
    body = [asked(payment["id"], amount={"value": "3000", "currency": "IDR"}) for _ in range(10)]
    answers = at_once(*(partial(shop.call, "POST", "/v1/refunds", each) for each in body))
    assert sorted(answer.status_code for answer in answers) == [200] * 6 + [400] * 4


def test_a_repeated_request_gets_the_same_answer_and_gives_back_once(shop: CheckedShop) -> None:
    payment = paid(shop)
    body = asked(payment["id"], amount={"value": "11000", "currency": "IDR"})
    key = fresh("key")
    answers = at_once(*(lambda: shop.call("POST", "/v1/refunds", body, X_REQUEST_ID=key) for _ in range(5)))
    assert len({answer.content for answer in answers}) == 1
    shop.inbox()
    assert shop.call("POST", "/v1/refunds", body, X_REQUEST_ID=key).content == answers[0].content
    other = shop.call("POST", "/v1/refunds", body | {"reason": "OTHERS"}, X_REQUEST_ID=key)
    refusal(other, status=409, code="idempotency_error")
    refusal(shop.call("POST", "/v1/refunds", body), status=409, code="duplicate_error", field="clientReferenceId")
    assert shop.get(f"/v1/refunds?paymentSessionId={payment['id']}")["pagination"]["totalItems"] == 1


def test_a_static_payment_is_refunded_by_its_charge(shop: CheckedShop) -> None:
    payment_id = in_state(shop, "ACTIVE")
    shop.simulate(payment_id, amount=rupiah(20000))
    (charge,) = shop.get(f"/v2/payments/{payment_id}")["data"]["chargeDetails"]
    shop.refused("POST", "/v1/refunds", asked(payment_id), status=400, code="api_validation_error", field="chargeId")
    made = refund(shop, payment_id, chargeId=charge["id"], paymentSessionId=..., transferDestination=BUDI)
    assert (made["status"], made["destinationType"]) == ("WAITING_BANK_TRANSFER", "ACCOUNT")
    assert made["paymentSessionId"] == payment_id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"clientReferenceId": ...}, "clientReferenceId"),
        ({"clientReferenceId": "x" * 101}, "clientReferenceId"),
        ({"paymentSessionId": ...}, "paymentSessionId"),
        ({"reason": ...}, "reason"),
        ({"reason": "BORED"}, "reason"),
        ({"amount": ...}, "amount"),
        ({"amount": {"value": "0", "currency": "IDR"}}, "amount.value"),
        ({"amount": {"value": "-5", "currency": "IDR"}}, "amount.value"),
        ({"amount": {"value": "20001", "currency": "IDR"}}, "amount.value"),
        ({"amount": {"value": "5.000", "currency": "IDR"}}, "amount.value"),
        ({"amount": {"value": "5000", "currency": "USD"}}, "amount.currency"),
        ({"isFullAmount": True}, "amount.value"),
        ({"isFullAmount": "yes"}, "isFullAmount"),
        ({"description": "x" * 51}, "description"),
        ({"method": "CASH"}, "method"),
        ({"method": "TRANSFER_ONLY"}, "transferDestination"),
        ({"transferDestination": BUDI | {"channelCode": "NOBANK"}}, "transferDestination.channelCode"),
        ({"transferDestination": BUDI | {"description": "x" * 21}}, "transferDestination.description"),
        ({"transferDestination": BUDI | {"channelInformation": {"accountNumber": "1"}}}, "transferDestination.channelInformation.accountName"),
        ({"transferDestination": BUDI | {"channelInformation": {"accountNumber": "a1", "accountName": "b"}}}, "transferDestination.channelInformation.accountNumber"),
        ({"metadata": "text"}, "metadata"),
        ({"metadata": {"a": "x" * 17000}}, "metadata"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_changes_nothing(shop: CheckedShop, changes: dict[str, object], field: str) -> None:
    payment = paid(shop)
    shop.refused(
        "POST",
        "/v1/refunds",
        asked(payment["id"], **changes),
        status=400,
        code="api_validation_error",
        field=field,
    )
    assert shop.get("/v1/refunds")["data"] == []


def test_what_is_not_paid_or_anothers_or_nobodys_cannot_be_refunded(shop: CheckedShop) -> None:
    other = CheckedShop.of(shop.gateway.new_shop())
    theirs = paid(other)
    unpaid = shop.create()
    for body, field in (
        (asked(theirs["id"]), "paymentSessionId"),
        (asked("nonsense"), "paymentSessionId"),
        (asked("", chargeId=theirs["chargeDetails"][0]["id"]), "chargeId"),
    ):
        shop.refused("POST", "/v1/refunds", body, status=404, code="resource_missing", field=field)
    sentence = shop.refused("POST", "/v1/refunds", asked(unpaid["id"]), status=422, code="api_validation_error")
    assert sentence == "The payment is REQUIRE_ACTION, so it cannot be refunded."
    charge_id = unpaid["chargeDetails"][0]["id"]
    body = asked("", chargeId=charge_id)
    sentence = shop.refused("POST", "/v1/refunds", body, status=422, code="api_validation_error")
    assert sentence == "The charge is WAITING_FOR_USER_ACTION, so it cannot be refunded."
    mine = paid(shop)
    body = asked(mine["id"], chargeId=charge_id)
    shop.refused("POST", "/v1/refunds", body, status=400, code="api_validation_error", field="chargeId")
    made = refund(other, theirs["id"])
    shop.refused("GET", f"/v1/refunds/{made['id']}", status=404, code="resource_missing")
    shop.refused("GET", "/v1/refunds/nonsense", status=404, code="resource_missing")
    assert shop.get(f"/v1/refunds?paymentSessionId={theirs['id']}")["data"] == []


def test_a_balance_that_does_not_cover_it_is_refused(sole_shop: CheckedShop) -> None:
    shop = CheckedShop.of(sole_shop.gateway.new_shop())
    payment = paid(
        shop, paymentMethod={"type": "VIRTUAL_ACCOUNT"}, paymentMethodOptions={"virtualAccount": {"channel": "BCA"}}
    )
    body = asked(payment["id"], isFullAmount=True, amount=...)
    # Its fee is taken when it is settled, so it does not bring all of it.
    shop.refused("POST", "/v1/refunds", body, status=400, code="balance_insufficient", field="amount.value")
    assert refund(shop, payment["id"])["status"] == "WAITING_BANK_TRANSFER"


def test_lists_are_turned_while_new_refunds_come_in(shop: CheckedShop) -> None:
    payment = paid(shop)
    made = [refund(shop, payment["id"], amount={"value": "100", "currency": "IDR"})["id"] for _ in range(5)]
    first = shop.get("/v1/refunds?perPage=2")
    refund(shop, payment["id"], amount={"value": "100", "currency": "IDR"})
    second, third = (shop.get(f"/v1/refunds?perPage=2&page={n}") for n in (2, 3))
    listed = [each["id"] for page in (first, second, third) for each in page["data"]]
    assert listed == made[::-1]
    assert third["pagination"] == {"page": 3, "perPage": 2, "totalItems": 6, "totalPages": 3}
    one = shop.get(f"/v1/refunds/{made[0]}")["data"]
    assert shop.get(f"/v1/refunds?clientReferenceId={one['clientReferenceId']}")["data"] == [one]
    assert shop.get("/v1/refunds?clientReferenceId=nothing")["data"] == []
    shop.refused("GET", "/v1/refunds?page=0", status=400, code="api_validation_error", field="page")
