"""A payout's state transitions, its fee, and its transfers: the reserved money is paid out once or released in full."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.domain import payouts
from gerbang.domain.events import Event, Snapshot
from gerbang.domain.fees import Fee, fee_of
from gerbang.domain.ledger import available, changes, paying_out, releasing, reserved, reserving
from gerbang.domain.money import rupiah
from gerbang.domain.payouts import FEE_DEFAULT, MOVES, Destination, Payout, Search, State
from gerbang.errors import WrongState

NOW = datetime(2025, 3, 30, 5, 48, 17, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
MICROSECOND = timedelta(microseconds=1)
MERCHANT = UUID(int=2)
STATES: tuple[State, ...] = get_args(State)
PAYOUT = Payout(
    id=UUID(int=1),
    merchant_id=MERCHANT,
    product="v4-disbursements",
    reference="salary-1",
    connection="simulator",
    amount=rupiah(10_000),
    fee=388_500,
    vat=38_500,
    state="pending",
    destination=Destination("bank_transfer", "BRI", "0102030405", "John Doe"),
    description=None,
    created_at=NOW,
    updated_at=NOW,
)

amounts = st.integers(1, 10**16)
fees = st.tuples(st.integers(0, 10**8), st.integers(0, 100)).map(
    lambda drawn: Fee(drawn[0], drawn[0] * drawn[1] // 100)
)


# States


@pytest.mark.parametrize("verb", MOVES)
@pytest.mark.parametrize("state", STATES)
def test_a_move_follows_the_table_or_is_refused_with_a_message(verb: str, state: State) -> None:
    payout = replace(PAYOUT, state=state)
    if state in MOVES[verb]:
        after = payouts.moved(payout, verb, LATER)
        assert (after.state, after.updated_at) == (MOVES[verb][state], LATER)
    else:
        with pytest.raises(WrongState) as refused:
            payouts.moved(payout, verb, LATER)
        assert refused.value.spec == {"thing": "payout", "state": state, "verb": payouts.PAST[verb]}


def test_states_only_go_forward_and_only_money_that_comes_back_changes_the_end() -> None:
    order = ["approved", "pending", "processing", "completed"]
    for table in MOVES.values():
        for before, after in table.items():
            assert after == "failed" or order.index(after) == order.index(before) + 1
    assert {
        (verb, before) for verb, table in MOVES.items() for before in table if before in ("completed", "failed")
    } == {("return", "completed")}


def test_only_a_payout_that_was_sent_to_the_bank_can_end() -> None:
    for end in (lambda: payouts.completed(PAYOUT, NOW), lambda: payouts.failed(PAYOUT, "Account closed", NOW)):
        with pytest.raises(WrongState):
            end()


def test_a_payout_records_the_banks_answer_and_when_it_ended() -> None:
    sent = payouts.sent(PAYOUT, "2434d944156e", "PROD ONLY", NOW, NOW)
    assert (sent.state, sent.sent_at, sent.ended_at) == ("processing", NOW, None)
    assert (sent.bank_reference, sent.bank_account_name) == ("2434d944156e", "PROD ONLY")
    done = payouts.completed(sent, LATER)
    assert (done.state, done.sent_at, done.ended_at, done.failure_reason) == ("completed", NOW, LATER, None)
    failed = payouts.failed(sent, "Account closed", LATER)
    assert (failed.state, failed.ended_at, failed.failure_reason) == ("failed", LATER, "Account closed")


# Fees and the ledger


def test_the_default_fee_of_a_payout_is_the_one_in_the_reference() -> None:
    fee = fee_of(FEE_DEFAULT, rupiah(10_000), NOW)
    assert (fee.total, fee.vat) == (388_500, 38_500)


def test_the_amount_and_the_fee_are_reserved() -> None:
    assert PAYOUT.reserved == rupiah(10_000) + 388_500


@given(amounts, fees)
def test_a_completed_payout_credits_the_bank_with_the_amount_and_the_platform_with_the_fee(
    amount: int, fee: Fee
) -> None:
    whole = amount + fee.total
    lines = reserving(MERCHANT, whole, payout_id=PAYOUT.id) + paying_out(
        "simulator", MERCHANT, amount, fee, payout_id=PAYOUT.id
    )
    balance = changes(lines)
    assert sum(balance.values()) == 0
    assert balance.pop(reserved(MERCHANT)) == 0
    # A debit (positive) lowers what we owe the merchant.
    assert balance.pop(available(MERCHANT)) == whole
    assert balance.pop("bank/simulator") == -amount
    assert balance.pop("platform/fees", 0) == -fee.net
    assert balance.pop("platform/vat", 0) == -fee.vat
    assert balance == {}
    assert all(line.amount > 0 for line in lines), "no transfer of zero"


@given(amounts)
def test_a_failed_payout_leaves_every_balance_as_it_was(amount: int) -> None:
    balance = changes(
        reserving(MERCHANT, amount, payout_id=PAYOUT.id) + releasing(MERCHANT, amount, payout_id=PAYOUT.id)
    )
    assert set(balance.values()) == {0}


@given(amounts)
def test_reserving_moves_the_money_from_available_to_reserved(amount: int) -> None:
    assert changes(reserving(MERCHANT, amount, payout_id=PAYOUT.id)) == {
        available(MERCHANT): amount,
        reserved(MERCHANT): -amount,
    }


# Lists and events


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search(), True),
        (Search(created_after=NOW, created_before=NOW + MICROSECOND), True),
        (Search(created_after=NOW + MICROSECOND), False),
        (Search(created_before=NOW), False),
        (Search(state="pending", reference="salary-1"), True),
        (Search(state="failed"), False),
        (Search(reference="salary-2"), False),
    ],
)
def test_a_search_includes_its_first_instant_and_excludes_its_last(search: Search, found: bool) -> None:
    assert search.finds(PAYOUT) is found


def test_an_event_of_a_payout_concerns_only_its_product() -> None:
    event = Event(MERCHANT, "payout.completed", NOW, snapshot=Snapshot(payout=PAYOUT))
    assert event.concerns("v4-disbursements")
    assert not event.concerns("v4-payments")
    assert not event.concerns("payment")


def test_a_payout_survives_being_stored_in_a_snapshot() -> None:
    payout = payouts.failed(payouts.sent(PAYOUT, "2434d944156e", "", NOW, NOW), "Account not found", LATER)
    kept = msgspec.json.encode(Snapshot(payout=payout))
    assert msgspec.json.decode(kept, type=Snapshot).payout == payout
