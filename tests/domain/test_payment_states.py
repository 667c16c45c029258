"""A payment's state transitions, that its expiry is exact, and how long a payment may last."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.domain import payments
from gerbang.domain.payments import EXPIRES_AFTER_MAX, MOVES, Kind, Payment, State, as_of
from gerbang.domain.terms import EXPIRES_AFTER_DEFAULT, Terms
from gerbang.errors import ExpiryPassed, ExpiryTooFar, WrongState
from tests.domain.samples import NOW, PAYMENT

MICROSECOND = timedelta(microseconds=1)
STATES: tuple[State, ...] = get_args(State)
ENDED = {"paid", "cancelled", "failed", "expired", "inactive"}
ORDER = ["needs_method", "needs_confirmation", "opening", "awaiting", "authenticating", "processing", "active"]
"""The states of a payment that has not ended, in the order in which it can go through them."""


def test_every_state_is_an_initial_state_or_can_be_reached() -> None:
    assert set(ORDER) | ENDED == set(STATES)
    reached = {end for table in MOVES.values() for end in table.values()}
    assert set(STATES) - reached <= {"needs_method", "needs_confirmation"}


def test_only_money_paid_in_time_changes_a_payment_that_has_ended() -> None:
    assert {(verb, start) for verb, table in MOVES.items() for start in table if start in ENDED} == {
        ("honour", "expired")
    }


def test_money_paid_in_time_makes_an_expired_payment_paid_and_leaves_a_static_one_unchanged() -> None:
    over = replace(PAYMENT, expires_at=NOW)
    for seen in (over, as_of(over, NOW)):  # before and after the expiry was stored
        assert payments.honoured(seen, NOW).state == "paid"
    for state in ("active", "inactive"):
        static = replace(PAYMENT, kind="static", state=state, expires_at=NOW)
        assert payments.honoured(static, NOW).state == state
    with pytest.raises(WrongState):
        payments.honoured(replace(PAYMENT, state="cancelled"), NOW)


def test_states_only_go_forward_except_when_a_buyer_chooses_again() -> None:
    back = [
        (verb, start, end)
        for verb, table in MOVES.items()
        for start, end in table.items()
        if end in ORDER and ORDER.index(end) <= ORDER.index(start)
    ]
    # A static payment is paid any number of times.
    assert back == [
        ("pay", "active", "active"),
        ("reopen", "awaiting", "needs_method"),
        ("reopen", "opening", "needs_method"),
        ("reopen", "authenticating", "needs_method"),
        ("reopen", "processing", "needs_method"),
    ]


def test_only_money_makes_a_payment_paid() -> None:
    assert [verb for verb, table in MOVES.items() if "paid" in table.values()] == ["pay", "honour"]
    assert set(MOVES["pay"]) == {"awaiting", "authenticating", "processing", "active"}


@pytest.mark.parametrize("verb", MOVES)
@pytest.mark.parametrize("state", STATES)
def test_a_move_follows_the_table_or_is_refused_with_a_message(verb: str, state: State) -> None:
    payment = replace(PAYMENT, state=state)
    if state in MOVES[verb]:
        after = payments.moved(payment, verb, NOW)
        assert (after.state, after.updated_at) == (MOVES[verb][state], NOW)
    else:
        with pytest.raises(WrongState, match=f"The payment is {state}, so it cannot be {payments.PAST[verb]}"):
            payments.moved(payment, verb, NOW)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("passed", [timedelta(0), MICROSECOND, timedelta(days=1)])
def test_a_payment_has_expired_from_the_instant_of_its_expiry_on(state: State, passed: timedelta) -> None:
    payment = replace(PAYMENT, state=state, expires_at=NOW)
    assert as_of(payment, NOW - MICROSECOND) == payment
    seen = as_of(payment, NOW + passed)
    if state in MOVES["expire"]:
        assert (seen.state, seen.updated_at) == (MOVES["expire"][state], NOW)
    else:
        assert seen == payment


def test_an_expired_payment_cannot_be_moved_even_if_its_expiry_is_not_stored_yet() -> None:
    payment = replace(PAYMENT, state="needs_method", expires_at=NOW)
    assert payments.moved(payment, "confirm", NOW - MICROSECOND).state == "awaiting"
    with pytest.raises(WrongState, match="is expired"):
        payments.moved(payment, "confirm", NOW)


def test_a_payment_without_an_expiry_never_expires() -> None:
    payment = replace(PAYMENT, kind="static", state="active", expires_at=None)
    assert as_of(payment, NOW + timedelta(days=10_000)) == payment


def test_a_cancelled_payment_records_the_time_and_the_reason() -> None:
    after = payments.cancelled(replace(PAYMENT, state="needs_method"), "OUT_OF_STOCK", NOW)
    assert (after.state, after.cancelled_at, after.expires_at) == ("cancelled", NOW, NOW)
    assert after.cancellation_reason == "OUT_OF_STOCK"


def test_a_payment_that_awaits_money_cannot_be_cancelled_but_can_be_withdrawn() -> None:
    with pytest.raises(WrongState):
        payments.cancelled(PAYMENT, "OUT_OF_STOCK", NOW)
    after = payments.withdrawn(PAYMENT, "OUT_OF_STOCK", NOW)
    assert (after.state, after.cancelled_at, after.cancellation_reason) == ("cancelled", NOW, "OUT_OF_STOCK")
    assert (after.updated_at, after.expires_at) == (NOW, PAYMENT.expires_at), "its expiry stays what it was"


def test_a_payment_that_is_static_or_ended_cannot_be_withdrawn() -> None:
    assert set(STATES) - set(MOVES["withdraw"]) == {"processing", "active", *ENDED}


@pytest.mark.parametrize("state", MOVES["fail"])
def test_a_payment_whose_charge_was_declined_has_failed(state: State) -> None:
    after = payments.failed(replace(PAYMENT, state=state), NOW)
    assert (after.state, after.cancelled_at, after.cancellation_reason) == ("failed", NOW, None)


@pytest.mark.parametrize("end", [partial(payments.withdrawn, reason="OUT_OF_STOCK"), payments.failed])
def test_an_expired_payment_cannot_be_withdrawn_or_failed(end: Callable[..., Payment]) -> None:
    with pytest.raises(WrongState, match="is expired"):
        end(replace(PAYMENT, expires_at=NOW), now=NOW)


@pytest.mark.parametrize(
    ("kind", "state", "ended"), [("one_time", "awaiting", "expired"), ("static", "active", "inactive")]
)
def test_a_payment_can_be_expired_early(kind: Kind, state: State, ended: State) -> None:
    after = payments.lapsed(replace(PAYMENT, kind=kind, state=state), NOW)
    assert (after.state, after.expires_at, after.updated_at) == (ended, NOW, NOW)
    assert as_of(after, NOW + timedelta(days=1)) == after


@given(st.sampled_from(STATES), st.timedeltas(timedelta(-1), timedelta(1)), st.timedeltas(timedelta(0), timedelta(1)))
def test_a_state_computed_in_two_steps_is_the_same_as_in_one(state: State, end: timedelta, later: timedelta) -> None:
    payment = replace(PAYMENT, state=state, expires_at=NOW + end)
    seen = as_of(payment, NOW)
    assert as_of(seen, NOW + later) == as_of(payment, NOW + later)


# How long a payment lasts


def test_a_payment_lasts_as_long_as_the_terms_say_unless_requested_otherwise() -> None:
    assert Terms().expires_after == EXPIRES_AFTER_DEFAULT == timedelta(minutes=15)
    for default in (EXPIRES_AFTER_DEFAULT, timedelta(days=1)):
        assert payments.expiry(None, "one_time", 1, NOW, default) == NOW + default


@pytest.mark.parametrize(("kind", "amount"), [("one_time", 1), ("static", 1)])
def test_a_payment_lasts_as_long_as_requested(kind: Kind, amount: int) -> None:
    for requested in (NOW + MICROSECOND, NOW + timedelta(days=30), NOW + EXPIRES_AFTER_MAX):
        assert payments.expiry(requested, kind, amount, NOW, EXPIRES_AFTER_DEFAULT) == requested


@pytest.mark.parametrize(("requested", "amount"), [(None, 1), (None, None), (NOW + timedelta(days=1), None)])
def test_a_static_payment_has_no_expiry_unless_it_is_closed_and_one_is_requested(
    requested: datetime | None, amount: int | None
) -> None:
    assert payments.expiry(requested, "static", amount, NOW, EXPIRES_AFTER_DEFAULT) is None


@pytest.mark.parametrize("requested", [NOW, NOW - MICROSECOND, NOW - timedelta(days=365)])
def test_an_expiry_in_the_past_is_refused(requested: datetime) -> None:
    with pytest.raises(ExpiryPassed) as caught:
        payments.expiry(requested, "one_time", 1, NOW, EXPIRES_AFTER_DEFAULT)
    assert caught.value.field == "expires_at"


def test_an_expiry_too_far_ahead_is_refused_with_the_limit() -> None:
    with pytest.raises(ExpiryTooFar, match="366 days") as caught:
        payments.expiry(NOW + EXPIRES_AFTER_MAX + MICROSECOND, "one_time", 1, NOW, EXPIRES_AFTER_DEFAULT)
    assert caught.value.field == "expires_at"
