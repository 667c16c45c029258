"""What becomes of money that has arrived: owed money is booked, and everything else has a name."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.domain import charges, payments
from gerbang.domain.charges import Charge
from gerbang.domain.paycodes import Block
from gerbang.domain.payments import Details, Payment
from gerbang.domain.reports import Outcome, judge

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
SOON, PAST = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)
PRICE = 2_000_000
SINGLE = Payment(
    id=UUID(int=1),
    merchant_id=UUID(int=2),
    reference="order-1",
    kind="single",
    amount=PRICE,
    state="awaiting",
    created_at=PAST,
    updated_at=PAST,
    expires_at=SOON,
    descriptor="",
    details=Details(),
)
CHARGE = Charge(
    id=UUID(int=3),
    payment_id=SINGLE.id,
    merchant_id=SINGLE.merchant_id,
    payment_reference="order-1",
    amount=PRICE,
    state="waiting",
    channel="virtual_account",
    block=Block("127000000001"),
    descriptor="",
    created_at=PAST,
    updated_at=PAST,
    expires_at=SOON,
)
OPEN = replace(SINGLE, kind="multiple", amount=None, state="active", expires_at=None)
CLOSED = replace(OPEN, amount=PRICE)


@pytest.mark.parametrize(
    ("payment", "charge", "amount", "outcome"),
    [
        pytest.param(SINGLE, CHARGE, PRICE, "booked", id="what was owed"),
        pytest.param(SINGLE, CHARGE, PRICE + 1, "overpaid", id="a sen too much"),
        pytest.param(SINGLE, CHARGE, PRICE - 1, "underpaid", id="a sen too little"),
        pytest.param(None, None, PRICE, "unknown_number", id="nobody's number"),
        pytest.param(replace(SINGLE, state="processing"), CHARGE, PRICE, "booked", id="a bank that took its time"),
        pytest.param(replace(SINGLE, state="paid"), CHARGE, PRICE, "double", id="paid before"),
        pytest.param(replace(SINGLE, state="paid"), CHARGE, PRICE + 1, "double", id="paid before, another amount"),
        pytest.param(replace(SINGLE, state="paid", expires_at=PAST), CHARGE, PRICE, "double", id="paid long before"),
        pytest.param(SINGLE, replace(CHARGE, state="succeeded"), PRICE, "double", id="a charge paid before"),
        pytest.param(replace(SINGLE, expires_at=NOW), CHARGE, PRICE, "late", id="in the instant of the end"),
        pytest.param(replace(SINGLE, expires_at=PAST), CHARGE, PRICE + 1, "late", id="after the end, a wrong amount"),
        pytest.param(replace(SINGLE, state="expired"), CHARGE, PRICE, "late", id="ended"),
        pytest.param(replace(SINGLE, state="cancelled"), CHARGE, PRICE, "late", id="cancelled"),
        pytest.param(replace(SINGLE, state="needs_method"), CHARGE, PRICE, "late", id="a buyer about to choose again"),
        pytest.param(SINGLE, replace(CHARGE, expires_at=NOW), PRICE, "late", id="the charge's own time is over"),
        pytest.param(SINGLE, replace(CHARGE, state="expired"), PRICE, "late", id="a charge that its buyer has left"),
        pytest.param(SINGLE, replace(CHARGE, state="failed"), PRICE, "late", id="a charge that has failed"),
        pytest.param(OPEN, None, 1, "booked", id="standing, any amount"),
        pytest.param(CLOSED, None, PRICE, "booked", id="standing, the amount"),
        pytest.param(CLOSED, None, PRICE + 1, "overpaid", id="standing, too much"),
        pytest.param(CLOSED, None, PRICE - 1, "underpaid", id="standing, too little"),
        pytest.param(replace(OPEN, state="inactive"), None, 1, "late", id="standing, ended"),
        pytest.param(replace(CLOSED, expires_at=NOW), None, PRICE, "late", id="standing, in the instant of its end"),
    ],
)
def test_money_is_judged(payment: Payment | None, charge: Charge | None, amount: int, outcome: Outcome) -> None:
    assert judge(payment, charge, amount, NOW) == outcome


ends = st.sampled_from([None, PAST, NOW, SOON])


@given(
    state=st.sampled_from(get_args(payments.State)),
    charge_state=st.sampled_from(get_args(charges.State)),
    end=ends,
    charge_end=ends,
    amount=st.sampled_from([1, PRICE - 1, PRICE, PRICE + 1]),
)
def test_what_is_booked_can_always_be_paid(
    state: payments.State,
    charge_state: charges.State,
    end: datetime | None,
    charge_end: datetime | None,
    amount: int,
) -> None:
    payment = replace(SINGLE, state=state, expires_at=end)
    charge = replace(CHARGE, state=charge_state, expires_at=charge_end)
    outcome = judge(payment, charge, amount, NOW)
    assert outcome in get_args(Outcome)
    if outcome == "booked":
        assert payments.moved(payment, "pay", NOW).state == "paid"
        assert charges.paid(charge, NOW, NOW).state == "succeeded"
