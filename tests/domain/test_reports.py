"""How reported money is classified: booked if it was owed, else held in suspense under one of five outcomes."""

from datetime import datetime, timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from gerbang.domain import charges, payments
from gerbang.domain.charges import Charge
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import Method, Payment
from gerbang.domain.reports import Outcome, classify
from tests.domain import samples
from tests.domain.samples import NOW, PRICE

SOON, PAST = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)
SINGLE = replace(samples.PAYMENT, created_at=PAST, updated_at=PAST, expires_at=SOON)
CHARGE = replace(samples.CHARGE, created_at=PAST, updated_at=PAST, expires_at=SOON)
METHOD = Method("virtual_account", "BRI", instructions=Instructions("8860112345"))
OPEN = replace(SINGLE, kind="static", amount=None, state="active", expires_at=None, method=METHOD)
NEVER_OPEN = replace(OPEN, method=replace(METHOD, instructions=None))
CLOSED = replace(OPEN, amount=PRICE)


@pytest.mark.parametrize(
    ("payment", "charge", "amount", "outcome"),
    [
        pytest.param(SINGLE, CHARGE, PRICE, "booked", id="the amount owed"),
        pytest.param(SINGLE, CHARGE, PRICE + 1, "overpaid", id="one sen too much"),
        pytest.param(SINGLE, CHARGE, PRICE - 1, "underpaid", id="one sen too little"),
        pytest.param(None, None, PRICE, "unknown_number", id="unknown number"),
        pytest.param(replace(SINGLE, state="paid"), CHARGE, PRICE, "double", id="paid before"),
        pytest.param(replace(SINGLE, state="paid"), CHARGE, PRICE + 1, "double", id="paid before, another amount"),
        pytest.param(replace(SINGLE, state="paid", expires_at=PAST), CHARGE, PRICE, "double", id="paid long before"),
        pytest.param(SINGLE, replace(CHARGE, state="succeeded"), PRICE, "double", id="a charge paid before"),
        pytest.param(replace(SINGLE, expires_at=NOW), CHARGE, PRICE, "late", id="in the instant of the end"),
        pytest.param(replace(SINGLE, expires_at=PAST), CHARGE, PRICE + 1, "late", id="after the end, a wrong amount"),
        pytest.param(replace(SINGLE, state="expired", expires_at=PAST), CHARGE, PRICE, "late", id="ended"),
        pytest.param(replace(SINGLE, state="cancelled"), CHARGE, PRICE, "late", id="cancelled"),
        pytest.param(replace(SINGLE, state="needs_method"), CHARGE, PRICE, "late", id="reopened by the buyer"),
        pytest.param(SINGLE, replace(CHARGE, expires_at=NOW), PRICE, "late", id="charge expired"),
        pytest.param(SINGLE, replace(CHARGE, state="expired"), PRICE, "late", id="charge left by the buyer"),
        pytest.param(SINGLE, replace(CHARGE, state="failed"), PRICE, "late", id="a charge that has failed"),
        pytest.param(SINGLE, None, PRICE, "late", id="a code that its partner declined, while another one is open"),
        pytest.param(replace(SINGLE, state="opening"), None, PRICE, "late", id="declined, while another one is opened"),
        pytest.param(replace(NEVER_OPEN, state="failed"), None, 1, "late", id="static, declined"),
        pytest.param(
            replace(NEVER_OPEN, state="inactive", expires_at=SOON), None, 1, "late", id="static, ended unopened"
        ),
        pytest.param(OPEN, None, 1, "booked", id="static, any amount"),
        pytest.param(CLOSED, None, PRICE, "booked", id="static, the amount"),
        pytest.param(CLOSED, None, PRICE + 1, "overpaid", id="static, too much"),
        pytest.param(CLOSED, None, PRICE - 1, "underpaid", id="static, too little"),
        pytest.param(replace(OPEN, state="inactive", expires_at=PAST), None, 1, "late", id="static, ended"),
        pytest.param(replace(CLOSED, expires_at=NOW), None, PRICE, "late", id="static, in the instant of its end"),
    ],
)
def test_money_is_classified_by_payment_charge_and_amount(
    payment: Payment | None, charge: Charge | None, amount: int, outcome: Outcome
) -> None:
    assert classify(payment, charge, amount, NOW) == outcome


# What counts is when the buyer paid, not when the bank's report arrived.

BEFORE = NOW - timedelta(minutes=1)
ENDED = NOW - timedelta(seconds=30)


