"""A charge's state transitions, and that it expires at its time whether or not the database row was updated yet."""

from datetime import datetime, timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from gerbang.domain import charges
from gerbang.domain.charges import MOVES
from tests.domain.samples import CHARGE as WAITING
from tests.domain.samples import NOW

SECOND = timedelta(seconds=1)
ENDED = {"succeeded", "failed", "expired"}
STATES: tuple[charges.State, ...] = get_args(charges.State)


def test_a_charge_that_has_ended_has_no_further_transitions() -> None:
    assert {start for table in MOVES.values() for start in table} & ENDED == set()


def test_moves_lead_to_states_that_exist() -> None:
    for table in MOVES.values():
        assert table.keys() | set(table.values()) <= set(STATES)


def test_only_being_paid_makes_a_charge_succeed() -> None:
    assert set(MOVES["pay"].values()) == {"succeeded"}
    assert not [verb for verb, table in MOVES.items() if verb != "pay" and "succeeded" in table.values()]


@pytest.mark.parametrize(
    ("own_end", "payment_end", "end"),
    [
        (None, NOW, NOW),
        (NOW, None, NOW),
        (NOW - SECOND, NOW, NOW - SECOND),
        (NOW + SECOND, NOW - SECOND, NOW - SECOND),
    ],
)
def test_a_charge_expires_at_its_own_expiry_or_its_payments_whichever_is_first(
    own_end: datetime | None, payment_end: datetime | None, end: datetime
) -> None:
    seen = charges.as_of(replace(WAITING, expires_at=own_end), NOW, payment_end)
    assert (seen.state, seen.updated_at, seen.failure) == ("expired", end, "expired")


@pytest.mark.parametrize(("own_end", "payment_end"), [(None, None), (NOW + SECOND, None), (None, NOW + SECOND)])
def test_a_charge_that_has_not_expired_is_unchanged(own_end: datetime | None, payment_end: datetime | None) -> None:
    charge = replace(WAITING, expires_at=own_end)
    assert charges.as_of(charge, NOW, payment_end) == charge


@pytest.mark.parametrize("state", [state for state in STATES if state not in MOVES["expire"]])
def test_a_charge_that_no_longer_waits_for_its_buyer_does_not_expire(state: charges.State) -> None:
    charge = replace(WAITING, state=state, expires_at=NOW - SECOND)
    assert charges.as_of(charge, NOW, NOW - SECOND) == charge


def test_a_paid_charge_records_when_the_buyer_paid_and_when_the_report_was_received() -> None:
    paid = charges.paid(WAITING, NOW - timedelta(minutes=1), NOW)
    assert (paid.state, paid.paid_at, paid.updated_at) == ("succeeded", NOW - timedelta(minutes=1), NOW)


@pytest.mark.parametrize("state", [state for state in STATES if state not in MOVES["pay"]])
def test_a_charge_in_a_state_that_cannot_be_paid_is_not_paid(state: charges.State) -> None:
    with pytest.raises(KeyError):
        charges.paid(replace(WAITING, state=state), NOW, NOW)


@pytest.mark.parametrize("state", MOVES["fail"])
def test_a_declined_charge_records_why_it_failed(state: charges.State) -> None:
    failed = charges.failed(replace(WAITING, state=state), "declined", NOW + SECOND)
    assert (failed.state, failed.failure, failed.updated_at) == ("failed", "declined", NOW + SECOND)
    assert charges.as_of(failed, NOW + timedelta(days=1), NOW) == failed


@pytest.mark.parametrize("state", [state for state in STATES if state not in MOVES["fail"]])
def test_a_charge_that_is_paid_or_ended_cannot_be_declined(state: charges.State) -> None:
    with pytest.raises(KeyError):
        charges.failed(replace(WAITING, state=state), "declined", NOW)


@pytest.mark.parametrize("state", MOVES["expire"])
def test_a_charge_that_ends_with_its_payment_is_expired(state: charges.State) -> None:
    ended = charges.ended(replace(WAITING, state=state), NOW + SECOND)
    assert (ended.state, ended.failure, ended.updated_at) == ("expired", "expired", NOW + SECOND)
