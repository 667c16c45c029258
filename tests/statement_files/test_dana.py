"""DANA's lists: what each row is taken as, and what it is worth."""

from datetime import date

import pytest

from gerbang import statement_files
from gerbang.domain.partner_lists import PartnerLine, Sum, sums_of
from gerbang.domain.statements import StatementWrong

HEAD = "SETTLEMENT_TXN_ID;TXN_ID;TXN_TYPE;ACQUIREMENT_ID;MID;SETTLE_DATE;MERCHANT_NAME;TXN_AMOUNT;TXN_CURRENCY"
PAYMENTS = f"""{HEAD};PAY_METHOD;MDR_AMOUNT;SETTLE_AMOUNT
B1;A1;ACQUIRING_ORDER;A1;21;2026-11-28T10:00:00+07:00;TOKO;10000000;IDR;BALANCE;150000;9850000
B1;R1;REFUND;A0;21;2026-11-28T23:59:59+07:00;TOKO;2000000;IDR;BALANCE;0;2000000
B1;A2;ACQUIRING_ORDER;A2;21;2026-11-28T17:30:00Z;TOKO;500000;IDR;ADJUSTMENT;0;500000
B1;A3;CANCEL;A3;21;2026-11-28T10:00:00+07:00;TOKO;-700000;IDR;BALANCE;-10500;-689500
"""
PAYOUTS = """REQUEST_ID,FUND_AMOUNT,FUND_AMOUNT_CURRENCY,CHARGE_AMOUNT,FEE,WHT,VAT,PAID_TOTAL_AMOUNT,TRANSACTION_DATE
PO1,10000000,IDR,277500,250000,0,27500,10277500,20261128 09:05:00
PO2,-10000000,IDR,-277500,-250000,0,-27500,-10277500,20261128 10:05:00
PO3,-5000000,IDR,0,0,0,0,-5000000,20261128 11:05:00
"""


def test_a_settlement_file_has_what_was_collected_and_what_was_taken_back() -> None:
    lines = statement_files.read_partner_lines(PAYMENTS.encode())
    day, next_day = date(2026, 11, 28), date(2026, 11, 29)
    assert lines == [
        PartnerLine("A1", "payment", 100_000_00, 1_500_00, 98_500_00, day, batch="B1", position=2),
        PartnerLine("R1", "refund", 20_000_00, 0, 20_000_00, day, -1, original="A0", batch="B1", position=3),
        PartnerLine("A2", "correction", 5_000_00, 0, 5_000_00, next_day, batch="B1", position=4),
        PartnerLine("A3", "cancel", 7_000_00, 105_00, 6_895_00, day, -1, batch="B1", position=5),
    ]
    assert sums_of(lines) == [Sum("B1", day, 71_605_00, 3), Sum("B1", next_day, 5_000_00, 1)]


def test_the_fee_or_what_is_settled_may_be_missing_but_not_both() -> None:
    def without(*columns: int) -> bytes:
        rows = [line.split(";") for line in PAYMENTS.splitlines()]
        return "\n".join(";".join(c for i, c in enumerate(row) if i not in columns) for row in rows).encode()

    whole = statement_files.read_partner_lines(PAYMENTS.encode())
    assert statement_files.read_partner_lines(without(10)) == whole
    assert statement_files.read_partner_lines(without(11)) == whole
    with pytest.raises(StatementWrong, match="line 1: the file has no column for the fee"):
        statement_files.read_partner_lines(without(10, 11))


def test_a_disbursement_file_has_what_was_paid_out_and_what_came_back() -> None:
    lines = statement_files.read_partner_lines(PAYOUTS.encode())
    assert [(line.reference, line.type, line.gross, line.fee, line.net, line.sign) for line in lines] == [
        ("PO1", "payout", 100_000_00, 2_775_00, 102_775_00, 1),
        ("PO2", "returned", 100_000_00, 2_775_00, 102_775_00, -1),
        ("PO3", "returned", 50_000_00, 0, 50_000_00, -1),
    ]
    assert statement_files.kind_of(PAYOUTS.encode()) == "dana_payouts"


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("10277500,20261128", "10277501,20261128", "line 2: what was paid"),
        ("PO1,10000000", "PO1,100000.00", "line 2: '100000.00' is no whole number"),
        ("20261128 09", "20261328 09", "line 2: '20261328 09:05:00' is no day"),
    ],
)
def test_a_row_that_does_not_add_up_is_refused(right: str, wrong: str, why: str) -> None:
    with pytest.raises(StatementWrong, match=why):
        statement_files.read_partner_lines(PAYOUTS.replace(right, wrong).encode())


def test_a_type_that_is_not_known_is_refused() -> None:
    with pytest.raises(StatementWrong, match="line 3: the type 'CHARGEBACK' is not known"):
        statement_files.read_partner_lines(PAYMENTS.replace("REFUND", "CHARGEBACK").encode())


def test_a_list_is_no_statement_and_a_statement_is_no_list() -> None:
    with pytest.raises(StatementWrong, match="not a statement"):
        statement_files.read(PAYMENTS.encode())
    with pytest.raises(StatementWrong, match="not a partner's list"):
        statement_files.read_partner_lines(b":20:A\n:25:1234567\n:60F:C261231IDR0,\n")
