"""Bulk payouts: a request is taken whole or not at all, each line is sent once, and the merchant learns how each has ended."""

import time
from typing import Any
from uuid import uuid4

import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import at_once, fresh
from tests.support.gateways import Gateway

ARRIVES, INACTIVE, INVALID, DORMANT, SHORT, TIMES_OUT = (f"99996666000{n}" for n in (1, 2, 3, 6, 7, 8))
FEE = 3_885
SECONDS_MAX = 5.0
"""A thousand lines take less than one second; the machines of tests may be busy."""


def line(number: str = ARRIVES, **changes: object) -> dict[str, Any]:
    """A payout of Rp 100.000 to an account at BCA; a field that is `...` is removed."""
    made: dict[str, object] = {
        "referenceId": fresh("payout"),
        "channelCode": "BCA",
        "channelInformation": {"accountNumber": number, "accountName": "Budi Santoso"},
        "amount": {"value": "100000", "currency": "IDR"},
        "description": "Gaji Maret",
    }
    return {name: value for name, value in (made | changes).items() if value is not ...}


def pay(shop: CheckedShop, *lines: dict[str, Any]) -> dict[str, Any]:
    return shop.post("/v1/payouts", {"payouts": list(lines)}, X_REQUEST_ID=uuid4().hex)["data"]


def read(shop: CheckedShop, made: dict[str, Any]) -> dict[str, Any]:
    return shop.get(f"/v1/payouts/{made['uuid']}")["data"]


def balance(shop: CheckedShop) -> int:
    value = shop.get("/v1/payouts/balance?currency=IDR")["data"]["availableBalance"]["value"]
    whole, _, sen = value.partition(".")
    assert sen == "00"
    return int(whole)


def written(shop: CheckedShop) -> list[int]:
    """How many rows of this merchant there are in the tables of payouts."""
    tables = ("payouts", "bulk_payouts", "partner_requests", "transfers", "events", "idempotency_keys")
    counts = [f"(SELECT count(*) FROM {table} WHERE merchant_id = $1) AS {table}" for table in tables]
    return list(shop.gateway.rows(f"SELECT {', '.join(counts)}", shop.merchant_id)[0].values())


def events(shop: CheckedShop) -> list[tuple[str, Any]]:
    """The callbacks of payouts, each with the status of what it is about."""
    return [
        (body["event"], body["data"].get("status") or body["data"]["payouts"]["status"])
        for body in (item["body"] for item in shop.inbox())
    ]


# -- what becomes of one line ----------------------------------------------------------------------------------------


def results(**counts: int) -> dict[str, int]:
    """The totals of a bulk payout of lines over Rp 100.000, such as Success=1."""
    found: dict[str, int] = {}
    for state in ("Pending", "Success", "Failed", "Cancelled"):
        count = counts.get(state, 0)
        found |= {f"total{state}Count": count, f"total{state}Amount": count * 100_000}
    return found


def test_a_request_is_answered_before_its_line_is_sent(sole_shop: CheckedShop) -> None:
    one = line()
    answered = sole_shop.post("/v1/payouts", {"payouts": [one]}, X_REQUEST_ID=uuid4().hex)
    made = answered["data"]
    times = {"created": made["created"], "updated": made["updated"]}
    shown = {name: one[name] for name in ("referenceId", "channelCode", "channelInformation", "amount", "description")}
    assert answered == {
        "code": "00",
        "message": "Success",
        "data": {
            "uuid": made["uuid"],
            "merchantId": str(sole_shop.merchant_id),
            "payouts": [shown | {"status": "PENDING", "reason": ""} | times],
            "status": "IN_PROGRESS",
            **times,
        },
    }


def test_a_payout_of_one_line_arrives(sole_shop: CheckedShop) -> None:
    shop, one = sole_shop, line()
    before = balance(shop)
    made = pay(shop, one)
    shop.advance(seconds=1)
    ended = read(shop, made)
    assert (ended["status"], ended["payoutResults"]) == ("DONE", results(Success=1))
    assert [each["status"] for each in ended["payouts"]] == ["SUCCESS"]
    named = {"uuid": made["uuid"], "merchantId": str(shop.merchant_id)}
    for path in (f"{made['uuid']}?referenceId={one['referenceId']}", f"{one['referenceId']}?type=single"):
        alone = shop.get(f"/v1/payouts/{path}")["data"]
        assert alone == named | {"payoutResults": results(Success=1), "payouts": ended["payouts"][0]}
    assert before - balance(shop) == 100_000 + FEE
    single, whole = (item["body"] for item in shop.inbox())
    line_of_it = {"referenceId": one["referenceId"], "amount": one["amount"], "status": "SUCCESS", "reason": None}
    assert single == {"event": "PAYOUT.SUCCESS", "data": named | {"payouts": line_of_it}}
    assert whole == {"event": "PAYOUT.DONE", "data": named | {"payoutResults": results(Success=1), "status": "DONE"}}


