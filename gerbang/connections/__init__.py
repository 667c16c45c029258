"""Who moves the money: the protocols that partners are reached by. Each provider is one file or folder here.

A provider offers what its kind of partner can do, protocol by protocol, and has no method that it cannot serve. It carries
requests and answers: it does not see the ledger and decides nothing. It may be called twice about the same thing, always
with the same reference; only money is sent once. A file whose name begins with `_` is shared by providers and is none itself.
"""

import base64
import hashlib
import importlib
import pkgutil
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from gerbang.connections._accounts import AccountBalance as AccountBalance
from gerbang.connections._accounts import Balance as Balance
from gerbang.connections._accounts import BankMovement as BankMovement
from gerbang.connections._accounts import Statements as Statements
from gerbang.connections._cards import Approved as Approved
from gerbang.connections._cards import AtWork as AtWork
from gerbang.connections._cards import BankAnswer as BankAnswer
from gerbang.connections._cards import CaptureOutcome as CaptureOutcome
from gerbang.connections._cards import CardOutcome as CardOutcome
from gerbang.connections._cards import Challenge as Challenge
from gerbang.connections._cards import Issuer as Issuer
from gerbang.connections._cards import NotApproved as NotApproved
from gerbang.connections._cards import PlaysBanks as PlaysBanks
from gerbang.connections._cards import TakesCards as TakesCards
from gerbang.connections._links import CALLS_REFUSED as CALLS_REFUSED
from gerbang.connections._links import QUIET as QUIET
from gerbang.connections._links import SILENT as SILENT
from gerbang.connections._links import TURNS_AWAY as TURNS_AWAY
from gerbang.connections._links import Alarm as Alarm
from gerbang.connections._links import Link as Link
from gerbang.connections._links import of_connection as of_connection
from gerbang.connections._refunds import GivenBack as GivenBack
from gerbang.connections._refunds import Refunds as Refunds
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.charges import Failure
from gerbang.domain.connections import Connection
from gerbang.domain.inquiries import BankQuestion, Reply
from gerbang.domain.partner_requests import CloseCode, OpenCode
from gerbang.domain.payouts import Destination, Kind
from gerbang.domain.reports import Report
from gerbang.domain.reversals import Reversal
from gerbang.errors import Refused


class Silence(Exception):
    """The partner gave no reliable answer: it may or may not have the request. This never counts as a failure."""


class NotSent(Silence):
    """The partner surely does not have it: nothing left this machine, or it was turned away at the partner's door.

    A fault of the network or of our own keys, and no answer to what was asked: it may be sent again.
    """


class NotNow(NotSent):
    """The partner does not have it, and takes nothing of its kind at this hour."""


class NeverSays(Silence):
    """The partner has no way to be asked this, and never says it."""


class Declined(Exception):
    """The partner has said that it will not do it, with its reason as a short text for people."""


class AccountRefused(Declined):
    """A bank has an account that takes no money, such as a closed or dormant one, and says why."""


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


@runtime_checkable
class PushesCodes(Protocol):
    """A partner that has a wallet's app notify its buyer."""

    def pushes(self, connection: Connection, channel: str, option: str | None) -> bool:
        """Whether it does for this wallet; otherwise it gives a link. Pure."""
        ...


class CodeEnded(msgspec.Struct, frozen=True):
    """Word of a partner that nobody will pay a code that it made: it was cancelled, or the buyer declined or failed."""

    connection: str
    request_id: UUID
    """Our reference when the code was opened."""
    failure: Failure = "declined"
    """Why, where the partner says it."""


class InProcess(msgspec.Struct, frozen=True):
    """Word of a partner that the buyer of a code has agreed, and that it is at work: the code does not end by time any more."""

    connection: str
    request_id: UUID
    """Our reference when the code was opened."""


