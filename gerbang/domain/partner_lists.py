"""A partner's own list: what it says that it has collected or paid out, and what it kept of that as its fee."""

from collections.abc import Iterable
from datetime import date
from typing import Literal

import msgspec

from gerbang.domain.statements import Direction

ListedType = Literal["payment", "payout", "refund", "cancel", "returned", "correction", "deduction"]
"""`returned` is a payout that came back; a `correction` is no sale, and a person must say what it is for."""


class PartnerLine(msgspec.Struct, frozen=True, gc=False):
    """One row of it. Amounts in minor units; `sign` is -1 where the row takes money back."""

    reference: str
    """The reference that both sides know: that of the payment, the payout or the refund."""
    type: ListedType
    gross: int
    """Without sign, as `fee` and `net`."""
    fee: int
    """Taxes included."""
    net: int
    listed_on: date
    """The day of the settlement, or of the payout, in Jakarta."""
    sign: Literal[1, -1] = 1
    original: str = ""
    """The reference of the payment that a refund or a correction belongs to, where it is another one."""
    number: str = ""
    """The number that was paid to, where the list has it."""
    batch: str = ""
    """What is settled in one sum has one batch."""
    position: int = 0
    """The line of the file, counted from 1."""

    @property
    def name(self) -> str:
        """What a row is known by: the same row in two files has the same name."""
        return f"{self.batch}/{self.type}/{self.reference}"

    @property
    def direction(self) -> Direction:
        """In which direction its money moves, where it moves by itself."""
        out = self.type in ("payout", "refund", "cancel", "deduction")
        return "debit" if out else "credit"

    @property
    def signed_net(self) -> int:
        return self.sign * self.net


class Sum(msgspec.Struct, frozen=True):
    """What must arrive on the account in one sum for one batch; below zero if it must leave."""

    batch: str
    settled_on: date
    net: int
    rows: int


def sums_of(lines: Iterable[PartnerLine]) -> list[Sum]:
    """The sum of each batch and day, in the order of days. A row that stands twice is counted twice, as the partner does."""
    nets: dict[tuple[date, str], tuple[int, int]] = {}
    for line in lines:
        net, rows = nets.get((line.listed_on, line.batch), (0, 0))
        nets[line.listed_on, line.batch] = net + line.signed_net, rows + 1
    return [Sum(batch, day, net, rows) for (day, batch), (net, rows) in sorted(nets.items())]