def test_lines_fail_each_for_its_own_reason_and_their_money_comes_back(sole_shop: CheckedShop) -> None:
    shop, before = sole_shop, balance(sole_shop)
    made = pay(shop, line(INACTIVE), line(INVALID), line(DORMANT), line(TIMES_OUT), line(ARRIVES))
    shop.advance(seconds=120)
    ended = read(shop, made)
    assert [(each["status"], each["reason"]) for each in ended["payouts"]] == [
        ("FAILED", "Inactive account"),
        ("FAILED", "Invalid account"),
        ("FAILED", "Dormant account"),
        ("FAILED", "Failed to process by Bank Network"),
        ("SUCCESS", ""),
    ]
    assert ended["payoutResults"] == results(Failed=4, Success=1)
    assert before - balance(shop) == 100_000 + FEE
    assert sorted(events(shop)) == [
        ("PAYOUT.DONE", "DONE"),
        *[("PAYOUT.FAILED", "FAILED")] * 4,
        ("PAYOUT.SUCCESS", "SUCCESS"),
    ]


def test_an_account_for_which_the_balance_never_suffices_leaves_the_request_waiting(sole_shop: CheckedShop) -> None:
    shop, before = sole_shop, balance(sole_shop)
    made = pay(shop, line(SHORT), line(ARRIVES))
    assert (made["status"], [each["status"] for each in made["payouts"]]) == ("PENDING", ["APPROVED", "APPROVED"])
    shop.advance(seconds=600)
    assert read(shop, made)["status"] == "PENDING"
    assert balance(shop) == before
    assert events(shop) == [("PAYOUT.PENDING", "PENDING")]


@pytest.mark.parametrize("code", ["014", "bca", "BCA"])
def test_a_bank_is_named_by_its_short_name_or_its_digits(shop: CheckedShop, code: str) -> None:
    assert [each["channelCode"] for each in pay(shop, line(channelCode=code))["payouts"]] == ["BCA"]


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        ({"amount": ...}, "field_required", "payouts[3].amount"),
        ({"amount": {"currency": "IDR"}}, "field_required", "payouts[3].amount.value"),
        ({"amount": {"value": "15.000", "currency": "IDR"}}, "field_format_invalid", "payouts[3].amount.value"),
        ({"amount": {"value": "0", "currency": "IDR"}}, "field_format_invalid", "payouts[3].amount.value"),
        ({"amount": {"value": "1" * 40, "currency": "IDR"}}, "field_format_invalid", "payouts[3].amount.value"),
        ({"amount": {"value": "100000", "currency": "USD"}}, "field_format_invalid", "payouts[3].amount.currency"),
        ({"amount": {"value": "9999", "currency": "IDR"}}, "amount_below_limit", "payouts[3].amount.value"),
        ({"amount": {"value": "1000000001", "currency": "IDR"}}, "amount_above_limit", "payouts[3].amount.value"),
        ({"channelCode": "NOWHERE"}, "unsupported_channel_code", "payouts[3].channelCode"),
        ({"channelCode": ...}, "field_required", "payouts[3].channelCode"),
        ({"channelInformation": ...}, "field_required", "payouts[3].channelInformation"),
        ({"channelInformation": {"accountNumber": "1"}}, "field_required", "payouts[3].channelInformation.accountName"),
        (
            {"channelInformation": {"accountNumber": "12 a", "accountName": "B"}},
            "field_format_invalid",
            "payouts[3].channelInformation.accountNumber",
        ),
        ({"referenceId": "r" * 101}, "field_format_invalid", "payouts[3].referenceId"),
        ({"description": "Gaji, Maret!"}, "field_format_invalid", "payouts[3].description"),
        ({"description": "x" * 21}, "field_format_invalid", "payouts[3].description"),
        ({"inquiryId": "not one"}, "field_format_invalid", "payouts[3].inquiryId"),
    ],
)
def test_one_bad_line_is_refused_with_its_place_and_nothing_is_written(
    shop: CheckedShop, bad: dict[str, Any], code: str, field: str
) -> None:
    before = written(shop)
    body = {"payouts": [line(), line(), line(), line(**bad), line()]}
    shop.refused("POST", "/v1/payouts", body, status=400, code=code, field=field)
    assert written(shop) == before


NO_LINES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "field_required", "payouts"),
    ({"payouts": []}, "field_format_invalid", "payouts"),
    ({"payouts": "all"}, "field_format_invalid", "payouts"),
    ({"payouts": [7]}, "field_format_invalid", "payouts[0]"),
    ({"payouts": [{}] * 1001}, "field_format_invalid", "payouts"),
]


