"""What a bank says of an account of ours: what is on it, and what moved."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

from gerbang.connections._links import Link


class AccountBalance(msgspec.Struct, frozen=True):
    """What is on an account of ours, in minor units; below zero where it is overdrawn."""

    available: int
    booked: int | None = None


@runtime_checkable
class Balance(Protocol):
    """A bank that says what is on an account."""

    async def balance(self, link: Link, account: str) -> AccountBalance:
        """What is on the account of this number now. Raises Declined or Silence."""
        ...


class BankMovement(msgspec.Struct, frozen=True):
    """One line of an account's statement."""

    account: str
    booked_on: date
    at: datetime | None
    """The instant, where the bank has it to the second."""
    amount: int
    """Minor units, above zero."""
    direction: Literal["in", "out"]
    text: str
    """The remark, in which our own reference may be."""
    reference: str
    """The bank's own name for it; "" where it has none."""
    balance_after: int | None
    """What was on the account then, in minor units."""


@runtime_checkable
class Statements(Protocol):
    """A bank that says what moved on an account."""

    def statement(self, link: Link, account: str, first: date, last: date) -> AsyncIterator[BankMovement]:
        """All that was booked from one day to another, both included, in the bank's order. Raises Declined or Silence."""
        ...
