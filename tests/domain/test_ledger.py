"""Double entry: the changes of every set of transfers add up to zero. Amounts are in sen; a credit is negative."""

from collections.abc import Sequence
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gerbang.domain import ledger
from gerbang.domain.fees import Fee
from gerbang.domain.ledger import Transfer, changes, money_held, money_in, settling
from gerbang.domain.merchants import PLATFORM

MERCHANT, PAYMENT, REPORT, CHARGE = (UUID(int=number) for number in range(1, 5))
PENDING, AVAILABLE = f"merchant/{MERCHANT}/pending", f"merchant/{MERCHANT}/available"
accounts = st.sampled_from(
    ["bank/simulator", "platform/fees", "platform/vat", PENDING, AVAILABLE, f"merchant/{MERCHANT}/suspense"]
)
amounts = st.integers(1, 10**16)
fees = st.tuples(st.integers(0, 10**8), st.integers(0, 100)).map(
    lambda drawn: Fee(drawn[0], drawn[0] * drawn[1] // 100)
)


@given(
    st.lists(st.builds(Transfer, accounts, accounts, amounts, st.just("any"), st.just(MERCHANT), st.none(), st.none()))
)
def test_the_changes_of_any_transfers_add_up_to_zero(transfers: Sequence[Transfer]) -> None:
    assert sum(changes(transfers).values()) == 0


@given(amounts)
def test_money_that_was_owed_is_credited_in_full_to_the_merchants_pending_account(amount: int) -> None:
    lines = money_in("simulator", MERCHANT, amount, payment_id=PAYMENT, report_id=REPORT)
    assert changes(lines) == {"bank/simulator": amount, PENDING: -amount}
    assert [(line.merchant_id, line.payment_id, line.report_id) for line in lines] == [(MERCHANT, PAYMENT, REPORT)]


@given(amounts, fees)
def test_settling_moves_the_amount_less_the_fee_from_pending_to_available(amount: int, fee: Fee) -> None:
    lines = settling(MERCHANT, amount, fee, payment_id=PAYMENT, charge_id=CHARGE)
    balance = changes(lines)
    assert sum(balance.values()) == 0
    assert balance[PENDING] == amount
    assert balance[AVAILABLE] == fee.total - amount
    assert balance.get("platform/fees", 0) == -fee.net
    assert balance.get("platform/vat", 0) == -fee.vat
    assert all(line.amount > 0 for line in lines), "no transfer of zero"
    assert [line.reason for line in lines] == [
        reason for reason, there in (("settled", amount), ("fee", fee.net), ("vat", fee.vat)) if there
    ]
    assert {(line.merchant_id, line.payment_id, line.report_id, line.cause_id) for line in lines} == {
        (MERCHANT, PAYMENT, None, CHARGE)
    }


@given(amounts, fees)
def test_nothing_stays_pending_after_settlement(amount: int, fee: Fee) -> None:
    lines = money_in("simulator", MERCHANT, amount, payment_id=PAYMENT, report_id=REPORT)
    balance = changes([*lines, *settling(MERCHANT, amount, fee, payment_id=PAYMENT, charge_id=CHARGE)])
    assert balance[PENDING] == 0
    assert balance["bank/simulator"] == amount


@given(amounts)
def test_money_that_was_not_owed_is_held_in_suspense_in_full(amount: int) -> None:
    lines = money_held("simulator", MERCHANT, amount, payment_id=None, report_id=REPORT)
    assert changes(lines) == {"bank/simulator": amount, f"merchant/{MERCHANT}/suspense": -amount}


def test_money_for_no_known_merchant_is_held_in_suspense_by_the_platform() -> None:
    assert ledger.suspense(PLATFORM) == "platform/suspense"
    lines = money_held("simulator", PLATFORM, 5, payment_id=None, report_id=REPORT)
    assert changes(lines) == {"bank/simulator": 5, "platform/suspense": -5}


OWN = (ledger.pending, ledger.available, ledger.reserved, ledger.suspense)


def test_no_two_merchants_share_an_account() -> None:
    names = [account(merchant) for account in OWN for merchant in (MERCHANT, PAYMENT)]
    assert len(set(names)) == len(names)
    assert all(str(MERCHANT) in account(MERCHANT) for account in OWN)
