"""DANA's own lists as CSV: what it collected (settlement, semicolons) and what it paid out (disbursement, commas).

Amounts are whole numbers of sen, and days are Jakarta's. A row that takes money back is below zero, or its type says
so.
"""

import re
from datetime import date

from gerbang.domain.partner_lists import ListedType, PartnerLine
from gerbang.domain.statements import StatementWrong
from gerbang.statement_files import days
from gerbang.statement_files.tables import Form, Table
from gerbang.statement_files.texts import Cell, plain

PAYMENTS = Form(
    columns={
        "batch": ("SETTLEMENT_TXN_ID",),
        "id": ("TXN_ID",),
        "type": ("TXN_TYPE",),
        "reference": ("ACQUIREMENT_ID",),
        "day": ("SETTLE_DATE",),
        "gross": ("TXN_AMOUNT",),
        "method": ("PAY_METHOD",),
        "fee": ("MDR_AMOUNT", "MDR", "TOTAL_MDR", "CHARGE_AMOUNT", "FEE_AMOUNT", "TOTAL_FEE"),
        "net": ("SETTLE_AMOUNT", "SETTLEMENT_AMOUNT", "NET_AMOUNT", "PAYOUT_AMOUNT"),
    },
    by=("batch", "id", "type", "reference", "day", "gross"),
)
PAYOUTS = Form(
    columns={
        "reference": ("REQUEST_ID",),
        "gross": ("FUND_AMOUNT",),
        "fee": ("CHARGE_AMOUNT",),
        "net": ("PAID_TOTAL_AMOUNT",),
        "day": ("TRANSACTION_DATE",),
    },
    by=("reference", "gross", "fee", "net", "day"),
)
TYPES: dict[str, ListedType] = {
    "ACQUIRING_ORDER": "payment",
    "CAPTURE": "payment",
    "REFUND": "refund",
    "CANCEL": "cancel",
    "VOUCHER_DEDUCTION": "deduction",
}
TAKES_BACK = frozenset({"refund", "cancel", "deduction"})
CORRECTION = "ADJUSTMENT"
"""As the method of a payment: no buyer paid, DANA corrects what it could not refund."""


def payments(table: Table) -> list[PartnerLine]:
    """The rows of a settlement file. Raises StatementWrong if a row cannot be read."""
    if not {"fee", "net"} & table.at.keys():
        raise StatementWrong(table.header_line, "the file has no column for the fee and none for what is settled")
    return [_payment(table, line, cells) for line, cells in table.body()]


def _payment(table: Table, line: int, cells: list[Cell]) -> PartnerLine:
    table.check_width(line, cells)
    type_name = plain(table.cell(cells, "type")).upper()
    if type_name not in TYPES:
        raise StatementWrong(line, f"the type {type_name[:30]!r} is not known")
    listed: ListedType = TYPES[type_name]
    if listed == "payment" and plain(table.cell(cells, "method")).upper() == CORRECTION:
        listed = "correction"
    gross = _sen(table.cell(cells, "gross"), line)
    if plain(table.cell(cells, "net")):
        net = abs(_sen(table.cell(cells, "net"), line))
    else:
        net = abs(gross) - abs(_sen(table.cell(cells, "fee"), line))
    order, own = plain(table.cell(cells, "reference")), plain(table.cell(cells, "id"))
    return PartnerLine(
        reference=own if listed == "refund" else order,
        original=order if listed == "refund" else "",
        type=listed,
        gross=abs(gross),
        fee=abs(gross) - net,
        net=net,
        listed_on=_day(table, line, cells),
        sign=-1 if listed in TAKES_BACK or gross < 0 else 1,
        batch=plain(table.cell(cells, "batch")),
        position=line,
    )


def payouts(table: Table) -> list[PartnerLine]:
    """The rows of a disbursement file. Raises StatementWrong if a row cannot be read, or does not add up."""
    found: list[PartnerLine] = []
    for line, cells in table.body():
        table.check_width(line, cells)
        gross, fee, net = (_sen(table.cell(cells, field), line) for field in ("gross", "fee", "net"))
        if gross + fee != net:
            raise StatementWrong(line, "what was paid is not the amount and the charge")
        # What was pending comes back without its charge, what had succeeded with it.
        back = gross < 0
        found.append(
            PartnerLine(
                reference=plain(table.cell(cells, "reference")),
                type="returned" if back else "payout",
                gross=abs(gross),
                fee=abs(fee),
                net=abs(net),
                listed_on=_day(table, line, cells),
                sign=-1 if back else 1,
                position=line,
            )
        )
    return found


def _day(table: Table, line: int, cells: list[Cell]) -> date:
    return days.moment(table.cell(cells, "day"), line)[0]


def _sen(cell: Cell, line: int) -> int:
    text = plain(cell)
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise StatementWrong(line, f"{text[:30]!r} is no whole number of sen")
    return int(text)
