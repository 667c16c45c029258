"""A finding is a difference between our ledger, a partner's list and a bank's statement, and who must act on it.

Nothing moves money because of one: a person looks at it, and does what is needed elsewhere.
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from gerbang.domain.partner_lists import PartnerLine
from gerbang.domain.statements import Direction, StatementLine

ExpectedKind = Literal["payment", "payout", "refund", "settlement"]
Owner = Literal["operator", "merchant"]
Where = Literal["account", "list"]
FindingKind = Literal[
    "missing_there",
    "missing_here",
    "amount_differs",
    "fee_differs",
    "double",
    "unexplained_credit",
    "unexplained_debit",
    "returned",
    "late_day",
    "sum_differs",
    "sum_missing",
    "correction",
]
MEANINGS: Mapping[FindingKind, str] = {
    "missing_there": "It is in our ledger, and not there.",
    "missing_here": "It is there, and not in our ledger.",
    "amount_differs": "It is on both sides with different amounts.",
    "fee_differs": "The partner kept another fee than was expected.",
    "double": "It is there twice, and once in our ledger.",
    "unexplained_credit": "Money came that nothing explains.",
    "unexplained_debit": "Money left that nothing explains, or a payout of which nobody knew whether it had left.",
    "returned": "It went back after it had arrived.",
    "late_day": "It was booked there more days apart than is usual.",
    "sum_differs": "The sum that arrived is not that of the partner's list.",
    "sum_missing": "The sum of the partner's list has not arrived.",
    "correction": "The partner corrected something, and only it can say what.",
}


class Expected(msgspec.Struct, frozen=True, gc=False):
    """One movement that our ledger says there must be. Amounts in minor units."""

    key: str
    """Ours, unique: it names the finding."""
    kind: ExpectedKind
    direction: Direction
    amount: int
    """As it moves on the account: gross for what arrives by itself."""
    day: date
    """In Jakarta."""
    references: tuple[str, ...] = ()
    """Codes that belong to it alone, which the bank or the partner may print, in every form in which they do."""
    numbers: tuple[str, ...] = ()
    """The number that was paid to; others may have been paid to it too."""
    merchant_id: UUID | None = None
    payment_id: UUID | None = None
    payout_id: UUID | None = None
    fee: int | None = None
    """What the partner's list should show as its fee; None is not compared."""
    listed: bool = False
    """The partner's list must have it."""
    in_sum: bool = False
    """The list must have it, and its money arrives in one sum with others: the account does not show it by itself."""
    unsure: bool = False
    """Nobody knows whether it moved: it need not be there, and where it is, somebody must write down how it ended."""


class Finding(msgspec.Struct, frozen=True):
    """A difference, with both sides of it as far as they are known."""

    kind: FindingKind
    where: Where
    """Where the other side is: on the bank's account, or in the partner's list."""
    owner: Owner
    """Who must act: the operator, or the merchant whose payout came back."""
    connection: str
    day: date
    expected: Expected | None = None
    line_key: str = ""
    """The key of the statement's line, "" if there is none."""
    line: StatementLine | None = None
    partner_line: PartnerLine | None = None
    batch: str = ""
    """The batch of the partner's list whose sum it is about."""
    ours: int | None = None
    """The amount or the fee that was expected, in minor units."""
    theirs: int | None = None
    state: Literal["open"] = "open"
    occurrence: int = 1
    """The how many-th that is equal in all that its key is made of, as where a row stands twice in a list."""

    @property
    def about(self) -> str:
        """What it is about: our movement, else the sum, else the row of the list, else the line of the statement."""
        if self.expected is not None:
            return self.expected.key
        if self.batch:
            return self.batch
        return self.partner_line.name if self.partner_line is not None else self.line_key

    @property
    def key(self) -> str:
        """Its identity: comparing again finds the same finding under the same key."""
        row = self.partner_line.name if self.partner_line else ""
        expected = self.expected.key if self.expected else ""
        sides = (expected, self.line_key, row, self.batch)
        parts = (self.connection, self.kind, self.where, *sides, str(self.day), str(self.occurrence))
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def meaning(self) -> str:
        return MEANINGS[self.kind]


By = Literal["reference", "number", "amount_and_day", "sum", "fee", "list"]


class Match(msgspec.Struct, frozen=True, gc=False):
    """What explains a line of the statement, or a row of the partner's list."""

    by: By
    expected_key: str = ""
    line_key: str = ""
    partner_name: str = ""
    batch: str = ""
    days: int = 0
    """How many days the line is later than was expected."""


class Rules(msgspec.Struct, frozen=True):
    """What is usual at a connection."""

    days_apart: int = 1
    """A line may be booked this many days before or after: one is paid before midnight and booked after it."""
    days_late_max: int = 7
    """What is further apart is not the same money, unless its own reference says so."""
    sum_days_max: int = 5
    """The sum of a list arrives within this many days."""
    bank_fees: tuple[int, ...] = ()
    """What the bank takes for single movements, each as a debit of its own, in minor units."""
    list_in_sums: bool = True
    """The money of the partner's list arrives in sums; else each row by itself."""
    sum_words: tuple[str, ...] = ()
    """Words in the remark of such a sum, such as the partner's name."""


class Reconciled(msgspec.Struct, frozen=True):
    """The outcome of a comparison."""

    findings: tuple[Finding, ...]
    matches: tuple[Match, ...]
