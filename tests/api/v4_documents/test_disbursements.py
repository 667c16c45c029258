"""Disbursements: money is reserved, sent once and released on failure; the bank list and account validation."""

import pytest

from gerbang.domain.bank_directory import BANKS
from gerbang.services import sandbox_merchant
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    PAYOUTS,
    Json,
    at_once,
    balance,
    document,
    fresh,
    funded,
    ids,
    listed,
    made,
    payout_order,
    read,
    status_of,
    task,
)
from tests.support.gateways import Gateway

VALIDATION = "/api/v4/validation_services/bank_account_validation"
GIVEN = 9_996_337
"""The available balance of `funded` in rupiah: 10,000,000 less the fee."""


def rupiah(amount: float) -> str:
    return f"{amount:.1f}"


def to(number: str, **changes: object) -> Json:
    return payout_order({"bankAccountNo": number}, **changes)


def test_amount_and_fee_are_reserved_at_once_and_leave_on_completion(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order(amount=100_000))
    attributes = payout["attributes"]
    assert (attributes["status"], attributes["amount"], attributes["fees"]) == ("processing", "100000.0", "3885.0")
    assert balance(shop) == (rupiah(GIVEN - 103_885), rupiah(GIVEN - 103_885), "0.0")
    assert read(shop, payout) == payout
    shop.do(payout, "complete")
    completed = read(shop, payout)
    assert completed == payout | {"attributes": attributes | {"status": "completed"}}
    assert balance(shop)[0] == rupiah(GIVEN - 103_885)
    assert shop.callbacks()[-1] == completed


def test_a_failed_disbursement_is_released_in_full_and_shows_the_reason(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order(amount=100_000))
    shop.do(payout, "fail")
    failed = read(shop, payout)["attributes"]
    assert (failed["status"], failed["failureReason"]) == ("failed", "Simulated failure")
    assert failed["disbursementMethod"]["failureReason"] == "Simulated failure"
    assert balance(shop)[0] == rupiah(GIVEN)
    assert shop.callbacks()[-1]["attributes"] == failed


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_a_disbursement_that_has_ended_refuses_both_tasks(shop: CheckedShop, end: str) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order())
    shop.do(payout, end)
    known, held = read(shop, payout), balance(shop)
    for action in ("complete", "fail"):
        why = shop.refused("POST", f"{PAYOUTS}/{payout['id']}/tasks", task(action), code="005")
        assert why.startswith(f"The disbursement is {known['attributes']['status']}, so it cannot be ")
    assert (read(shop, payout), balance(shop)) == (known, held)
    assert len([callback for callback in shop.callbacks() if callback["type"] == "disbursement"]) == 1


def test_of_concurrent_complete_and_fail_only_one_succeeds(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order())
    path = f"{PAYOUTS}/{payout['id']}/tasks"
    calls = [lambda: shop.call("POST", path, task("complete")), lambda: shop.call("POST", path, task("fail"))]
    answers = at_once(*calls * 4)
    assert sorted(answer.status_code for answer in answers) == [202, *[400] * 7]
    failed = status_of(shop, payout) == "failed"
    assert balance(shop)[0] == rupiah(GIVEN if failed else GIVEN - 13_885)


def test_more_than_the_available_balance_cannot_be_sent(shop: CheckedShop) -> None:
    body = payout_order(amount=10_000)
    why = shop.refused("POST", PAYOUTS, body, code="TXN0001", at="/data/attributes/amount")
    assert why == "The available balance is Rp 0, which does not cover Rp 13.885."
    funded(shop)
    most = GIVEN - 3_885
    shop.refused("POST", PAYOUTS, payout_order(amount=most + 1), code="TXN0001")
    assert (listed(shop, path=PAYOUTS), balance(shop)[0]) == ([], rupiah(GIVEN))
    made(shop, PAYOUTS, payout_order(amount=most))
    assert balance(shop) == ("0.0", "0.0", "0.0")
    shop.refused("POST", PAYOUTS, payout_order(), code="TXN0001")


