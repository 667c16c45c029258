"""A payment's life as a whole: it ends once and for good, a buyer may choose again, and its page hears of every change.

Which move leads from which state to which is in test_payment_states.py.
"""

from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.domain import payments
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import MOVES, PAST, Details, Method, PageVersion, Payment, State, as_of
from gerbang.errors import WrongState
from tests.domain import samples
from tests.domain.samples import NOW

SECOND = timedelta(seconds=1)
STATES: tuple[State, ...] = get_args(State)
ENDED = {"paid", "cancelled", "expired", "inactive"}
BRI = Method(channel="virtual_account", option="BRI", payer_name="Budi")
PAYMENT = replace(samples.PAYMENT, details=Details(redirect=True), method=BRI)

steps = st.lists(st.tuples(st.sampled_from(list(MOVES)), st.integers(0, 400)), max_size=12)
"""Moves, and how many seconds pass before each."""


def test_every_move_has_a_word_for_being_done() -> None:
    assert PAST.keys() == MOVES.keys()
    assert all(PAST.values())


@given(st.sampled_from(["needs_method", "needs_confirmation"]), st.sampled_from([None, 60, 900]), steps)
def test_a_payment_that_has_ended_ends_only_once_whatever_is_tried(
    begins: State, lasts: int | None, tried: list[tuple[str, int]]
) -> None:
    now = NOW
    payment = replace(PAYMENT, state=begins, expires_at=None if lasts is None else NOW + lasts * SECOND)
    for verb, seconds in tried:
        now += seconds * SECOND
        before = as_of(payment, now)
        try:
            payment = payments.moved(payment, verb, now)
        except WrongState:
            assert as_of(payment, now) == before, "what is refused changes nothing"
        else:
            assert before.state not in ENDED or (verb, before.state) == ("honour", "expired")
            assert payment.updated_at == now
        assert as_of(payment, now).updated_at <= now
        over = payment.expires_at is not None and payment.expires_at <= now
        assert not over or as_of(payment, now).state in ENDED | {"processing"}, "a bank's work is not cut off"


# Choosing again


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (replace(BRI, left_to_buyer="method"), None),
        (replace(BRI, left_to_buyer="option"), replace(BRI, option=None)),
        (BRI, BRI),
        (None, None),
    ],
)
def test_a_buyer_who_goes_back_chooses_what_the_merchant_left_open_and_no_more(
    chosen: Method | None, left: Method | None
) -> None:
    after = payments.reopened(replace(PAYMENT, method=chosen), NOW + SECOND)
    assert (after.state, after.method, after.updated_at) == ("needs_method", left, NOW + SECOND)
    assert (after.id, after.amount, after.expires_at) == (PAYMENT.id, PAYMENT.amount, PAYMENT.expires_at)


@pytest.mark.parametrize(
    "payment",
    [
        pytest.param(replace(PAYMENT, details=Details(redirect=False)), id="there is no page to choose on"),
        pytest.param(replace(PAYMENT, kind="multiple", state="active"), id="a static number is for good"),
        pytest.param(replace(PAYMENT, expires_at=NOW), id="its time is over"),
        *(
            pytest.param(replace(PAYMENT, state=state), id=state)
            for state in STATES
            if state not in ("awaiting", "expired")
        ),
    ],
)
def test_nobody_chooses_again_once_it_is_too_late_or_was_never_theirs_to_choose(payment: Payment) -> None:
    with pytest.raises(WrongState, match="cannot be opened again"):
        payments.reopened(payment, NOW)


def test_a_cancelled_payment_keeps_the_time_and_reason_of_its_cancellation() -> None:
    cancelled = payments.cancelled(replace(PAYMENT, state="needs_confirmation"), "OUT_OF_STOCK", NOW)
    with pytest.raises(WrongState, match="is cancelled, so it cannot be cancelled"):
        payments.cancelled(cancelled, "CHANGED_MIND", NOW + SECOND)
    assert as_of(cancelled, NOW + timedelta(days=400)) == cancelled


def test_what_is_static_and_what_is_open_are_two_questions() -> None:
    closed = replace(PAYMENT, kind="multiple", method=replace(BRI, instructions=Instructions("1")))
    assert (PAYMENT.static, PAYMENT.amount_is_open) == (False, False)
    assert (closed.static, closed.amount_is_open) == (True, False)
    assert (replace(closed, amount=None).static, replace(closed, amount=None).amount_is_open) == (True, True)


# The pulse: what a payer's page watches

PAGE_VERSION = PageVersion(
    state="awaiting",
    updated_at=NOW,
    expires_at=NOW + 900 * SECOND,
    charge_expires_at=NOW + 600 * SECOND,
    in_suspense=0,
)


@pytest.mark.parametrize(
    "changed",
    [
        replace(PAGE_VERSION, state="paid"),
        replace(PAGE_VERSION, updated_at=NOW + timedelta(milliseconds=1)),
        replace(PAGE_VERSION, in_suspense=1),
        replace(PAGE_VERSION, expires_at=NOW),
        replace(PAGE_VERSION, charge_expires_at=NOW),
    ],
)
def test_a_change_that_the_page_would_show_changes_the_pulse(changed: PageVersion) -> None:
    assert changed.version(NOW) != PAGE_VERSION.version(NOW)


def test_the_pulse_beats_by_itself_when_the_number_and_then_the_payment_lapses() -> None:
    seen = [PAGE_VERSION.version(NOW + seconds * SECOND) for seconds in (0, 599, 600, 899, 900, 5000)]
    assert seen[0] == seen[1] != seen[2] == seen[3] != seen[4] == seen[5]
    assert seen[4].startswith("expired-")


def test_writing_an_expiry_down_changes_nothing_for_the_page() -> None:
    written = replace(PAGE_VERSION, state="expired", updated_at=PAGE_VERSION.expires_at)
    assert written.version(NOW + 901 * SECOND) == PAGE_VERSION.version(NOW + 901 * SECOND)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_the_pulse_of_what_has_ended_stands_still(state: State) -> None:
    page_version = replace(PAGE_VERSION, state=state)
    assert len({page_version.version(NOW + days * timedelta(days=1)) for days in range(3)}) == 1
