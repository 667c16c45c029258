"""Disbursements: money is set aside, sent once, and comes back when it cannot arrive; banks and whose account it is."""

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
"""What the shop has: 10,000,000 that were paid in, less the fee."""


def rupiah(amount: float) -> str:
    return f"{amount:.1f}"


def to(number: str, **changes: object) -> Json:
    return payout_order({"bankAccountNo": number}, **changes)


def test_amount_and_fee_are_set_aside_at_once_and_gone_when_it_arrives(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order(amount=100_000))
    told = payout["attributes"]
    assert (told["status"], told["amount"], told["fees"]) == ("processing", "100000.0", "3885.0")
    assert balance(shop) == (rupiah(GIVEN - 103_885), rupiah(GIVEN - 103_885), "0.0")
    assert read(shop, payout) == payout
    shop.do(payout, "complete")
    completed = read(shop, payout)
    assert completed == payout | {"attributes": told | {"status": "completed"}}
    assert balance(shop)[0] == rupiah(GIVEN - 103_885)
    assert shop.heard()[-1] == completed


def test_what_fails_comes_back_whole_and_says_why_in_both_places(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order(amount=100_000))
    shop.do(payout, "fail")
    failed = read(shop, payout)["attributes"]
    assert (failed["status"], failed["failureReason"]) == ("failed", "Simulated failure")
    assert failed["disbursementMethod"]["failureReason"] == "Simulated failure"
    assert balance(shop)[0] == rupiah(GIVEN)
    assert shop.heard()[-1]["attributes"] == failed


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_what_has_ended_is_refused_both_tasks(shop: CheckedShop, end: str) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order())
    shop.do(payout, end)
    known, held = read(shop, payout), balance(shop)
    for action in ("complete", "fail"):
        why = shop.refused("POST", f"{PAYOUTS}/{payout['id']}/tasks", task(action), code="005")
        assert why.startswith(f"The disbursement is {known['attributes']['status']}, so it cannot be ")
    assert (read(shop, payout), balance(shop)) == (known, held)
    assert len([said for said in shop.heard() if said["type"] == "disbursement"]) == 1


def test_complete_and_fail_at_once_let_one_of_them_through(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, payout_order())
    path = f"{PAYOUTS}/{payout['id']}/tasks"
    calls = [lambda: shop.call("POST", path, task("complete")), lambda: shop.call("POST", path, task("fail"))]
    answers = at_once(*calls * 4)
    assert sorted(answer.status_code for answer in answers) == [202, *[400] * 7]
    back = status_of(shop, payout) == "failed"
    assert balance(shop)[0] == rupiah(GIVEN if back else GIVEN - 13_885)


def test_more_than_there_is_cannot_be_sent(shop: CheckedShop) -> None:
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


def test_ten_at_once_send_no_more_than_there_is(shop: CheckedShop) -> None:
    funded(shop)
    answers = at_once(*[lambda: shop.call("POST", PAYOUTS, payout_order(amount=3_000_000))] * 10)
    assert sorted(answer.status_code for answer in answers) == [*[201] * 3, *[400] * 7]
    assert balance(shop)[0] == rupiah(GIVEN - 3 * 3_003_885)


def test_a_failed_one_is_repeated_under_a_new_reference_alone(shop: CheckedShop) -> None:
    reference = fresh("payout")
    payout = made(funded(shop), PAYOUTS, payout_order(referenceId=reference))
    shop.do(payout, "fail")
    again = made(shop, PAYOUTS, payout_order(referenceId=reference))
    assert (again["id"], again["attributes"]["status"]) == (payout["id"], "failed")
    assert balance(shop)[0] == rupiah(GIVEN)
    assert made(shop, PAYOUTS, payout_order(referenceId=f"{reference}-2"))["attributes"]["status"] == "processing"


def test_the_bank_is_named_and_the_holder_comes_back_as_sent(shop: CheckedShop) -> None:
    body = payout_order({"bankShortCode": "CIMB_NIAGA", "bankAccountHolderName": "Ani 😀"}, description="Upah\nMei")
    told = made(funded(shop), PAYOUTS, body)["attributes"]
    assert told["description"] == "Upah\nMei"
    method = told["disbursementMethod"]
    assert (method["bankShortCode"], method["bankName"]) == ("CIMB_NIAGA", BANKS["CIMB_NIAGA"].name)
    assert (method["bankAccountHolderName"], method["serverBankAccountHolderName"]) == ("Ani 😀", "PROD ONLY")


# -- the simulator bank -----------------------------------------------------------------------------------------------


def test_the_simulator_completes_by_itself_after_an_hour(traveller: CheckedShop) -> None:
    payout = made(funded(traveller), PAYOUTS, payout_order())
    traveller.advance(seconds=3_500)
    assert status_of(traveller, payout) == "processing"
    traveller.advance(seconds=110)
    assert status_of(traveller, payout) == "completed"
    assert traveller.heard()[-1] == read(traveller, payout)


