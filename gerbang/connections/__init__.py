"""The protocol of a bank connection. Each connection is one file or folder here.

A connection sends instructions to a bank and returns the bank's answers. It does not see the ledger and decides nothing
about payouts.
"""

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from gerbang.domain.payouts import Payout


class Silence(Exception):
    """The bank gave no reliable answer: it may or may not have the instruction. This never counts as a failure."""


class Sent(msgspec.Struct, frozen=True):
    """The state of an instruction that the bank has, as the bank reports it."""

    state: Literal["processing", "completed", "failed"]
    reference: str
    """The bank's own reference of the transfer."""
    account_name: str = ""
    """The name of the account's holder; "" if the bank does not report it."""
    reason: str = ""
    """Why it failed; "" if it did not."""
    ask_at: datetime | None = None
    """While it is processing: the earliest instant to ask again; None if the bank gives none."""


class Bank(Protocol):
    """One connection to a bank. Each call must end within 15 seconds, or it counts as Silence."""

    name: str
    """The connection's name, stored with each payout and part of the name of its ledger account."""

    channels: frozenset[str]
    """The names of the channels that it serves."""

    async def send(self, payout: Payout, now: datetime) -> Sent:
        """Sends an instruction. The payout's id is the idempotency key: sent twice, it is one transfer and one answer.

        Raises Silence if it is unknown whether the bank has it.
        """
        ...

    async def ask(self, payout: Payout, now: datetime) -> Sent:
        """The current state of an instruction that the bank has. Raises Silence."""
        ...

    async def account_name(self, bank_code: str, account_number: str) -> str | None:
        """The name of an account's holder; None if there is no such account. Raises Silence."""
        ...
