"""Statements: when they add up, how a line is known again, and what becomes of pending lines."""

import random
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.domain.statements import (
    Statement,
    StatementLine,
    StatementWrong,
    broken_at,
    checked,
    gaps,
    in_rupiah,
    keyed,
    oldest_first,
)

DAY = date(2026, 11, 28)
LINE = StatementLine("123", DAY, 100_00, "credit", "BRIVA 1", position=5)


def line(amount: int, balance: int | None = None, text: str = "X", day: date = DAY, position: int = 1) -> StatementLine:
    direction = "credit" if amount > 0 else "debit"
    return StatementLine("123", day, abs(amount), direction, text, position, balance_after=balance)


signed = st.integers(-5, 5).filter(bool)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    opening = draw(st.integers(-10, 10))
    balance, lines = opening, list[StatementLine]()
    for position, (amount, later) in enumerate(draw(st.lists(st.tuples(signed, st.integers(0, 1)), max_size=12))):
        day = (lines[-1].booked_on if lines else DAY) + timedelta(days=later)
        balance += amount
        lines.append(line(amount, balance, draw(st.sampled_from("XY")), day, position))
    came = sum(each.amount for each in lines if each.direction == "credit")
    went = sum(each.amount for each in lines if each.direction == "debit")
    return Statement("123", "IDR", tuple(lines), opening, balance, came, went)


@given(statements())
def test_what_adds_up_is_taken(statement: Statement) -> None:
    assert checked(statement) is statement
    without = tuple(replace(each, balance_after=None) for each in statement.lines)
    assert checked(replace(statement, lines=without))


@given(statements(), st.data())
def test_any_one_number_that_is_wrong_is_refused(statement: Statement, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(1, 9))
    field = data.draw(st.sampled_from(["opening", "closing", "credits", "debits", "line", "balance"]))
    lines = list(statement.lines)
    if field in ("line", "balance") and lines:
        place = data.draw(st.integers(0, len(lines) - 1))
        each = lines[place]
        lines[place] = (
            replace(each, amount=each.amount + wrong)
            if field == "line"
            else replace(each, balance_after=(each.balance_after or 0) + wrong)
        )
        with pytest.raises(StatementWrong) as found:
            checked(replace(statement, lines=tuple(lines)))
        assert found.value.line in (each.position, each.position + 1)
    elif field not in ("line", "balance"):
        changed = msgspec.structs.asdict(statement)
        changed[field] += wrong
        with pytest.raises(StatementWrong):
            checked(Statement(**changed))


def test_an_amount_of_nothing_is_refused() -> None:
    with pytest.raises(StatementWrong, match="line 5: an amount must be above zero"):
        checked(Statement("123", "IDR", (replace(LINE, amount=0),)))


def test_printed_sums_may_count_pending_lines_or_not() -> None:
    waiting = replace(LINE, pending=True)
    for printed in (100_00, 200_00):
        assert checked(Statement("123", "IDR", (LINE, waiting), credits=printed))
    with pytest.raises(StatementWrong):
        checked(Statement("123", "IDR", (LINE, waiting), credits=300_00))


@given(statements())
def test_lines_are_put_in_order_if_the_newest_is_first(statement: Statement) -> None:
    lines = list(statement.lines)
    for order in (lines, lines[::-1]):
        assert broken_at(statement.opening, oldest_first(order, statement.opening)) is None


@given(statements(), st.randoms())
def test_what_is_missing_between_lines_is_found_in_any_order(statement: Statement, chance: random.Random) -> None:
    lines = list(statement.lines)
    chance.shuffle(lines)
    assert gaps(lines) == []


def test_the_line_after_what_is_missing_is_named() -> None:
    days = [DAY + timedelta(days=later) for later in range(5)]
    lines = [line(10 + later, sum(range(10, 11 + later)), day=day) for later, day in enumerate(days)]
    assert gaps([lines[4], lines[0], lines[3], lines[1]]) == [lines[3]]
    assert gaps([lines[0], lines[2], lines[4]]) == [lines[2], lines[4]]
    assert gaps([replace(lines[0], pending=True), replace(lines[1], balance_after=None)]) == []


@given(statements())
def test_a_statement_read_twice_adds_nothing(statement: Statement) -> None:
    once = dict(keyed(statement.lines))
    assert len(once) == len(statement.lines), "truly equal lines stay as many as they are"
    renamed = [replace(each, text=f"{each.text} WS_OB;1") for each in statement.lines]
    assert dict(keyed(renamed)).keys() == once.keys(), "another remark on the next day does not make another line"


@given(statements(), st.integers(0, 12), st.integers(0, 12))
def test_statements_that_overlap_by_whole_days_give_each_line_once(statement: Statement, start: int, end: int) -> None:
    until, since = DAY + timedelta(days=max(start, end)), DAY + timedelta(days=min(start, end))
    for balances in (True, False):
        lines = [each if balances else replace(each, balance_after=None) for each in statement.lines]
        first = dict(keyed(each for each in lines if each.booked_on <= until))
        second = dict(keyed(each for each in lines if each.booked_on >= since))
        assert first | second == second | first == dict(keyed(lines))


def test_two_equal_lines_of_a_day_both_count() -> None:
    assert len(dict(keyed([LINE, LINE, replace(LINE, text="BRIVA 2")]))) == 3
    # In and out again: the balances come back, and the lines are still three.
    three = [line(5, 5), line(-5, 0), line(5, 5)]
    assert len(dict(keyed(three))) == 3


def test_lines_of_other_accounts_and_days_are_others() -> None:
    others = [replace(LINE, account="124"), replace(LINE, booked_on=DAY + timedelta(days=1)), replace(LINE, amount=1)]
    others += [replace(LINE, direction="debit"), replace(LINE, pending=True), replace(LINE, reference="R")]
    assert len({key for each in (LINE, *others) for key, _ in keyed([each])}) == 7
    same = [replace(LINE, position=9), replace(LINE, branch="0001")]
    assert {key for each in (LINE, *same) for key, _ in keyed([each])} == {key for key, _ in keyed([LINE])}


@pytest.mark.parametrize(("minor", "text"), [(0, "0.00"), (5, "0.05"), (-150_00, "-150.00"), (1_234_56, "1234.56")])
def test_amounts_in_sentences(minor: int, text: str) -> None:
    assert in_rupiah(minor) == text