@runtime_checkable
class WatchesCodes(Protocol):
    """A partner that says whether a code that it made was paid: its word of that may be lost, and is not always repeated."""

    async def paid(
        self, link: Link, reference: UUID, asked: OpenCode, partner_reference: str, now: datetime
    ) -> Report | CodeEnded | InProcess | None:
        """The money of a code, the very same as the partner's own word of it; None while it may still be paid.

        Raises Declined, where it says nothing of this code, or Silence.
        """
        ...


@runtime_checkable
class FindsPayments(Protocol):
    """A bank that can be asked what was paid to its numbers: its own word of that may be lost, and is not always repeated."""

    def finds_by(self, connection: Connection) -> Literal["list", "inquiry"] | None:
        """Whether it lists a day's payments, or is asked what came of each inquiry; None where neither is of use. Pure."""
        ...

    def listed(self, link: Link, day: date) -> AsyncIterator[Report]:
        """What was paid on a day, the very same as the bank's own word of it. Raises Declined or Silence."""
        ...

    async def paid_after(self, link: Link, number: str, inquiry_id: str) -> Report | None:
        """The money that was paid to a number after the bank's inquiry of this id; None if none was. Raises Declined or Silence."""
        ...


# -- money that is paid out -------------------------------------------------------------------------------------------


class TransferOrder(msgspec.Struct, frozen=True):
    """A transfer to an account. `reference` is ours, and always the same for one transfer."""

    reference: UUID
    amount: int
    """Minor units."""
    destination: Destination
    description: str
    ordered_at: datetime
    sent_at: datetime | None = None
    """Since when the partner has it; None while it is not known to."""
    way: str = ""
    """Which way `plan` has chosen."""
    account: str = ""
    """From which account of ours."""
    bank_reference: str = ""
    """The partner's own reference of it; "" while it is not known."""
    sending_at: datetime | None = None
    """When it is or was given to the bank."""
    kind: Kind = "payout"
    """What it is sent for."""


class Plan(msgspec.Struct, frozen=True):
    """How a transfer will go, decided and written down before the bank is called."""

    way: str
    """A word of the provider's own."""
    account: str = ""
    """The number of the account of ours that it goes from."""


class Later(msgspec.Struct, frozen=True):
    """No way is open for a transfer now."""

    at: datetime
    """The earliest instant to try."""


def remark_of(reference: UUID) -> str:
    """The code that stands in a transfer's remark, by which it is found on the account's statement: 14 capitals and digits."""
    hashed = base64.b32encode(hashlib.sha256(reference.bytes).digest()).decode("ascii")
    return f"GB{hashed[:12]}"


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

    def plan(self, connection: Connection, order: TransferOrder, now: datetime, calendar: BankCalendar) -> Plan | Later:
        """How the transfer can go at this instant. Pure. Raises Declined where no way ever takes it."""
        ...

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        """Sends a transfer; it is called once for each. Raises Declined, NotSent, or Silence if the bank may have it."""
        ...

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        """The current state of a transfer that the bank may have; None: the bank does not know it. Raises Silence.

        A Declined says nothing of the transfer either.
        """
        ...

    async def account_name(self, link: Link, bank_code: str, account_number: str) -> str | None:
        """The name of an account's holder; None if there is no such account. Raises AccountRefused, Declined or Silence."""
        ...


# -- what is on our accounts ------------------------------------------------------------------------------------------


# -- partners that call us --------------------------------------------------------------------------------------------