@pytest.mark.parametrize(("body", "code", "field"), NO_LINES)
def test_a_request_without_lines_is_refused(shop: CheckedShop, body: object, code: str, field: str) -> None:
    shop.refused("POST", "/v1/payouts", body, status=400, code=code, field=field)


def test_what_another_merchant_has_is_not_there(shop: CheckedShop, sole_shop: CheckedShop) -> None:
    one = line()
    made = pay(sole_shop, one)
    stranger = CheckedShop.of(sole_shop.gateway.new_shop())
    for path in (made["uuid"], f"{made['uuid']}?referenceId={one['referenceId']}", f"{one['referenceId']}?type=single"):
        stranger.refused("GET", f"/v1/payouts/{path}", status=404, code="resource_missing")
    stranger.refused("GET", "/v1/payouts/nothing", status=404, code="resource_missing")
    assert pay(stranger, one)["uuid"] != made["uuid"], "references are a merchant's own"


def test_a_wallet_that_nobody_is_connected_to_fails_alone(gateway: Gateway) -> None:
    """In a sandbox the simulator is routed to all; see tests/services/test_bulk_payouts.py for the others."""
    made = pay(CheckedShop.of(gateway.shop), line(channelCode="GOPAY"), line())
    assert [each["status"] for each in made["payouts"]] == ["PENDING", "PENDING"]


# -- repeats ---------------------------------------------------------------------------------------------------------


def test_a_repeat_is_answered_as_the_first_request_was(sole_shop: CheckedShop) -> None:
    shop, body, key = sole_shop, {"payouts": [line(), line()]}, uuid4().hex
    first = shop.call("POST", "/v1/payouts", body, X_REQUEST_ID=key)
    shop.advance(seconds=5)
    after = written(shop)
    again = shop.call("POST", "/v1/payouts", body, X_REQUEST_ID=key)
    assert (again.status_code, again.content) == (200, first.content)
    other = shop.call("POST", "/v1/payouts", {"payouts": [line()]}, X_REQUEST_ID=key)
    refusal(other, status=409, code="idempotency_error")
    assert written(shop) == after


def test_a_reference_is_paid_once(shop: CheckedShop) -> None:
    one = line()
    pay(shop, one)
    before = written(shop)
    body = {"payouts": [line(), one]}
    shop.refused(
        "POST", "/v1/payouts", body, status=409, code="resource_already_exists", field="payouts[1].referenceId"
    )
    twice = {"payouts": [two := line(), line(), two]}
    shop.refused(
        "POST", "/v1/payouts", twice, status=409, code="resource_already_exists", field="payouts[2].referenceId"
    )
    assert written(shop) == before


def test_one_request_that_comes_many_times_at_once_is_taken_once(sole_shop: CheckedShop) -> None:
    shop, body, key = sole_shop, {"payouts": [line() for _ in range(20)]}, uuid4().hex
    assert shop.token
    answers = at_once(*[lambda: shop.call("POST", "/v1/payouts", body, X_REQUEST_ID=key)] * 8)
    assert {answered.status_code for answered in answers} == {200}
    assert len({answered.content for answered in answers}) == 1
    assert written(shop)[:2] == [20, 1]


# -- a thousand ------------------------------------------------------------------------------------------------------


def test_a_thousand_lines_are_taken_in_one_commit_and_all_arrive(sole_shop: CheckedShop) -> None:
    shop, before = sole_shop, balance(sole_shop)
    lines = [line() for _ in range(1000)]
    began = time.monotonic()
    made = pay(shop, *lines)
    took = time.monotonic() - began
    print(f"a thousand lines were taken in {took:.3f} s")
    assert took < SECONDS_MAX
    committed = "SELECT DISTINCT xmin::text FROM payouts WHERE merchant_id = $1"
    assert [each["referenceId"] for each in made["payouts"]] == [each["referenceId"] for each in lines]
    assert len(shop.gateway.rows(committed.replace("payouts", "bulk_payouts"), shop.merchant_id)) == 1
    reserving = """
        SELECT count(DISTINCT xmin::text) AS commits, count(*) AS lines FROM transfers
        WHERE merchant_id = $1 AND reason = 'payout_reserved'"""
    assert shop.gateway.rows(reserving, shop.merchant_id) == [{"commits": 1, "lines": 1000}]
    shop.advance(seconds=1)
    print(f"and had all arrived {time.monotonic() - began:.1f} s after they were asked for")
    page = shop.get(f"/v1/payouts/{made['uuid']}?page=10&perPage=100")
    assert page["pagination"] == {"page": 10, "perPage": 100, "totalItems": 1000, "totalPages": 10}
    assert [each["referenceId"] for each in page["data"]["payouts"]] == [each["referenceId"] for each in lines[900:]]
    assert page["data"]["payoutResults"]["totalSuccessCount"] == 1000
    assert page["data"]["status"] == "DONE"
    assert before - balance(shop) == 1000 * (100_000 + FEE)
