"""What becomes of money that has arrived: owed money is booked, and everything else has a name."""

from datetime import datetime, timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from gerbang.domain import charges, payments
from gerbang.domain.charges import Charge
from gerbang.domain.payments import Payment
from gerbang.domain.reports import Outcome, classify
from tests.domain import samples
from tests.domain.samples import NOW, PRICE

SOON, PAST = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)
SINGLE = replace(samples.PAYMENT, created_at=PAST, updated_at=PAST, expires_at=SOON)
CHARGE = replace(samples.CHARGE, created_at=PAST, updated_at=PAST, expires_at=SOON)
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
        pytest.param(replace(SINGLE, state="expired", expires_at=PAST), CHARGE, PRICE, "late", id="ended"),
        pytest.param(replace(SINGLE, state="cancelled"), CHARGE, PRICE, "late", id="cancelled"),
        pytest.param(replace(SINGLE, state="needs_method"), CHARGE, PRICE, "late", id="a buyer about to choose again"),
        pytest.param(SINGLE, replace(CHARGE, expires_at=NOW), PRICE, "late", id="the charge's own time is over"),
        pytest.param(SINGLE, replace(CHARGE, state="expired"), PRICE, "late", id="a charge that its buyer has left"),
        pytest.param(SINGLE, replace(CHARGE, state="failed"), PRICE, "late", id="a charge that has failed"),
        pytest.param(OPEN, None, 1, "booked", id="static, any amount"),
        pytest.param(CLOSED, None, PRICE, "booked", id="static, the amount"),
        pytest.param(CLOSED, None, PRICE + 1, "overpaid", id="static, too much"),
        pytest.param(CLOSED, None, PRICE - 1, "underpaid", id="static, too little"),
        pytest.param(replace(OPEN, state="inactive", expires_at=PAST), None, 1, "late", id="static, ended"),
        pytest.param(replace(CLOSED, expires_at=NOW), None, PRICE, "late", id="static, in the instant of its end"),
    ],
)
def test_money_is_judged(payment: Payment | None, charge: Charge | None, amount: int, outcome: Outcome) -> None:
    assert classify(payment, charge, amount, NOW) == outcome


# What counts is when the buyer paid.

BEFORE = NOW - timedelta(minutes=1)
ENDED = NOW - timedelta(seconds=30)


@pytest.mark.parametrize(
    ("payment", "charge", "outcome"),
    [
        pytest.param(replace(SINGLE, expires_at=ENDED), CHARGE, "booked", id="ended since"),
        pytest.param(
            replace(SINGLE, state="expired", expires_at=ENDED), CHARGE, "booked", id="ended, and written down"
        ),
        pytest.param(replace(SINGLE, expires_at=BEFORE), CHARGE, "late", id="in the instant of the end"),
        pytest.param(SINGLE, replace(CHARGE, expires_at=ENDED), "booked", id="the charge has ended since"),
        pytest.param(SINGLE, replace(CHARGE, expires_at=BEFORE), "late", id="in the instant of the charge's end"),
        pytest.param(replace(SINGLE, state="cancelled", expires_at=ENDED), CHARGE, "late", id="cancelled since"),
        pytest.param(replace(SINGLE, state="paid", expires_at=ENDED), CHARGE, "double", id="paid since"),
        pytest.param(SINGLE, replace(CHARGE, state="expired"), "late", id="its buyer has left the charge since"),
        pytest.param(replace(CLOSED, expires_at=ENDED), None, "booked", id="static, ended since"),
        pytest.param(replace(CLOSED, state="inactive", expires_at=ENDED), None, "booked", id="static, written down"),
        pytest.param(replace(CLOSED, expires_at=BEFORE), None, "late", id="static, in the instant of its end"),
    ],
)
def test_money_that_was_paid_in_time_was_owed_whenever_it_is_heard_of(
    payment: Payment, charge: Charge | None, outcome: Outcome
) -> None:
    assert classify(payment, charge, PRICE, NOW, BEFORE) == outcome


# The same as a table: what the payment's state says comes first, then the charge's time and state, then the amount.

PAYMENT_SAYS: dict[payments.State, Outcome | None] = {
    "needs_method": "late",
    "needs_confirmation": "late",
    "awaiting": None,
    "active": None,
    "processing": None,
    "paid": "double",
    "cancelled": "late",
    "expired": "late",
    "inactive": "late",
}
CHARGE_SAYS: dict[charges.State, Outcome | None] = {
    "waiting": None,
    "authenticating": None,
    "processing": None,
    "awaiting_capture": None,
    "succeeded": "double",
    "failed": "late",
    "expired": "late",
}
AMOUNT_SAYS: dict[int, Outcome] = {
    1: "underpaid",
    PRICE - 1: "underpaid",
    PRICE: "booked",
    PRICE + 1: "overpaid",
    100 * PRICE: "overpaid",
}
OVER: dict[datetime | None, bool] = {None: False, PAST: True, NOW: True, SOON: False}
ENDED_BY_TIME = {"awaiting", "active"}
"""A payment that a bank is working on is not cut off by its time."""


@pytest.mark.parametrize("state", PAYMENT_SAYS)
@pytest.mark.parametrize("end", OVER, ids=["no end", "past", "now", "soon"])
def test_every_state_time_and_amount_of_a_single_payment_has_its_outcome(
    state: payments.State, end: datetime | None
) -> None:
    payment = replace(SINGLE, state=state, expires_at=end)
    payment_says = "late" if OVER[end] and state in ENDED_BY_TIME else PAYMENT_SAYS[state]
    for charge_state, said in CHARGE_SAYS.items():
        for charge_end, over in OVER.items():
            charge = replace(CHARGE, state=charge_state, expires_at=charge_end)
            charge_says = "late" if over else said
            for amount, amount_says in AMOUNT_SAYS.items():
                outcome = classify(payment, charge, amount, NOW)
                assert outcome == (payment_says or charge_says or amount_says), (charge_state, charge_end, amount)
                if outcome == "booked":
                    assert payments.moved(payment, "pay", NOW).state in ("paid", "active")
                    assert charges.paid(charge, NOW, NOW).state == "succeeded"


@pytest.mark.parametrize("state", PAYMENT_SAYS)
@pytest.mark.parametrize("end", OVER, ids=["no end", "past", "now", "soon"])
def test_every_state_time_and_amount_of_a_static_payment_has_its_outcome(
    state: payments.State, end: datetime | None
) -> None:
    payment_says = "late" if OVER[end] and state in ENDED_BY_TIME else PAYMENT_SAYS[state]
    for amount, amount_says in AMOUNT_SAYS.items():
        closed, open_ = (replace(payment, state=state, expires_at=end) for payment in (CLOSED, OPEN))
        assert classify(closed, None, amount, NOW) == (payment_says or amount_says)
        assert classify(open_, None, amount, NOW) == (payment_says or "booked")


def test_the_table_has_every_state() -> None:
    assert set(PAYMENT_SAYS) == set(get_args(payments.State))
    assert set(CHARGE_SAYS) == set(get_args(charges.State))