class Call(msgspec.Struct, frozen=True):
    """A request by which a partner calls us, as it arrived."""

    method: str
    address: str
    """Behind the connection's `path_prefix`, such as `/v1.0/transfer-va/inquiry`, without a query."""
    signed_paths: tuple[str, ...]
    """The path with its query as its sender may have signed it: as it arrived, and as it was before a proxy took a part off."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class CallAnswer(msgspec.Struct, frozen=True):
    """What a partner that called us gets."""

    status: int
    headers: dict[str, str]
    body: bytes


class CallRefused(Exception):
    """A call that is answered without anything being decided: it is not the partner's, or cannot be understood.

    The message says why, for the log. `alarm`: a fault of a key or a clock, which costs buyers their payments.
    `lost`: the names in the partner's word of something that has happened, which could not be read; None for any other call.
    """

    def __init__(
        self, answer: CallAnswer, why: str, *, alarm: bool = False, lost: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(why)
        self.answer, self.alarm, self.lost = answer, alarm, lost


class PayoutReturn(msgspec.Struct, frozen=True):
    """Word of a partner that a payout which had left has come back."""

    connection: str
    reference: str
    """Ours, as it was sent; "" where the partner does not say it."""
    partner_reference: str
    """The partner's own; "" where it does not say it."""
    reason: str
    """A short text for people."""


@dataclass(frozen=True)
class Asked:
    """A call that was understood: what must be decided or written down, and how the outcome is said."""

    what: BankQuestion | Report | Reversal | PayoutReturn | CodeEnded | None
    """None: the partner says something that changes nothing here."""
    answered: Callable[[Reply | None], CallAnswer]
    """The answer to a question from its reply, and to anything else, which is written down by then, from None."""
    refused: Callable[[Refused], CallAnswer]
    """The answer where there is no outcome (Unavailable), or the call contradicts an earlier one (KeyReused)."""


@runtime_checkable
class Serves(Protocol):
    """A partner that calls us. Pure: what it asks for is decided elsewhere."""

    def read(self, link: Link, call: Call) -> Asked | CallAnswer:
        """What a call asks for, or its answer where nothing has to be decided (an access token). Raises CallRefused."""
        ...

    def unread(self, link: Link, status: int, why: str) -> CallAnswer:
        """The answer to a request that is no call: not valid HTTP, too large, to no address of the partner's."""
        ...


# -- what a provider says of itself, and how it is found --------------------------------------------------------------


class NoSettings(msgspec.Struct, frozen=True):
    """For a provider that has no settings of its own."""


Said = tuple[str, str]
"""A member, such as `inbound.client_id`, and a sentence that goes on after its path, such as `must be …`."""


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at, and what came of it, in a sentence that an operator can act on."""

    what: str
    ok: bool
    sentence: str


class Provider(Protocol):
    """The code that speaks with a kind of partner: `PROVIDER` of its file."""

    @property
    def name(self) -> str:
        """What `provider` is in the connections file."""
        ...

    @property
    def settings(self) -> type[msgspec.Struct]:
        """The type of a connection's `settings`.

        Its members may be `Secret` or `Pem`, and structs, lists and mappings of them. A ValueError of its `__post_init__`
        goes on after the path, as in `has more tries than 9`.
        """
        ...

    def faults(self, connection: Connection) -> list[Said]:
        """What is wrong with a connection for this provider, such as a profile that it does not know. Pure.

        It is asked where the connection's `settings` could be read, and perhaps other members not.
        """
        ...


@runtime_checkable
class Remarks(Protocol):
    """A provider with connections that can be used and yet are unsafe."""

    def remarks(self, connection: Connection) -> list[Said]:
        """What an operator must know of a connection before it is used. Pure."""
        ...


@runtime_checkable
class Checks(Protocol):
    """A provider that can try a connection out, without moving money."""

    async def check(self, link: Link) -> list[Check]:
        """What it looked at. Raises NetworkFailed where the partner gave no answer."""
        ...


def missing(connection: Connection, *members: str) -> list[Said]:
    """Those of these members that the connection does not have, for the `faults` of a provider that cannot do without."""
    found: list[Said] = []
    for member in members:
        value: object = connection
        for step in member.split("."):
            value = getattr(value, step, None)
        if value in (None, (), frozenset()):
            found.append((member, f"is missing: the provider {connection.provider} needs it"))
    return found


def providers() -> dict[str, Provider]:
    """All providers in this folder, by name."""
    found: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            provider: Provider = importlib.import_module(f"{__name__}.{module.name}").PROVIDER
            found[provider.name] = provider
    return found
