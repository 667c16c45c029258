"""A charge's states: which follow which, and that its time ends it whether or not anybody writes it down."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest
from msgspec.structs import replace

from gerbang.domain import charges
from gerbang.domain.charges import MOVES, Charge
from gerbang.domain.paycodes import Block

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ENDED = {"succeeded", "failed", "expired"}
WAITING = Charge(
    id=UUID(int=1),
    payment_id=UUID(int=2),
    merchant_id=UUID(int=3),
    payment_reference="order-1",
    amount=2_000_000,
    state="waiting",
    channel="virtual_account",
    block=Block("127000000001"),
    descriptor="",
    created_at=NOW,
    updated_at=NOW,
)
STATES: tuple[charges.State, ...] = get_args(charges.State)


def test_a_charge_that_has_ended_stays_ended() -> None:
    assert {start for table in MOVES.values() for start in table} & ENDED == set()


def test_moves_lead_to_states_that_exist() -> None:
    for table in MOVES.values():
        assert table.keys() | set(table.values()) <= set(STATES)


def test_paying_leads_to_success_and_nothing_else_does() -> None:
    assert set(MOVES["pay"].values()) == {"succeeded"}
    assert not [verb for verb, table in MOVES.items() if verb != "pay" and "succeeded" in table.values()]


@pytest.mark.parametrize(
    ("own_end", "payments_end", "end"),
    [
        (None, NOW, NOW),
        (NOW, None, NOW),
        (NOW - SECOND, NOW, NOW - SECOND),
        (NOW + SECOND, NOW - SECOND, NOW - SECOND),
    ],
)
def test_a_charge_ends_with_its_own_time_or_its_payments(
    own_end: datetime | None, payments_end: datetime | None, end: datetime
) -> None:
    seen = charges.as_of(replace(WAITING, expires_at=own_end), NOW, payments_end)
    assert (seen.state, seen.updated_at, seen.failure_code) == ("expired", end, "CHARGE_EXPIRED")


@pytest.mark.parametrize(("own_end", "payments_end"), [(None, None), (NOW + SECOND, None), (None, NOW + SECOND)])
def test_a_charge_whose_time_is_not_over_waits(own_end: datetime | None, payments_end: datetime | None) -> None:
    charge = replace(WAITING, expires_at=own_end)
    assert charges.as_of(charge, NOW, payments_end) == charge


@pytest.mark.parametrize("state", [state for state in STATES if state not in MOVES["expire"]])
def test_time_changes_nothing_for_a_charge_that_no_longer_waits_for_its_buyer(state: charges.State) -> None:
    charge = replace(WAITING, state=state, expires_at=NOW - SECOND)
    assert charges.as_of(charge, NOW, NOW - SECOND) == charge


def test_a_paid_charge_says_when_the_buyer_paid_and_when_we_heard() -> None:
    paid = charges.paid(WAITING, NOW - timedelta(minutes=1), NOW)
    assert (paid.state, paid.paid_at, paid.updated_at) == ("succeeded", NOW - timedelta(minutes=1), NOW)


@pytest.mark.parametrize("state", [state for state in STATES if state not in MOVES["pay"]])
def test_what_cannot_be_paid_is_not_paid(state: charges.State) -> None:
    with pytest.raises(KeyError):
        charges.paid(replace(WAITING, state=state), NOW, NOW)