def test_money_that_is_not_settled_cannot_be_sent(shop: CheckedShop) -> None:
    shop.do(shop.create(amount=1_000_000), "receive_payment")
    assert balance(shop) == ("1000000.0", "0.0", "1000000.0")
    shop.refused("POST", PAYOUTS, payout_order(), code="TXN0001")


def test_ten_concurrent_disbursements_send_no_more_than_the_available_balance(shop: CheckedShop) -> None:
    funded(shop)
    answers = at_once(*[lambda: shop.call("POST", PAYOUTS, payout_order(amount=3_000_000))] * 10)
    assert sorted(answer.status_code for answer in answers) == [*[201] * 3, *[400] * 7]
    assert balance(shop)[0] == rupiah(GIVEN - 3 * 3_003_885)


def test_a_failed_disbursement_is_only_sent_again_under_a_new_reference(shop: CheckedShop) -> None:
    reference = fresh("payout")
    payout = made(funded(shop), PAYOUTS, payout_order(referenceId=reference))
    shop.do(payout, "fail")
    again = made(shop, PAYOUTS, payout_order(referenceId=reference))
    assert (again["id"], again["attributes"]["status"]) == (payout["id"], "failed")
    assert balance(shop)[0] == rupiah(GIVEN)
    assert made(shop, PAYOUTS, payout_order(referenceId=f"{reference}-2"))["attributes"]["status"] == "processing"


def test_the_bank_name_is_added_and_the_holder_name_returned_as_sent(shop: CheckedShop) -> None:
    body = payout_order({"bankShortCode": "CIMB_NIAGA", "bankAccountHolderName": "Ani 😀"}, description="Upah\nMei")
    attributes = made(funded(shop), PAYOUTS, body)["attributes"]
    assert attributes["description"] == "Upah\nMei"
    method = attributes["disbursementMethod"]
    assert (method["bankShortCode"], method["bankName"]) == ("CIMB_NIAGA", BANKS["CIMB_NIAGA"].name)
    assert (method["bankAccountHolderName"], method["serverBankAccountHolderName"]) == ("Ani 😀", "PROD ONLY")


# -- the simulator bank -----------------------------------------------------------------------------------------------


def test_the_simulator_completes_a_disbursement_after_an_hour(traveller: CheckedShop) -> None:
    payout = made(funded(traveller), PAYOUTS, payout_order())
    traveller.advance(seconds=3_500)
    assert status_of(traveller, payout) == "processing"
    traveller.advance(seconds=110)
    assert status_of(traveller, payout) == "completed"
    assert traveller.callbacks()[-1] == read(traveller, payout)


def test_a_disbursement_to_an_unknown_account_fails_at_once(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, to("1234567404"))
    attributes = payout["attributes"]
    assert (attributes["status"], attributes["failureReason"]) == ("failed", "Account not found")
    assert balance(shop)[0] == rupiah(GIVEN)
    assert shop.callbacks()[-1] == payout


def test_a_disbursement_to_a_closed_account_fails_after_a_minute(traveller: CheckedShop) -> None:
    payout = made(funded(traveller), PAYOUTS, to("1234567405"))
    assert payout["attributes"]["status"] == "processing"
    traveller.advance(seconds=70)
    attributes = read(traveller, payout)["attributes"]
    assert (attributes["status"], attributes["failureReason"]) == ("failed", "Account closed")
    assert balance(traveller)[0] == rupiah(GIVEN)


def test_each_disbursement_ends_at_its_own_instant_however_far_the_clock_is_moved(traveller: CheckedShop) -> None:
    funded(traveller)
    for _ in range(3):
        sent = [made(traveller, PAYOUTS, to("1234567405"))["id"] for _ in range(15)]
        traveller.advance(seconds=7300)
        lasted = traveller.gateway.rows(
            "SELECT extract(epoch FROM ended_at - created_at)::integer AS seconds FROM payouts "
            "WHERE 'contract_' || replace(id::text, '-', '') = ANY($1)",
            sent,
        )
        assert [row["seconds"] for row in lasted] == [pytest.approx(60, abs=3)] * 15


