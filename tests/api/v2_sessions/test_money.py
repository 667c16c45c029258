"""Money: each report is booked once, settlement takes the fee, and money that is not owed is held in suspense."""

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
"""BCA settles on the next working day; BRI, the default of `shop.create`, at once."""
QR: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}
OPEN: dict[str, Any] = {"paymentType": "MULTIPLE", "amount": None}


def balances(shop: CheckedShop) -> dict[str, Decimal]:
    """The change of each account by the merchant's money (debits minus credits, in rupiah), after settlement.

    The starting balances of the sandbox merchant are not counted.
    """
    shop.advance(seconds=0)
    ledger = shop.get("/sandbox/ledger")
    assert Decimal(ledger["sum"]) == 0
    own = f"merchant/{shop.merchant_id}/"
    moved = {account["name"].removeprefix(own): Decimal(account["balance"]) for account in ledger["accounts"]}
    if str(shop.merchant_id) == shop.gateway.sandbox.v2.merchant_id:
        begun = STARTING_BALANCE // MINOR_PER_RUPIAH
        moved |= {"bank/simulator": moved["bank/simulator"] - 2 * begun, "available": moved["available"] + begun}
        assert moved.pop("payouts") == -begun
    return moved


def check_ledger_balances(shop: CheckedShop) -> None:
    """Asserts that the whole ledger sums to zero, and that every balance is the sum of its transfers."""
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
    """Checks after each of these tests that the ledger balances."""
    yield
    check_ledger_balances(shop)


def report(shop: CheckedShop, amount: int, **more: object) -> dict[str, Any]:
    """Reports money as the simulator bank; returns the recorded report."""
    return shop.post("/sandbox/bank/reports", {"amount": amount, **more})["reports"][0]


def agreed(shop: CheckedShop, **fees: Rate) -> CheckedShop:
    """A merchant with immediate settlement and these fees; `virtual_account_BRI` means virtual_account/BRI."""
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
def test_a_paid_amount_is_pending_in_full_until_settlement_which_takes_the_fee(
    sole_shop: CheckedShop, how: dict[str, Any]
) -> None:
    # A Sunday, 12:48 in Jakarta; Monday is in Idul Fitri, so the next working day is Tuesday week.
    sole_shop.simulate(sole_shop.create(**how)["id"], amount=rupiah(20_000))
    assert balances(sole_shop) == {"bank/simulator": 20_000, "pending": -20_000, "available": 0}
    sole_shop.advance(to="2025-04-08T09:59:00+07:00")
    assert balances(sole_shop) == {"bank/simulator": 20_000, "pending": -20_000, "available": 0}
    sole_shop.advance(to="2025-04-08T10:00:00+07:00")
    fee, vat = (140, Decimal("15.4")) if how is QR else (4_000, 440)
    assert balances(sole_shop) == {
        "bank/simulator": 20_000,
        "pending": 0,
        "available": -(20_000 - fee - vat),
        "platform/fees": -fee,
        "platform/vat": -vat,
    }
    check_ledger_balances(sole_shop)


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
        (Rate(percent=Decimal("0.0025")), "0.50", "0.56"),  # 0.555 with VAT: half a sen is rounded up
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


def test_each_charge_on_a_static_number_costs_its_fee(shop: CheckedShop) -> None:
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
def test_money_that_is_not_owed_is_held_in_suspense_in_full_without_a_fee(
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
    [data] = [item["body"]["data"] for item in shop.inbox() if item["body"]["event"] == "MONEY.SET_ASIDE"]
    assert (data["reason"], data["amount"]) == (outcome.upper(), rupiah(amount))


def test_the_right_amount_pays_after_wrong_ones_were_held_in_suspense(shop: CheckedShop) -> None:
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


def test_money_to_an_unknown_number_is_held_by_the_platform(shop: CheckedShop) -> None:
    held = "SELECT coalesce(sum(balance), 0) AS sum FROM accounts WHERE name = 'platform/suspense'"
    [before] = shop.gateway.rows(held)
    money = report(shop, 12_345, number="9999999999999999")
    assert (money["outcome"], money["paymentId"]) == ("unknown_number", None)
    [after] = shop.gateway.rows(held)
    assert before["sum"] - after["sum"] == 1_234_500
    assert balances(shop) == {}
    assert shop.received_events() == []
    events = shop.gateway.rows(
        "SELECT kind FROM events WHERE merchant_id = $1 ORDER BY sequence DESC LIMIT 1", PLATFORM
    )
    assert events == [{"kind": "money.in_suspense"}]


def test_money_to_a_released_number_goes_to_its_last_payment(sole_shop: CheckedShop) -> None:
    session = sole_shop.create()
    sole_shop.advance(seconds=900 + 86_400 + 60)
    number = session["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]
    money = report(sole_shop, 20_000, number=number)
    assert (money["outcome"], money["paymentId"]) == ("late", session["id"])
    assert balances(sole_shop)["suspense"] == -20_000
    check_ledger_balances(sole_shop)


# -- repeated reports -------------------------------------------------------------------------------------------------


def test_the_same_bank_reference_is_booked_once(shop: CheckedShop) -> None:
    session = shop.create()
    assert shop.simulate(session["id"], bankReference="BRI-1") == "true"
    for _ in range(3):
        assert shop.simulate(session["id"], bankReference="BRI-1") == "false"
    assert report(shop, 20_000, paymentId=session["id"], bankReference="BRI-1")["outcome"] == "booked"
    assert balances(shop)["bank/simulator"] == 20_000
    assert shop.received_events() == ["PAYMENT.PAID"]


def test_the_same_reference_of_money_in_suspense_is_held_once(shop: CheckedShop) -> None:
    session = shop.create()
    for _ in range(3):
        assert shop.simulate(session["id"], amount=rupiah(1), bankReference=f"SMALL-{session['id']}") == "false"
    assert balances(shop)["suspense"] == -1
    assert shop.received_events() == ["MONEY.SET_ASIDE"]


def pay(shop: CheckedShop, payment_id: str, reference: str | None) -> Callable[[], Any]:
    body = {"paymentSessionId": payment_id, "chargeStatus": "SUCCESS", "bankReference": reference}
    return partial(shop.call, "POST", "/v2/payments/simulations", body)


def test_ten_simultaneous_reports_of_the_same_money_book_it_once(shop: CheckedShop) -> None:
    for _ in range(3):
        payment_id = shop.create()["id"]
        answers = at_once(*[pay(shop, payment_id, f"ONE-{payment_id}")] * 10)
        assert sorted(answer.json()["data"]["updated"] for answer in answers) == ["false"] * 9 + ["true"]
    assert balances(shop)["bank/simulator"] == 60_000
    assert shop.received_events() == ["PAYMENT.PAID"] * 3


def test_of_ten_payments_to_one_number_at_once_one_is_booked_and_nine_are_held_in_suspense(shop: CheckedShop) -> None:
    payment_id = shop.create()["id"]
    answers = at_once(*[pay(shop, payment_id, None)] * 10)
    assert sorted(answer.json()["data"]["updated"] for answer in answers) == ["false"] * 9 + ["true"]
    found = balances(shop)
    assert (found["bank/simulator"], found["suspense"], found["available"]) == (200_000, -180_000, -15_560)
    assert sorted(shop.received_events()) == ["MONEY.SET_ASIDE"] * 9 + ["PAYMENT.PAID"]


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
