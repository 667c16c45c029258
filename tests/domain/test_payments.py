"""A payment ends once and for good, a buyer may choose again, and the page version changes with all that a page shows.

The state transitions are tested in test_payment_states.py.
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
ENDED = {"paid", "cancelled", "failed", "expired", "inactive"}
BRI = Method(channel="virtual_account", option="BRI", payer_name="Budi")
PAYMENT = replace(samples.PAYMENT, details=Details(redirect=True), method=BRI)

steps = st.lists(st.tuples(st.sampled_from(list(MOVES)), st.integers(0, 400)), max_size=12)
"""Moves, and how many seconds pass before each."""


def test_every_move_has_a_past_participle() -> None:
    assert PAST.keys() == MOVES.keys()
    assert all(PAST.values())


@given(st.sampled_from(["needs_method", "needs_confirmation"]), st.sampled_from([None, 60, 900]), steps)
def test_a_payment_ends_only_once_whatever_moves_are_tried(
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
        assert not over or as_of(payment, now).state in ENDED


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
def test_a_buyer_who_chooses_again_chooses_only_what_the_merchant_left_open(
    chosen: Method | None, left: Method | None
) -> None:
    after = payments.reopened(replace(PAYMENT, method=chosen), NOW + SECOND)
    assert (after.state, after.method, after.updated_at) == ("needs_method", left, NOW + SECOND)
    assert (after.id, after.amount, after.expires_at) == (PAYMENT.id, PAYMENT.amount, PAYMENT.expires_at)


@pytest.mark.parametrize(
    "payment",
    [
        pytest.param(replace(PAYMENT, details=Details(redirect=False)), id="no payment page"),
        pytest.param(replace(PAYMENT, kind="static", state="active"), id="a static payment"),
        pytest.param(replace(PAYMENT, expires_at=NOW), id="expired"),
        *(
            pytest.param(replace(PAYMENT, state=state), id=state)
            for state in STATES
            if state not in ("awaiting", "authenticating", "processing", "opening", "expired")
        ),
    ],
)
def test_a_payment_is_reopened_only_while_it_awaits_money_and_has_a_page(payment: Payment) -> None:
    with pytest.raises(WrongState, match="cannot be opened again"):
        payments.reopened(payment, NOW)


def test_a_cancelled_payment_keeps_the_time_and_reason_of_its_cancellation() -> None:
    cancelled = payments.cancelled(replace(PAYMENT, state="needs_confirmation"), "OUT_OF_STOCK", NOW)
    with pytest.raises(WrongState, match="is cancelled, so it cannot be cancelled"):
        payments.cancelled(cancelled, "CHANGED_MIND", NOW + SECOND)
    assert as_of(cancelled, NOW + timedelta(days=400)) == cancelled


def test_a_static_payment_may_be_open_or_closed() -> None:
    closed = replace(PAYMENT, kind="static", method=replace(BRI, instructions=Instructions("1")))
    assert (PAYMENT.static, PAYMENT.amount_is_open) == (False, False)
    assert (closed.static, closed.amount_is_open) == (True, False)
    assert (replace(closed, amount=None).static, replace(closed, amount=None).amount_is_open) == (True, True)


# The page version: what the payer's page compares to learn of a change

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
def test_a_change_that_the_page_shows_changes_the_page_version(changed: PageVersion) -> None:
    assert changed.version(NOW) != PAGE_VERSION.version(NOW)


def test_the_page_version_changes_when_the_charge_and_then_the_payment_expires() -> None:
    seen = [PAGE_VERSION.version(NOW + seconds * SECOND) for seconds in (0, 599, 600, 899, 900, 5000)]
    assert seen[0] == seen[1] != seen[2] == seen[3] != seen[4] == seen[5]
    assert seen[4].startswith("expired-")


def test_storing_an_expiry_does_not_change_the_page_version() -> None:
    written = replace(PAGE_VERSION, state="expired", updated_at=PAGE_VERSION.expires_at)
    assert written.version(NOW + 901 * SECOND) == PAGE_VERSION.version(NOW + 901 * SECOND)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_the_page_version_of_a_payment_that_has_ended_stays_the_same(state: State) -> None:
    page_version = replace(PAGE_VERSION, state=state)
    assert len({page_version.version(NOW + days * timedelta(days=1)) for days in range(3)}) == 1
