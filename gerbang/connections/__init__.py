"""How a bank is reached: one connection is one file or folder, and this is what each of them promises.

A connection carries instructions out and answers back. It knows nothing of the books and decides nothing about payouts.
"""

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from gerbang.domain.payouts import Payout


class Silence(Exception):
    """The bank gave no answer that can be relied on: it may have the instruction or not. Never a failure."""


class Sent(msgspec.Struct, frozen=True):
    """What a bank says of an instruction that it has."""

    state: Literal["processing", "completed", "failed"]
    reference: str
    """The bank's own reference of the transfer."""
    account_name: str = ""
    """The name of the account's holder, where the bank tells it."""
    reason: str = ""
    """Why it failed."""
    ask_at: datetime | None = None
    """While it is processing: when it is worth while to ask; None where the bank does not know."""


class Bank(Protocol):
    """One connection to a bank. Whatever it does must be over within 15 seconds; after that it counts as silent."""

    name: str
    """The connection's name, by which payouts remember it and its account in the ledger is called."""

    channels: frozenset[str]
    """The channels whose buyers it takes over, by name."""

    async def send(self, payout: Payout, now: datetime) -> Sent:
        """Hands an instruction over. The payout's id is its key: given twice, it is one transfer and one answer.

        Raises Silence where nobody knows whether the bank has it.
        """
        ...

    async def ask(self, payout: Payout, now: datetime) -> Sent:
        """What has become of an instruction that the bank has. Raises Silence."""
        ...

    async def account_name(self, bank_code: str, account_number: str) -> str | None:
        """The name of an account's holder; None if there is no such account. Raises Silence."""
        ...
