"""Balances, what moved them, inquiries about accounts, and money that the merchant takes out itself."""

from datetime import timedelta
from typing import Any

import pytest

from gerbang.domain.merchants import Agreement
from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.sessions import fresh, rupiah
from tests.api.v2_sessions.test_payouts import ARRIVES, DORMANT, FEE, INACTIVE, INVALID, TIMES_OUT, line, pay

STARTING = 1_000_000_000


def balance(shop: CheckedShop, usecase: str) -> tuple[int, int]:
    """What is available and what is pending, in whole rupiah."""
    data = shop.get(f"/v1/balances?usecase={usecase}")["data"]
    return int(data["availableBalance"]["value"][:-3]), int(data["pendingBalance"]["value"][:-3])


def inquire(shop: CheckedShop, number: str, **changes: object) -> dict[str, Any]:
    account = {"accountNumber": number, "accountName": "Budi Santoso"}
    body: dict[str, object] = {"channelCode": "BCA", "channelInformation": account} | changes
    return shop.post("/v1/inquiry-account", body)["data"]


def withdraw(shop: CheckedShop, **changes: object) -> dict[str, Any]:
    body: dict[str, object] = {
        "referenceId": fresh("withdrawal"),
        "withdrawType": "BANK_TRANSFER",
        "balanceType": "PAYOUT_BALANCE",
        "isFullAmount": False,
        "amount": {"value": "100000", "currency": "IDR"},
        "description": "March",
    }
    return shop.post("/v1/withdrawals", body | changes)["data"]


def history(shop: CheckedShop, more: str = "") -> list[dict[str, Any]]:
    now = shop.gateway.services.world.clock.now()
    since, until = (now - timedelta(days=30)).date(), now.date()
    return shop.get(f"/v1/balance-histories?startDate={since}&endDate={until}{more}")["data"]


# -- balances --------------------------------------------------------------------------------------------------------


def test_each_use_has_a_balance_of_its_own(sole_shop: CheckedShop) -> None:
    shop = sole_shop
    assert balance(shop, "DISBURSEMENT") == balance(shop, "PAYMENT") == (STARTING, 0)
    assert balance(shop, "WALLET") == (0, 0)
    assert shop.get("/v1/balances") == shop.get("/v1/balances?usecase=DISBURSEMENT")
    session = shop.create(paymentMethodOptions={"virtualAccount": {"channel": "BCA"}})
    shop.simulate(session["id"])
    assert balance(shop, "PAYMENT") == (STARTING, 20_000)
    pay(shop, line())
    shop.advance(seconds=1)
    assert balance(shop, "DISBURSEMENT") == (STARTING - 100_000 - FEE, 0)
    shop.refused("GET", "/v1/balances?usecase=MINE", status=400, code="field_format_invalid", field="usecase")


def test_a_new_merchant_has_nothing(shop: CheckedShop) -> None:
    assert [balance(shop, usecase) for usecase in ("DISBURSEMENT", "PAYMENT", "WALLET")] == [(0, 0)] * 3


# -- inquiries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "status", "detail"),
    [
        (ARRIVES, "VALID", ""),
        (INACTIVE, "INVALID", "Inactive account"),
        (INVALID, "INVALID", "Account number not found"),
        (DORMANT, "INVALID", "Dormant account"),
    ],
)
def test_the_bank_says_what_an_account_is(shop: CheckedShop, number: str, status: str, detail: str) -> None:
    asked = inquire(shop, number)
    assert asked == {
        "uuid": asked["uuid"],
        "merchantId": str(shop.merchant_id),
        "inquiryResult": {"status": status, "detail": detail},
    }
    assert shop.get(f"/v1/inquiry-account/{asked['uuid']}")["data"] == asked
    stranger = CheckedShop.of(shop.gateway.new_shop())
    for path in (asked["uuid"], "nothing"):
        stranger.refused("GET", f"/v1/inquiry-account/{path}", status=404, code="resource_missing")
    body = {"payouts": [line(channelCode=..., channelInformation=..., inquiryId=asked["uuid"])]}
    where = "payouts[0].inquiryId"
    stranger.refused("POST", "/v1/payouts", body, status=404, code="resource_missing", field=where)


def test_a_silent_bank_is_unavailable_and_the_inquiry_stays_open(shop: CheckedShop) -> None:
    body = {"channelCode": "BCA", "channelInformation": {"accountNumber": TIMES_OUT, "accountName": "Budi"}}
    shop.refused("POST", "/v1/inquiry-account", body, status=503, code="service_unavailable")
    [row] = shop.gateway.rows("SELECT id FROM account_inquiries WHERE merchant_id = $1", shop.merchant_id)
    result = shop.get(f"/v1/inquiry-account/{row['id']}")["data"]["inquiryResult"]
    assert result == {"status": "PENDING", "detail": "Inquiry in progress"}


