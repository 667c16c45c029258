"""Who moves the money: the protocols that partners are reached by. Each provider is one file or folder here.

A provider offers what its kind of partner can do, protocol by protocol, and has no method that it cannot serve. It carries
requests and answers: it does not see the ledger and decides nothing. It may be called twice about the same thing, always
with the same reference.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from gerbang.clock import Clock
from gerbang.domain.connections import Connection
from gerbang.domain.partner_requests import CloseCode, OpenCode
from gerbang.domain.payouts import Destination
from gerbang.network import Network


class Silence(Exception):
    """The partner gave no reliable answer: it may or may not have the request. This never counts as a failure."""


class Declined(Exception):
    """The partner has said that it will not do it, with its reason as a short text for people."""


@dataclass(frozen=True)
class Link:
    """A connection with what is needed to use it."""

    connection: Connection
    network: Network
    clock: Clock
    """The machine's own: a partner does not know the sandbox's time."""


# -- codes that buyers pay to -----------------------------------------------------------------------------------------

CodeKind = Literal["ours", "registered", "minted"]
"""`ours`: the bank asks us when somebody pays. `registered`: the bank must know our number first. `minted`: the partner
gives the number.
"""


class Opened(msgspec.Struct, frozen=True):
    """A code that buyers can pay to now."""

    number: str
    reference: str
    """The partner's own name for it."""
    content: str = ""
    """What a QR code says, or where a wallet is reached; "" where the channel composes it."""


@runtime_checkable
class OpensCodes(Protocol):
    """A partner that buyers pay by a number, a QR code or a link."""

    def kind(self, connection: Connection, channel: str, option: str | None) -> CodeKind:
        """Who gives these codes, and whether the partner must know them before they are paid. Pure."""
        ...

    async def open(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
        """Registers the number or makes a code. `now` is the gateway's time. Raises Declined or Silence."""
        ...

    async def status(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened | None:
        """The code that was opened under our reference; None if there is none. Raises Declined or Silence."""
        ...

    async def close(self, link: Link, reference: UUID, asked: CloseCode, now: datetime) -> None:
        """Ends a code; one that has ended already stays so. Raises Silence."""
        ...


# -- money that is paid out -------------------------------------------------------------------------------------------


class TransferOrder(msgspec.Struct, frozen=True):
    """A transfer to an account. `reference` is the idempotency key: sent twice, it is one transfer and one answer."""

    reference: UUID
    amount: int
    """Minor units."""
    destination: Destination
    description: str
    ordered_at: datetime
    sent_at: datetime | None = None
    """Since when the partner has it; None while it is not known to."""


class Sent(msgspec.Struct, frozen=True):
    """The state of a transfer that the partner has, as the partner reports it."""

    state: Literal["processing", "completed", "failed"]
    reference: str
    """The partner's own reference of the transfer."""
    account_name: str = ""
    """The name of the account's holder; "" if the partner does not report it."""
    reason: str = ""
    """Why it failed; "" if it did not."""
    ask_at: datetime | None = None
    """While it is processing: the earliest instant to ask again; None if the partner gives none."""


@runtime_checkable
class Transfers(Protocol):
    """A bank that sends money to accounts."""

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        """Sends a transfer. Raises Silence if it is unknown whether the bank has it."""
        ...

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        """The current state of a transfer that the bank has. Raises Silence."""
        ...

    async def account_name(self, link: Link, bank_code: str, account_number: str) -> str | None:
        """The name of an account's holder; None if there is no such account. Raises Silence."""
        ...
