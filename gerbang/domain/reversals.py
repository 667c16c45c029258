"""A reversal is what a bank says about money that it has taken back after it had arrived."""

from typing import Literal
from uuid import UUID

import msgspec

from gerbang.domain.reports import PAYMENT, Name

REVERSAL = "reversal"
"""The service of reversals; many banks give them the reference of the money that they take back."""

Outcome = Literal["reversed", "reversed_before", "unknown_money"]
"""What is not `reversed` moves nothing: a person compares it with the bank's statement."""


class Reversal(msgspec.Struct, frozen=True):
    """Money that went back. All its fields together are its identity: said twice, it is the same reversal."""

    connection: str
    reference: str
    """The partner's reference of the reversal."""
    original: str
    """The partner's reference of the money that was taken back, whole."""
    amount: int
    """Minor units."""
    service: str = REVERSAL
    original_service: str = PAYMENT

    @property
    def original_name(self) -> Name:
        return self.connection, self.original_service, self.original


class Reversed(msgspec.Struct, frozen=True):
    """What became of a reversal."""

    id: UUID
    reversal: Reversal
    outcome: Outcome
    merchant_id: UUID
    report_id: UUID | None
    """The report of the money that was taken back."""
