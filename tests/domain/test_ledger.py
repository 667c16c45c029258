"""Whatever is booked, nothing comes from nowhere: what one account gains, others lose."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gerbang.domain import ledger
from gerbang.domain.fees import Fee
from gerbang.domain.ledger import Transfer, changes, money_in, money_set_aside
from gerbang.domain.merchants import HOUSE

MERCHANT, PAYMENT, REPORT = UUID(int=1), UUID(int=2), UUID(int=3)
PENDING = f"merchant/{MERCHANT}/pending"
accounts = st.sampled_from(["bank/simulator", "house/fees", "house/vat", PENDING, f"merchant/{MERCHANT}/suspense"])
amounts = st.integers(1, 10**16)
fees = st.tuples(st.integers(0, 10**8), st.integers(0, 100)).map(
    lambda drawn: Fee(drawn[0], drawn[0] * drawn[1] // 100)
)


@given(
    st.lists(st.builds(Transfer, accounts, accounts, amounts, st.just("any"), st.just(MERCHANT), st.none(), st.none()))
)
def test_all_changes_together_are_nothing(transfers: Sequence[Transfer]) -> None:
    assert sum(changes(transfers).values()) == 0


@given(amounts, fees)
def test_money_that_was_owed_goes_to_the_merchant_less_the_fee(amount: int, fee: Fee) -> None:
    lines = money_in("simulator", MERCHANT, amount, fee, payment_id=PAYMENT, report_id=REPORT)
    balance = changes(lines)
    assert sum(balance.values()) == 0
    assert balance["bank/simulator"] == amount
    assert balance[PENDING] == fee.total - amount
    assert balance.get("house/fees", 0) + balance.get("house/vat", 0) == -fee.total
    assert all(line.amount > 0 for line in lines), "no line of nothing"
    assert {(line.merchant_id, line.payment_id, line.report_id) for line in lines} == {(MERCHANT, PAYMENT, REPORT)}


@given(amounts)
def test_money_that_was_not_owed_is_kept_apart_in_full(amount: int) -> None:
    lines = money_set_aside("simulator", MERCHANT, amount, payment_id=None, report_id=REPORT)
    assert changes(lines) == {"bank/simulator": amount, f"merchant/{MERCHANT}/suspense": -amount}


def test_money_that_is_nobodys_is_kept_by_the_house() -> None:
    assert ledger.suspense(HOUSE) == "house/suspense"
    lines = money_set_aside("simulator", HOUSE, 5, payment_id=None, report_id=REPORT)
    assert changes(lines) == {"bank/simulator": 5, "house/suspense": -5}


@pytest.mark.parametrize("name", [ledger.pending(MERCHANT), ledger.suspense(MERCHANT)])
def test_a_merchants_accounts_are_its_own(name: str) -> None:
    assert str(MERCHANT) in name
    assert name not in (ledger.pending(PAYMENT), ledger.suspense(PAYMENT))
