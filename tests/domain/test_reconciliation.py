"""The comparison, case by case: what explains a line, and which finding comes of what does not agree."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang.domain.findings import MEANINGS, Expected, Finding, FindingKind, Reconciled, Rules
from gerbang.domain.partner_lists import PartnerLine
from gerbang.domain.reconciliation import compare
from gerbang.domain.statements import Direction, StatementLine, keyed
from tests.support.speed import processor_seconds

DAY = date(2026, 11, 28)
MERCHANT = UUID(int=1)
NUMBER = "0077777000000001"
PAYMENT = Expected(
    "payment", "payment", "credit", 100_000_00, DAY, ("TRX0001AB",), (NUMBER,), MERCHANT, payment_id=UUID(int=2)
)
PAYOUT = Expected("payout", "payout", "debit", 50_000_00, DAY, ("PO0001AB",), (), MERCHANT, payout_id=UUID(int=3))
WALLET = Expected("wallet", "payment", "credit", 100_000_00, DAY, ("A0000001",), fee=1_500_00, in_sum=True)
ROW = PartnerLine("A0000001", "payment", 100_000_00, 1_500_00, 98_500_00, DAY, batch="ST2611281")


def line(
    amount: int, text: str, later: int = 0, direction: Direction = "credit", *, pending: bool = False
) -> StatementLine:
    return StatementLine("1", DAY + timedelta(days=later), amount, direction, text, pending=pending)


def reconciled(
    expected: Sequence[Expected],
    lines: Sequence[StatementLine],
    listed: Sequence[PartnerLine] | None = None,
    rules: Rules | None = None,
    days: tuple[int, int] = (-20, 20),
) -> Reconciled:
    first, last = (DAY + timedelta(days=each) for each in days)
    return compare(expected, dict(keyed(lines)), listed, connection="bank", first=first, last=last, rules=rules)


def findings(
    expected: Sequence[Expected],
    lines: Sequence[StatementLine],
    listed: Sequence[PartnerLine] | None = None,
    rules: Rules | None = None,
) -> list[tuple[FindingKind, str]]:
    """Kind and our movement of each finding."""
    found = reconciled(expected, lines, listed, rules).findings
    return [(each.kind, each.expected.key if each.expected else "") for each in found]


def by(expected: Sequence[Expected], lines: Sequence[StatementLine], rules: Rules | None = None) -> list[str]:
    found = reconciled(expected, lines, rules=rules)
    assert found.findings == ()
    return [each.by for each in found.matches]


def test_a_reference_inside_the_remark_explains_a_line() -> None:
    for text in ("BRIVA TRX0001AB BUDI", "TRX-0001-AB", "BUDI TRX0001AB WS_OB;1;X", "trx0001 ab"):
        assert by([PAYMENT], [line(PAYMENT.amount, text)]) == ["reference"]
    assert by([PAYMENT], [replace(line(PAYMENT.amount, "BUDI"), reference="TRX0001AB")]) == ["reference"]


def test_a_number_and_the_amount_explain_a_line() -> None:
    assert by([PAYMENT], [line(PAYMENT.amount, "BRIVA 77777 000000001 BUDI")]) == ["number"]


def test_an_amount_and_a_day_explain_a_line_only_if_both_sides_have_one_such() -> None:
    other = replace(PAYMENT, key="other", references=("TRX0002AB",), numbers=())
    assert by([PAYMENT], [line(PAYMENT.amount, "SETORAN", 1)]) == ["amount_and_day"]
    assert findings([PAYMENT, other], [line(PAYMENT.amount, "SETORAN")]) == [
        ("missing_there", "other"),
        ("missing_there", "payment"),
        ("unexplained_credit", ""),
    ]
    twice = [line(PAYMENT.amount, "SETORAN"), line(PAYMENT.amount, "SETORAN", 1)]
    assert [kind for kind, _ in findings([PAYMENT], twice)] == [
        "missing_there",
        "unexplained_credit",
        "unexplained_credit",
    ]
    far = replace(other, day=DAY + timedelta(days=5))
    assert by([PAYMENT, far], [line(PAYMENT.amount, "SETORAN"), line(PAYMENT.amount, "SETORAN", 5)])


def test_a_line_of_another_direction_explains_nothing() -> None:
    assert findings([PAYMENT], [line(PAYMENT.amount, "SETORAN", direction="debit")]) == [
        ("missing_there", "payment"),
        ("unexplained_debit", ""),
    ]


@pytest.mark.parametrize("later", [-1, 0, 1])
def test_money_may_be_booked_on_the_day_before_or_after(later: int) -> None:
    for text in ("TRX0001AB", NUMBER, "SETORAN"):
        assert by([PAYMENT], [line(PAYMENT.amount, text, later)])


def test_money_that_is_booked_later_is_the_same_money_if_its_code_says_so() -> None:
    for text, later in (("TRX0001AB", 2), ("TRX0001AB", 15), (NUMBER, 7)):
        (found,) = reconciled([PAYMENT], [line(PAYMENT.amount, text, later)]).findings
        assert (found.kind, found.expected, found.day) == ("late_day", PAYMENT, DAY)
    for text, later in ((NUMBER, 8), ("SETORAN", 2)):
        assert ("missing_there", "payment") in findings([PAYMENT], [line(PAYMENT.amount, text, later)])


def test_another_amount_is_found_by_the_reference_or_by_the_number() -> None:
    for text in ("TRX0001AB", NUMBER):
        (found,) = reconciled([PAYMENT], [line(90_000_00, text)]).findings
        assert (found.kind, found.owner, found.state) == ("amount_differs", "operator", "open")
        assert (found.expected, found.ours, found.theirs) == (PAYMENT, PAYMENT.amount, 90_000_00)
        assert found.line == line(90_000_00, text)


def test_money_that_came_twice_is_double() -> None:
    for text in ("TRX0001AB", NUMBER):
        twice = [line(PAYMENT.amount, text), line(PAYMENT.amount, text, 1)]
        assert findings([PAYMENT], twice) == [("double", "payment")]


def test_a_static_number_may_be_paid_many_times() -> None:
    many = [replace(PAYMENT, key=f"{day}", references=(), day=DAY + timedelta(days=day)) for day in range(10)]
    lines = [line(PAYMENT.amount, NUMBER, day + 1) for day in range(10)]
    assert by(many, lines) == ["number"] * 10
    assert [kind for kind, _ in findings(many, lines[:4] + lines[5:])] == ["missing_there"]
    # A day that is missing is named, where all others were booked on their days.
    same_days = [line(PAYMENT.amount, NUMBER, day) for day in range(10) if day != 4]
    assert findings(many, same_days) == [("missing_there", "4")]


def test_money_on_a_number_of_ours_that_we_do_not_have_is_missing_here() -> None:
    lines = [line(PAYMENT.amount, NUMBER), line(70_000_00, NUMBER)]
    assert findings([PAYMENT], lines) == [("missing_here", "payment")]


def test_a_payout_that_comes_back_is_the_merchants_to_repeat() -> None:
    sent = line(PAYOUT.amount, "BIFAST PO0001AB", direction="debit")
    for amount in (PAYOUT.amount, PAYOUT.amount - 2_500_00):
        (found,) = reconciled([PAYOUT], [sent, line(amount, "RETUR PO0001AB", 1)]).findings
        assert (found.kind, found.owner, found.expected) == ("returned", "merchant", PAYOUT)
        assert found.day == DAY + timedelta(days=1)


def test_a_payment_that_the_bank_takes_back_is_returned() -> None:
    came = line(PAYMENT.amount, "TRX0001AB")
    for text in ("KOREKSI TRX0001AB", f"KOREKSI {NUMBER}"):
        (found,) = reconciled([PAYMENT], [came, line(PAYMENT.amount, text, 0, "debit")]).findings
        assert (found.kind, found.owner, found.expected) == ("returned", "operator", PAYMENT)


def test_the_fee_of_a_bank_is_explained_where_it_is_known() -> None:
    lines = [line(PAYOUT.amount, "PO0001AB", direction="debit"), line(2_500_00, "BIAYA PO0001AB", direction="debit")]
    assert by([PAYOUT], lines, Rules(bank_fees=(2_500_00,))) == ["reference", "fee"]
    assert findings([PAYOUT], lines) == [("unexplained_debit", "payout")]
    fee = line(2_500_00, "BIAYA ADM", direction="debit")
    assert by([], [fee], Rules(bank_fees=(2_500_00,))) == ["fee"]
    assert by([replace(PAYOUT, amount=2_500_00)], [fee], Rules(bank_fees=(2_500_00,))) == ["amount_and_day"]


def test_pending_lines_count_for_nothing() -> None:
    assert findings([PAYMENT], [line(PAYMENT.amount, "TRX0001AB", pending=True)]) == [("missing_there", "payment")]
    assert findings([], [line(1, "X", pending=True)]) == []


def test_findings_of_other_days_are_left_out() -> None:
    lines = [line(1_00, "X", later) for later in range(-2, 3)]
    found = reconciled([PAYMENT], lines, days=(0, 0)).findings
    assert [(each.kind, each.day) for each in found] == [("missing_there", DAY), ("unexplained_credit", DAY)]


def test_a_wallet_is_compared_with_the_list_and_its_sum_with_the_account() -> None:
    arrived = line(98_500_00, "SETTLEMENT ST2611281", 1)
    assert findings([WALLET], [arrived], [ROW]) == []
    assert findings([WALLET], [replace(arrived, text="DANA")], [ROW]) == []
    assert findings([WALLET], [], [ROW]) == [("sum_missing", "")]
    assert findings([WALLET], [replace(arrived, amount=98_000_00)], [ROW]) == [("sum_differs", "")]
    unnamed = replace(arrived, amount=98_000_00, text="DANA INDONESIA")
    assert findings([WALLET], [unnamed], [ROW], Rules(sum_words=("Dana",))) == [("sum_differs", "")]
    assert findings([WALLET], [unnamed], [ROW]) == [("sum_missing", ""), ("unexplained_credit", "")]


def test_several_batches_of_a_day_may_arrive_in_one_line() -> None:
    second = replace(ROW, reference="A0000002", batch="ST2611282")
    expected = [WALLET, replace(WALLET, key="second", references=("A0000002",))]
    assert findings(expected, [line(2 * 98_500_00, "DANA", 1)], [ROW, second]) == []


def test_a_sum_below_zero_must_leave() -> None:
    back = replace(ROW, type="refund", reference="R0000001", fee=0, net=100_000_00, sign=-1)
    refund = replace(WALLET, key="refund", kind="refund", direction="debit", references=("R0000001",), fee=None)
    left = line(100_000_00, "ST2611281", 1, "debit")
    assert findings([refund], [left], [back]) == []
    assert findings([WALLET, refund], [], [replace(ROW, fee=0, net=100_000_00), back]) == [("fee_differs", "wallet")]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (replace(ROW, gross=90_000_00), ["amount_differs"]),
        (replace(ROW, fee=2_000_00), ["fee_differs"]),
        (replace(ROW, type="correction"), ["correction", "missing_there"]),
        (replace(ROW, reference="A0000009"), ["missing_here", "missing_there"]),
        (replace(ROW, type="refund", reference="R1", original="A0000001"), ["missing_here", "missing_there"]),
    ],
)
def test_rows_of_a_list_that_differ(row: PartnerLine, expected: list[FindingKind]) -> None:
    arrived = line(98_500_00, "ST2611281", direction="credit" if row.sign > 0 else "debit")
    found = reconciled([WALLET], [arrived], [row]).findings
    assert [each.kind for each in found] == expected
    assert {each.where for each in found} == {"list"}


def test_a_row_that_takes_back_what_has_its_own_row_is_returned() -> None:
    cancel = replace(ROW, type="cancel", sign=-1)
    assert findings([WALLET], [], [ROW, cancel]) == [("returned", "wallet")]
    listed = replace(PAYOUT, listed=True)
    paid, back = (PartnerLine("PO0001AB", kind, 50_000_00, 0, 50_000_00, DAY) for kind in ("payout", "returned"))
    sent = line(PAYOUT.amount, "PO0001AB", direction="debit")
    (found,) = reconciled([listed], [sent], [paid, back], Rules(list_in_sums=False)).findings
    assert (found.kind, found.owner, found.where) == ("returned", "merchant", "list")
    deduction = replace(ROW, type="deduction", gross=1_00, fee=0, net=1_00, sign=-1)
    assert findings([WALLET], [line(98_499_00, "ST2611281")], [ROW, deduction]) == []


def test_a_row_that_stands_twice_is_double() -> None:
    assert findings([WALLET], [line(2 * 98_500_00, "ST2611281")], [ROW, ROW]) == [("double", "wallet")]


def test_without_a_list_nothing_is_missed_in_it() -> None:
    assert findings([replace(PAYMENT, listed=True)], [line(PAYMENT.amount, "TRX0001AB")]) == []
    assert findings([WALLET], []) == [("missing_there", "wallet")], "its money is seen nowhere else"
    assert findings([replace(PAYMENT, listed=True)], [line(PAYMENT.amount, "TRX0001AB")], []) == [
        ("missing_there", "payment")
    ]


@pytest.mark.parametrize("text", ["BRIVA TRX0009AB", "BRIVA 77777000000009", "SETORAN"])
def test_money_that_bank_and_list_have_and_we_have_not_is_one_finding(text: str) -> None:
    row = PartnerLine("TRX0009AB", "payment", 5_000_00, 0, 5_000_00, DAY, number="0077777000000009")
    (found,) = reconciled([], [line(5_000_00, text)], [row], Rules(list_in_sums=False)).findings
    assert (found.kind, found.where, found.partner_line, found.theirs) == ("missing_here", "list", row, 5_000_00)
    assert found.line is not None
    # Without any code, only what is unique on both sides belongs together.
    twice = [row, replace(row, reference="TRX0008AB", number="")]
    kinds_found = Counter(kind for kind, _ in findings([], [line(5_000_00, text)], twice, Rules(list_in_sums=False)))
    assert kinds_found == {"missing_here": 2, **({"unexplained_credit": 1} if text == "SETORAN" else {})}


def test_comparing_again_gives_the_same_findings_under_the_same_keys() -> None:
    lines = [line(1_00, "X"), line(1_00, "X"), line(2_00, "TRX0001AB", 3), line(1_00, "Y", 0, "debit")]
    first, second = (reconciled([PAYMENT, WALLET], given, [ROW]).findings for given in (lines, lines[::-1]))
    assert {each.key for each in first} == {each.key for each in second}
    assert len({each.key for each in first}) == len(first)


def test_rows_that_are_equal_have_findings_of_their_own_wherever_they_stand_in_the_list() -> None:
    row = replace(ROW, reference="A0000009", position=3)
    first = reconciled([], [], [row, replace(row, position=4)]).findings
    second = reconciled([], [], [replace(row, position=7), replace(row, position=1)]).findings
    assert [each.kind for each in first] == ["missing_here", "missing_here", "sum_missing"]
    assert {each.key for each in first} == {each.key for each in second}
    assert len({each.key for each in first}) == 3


def test_every_kind_has_its_meaning() -> None:
    assert MEANINGS.keys() == set(get_args(FindingKind))
    assert Finding("double", "list", "operator", "bank", DAY).meaning == MEANINGS["double"]


kinds: st.SearchStrategy[Literal["payment", "payout"]] = st.sampled_from(["payment", "payout"])
directions: st.SearchStrategy[Direction] = st.sampled_from(["credit", "debit"])
texts = st.sampled_from(
    ["TRX00001", "TRX00002 XX", "XX TRX00003", "77777001", "077777002 A", "TRX00001 77777001", "X", ""]
)
spelled = st.lists(st.sampled_from(["TRX00001", "TRX00002", "TRX00003"]), max_size=2).map(tuple)
numbers = st.lists(st.sampled_from(["77777001", "77777002"]), max_size=2).map(tuple)
some_lines = st.lists(st.builds(line, st.integers(1, 3), texts, st.integers(-4, 4), directions), max_size=12)
some_expected = st.lists(
    st.builds(
        Expected,
        key=st.just(""),
        kind=kinds,
        direction=directions,
        amount=st.integers(1, 3),
        day=st.integers(-4, 4).map(lambda later: DAY + timedelta(days=later)),
        references=spelled,
        numbers=numbers,
        in_sum=st.booleans(),
    ),
    max_size=12,
).map(lambda every: [replace(each, key=str(place)) for place, each in enumerate(every)])
some_rows = st.lists(
    st.builds(
        PartnerLine,
        reference=st.sampled_from(["TRX00001", "TRX00002", "TRX00009"]),
        type=st.sampled_from(["payment", "payout", "refund", "cancel", "returned", "correction", "deduction"]),
        gross=st.integers(1, 3),
        fee=st.just(0),
        net=st.integers(1, 3),
        listed_on=st.just(DAY),
        sign=st.sampled_from([1, -1]),
        batch=st.sampled_from(["", "ST000001"]),
    ),
    max_size=6,
)


@given(some_expected, some_lines, some_rows, st.booleans())
def test_nothing_is_left_out_and_nothing_counts_twice(
    expected: list[Expected], lines: list[StatementLine], rows: list[PartnerLine], in_sums: bool
) -> None:
    found = reconciled(expected, lines, rows, Rules(list_in_sums=in_sums, bank_fees=(2,)))
    matched = Counter(each.line_key for each in found.matches if each.line_key and each.by != "sum")
    assert set(matched.values()) <= {1}
    named = {each.line_key for each in found.findings if each.line_key}
    of_sums = {each.line_key for each in found.matches if each.by == "sum"}
    assert matched.keys() | named | of_sums == {key for key, _ in keyed(lines)}
    ours = Counter(each.expected_key for each in found.matches if each.expected_key and each.line_key)
    assert set(ours.values()) <= {1}
    missing = Counter(each.about for each in found.findings if each.kind == "missing_there" and each.where == "account")
    alone = {each.key for each in expected if not each.in_sum}
    assert ours.keys() | missing.keys() == alone
    assert ours.keys() & missing.keys() == set()


@given(some_expected, some_lines)
def test_amounts_that_were_matched_are_equal_unless_a_finding_says_otherwise(
    expected: list[Expected], lines: list[StatementLine]
) -> None:
    found = reconciled(expected, lines)
    by_key, ours = dict(keyed(lines)), {each.key: each for each in expected}
    differs = {each.about for each in found.findings if each.kind == "amount_differs"}
    for match in found.matches:
        here, there = ours[match.expected_key], by_key[match.line_key]
        assert here.direction == there.direction
        assert (here.amount == there.amount) is (here.key not in differs)
        assert abs((there.booked_on - here.day).days) <= 7 or match.by == "reference"


@pytest.mark.parametrize("crowd", ["one number", "one reference", "one amount", "one batch each", "nothing fits"])
def test_crowds_that_are_all_alike_take_no_longer(crowd: str) -> None:
    count = 4_000
    expected = [
        replace(
            PAYMENT,
            key=str(place),
            references=("TRX0001AB",) if crowd == "one reference" else (),
            numbers=(NUMBER,) if crowd == "one number" else (),
        )
        for place in range(count)
    ]
    text = {"one number": NUMBER, "one reference": "TRX0001AB", "nothing fits": f"{NUMBER} TRX0001AB"}.get(crowd, "X")
    amount = 1_00 if crowd == "nothing fits" else PAYMENT.amount
    rows = [replace(ROW, batch=f"ST{place:07d}") for place in range(count)] if crowd == "one batch each" else None
    rules = Rules(sum_words=("X",))
    assert processor_seconds(lambda: reconciled(expected, [line(amount, text)] * count, rows, rules)) < 5


UNSURE = replace(PAYOUT, unsure=True)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], []),
        ([line(50_000_00, "TRSF PO0001AB", direction="debit")], [("unexplained_debit", "payout")]),
        ([line(50_000_00, "TRSF PO0001AB", 9, direction="debit")], [("unexplained_debit", "payout")]),
        ([line(52_500_00, "TRSF PO0001AB", direction="debit")], [("unexplained_debit", "payout")]),
        ([line(50_000_00, "TRSF", direction="debit")], [("unexplained_debit", "")]),
    ],
    ids=["nothing", "its code", "its code, late", "with a fee", "no code"],
)
def test_what_may_have_moved_is_named_where_its_code_is_and_not_missed(
    lines: list[StatementLine], found: list[tuple[FindingKind, str]]
) -> None:
    assert findings([UNSURE], lines) == found
    assert findings([UNSURE], lines, []) == found


def test_what_may_have_moved_is_named_where_a_partners_list_has_it() -> None:
    row = PartnerLine("PO0001AB", "payout", 50_000_00, 0, 50_000_00, DAY)
    assert findings([UNSURE], [], [row], Rules(list_in_sums=False)) == [("missing_here", "payout")]