@pytest.mark.parametrize(
    ("payment", "charge", "outcome"),
    [
        pytest.param(replace(SINGLE, expires_at=ENDED), CHARGE, "booked", id="ended since"),
        pytest.param(replace(SINGLE, state="expired", expires_at=ENDED), CHARGE, "booked", id="expired, and stored"),
        pytest.param(replace(SINGLE, expires_at=BEFORE), CHARGE, "late", id="in the instant of the end"),
        pytest.param(SINGLE, replace(CHARGE, expires_at=ENDED), "booked", id="the charge has ended since"),
        pytest.param(SINGLE, replace(CHARGE, expires_at=BEFORE), "late", id="in the instant of the charge's end"),
        pytest.param(replace(SINGLE, state="cancelled", expires_at=ENDED), CHARGE, "late", id="cancelled since"),
        pytest.param(replace(SINGLE, state="paid", expires_at=ENDED), CHARGE, "double", id="paid since"),
        pytest.param(SINGLE, replace(CHARGE, state="expired"), "late", id="charge left by the buyer since"),
        pytest.param(replace(CLOSED, expires_at=ENDED), None, "booked", id="static, ended since"),
        pytest.param(
            replace(CLOSED, state="inactive", expires_at=ENDED), None, "booked", id="static, expired, and stored"
        ),
        pytest.param(replace(CLOSED, expires_at=BEFORE), None, "late", id="static, in the instant of its end"),
    ],
)
def test_money_that_was_paid_in_time_is_booked_whenever_it_is_reported(
    payment: Payment, charge: Charge | None, outcome: Outcome
) -> None:
    assert classify(payment, charge, PRICE, NOW, BEFORE) == outcome


# The same as a table: the payment's state decides first, then the charge's expiry and state, then the amount.

BY_PAYMENT_STATE: dict[payments.State, Outcome | None] = {
    "needs_method": "late",
    "needs_confirmation": "late",
    "opening": "late",
    "awaiting": None,
    "authenticating": None,
    "processing": None,
    "active": None,
    "paid": "double",
    "cancelled": "late",
    "failed": "late",
    "expired": "late",
    "inactive": "late",
}
BY_CHARGE_STATE: dict[charges.State, Outcome | None] = {
    "waiting": None,
    "authenticating": None,
    "processing": None,
    "authorized": None,
    "succeeded": "double",
    "failed": "late",
    "expired": "late",
}
BY_AMOUNT: dict[int, Outcome] = {
    1: "underpaid",
    PRICE - 1: "underpaid",
    PRICE: "booked",
    PRICE + 1: "overpaid",
    100 * PRICE: "overpaid",
}
OVER: dict[datetime | None, bool] = {None: False, PAST: True, NOW: True, SOON: False}
ENDED_BY_TIME = {"awaiting", "authenticating", "active"}
"""The states that expire, of those that can be paid."""
AGREED = {"processing", "authorized"}
"""The buyer has agreed, so the charge does not end by time."""


@pytest.mark.parametrize("state", BY_PAYMENT_STATE)
@pytest.mark.parametrize("end", OVER, ids=["no end", "past", "now", "soon"])
def test_every_state_expiry_and_amount_of_a_single_payment_has_its_outcome(
    state: payments.State, end: datetime | None
) -> None:
    payment = replace(SINGLE, state=state, expires_at=end)
    by_payment = "late" if OVER[end] and state in ENDED_BY_TIME else BY_PAYMENT_STATE[state]
    assert classify(payment, None, PRICE, NOW) == (by_payment or "late"), "its code was never open"
    for charge_state, by_state in BY_CHARGE_STATE.items():
        for charge_end, over in OVER.items():
            charge = replace(CHARGE, state=charge_state, expires_at=charge_end)
            by_charge = "late" if over and charge_state not in AGREED else by_state
            for amount, by_amount in BY_AMOUNT.items():
                outcome = classify(payment, charge, amount, NOW)
                assert outcome == (by_payment or by_charge or by_amount), (charge_state, charge_end, amount)
                if outcome == "booked":
                    assert payments.moved(payment, "pay", NOW).state in ("paid", "active")
                    assert charges.paid(charge, NOW, NOW).state == "succeeded"


@pytest.mark.parametrize("state", BY_PAYMENT_STATE)
@pytest.mark.parametrize("end", OVER, ids=["no end", "past", "now", "soon"])
def test_every_state_expiry_and_amount_of_a_static_payment_has_its_outcome(
    state: payments.State, end: datetime | None
) -> None:
    by_payment = "late" if OVER[end] and state in ENDED_BY_TIME else BY_PAYMENT_STATE[state]
    for amount, by_amount in BY_AMOUNT.items():
        closed, open_ = (replace(payment, state=state, expires_at=end) for payment in (CLOSED, OPEN))
        assert classify(closed, None, amount, NOW) == (by_payment or by_amount)
        assert classify(open_, None, amount, NOW) == (by_payment or "booked")
        assert classify(replace(NEVER_OPEN, state=state, expires_at=end), None, amount, NOW) == (by_payment or "late")


def test_the_tables_have_every_state() -> None:
    assert set(BY_PAYMENT_STATE) == set(get_args(payments.State))
    assert set(BY_CHARGE_STATE) == set(get_args(charges.State))
