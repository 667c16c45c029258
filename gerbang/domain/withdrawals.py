"""A withdrawal is money that a merchant takes out of its balance: to its own bank account, or to its balance for payouts."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from gerbang.domain.payouts import Source

PRODUCT = "withdrawal"
"""Under which callbacks report withdrawals."""
Way = Literal["bank", "balance"]
"""`bank`: by a payout, which has the withdrawal's id. `balance`: to the balance for payouts, at once."""


class Withdrawal(msgspec.Struct, frozen=True):
    id: UUID
    merchant_id: UUID
    reference: str
    """The merchant's own name for it, unique among the merchant's withdrawals."""
    way: Way
    balance: Source
    """From which balance it is taken, to a bank account; to which one it goes, where it stays here."""
    whole: bool
    """Whether all that there was has been asked for."""
    amount: int
    """Minor units; a fee for the transfer comes on top."""
    description: str | None
    created_at: datetime

    @property
    def product(self) -> str:
        """The product whose callbacks report it."""
        return PRODUCT