def test_an_account_that_is_not_there_fails_at_once(shop: CheckedShop) -> None:
    payout = made(funded(shop), PAYOUTS, to("1234567404"))
    told = payout["attributes"]
    assert (told["status"], told["failureReason"]) == ("failed", "Account not found")
    assert balance(shop)[0] == rupiah(GIVEN)
    assert shop.heard()[-1] == payout


def test_an_account_that_is_closed_fails_after_a_minute(traveller: CheckedShop) -> None:
    payout = made(funded(traveller), PAYOUTS, to("1234567405"))
    assert payout["attributes"]["status"] == "processing"
    traveller.advance(seconds=70)
    told = read(traveller, payout)["attributes"]
    assert (told["status"], told["failureReason"]) == ("failed", "Account closed")
    assert balance(traveller)[0] == rupiah(GIVEN)


def test_each_of_many_ends_at_its_own_instant_however_far_the_clock_is_moved(traveller: CheckedShop) -> None:
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


def test_silence_is_not_failure(traveller: CheckedShop) -> None:
    payout = made(funded(traveller), PAYOUTS, to("1234567503"))
    told = payout["attributes"]
    assert (told["status"], told["disbursementMethod"]["bankReferenceNumber"]) == ("pending", None)
    assert balance(traveller)[0] == rupiah(GIVEN - 13_885)
    assert ids(listed(traveller, "?filter[status]=pending", PAYOUTS)) == [payout["id"]]
    # The bank has not heard of it, so nobody can say how it ended.
    traveller.refused("POST", f"{PAYOUTS}/{payout['id']}/tasks", task("complete"), code="005")
    traveller.advance(seconds=70)
    assert status_of(traveller, payout) == "processing"
    traveller.do(payout, "complete")
    assert status_of(traveller, payout) == "completed"
    assert balance(traveller)[0] == rupiah(GIVEN - 13_885)


# -- banks and accounts -----------------------------------------------------------------------------------------------


def test_every_bank_that_is_listed_can_be_sent_to(shop: CheckedShop) -> None:
    banks = shop.call("GET", "/api/v4/banks").json()["data"]
    assert len(banks) == 142
    assert {bank["attributes"]["shortCode"].lower() for bank in banks} == {bank["id"] for bank in banks}
    funded(shop)
    for bank in (banks[0], banks[70], banks[-1]):
        made(shop, PAYOUTS, payout_order({"bankShortCode": bank["attributes"]["shortCode"]}))
        asked = document(accountNo="0102030405", bankShortCode=bank["attributes"]["shortCode"])
        assert shop.call("POST", VALIDATION, asked).status_code == 201


def test_an_account_is_asked_for_without_leaving_anything_behind(shop: CheckedShop) -> None:
    asked = document(accountNo="0102030405", bankShortCode="BRI")
    first, second = (shop.call("POST", VALIDATION, asked) for _ in range(2))
    assert first.content == second.content
    assert (balance(shop), listed(shop, path=PAYOUTS)) == (("0.0", "0.0", "0.0"), [])


def test_an_account_that_nobody_has_is_not_found(shop: CheckedShop) -> None:
    asked = document(accountNo="1234567404", bankShortCode="BRI")
    shop.refused("POST", VALIDATION, asked, status=404, code="004", at="/data/attributes/accountNo")


@pytest.mark.parametrize("number", ["0102030405", "000501003219303"])
def test_the_documents_own_accounts_are_there_whatever_their_ends(shop: CheckedShop, number: str) -> None:
    assert shop.call("POST", VALIDATION, document(accountNo=number, bankShortCode="BRI")).status_code == 201
    assert made(funded(shop), PAYOUTS, to(number))["attributes"]["status"] == "processing"


def test_a_suite_that_begins_with_a_payout_can_run_in_a_fresh_sandbox(traveller: CheckedShop) -> None:
    overview = traveller.get("overviews/balance_overview")["attributes"]
    assert list(overview.values()) == ["1000000000.0", "1000000000.0", "0.0"]
    payout = made(traveller, PAYOUTS, payout_order(amount=100_000))
    assert payout["attributes"]["status"] == "processing"
    books = traveller.v2.get("/sandbox/ledger")
    assert {account["name"].rpartition("/")[2]: account["balance"] for account in books["accounts"]} == {
        "simulator": "1000000000.00",
        "available": "-999896115.00",
        "reserved": "-103885.00",
    }
    assert books["sum"] == "0.00"


def test_a_sandbox_is_given_its_starting_balance_once_and_one_that_is_in_use_is_given_none(gateway: Gateway) -> None:
    world, url = gateway.services.world, gateway.base_url
    given = "SELECT count(*)::integer AS times FROM transfers WHERE reason = 'starting_balance'"
    assert gateway.rows(given) == [{"times": 1}]
    gateway.do(sandbox_merchant.ready(world, url, gateway.sandbox))
    gateway.do(sandbox_merchant.ready(world, url, None))
    assert gateway.rows(given) == [{"times": 1}]