def test_a_payout_goes_to_the_account_of_its_inquiry(sole_shop: CheckedShop) -> None:
    shop = sole_shop
    good, bad = inquire(shop, ARRIVES)["uuid"], inquire(shop, INACTIVE)["uuid"]
    lines = [line(channelCode=..., channelInformation=..., inquiryId=inquiry) for inquiry in (good, bad)]
    made = pay(shop, *lines)
    assert made["status"] == "IN_PROGRESS"
    assert [(each["status"], each["reason"]) for each in made["payouts"]] == [
        ("PENDING", ""),
        ("FAILED", "Inactive account"),
    ]
    assert made["payouts"][0]["channelInformation"]["accountNumber"] == ARRIVES
    shop.advance(seconds=1)
    results = shop.get(f"/v1/payouts/{made['uuid']}")["data"]["payoutResults"]
    assert (results["totalSuccessCount"], results["totalFailedCount"]) == (1, 1)


def test_a_field_of_an_inquiry_that_is_wrong_is_named(shop: CheckedShop) -> None:
    account = {"accountNumber": "1", "accountName": "Budi"}
    wrong: list[tuple[dict[str, Any], str, str | None]] = [
        ({"channelInformation": account}, "field_required", "channelCode"),
        ({"channelCode": "NOWHERE", "channelInformation": account}, "unsupported_channel_code", "channelCode"),
        ({"channelCode": "BCA", "channelInformation": {}}, "field_required", None),
    ]
    for body, code, field in wrong:
        shop.refused("POST", "/v1/inquiry-account", body, status=400, code=code, field=field)


# -- withdrawals -----------------------------------------------------------------------------------------------------


def test_money_is_sent_to_the_merchants_own_account(sole_shop: CheckedShop) -> None:
    shop = sole_shop
    made = withdraw(shop)
    assert made == {
        "id": made["id"],
        "merchantId": str(shop.merchant_id),
        "withdrawal": {
            "referenceId": made["withdrawal"]["referenceId"],
            "withdrawType": "BANK_TRANSFER",
            "balanceType": "PAYOUT_BALANCE",
            "isFullAmount": False,
            "amount": {"currency": "IDR", "value": "100000"},
            "description": "March",
        },
        "status": "SUCCESS",
        "createdAt": made["createdAt"],
        "updatedAt": made["updatedAt"],
    }
    assert balance(shop, "DISBURSEMENT") == (STARTING - 100_000 - FEE, 0)
    from_payments = withdraw(shop, balanceType=None)
    assert from_payments["withdrawal"]["balanceType"] == "PAYMENT_BALANCE"
    assert balance(shop, "PAYMENT") == (STARTING - 100_000 - FEE, 0)
    assert [item["body"] for item in shop.inbox()] == [
        {"event": "WITHDRAW.SUCCESS", "data": made},
        {"event": "WITHDRAW.SUCCESS", "data": from_payments},
    ]
    shop.refused("GET", f"/v1/payouts/{made['id']}", status=404, code="resource_missing")


def test_all_that_there_is_goes_to_the_balance_for_payouts_at_once(sole_shop: CheckedShop) -> None:
    shop = sole_shop
    made = withdraw(shop, withdrawType="BALANCE_TRANSFER", isFullAmount=True, amount=None)
    assert (made["status"], made["withdrawal"]["amount"]["value"]) == ("SUCCESS", str(STARTING))
    assert (balance(shop, "PAYMENT"), balance(shop, "DISBURSEMENT")) == ((0, 0), (2 * STARTING, 0))
    [item] = shop.inbox()
    assert item["body"] == {"event": "WITHDRAW.SUCCESS", "data": made}


def test_all_that_there_is_leaves_room_for_the_fee(sole_shop: CheckedShop) -> None:
    made = withdraw(sole_shop, isFullAmount=True, amount=None)
    assert made["withdrawal"]["amount"]["value"] == str(STARTING - FEE)
    assert balance(sole_shop, "DISBURSEMENT") == (0, 0)