def test_a_bank_that_does_not_answer_leaves_the_disbursement_pending(traveller: CheckedShop) -> None:
    payout = made(funded(traveller), PAYOUTS, to("1234567503"))
    attributes = payout["attributes"]
    assert (attributes["status"], attributes["disbursementMethod"]["bankReferenceNumber"]) == ("pending", None)
    assert balance(traveller)[0] == rupiah(GIVEN - 13_885)
    assert ids(listed(traveller, "?filter[status]=pending", PAYOUTS)) == [payout["id"]]
    # The bank may not have received it, so it can be neither completed nor failed.
    traveller.refused("POST", f"{PAYOUTS}/{payout['id']}/tasks", task("complete"), code="005")
    traveller.advance(seconds=70)
    assert status_of(traveller, payout) == "processing"
    traveller.do(payout, "complete")
    assert status_of(traveller, payout) == "completed"
    assert balance(traveller)[0] == rupiah(GIVEN - 13_885)


# -- banks and accounts -----------------------------------------------------------------------------------------------


def test_every_listed_bank_accepts_disbursements(shop: CheckedShop) -> None:
    banks = shop.call("GET", "/api/v4/banks").json()["data"]
    assert len(banks) == 142
    assert {bank["attributes"]["shortCode"].lower() for bank in banks} == {bank["id"] for bank in banks}
    funded(shop)
    for bank in (banks[0], banks[70], banks[-1]):
        made(shop, PAYOUTS, payout_order({"bankShortCode": bank["attributes"]["shortCode"]}))
        request = document(accountNo="0102030405", bankShortCode=bank["attributes"]["shortCode"])
        assert shop.call("POST", VALIDATION, request).status_code == 201


def test_account_validation_is_repeatable_and_stores_nothing(shop: CheckedShop) -> None:
    request = document(accountNo="0102030405", bankShortCode="BRI")
    first, second = (shop.call("POST", VALIDATION, request) for _ in range(2))
    assert first.content == second.content
    assert (balance(shop), listed(shop, path=PAYOUTS)) == (("0.0", "0.0", "0.0"), [])


def test_validating_an_unknown_account_is_answered_with_404(shop: CheckedShop) -> None:
    request = document(accountNo="1234567404", bankShortCode="BRI")
    shop.refused("POST", VALIDATION, request, status=404, code="004", at="/data/attributes/accountNo")


@pytest.mark.parametrize("number", ["0102030405", "000501003219303"])
def test_the_account_numbers_printed_in_the_documents_exist(shop: CheckedShop, number: str) -> None:
    assert shop.call("POST", VALIDATION, document(accountNo=number, bankShortCode="BRI")).status_code == 201
    assert made(funded(shop), PAYOUTS, to(number))["attributes"]["status"] == "processing"


def test_a_fresh_sandbox_has_a_balance_to_send_from(traveller: CheckedShop) -> None:
    overview = traveller.get("overviews/balance_overview")["attributes"]
    assert list(overview.values()) == ["1000000000.0", "1000000000.0", "0.0"]
    payout = made(traveller, PAYOUTS, payout_order(amount=100_000))
    assert payout["attributes"]["status"] == "processing"
    ledger = traveller.v2.get("/sandbox/ledger")
    assert {account["name"].rpartition("/")[2]: account["balance"] for account in ledger["accounts"]} == {
        "simulator": "2000000000.00",
        "available": "-999896115.00",
        "reserved": "-103885.00",
        "payouts": "-1000000000.00",
    }
    assert ledger["sum"] == "0.00"


def test_a_sandbox_gets_its_starting_balance_only_once(gateway: Gateway) -> None:
    world, url = gateway.services.world, gateway.base_url
    given = "SELECT count(*)::integer AS times FROM transfers WHERE reason = 'starting_balance'"
    assert gateway.rows(given) == [{"times": 1}]
    gateway.do(sandbox_merchant.ready(world, url, gateway.sandbox))
    gateway.do(sandbox_merchant.ready(world, url, None))
    assert gateway.rows(given) == [{"times": 1}]
