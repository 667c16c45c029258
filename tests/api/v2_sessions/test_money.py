"""Money: every rupiah that arrives is in the books once, pays its fee when it is settled, and what was not owed is set aside
and not lost.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import PLATFORM
from gerbang.domain.money import MINOR_PER_RUPIAH
from gerbang.services.merchants import default_agreement
from gerbang.services.sandbox_merchant import STARTING_BALANCE
from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.sessions import at_once, in_state, rupiah, status_of

BCA: dict[str, Any] = {"paymentMethodOptions": {"virtualAccount": {"channel": "BCA"}}}
"""Settles on the next working day; BRI, as in `shop.create`, at once."""
QR: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}
OPEN: dict[str, Any] = {"paymentType": "MULTIPLE", "amount": None}


def balances(shop: CheckedShop) -> dict[str, Decimal]:
    """What the merchant's money has done to each account (debits minus credits, in rupiah), with all settled that is due.

    Without what a sandbox's own merchant begins with.
    """
    shop.advance(seconds=0)
    told = shop.get("/sandbox/ledger")
    assert Decimal(told["sum"]) == 0
    own = f"merchant/{shop.merchant_id}/"
    moved = {account["name"].removeprefix(own): Decimal(account["balance"]) for account in told["accounts"]}
    if str(shop.merchant_id) == shop.gateway.sandbox.v2.merchant_id:
        begun = STARTING_BALANCE // MINOR_PER_RUPIAH
        moved |= {"bank/simulator": moved["bank/simulator"] - begun, "available": moved["available"] + begun}
    return moved


def books_balance(shop: CheckedShop) -> None:
    """Demands that the whole ledger sums to zero, and that every balance is the sum of its transfers."""
    [whole] = shop.gateway.rows("SELECT coalesce(sum(balance), 0) AS sum FROM accounts")
    assert whole["sum"] == 0
    wrong = shop.gateway.rows(
        """
        SELECT a.name, a.balance, coalesce(sum(t.change), 0) AS moved FROM accounts a
        LEFT JOIN (SELECT debit AS id, amount AS change FROM transfers
                   UNION ALL SELECT credit, -amount FROM transfers) t USING (id)
        GROUP BY a.id HAVING a.balance <> coalesce(sum(t.change), 0)
        """
    )
    assert wrong == []


@pytest.fixture(autouse=True)
def balanced(shop: CheckedShop) -> Any:
    """After each of these tests the books are in balance."""
    yield
    books_balance(shop)


def report(shop: CheckedShop, amount: int, **more: object) -> dict[str, Any]:
    """The simulator bank reports money; what became of it."""
    return shop.post("/sandbox/bank/reports", {"amount": amount, **more})["reports"][0]


def agreed(shop: CheckedShop, **fees: Rate) -> CheckedShop:
    """A merchant whose money is all settled at once, with fees of its own; `virtual_account_BRI` is virtual_account/BRI."""
    named = {name.replace("account_", "account/"): rate for name, rate in fees.items()}
    at_once = {"virtual_account": Schedule(0), "qris": Schedule(0)}
    agreement = replace(default_agreement(6500, "Warung"), fees=named, settling=at_once)
    return CheckedShop.of(shop.gateway.new_shop(agreement=agreement))


# -- what is owed, and what it costs ----------------------------------------------------------------------------------


def test_a_paid_virtual_account_costs_a_flat_fee_and_its_vat(shop: CheckedShop) -> None:
    shop.simulate(shop.create()["id"])
    assert balances(shop) == {
        "bank/simulator": 20_000,
        "pending": 0,
        "available": -(20_000 - 4_440),
        "platform/fees": -4_000,
        "platform/vat": -440,
    }


@pytest.mark.parametrize("how", [BCA, QR, OPEN | BCA])
def test_what_is_paid_is_pending_whole_until_its_bank_settles_and_the_fee_is_taken_then(
    traveller: CheckedShop, how: dict[str, Any]
) -> None:
    # A Sunday, 12:48 in Jakarta; Monday is in Idul Fitri, so the next working day is Tuesday week.
    traveller.simulate(traveller.create(**how)["id"], amount=rupiah(20_000))
    assert balances(traveller) == {"bank/simulator": 20_000, "pending": -20_000, "available": 0}
    traveller.advance(to="2025-04-08T09:59:00+07:00")
    assert balances(traveller) == {"bank/simulator": 20_000, "pending": -20_000, "available": 0}
    traveller.advance(to="2025-04-08T10:00:00+07:00")
    fee, vat = (140, Decimal("15.4")) if how is QR else (4_000, 440)
    assert balances(traveller) == {
        "bank/simulator": 20_000,
        "pending": 0,
        "available": -(20_000 - fee - vat),
        "platform/fees": -fee,
        "platform/vat": -vat,
    }
    books_balance(traveller)


@pytest.mark.parametrize(
    ("amount", "fee", "vat"),
    [
        (75_000, "525.00", "57.75"),
        (1_000, "7.00", "0.77"),
        # 0.7% of 10,001 is 70.007: in sen 70.01, and with 11% VAT 77.70777, which is 77.71.
        (10_001, "70.01", "7.70"),
        (9_999_999, "69999.99", "7700.00"),
    ],
)
def test_a_paid_qris_costs_a_percentage_and_its_vat_rounded_half_up_to_the_sen(
    shop: CheckedShop, amount: int, fee: str, vat: str
) -> None:
    own = agreed(shop)
    own.simulate(own.create(**QR, amount=rupiah(amount))["id"])
    found = balances(own)
    assert (found["platform/fees"], found["platform/vat"]) == (-Decimal(fee), -Decimal(vat))
    assert (found["pending"], found["available"]) == (0, -(amount - Decimal(fee) - Decimal(vat)))


@pytest.mark.parametrize(
    ("rate", "net", "total"),
    [
        (Rate(flat=150_00, percent=Decimal("1.5")), "450.00", "499.50"),
        (Rate(percent=Decimal("0.0025")), "0.50", "0.56"),  # 0.555 with VAT: half a sen goes up
        (Rate(flat=100_00, vat_percent=Decimal(0)), "100.00", "100.00"),
        (Rate(), "0", "0"),
    ],
)
def test_a_merchants_own_fee_is_flat_and_percent_with_vat(shop: CheckedShop, rate: Rate, net: str, total: str) -> None:
    own = agreed(shop, virtual_account=rate)
    own.simulate(own.create()["id"])
    found = balances(own)
    assert (found["pending"], found["available"]) == (0, -(20_000 - Decimal(total)))
    assert found.get("platform/fees", 0) == -Decimal(net)
    assert found.get("platform/vat", 0) == -(Decimal(total) - Decimal(net))


def test_a_bank_may_have_a_fee_of_its_own(shop: CheckedShop) -> None:
    own = agreed(shop, virtual_account=Rate(flat=1_000_00), virtual_account_BRI=Rate(flat=2_000_00))
    own.simulate(own.create()["id"])
    own.simulate(own.create(**BCA)["id"])
    assert balances(own)["platform/fees"] == -3_000


def test_each_arrival_at_a_static_number_costs_its_fee(shop: CheckedShop) -> None:
    session = shop.create(**OPEN)
    for _ in range(3):
        shop.simulate(session["id"], amount=rupiah(50_000))
    found = balances(shop)
    assert (found["pending"], found["available"]) == (0, -3 * (50_000 - 4_440))


# -- what is not owed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "amount", "outcome"),
    [
        ("EXPIRED", 20_000, "late"),
        ("INACTIVE", 20_000, "late"),
        ("PAID", 20_000, "double"),
        ("PAID", 500, "double"),
        ("REQUIRE_ACTION", 20_001, "overpaid"),
        ("REQUIRE_ACTION", 1, "underpaid"),
    ],
)
def test_what_is_not_owed_is_set_aside_whole_and_without_a_fee(
    shop: CheckedShop, state: str, amount: int, outcome: str
) -> None:
    payment_id = in_state(shop, state)
    before = balances(shop)
    assert report(shop, amount, paymentId=payment_id)["outcome"] == outcome
    found = balances(shop)
    assert found["suspense"] == -amount
    assert found["bank/simulator"] - before.get("bank/simulator", 0) == amount
    for account in ("pending", "available", "platform/fees"):
        assert found.get(account) == before.get(account)
    assert status_of(shop, payment_id) == state
    [told] = [item["body"]["data"] for item in shop.inbox() if item["body"]["event"] == "MONEY.SET_ASIDE"]
    assert (told["reason"], told["amount"]) == (outcome.upper(), rupiah(amount))


def test_the_right_amount_pays_after_wrong_ones_were_set_aside(shop: CheckedShop) -> None:
    session = shop.create()
    for amount in (19_999, 20_001, 1):
        assert shop.simulate(session["id"], amount=rupiah(amount)) == "false"
    assert shop.simulate(session["id"]) == "true"
    found = balances(shop)
    assert (found["suspense"], found["pending"], found["available"]) == (-40_001, 0, -15_560)
    assert status_of(shop, session["id"]) == "PAID"


def test_too_little_twice_does_not_add_up_to_enough(shop: CheckedShop) -> None:
    session = shop.create()
    for _ in range(2):
        assert shop.simulate(session["id"], amount=rupiah(10_000)) == "false"
    assert status_of(shop, session["id"]) == "REQUIRE_ACTION"


def test_money_to_nobodys_number_is_kept_by_the_house(shop: CheckedShop) -> None:
    [before] = shop.gateway.rows(
        "SELECT coalesce(sum(balance), 0) AS sum FROM accounts WHERE name = 'platform/suspense'"
    )
    told = report(shop, 12_345, number="9999999999999999")
    assert (told["outcome"], told["paymentId"]) == ("unknown_number", None)
    [after] = shop.gateway.rows("SELECT balance FROM accounts WHERE name = 'platform/suspense'")
    assert before["sum"] - after["balance"] == 1_234_500
    assert balances(shop) == {}
    assert shop.news() == []
    events = shop.gateway.rows(
        "SELECT kind FROM events WHERE merchant_id = $1 ORDER BY sequence DESC LIMIT 1", PLATFORM
    )
    assert events == [{"kind": "money.in_suspense"}]


def test_money_to_a_number_that_was_given_back_goes_to_whoever_had_it_last(traveller: CheckedShop) -> None:
    session = traveller.create()
    traveller.advance(seconds=900 + 86_400 + 60)
    number = session["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]
    told = report(traveller, 20_000, number=number)
    assert (told["outcome"], told["paymentId"]) == ("late", session["id"])
    assert balances(traveller)["suspense"] == -20_000
    books_balance(traveller)


# -- heard again ------------------------------------------------------------------------------------------------------


def test_the_same_bank_reference_books_once(shop: CheckedShop) -> None:
    session = shop.create()
    assert shop.simulate(session["id"], bankReference="BRI-1") == "true"
    for _ in range(3):
        assert shop.simulate(session["id"], bankReference="BRI-1") == "false"
    assert report(shop, 20_000, paymentId=session["id"], bankReference="BRI-1")["outcome"] == "booked"
    assert balances(shop)["bank/simulator"] == 20_000
    assert shop.news() == ["PAYMENT.PAID"]


def test_the_same_reference_of_money_set_aside_is_set_aside_once(shop: CheckedShop) -> None:
    session = shop.create()
    for _ in range(3):
        assert shop.simulate(session["id"], amount=rupiah(1), bankReference=f"SMALL-{session['id']}") == "false"
    assert balances(shop)["suspense"] == -1
    assert shop.news() == ["MONEY.SET_ASIDE"]


def pay(shop: CheckedShop, payment_id: str, reference: str | None) -> Callable[[], Any]:
    body = {"paymentSessionId": payment_id, "chargeStatus": "SUCCESS", "bankReference": reference}
    return partial(shop.call, "POST", "/v2/payments/simulations", body)


def test_ten_reports_of_one_piece_of_money_at_once_book_it_once(shop: CheckedShop) -> None:
    for _ in range(3):
        payment_id = shop.create()["id"]
        answers = at_once(*[pay(shop, payment_id, f"ONE-{payment_id}")] * 10)
        assert sorted(answer.json()["data"]["updated"] for answer in answers) == ["false"] * 9 + ["true"]
    assert balances(shop)["bank/simulator"] == 60_000
    assert shop.news() == ["PAYMENT.PAID"] * 3


def test_ten_payments_of_one_number_at_once_pay_it_once_and_set_nine_aside(shop: CheckedShop) -> None:
    payment_id = shop.create()["id"]
    answers = at_once(*[pay(shop, payment_id, None)] * 10)
    assert sorted(answer.json()["data"]["updated"] for answer in answers) == ["false"] * 9 + ["true"]
    found = balances(shop)
    assert (found["bank/simulator"], found["suspense"], found["available"]) == (200_000, -180_000, -15_560)
    assert sorted(shop.news()) == ["MONEY.SET_ASIDE"] * 9 + ["PAYMENT.PAID"]


def test_ten_payments_into_one_static_number_at_once_are_ten(shop: CheckedShop) -> None:
    session = shop.create(paymentType="MULTIPLE")
    answers = at_once(*[pay(shop, session["id"], None)] * 10)
    assert {answer.json()["data"]["updated"] for answer in answers} == {"true"}
    assert len(shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"]) == 10
    assert balances(shop)["available"] == -10 * 15_560


# -- what cannot be paid ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auto", [True, False])
def test_a_payment_without_a_number_cannot_be_paid(shop: CheckedShop, auto: bool) -> None:
    created = shop.create(autoConfirm=auto, paymentMethod=None, paymentMethodOptions=None)
    body = {"paymentSessionId": created["id"], "chargeStatus": "SUCCESS"}
    why = shop.refused("POST", "/v2/payments/simulations", body, status=422, code="api_validation_error")
    assert created["status"] in why
    assert balances(shop) == {}