def test_a_withdrawal_that_cannot_be_is_refused_and_nothing_moves(sole_shop: CheckedShop) -> None:
    shop = sole_shop
    made = withdraw(shop)
    before = balance(shop, "DISBURSEMENT")
    good: dict[str, Any] = {"referenceId": "w", "withdrawType": "BANK_TRANSFER", "amount": rupiah("100000")}
    for changes, status, code, field in (
        ({"referenceId": made["withdrawal"]["referenceId"]}, 409, "resource_already_exists", "referenceId"),
        ({"amount": rupiah("9999")}, 400, "amount_below_limit", "amount.value"),
        ({"amount": rupiah("1000000001")}, 400, "balance_insufficient", "amount.value"),
        ({"amount": None}, 400, "field_required", "amount"),
        ({"withdrawType": "BALANCE_TRANSFER"}, 400, "field_required", "balanceType"),
        ({"balanceType": "WALLET_BALANCE"}, 400, "field_format_invalid", "balanceType"),
        ({"withdrawType": "CASH"}, 400, "field_format_invalid", "withdrawType"),
    ):
        shop.refused("POST", "/v1/withdrawals", good | changes, status=status, code=code, field=field)
    assert balance(shop, "DISBURSEMENT") == before
    stranger = CheckedShop.of(shop.gateway.new_shop(agreement=Agreement()))
    stranger.refused("POST", "/v1/withdrawals", good, status=403, code="resource_not_complete")


# -- what moved a balance --------------------------------------------------------------------------------------------


def test_the_history_adds_up_to_the_balance(sole_shop: CheckedShop) -> None:
    shop = sole_shop
    session = shop.create(paymentMethodOptions={"virtualAccount": {"channel": "BRI"}})  # settled at once
    shop.simulate(session["id"])
    pay(shop, line(), line(INACTIVE))
    withdraw(shop)
    withdraw(shop, balanceType=None)
    withdraw(shop, withdrawType="BALANCE_TRANSFER")
    shop.advance(seconds=1)
    payments, payouts = history(shop), history(shop, "&accountType=DISBURSEMENT")
    for rows, usecase in ((payments, "PAYMENT"), (payouts, "DISBURSEMENT")):
        data = shop.get(f"/v1/balances?usecase={usecase}")["data"]
        held = sum(float(data[name]["value"]) for name in ("availableBalance", "pendingBalance"))
        assert sum(row["amount"]["value"] - row["fee"]["value"] for row in rows) == pytest.approx(held)
    assert [row["transactionType"] for row in payments] == [
        "PAYMENT_WITHDRAWAL",
        "PAYMENT_WITHDRAWAL",
        "VA_PAYMENT",
        "BALANCE_ADJUSTMENT",
    ]
    assert sorted(row["transactionType"] for row in payouts) == [
        "BALANCE_ADJUSTMENT",
        "BULK_DISBURSEMENT",
        "BULK_DISBURSEMENT",
        "DISBURSEMENT_WITHDRAWAL",
        "MANUAL_TOP_UP",
        "TRANSFER",
    ]
    [paid] = history(shop, f"&transactionId={session['id']}")
    assert paid | {"date": "", "settlementDate": "", "fee": {}} == {
        "referenceId": session["clientReferenceId"],
        "date": "",
        "settlementDate": "",
        "settlementStatus": "SUCCESS",
        "balanceType": "PAYMENT",
        "channel": "VIRTUAL_ACCOUNT",
        "transactionType": "VA_PAYMENT",
        "amount": {"value": 20_000, "currency": "IDR"},
        "fee": {},
        "createdBy": "",
        "transactionId": session["id"],
    }


def test_pages_of_the_history_stand_still_while_more_comes_in(sole_shop: CheckedShop) -> None:
    shop = sole_shop
    for _ in range(5):
        withdraw(shop)
    first = history(shop, "&accountType=DISBURSEMENT&perPage=2&page=1")
    withdraw(shop)
    pages = [history(shop, f"&accountType=DISBURSEMENT&perPage=2&page={page}") for page in (2, 3)]
    seen = [row["transactionId"] for page in (first, *pages) for row in page]
    assert len(seen) == len(set(seen)) == 6, "five withdrawals and the money of the beginning"
    assert history(CheckedShop.of(shop.gateway.new_shop())) == []


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("", "field_required", "startDate"),
        ("startDate=2025-03-01", "field_required", "endDate"),
        ("startDate=yesterday&endDate=2025-03-02", "field_format_invalid", "startDate"),
        ("startDate=2025-03-02&endDate=2025-02-01", "field_format_invalid", "endDate"),
        ("startDate=2025-02-01&endDate=2025-03-15", "field_format_invalid", "endDate"),
        ("startDate=2024-08-01&endDate=2024-08-10", "field_format_invalid", "startDate"),
        ("startDate=2025-03-01&endDate=2025-03-02&accountType=MINE", "field_format_invalid", "accountType"),
        ("startDate=2025-03-01&endDate=2025-03-02&transactionId=x", "field_format_invalid", "transactionId"),
        ("startDate=2025-03-01&endDate=2025-03-02&page=0", "field_format_invalid", "page"),
    ],
)
def test_a_history_that_cannot_be_is_refused(shop: CheckedShop, query: str, code: str, field: str) -> None:
    shop.refused("GET", f"/v1/balance-histories?{query}", status=400, code=code, field=field)
