"""The sandbox's partner, which serves everything in the process and calls nobody. It has no state: every answer is computed
from the request and the instant, so all processes get the same.

Payouts: it accepts every transfer and completes it an hour later, unless a sandbox task ends it before. Account numbers
that end in these digits behave differently, at every bank; the two of the vendor's documents (0102030405 and
000501003219303) are ordinary accounts:

    …404   there is no such account: no name is found, and a transfer fails at once with "Account not found"
    …405   the account is closed: a transfer is accepted, and fails a minute later with "Account closed"
    …503   the bank is silent for the first half minute of a payout, and has it all the same, as it says when it is asked

These whole account numbers end at once, at every bank (payment-session reference, 9.5):

    999966660001   the money arrives at once
    999966660002   fails with "Inactive account", and its holder's name is refused for that
    999966660003   fails with "Invalid account": there is no such account
    999966660006   fails with "Dormant account", and its holder's name is refused for that
    999966660007   the money arrives at once; a bulk payout treats the merchant's balance as too small for it
    999966660008   the bank is silent for the first half minute of a payout, and then says that it failed; it is always silent
                   when it is asked for the holder's name

Codes: a bank that asks us about each payment, so it need not know them. A connections file can make it a partner that must
be asked first (`settings.channels`), with an answer that takes its time. Such a partner behaves differently for amounts
that end in these whole rupiah:

    …404   the code is declined
    …503   the partner is silent for the first half minute, and has done nothing by then
    …504   the partner makes the code, and is silent when it is asked to

Refunds: cards, wallets and QR codes give money back at once, and amounts that end in …503 or …504 are answered as above. Nothing
goes back to a virtual account or to a shop's counter. These references and account numbers choose what becomes of a refund at
every bank (payment-session reference, 9.6); a transfer to one of the accounts ends at once:

    1001-… with 999966660001   the channel fails, and the transfer arrives
    2001-… with 999966660008   both fail
    any with 999966660001      a transfer arrives
    any with 999966660002      a transfer fails with "Account not found"
"""

import asyncio
import hashlib
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from gerbang.connections import (
    AccountRefused,
    BankAnswer,
    CaptureOutcome,
    CardOutcome,
    CodeEnded,
    CodeKind,
    Declined,
    GivenBack,
    InProcess,
    Issuer,
    Later,
    Link,
    Opened,
    Plan,
    Said,
    Sent,
    Silence,
    TransferOrder,
    _test_cards,
)
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import SIMULATOR, ChannelName, Connection
from gerbang.domain.money import rupiah
from gerbang.domain.partner_requests import AuthorizeCard, CaptureCard, CloseCode, GiveBack, OpenCode, VoidCard
from gerbang.domain.reports import Report
from gerbang.vault import Card

UNKNOWN, CLOSED, SILENT_AT_FIRST = "404", "405", "503"
DOCUMENTED = frozenset({"0102030405", "000501003219303"})
"""The accounts of the vendor's examples (one-time-payment reference, 7.1 and 7.3), ordinary whatever digits they end
in.
"""
ARRIVES, SHORT, TIMES_OUT = "999966660001", "999966660007", "999966660008"
REFUSED = {
    "999966660002": "Inactive account",
    "999966660003": "Invalid account",
    "999966660006": "Dormant account",
}
"""Accounts that no money arrives at, and why."""
NO_ACCOUNT = "999966660003"
NETWORK_FAILED = "Failed to process by Bank Network"
ACCOUNT_NAME = "PROD ONLY"
"""The name of every account's holder in the vendor's sandbox (one-time-payment reference, 7.1 and 7.3)."""
COMPLETED_AFTER = timedelta(hours=1)
CLOSED_AFTER = timedelta(minutes=1)
SILENT_FOR = timedelta(seconds=30)
PUSHED = frozenset({"OVO"})
"""Wallets whose app notifies the buyer: the simulator plays the buyer as well."""
WALLET_PHONES = {
    "+628111111001": "pays",
    "+628111111002": "waits",
    "+628111111003": "declines",
    "+628111111004": "lapses",
}
"""What the buyer with one of these phone numbers does (payment-session reference, 9.3)."""
DECLINED, SILENT_BEFORE, SILENT_AFTER = 404, 503, 504
REFERENCE_DIGITS = 12
GIVES_BACK = frozenset({"card", "ewallet", "qris"})
"""The channels whose money can go back by the way it came."""
CHANNEL_FAILS = {("1001", "999966660001"), ("2001", "999966660008")}
"""How a refund's reference begins, and the account that it names (payment-session reference, 9.6)."""
REFUND_ARRIVES = "999966660001"
REFUND_FAILS = {"999966660002": "Account not found", "999966660008": "The bank did not carry it out"}


class CodesOf(msgspec.Struct, frozen=True, kw_only=True):
    """How the codes of one channel are made."""

    codes: Annotated[CodeKind, Meta(description='"ours", "registered" or "minted"')] = "ours"
    delay_seconds: Annotated[float, Meta(ge=0, le=60, description="a number of seconds, 0 to 60")] = 0
    """How long an answer takes."""


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which partner the simulator plays."""

    channels: dict[ChannelName, CodesOf] = {}


class Simulator:
    """A partner that is simulated."""

    name = SIMULATOR
    settings = SimulatorSettings

    def faults(self, connection: Connection) -> list[Said]:
        """Nothing is needed in order to reach nobody."""
        return []

    # -- codes --------------------------------------------------------------------------------------------------------

    def kind(self, connection: Connection, channel: str, option: str | None) -> CodeKind:
        return "minted" if self.pushes(connection, channel, option) else _codes_of(connection, channel).codes

    def pushes(self, connection: Connection, channel: str, option: str | None) -> bool:
        return channel == "ewallet" and option in PUSHED

    async def open(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
        """Makes the code, or declines, by the end of the amount. Raises Declined or Silence."""
        await _think(link, asked)
        end = _end_of_amount(asked)
        if end == SILENT_BEFORE and now < asked.created_at + SILENT_FOR:
            raise Silence("the simulator is silent at first for this amount")
        if end == DECLINED:
            raise Declined("the simulator declines this amount")
        if end == SILENT_AFTER:
            raise Silence("the simulator made the code and is silent for this amount")
        return _opened(reference, asked)

    async def status(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened | None:
        """What was made, by the end of the amount. A code that was never silently made is made by asking again."""
        await _think(link, asked)
        return _opened(reference, asked) if _end_of_amount(asked) == SILENT_AFTER else None

    async def paid(
        self, link: Link, reference: UUID, asked: OpenCode, partner_reference: str, now: datetime
    ) -> Report | CodeEnded | InProcess | None:
        """What the buyer of a wallet does whose app was notified, by their phone number; None for any other number."""
        outcome = WALLET_PHONES.get(asked.plan.account) if asked.plan.pushed else None
        if outcome == "pays" and asked.plan.amount is not None:
            code = _opened(reference, asked)
            name = f"WALLET-{reference.hex}"
            return Report(
                link.connection.name, name, asked.plan.channel, code.number, asked.plan.amount, request_id=reference
            )
        if outcome == "waits":
            return InProcess(link.connection.name, reference)
        if outcome == "declines":
            return CodeEnded(link.connection.name, reference, "refused")
        if outcome == "lapses":
            return CodeEnded(link.connection.name, reference, "expired")
        return None

    async def close(self, link: Link, reference: UUID, asked: CloseCode, now: datetime) -> None:
        """Nobody can pay to a code of the simulator but whoever plays a buyer."""

    # -- cards --------------------------------------------------------------------------------------------------------

    def issuer(self, connection: Connection, first8: str) -> Issuer:
        return _test_cards.issuer(first8)

    async def authorize(
        self, link: Link, reference: UUID, asked: AuthorizeCard, card: Card, now: datetime
    ) -> CardOutcome:
        """What the card's scenario is, by digits of it. Raises Silence."""
        return _test_cards.at_first(reference, asked, now)

    async def authorized(self, link: Link, reference: UUID, asked: AuthorizeCard, now: datetime) -> CardOutcome | None:
        """What became of it; None for an amount at which the simulator was silent and had not got it."""
        return _test_cards.afterwards(reference, asked, now) if _test_cards.has(asked) else None

    def challenged(self, reference: UUID, asked: AuthorizeCard, answer: BankAnswer, now: datetime) -> CardOutcome:
        """What becomes of the card's scenario after its bank has asked."""
        return _test_cards.challenged(reference, asked, answer, now)

    async def capture(self, link: Link, reference: UUID, asked: CaptureCard, now: datetime) -> CaptureOutcome:
        """Takes whatever is asked, but for amounts at which it declines."""
        return _test_cards.captured(reference, asked)

    async def void(self, link: Link, reference: UUID, asked: VoidCard, now: datetime) -> None:
        """Nothing is held but what is written down."""

    # -- transfers ----------------------------------------------------------------------------------------------------

    def plan(self, connection: Connection, order: TransferOrder, now: datetime, calendar: BankCalendar) -> Plan | Later:
        """There is one way, and it is always open."""
        return Plan("simulated")

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        """Accepts or fails the transfer, by the last digits of the account number. Raises Silence."""
        return _taken(order, now)

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        """The state of the transfer at `now`. One whose answer was lost is found here, and begins now."""
        if order.sent_at is None:
            return _taken(order, now)
        under_way = _under_way(order, order.sent_at)
        if under_way.ask_at is not None and now < under_way.ask_at:
            return under_way
        if _end_of(order.destination.account_number) == CLOSED:
            return Sent("failed", under_way.reference, ACCOUNT_NAME, reason="Account closed")
        return Sent("completed", under_way.reference, ACCOUNT_NAME)

    async def account_name(self, link: Link, bank_code: str, account_number: str) -> str | None:
        """The same name for every account that exists. Raises AccountRefused or Silence for some of the documented ones."""
        if account_number == TIMES_OUT:
            raise Silence("the simulator never says whose account this is")
        if account_number == NO_ACCOUNT:
            return None
        if account_number in REFUSED:
            raise AccountRefused(REFUSED[account_number])
        return None if _end_of(account_number) == UNKNOWN else ACCOUNT_NAME

    # -- refunds ------------------------------------------------------------------------------------------------------

    def refunds(self, connection: Connection, channel: str) -> bool:
        return channel in GIVES_BACK

    async def refund(self, link: Link, reference: UUID, asked: GiveBack, now: datetime) -> GivenBack:
        """Gives the money back at once, or declines. Raises Declined or Silence."""
        if _end_of_rupiah(asked.amount) in (SILENT_BEFORE, SILENT_AFTER):
            raise Silence("the simulator is silent when it is asked to refund this amount")
        return _given_back(reference, asked)

    async def refunded(
        self, link: Link, reference: UUID, asked: GiveBack, partner_reference: str, now: datetime
    ) -> GivenBack | None:
        """What became of it. One that was silently taken is found here."""
        return _given_back(reference, asked)


def _given_back(reference: UUID, asked: GiveBack) -> GivenBack:
    """What is said of a refund by its channel. Raises Declined."""
    if (asked.reference.partition("-")[0], asked.account_number) in CHANNEL_FAILS:
        raise Declined("The channel did not carry it out")
    return GivenBack("succeeded", reference_of(reference))


def _refund_at_once(order: TransferOrder) -> Sent | None:
    """How a refund's transfer to one of the documented accounts ends; None for any other transfer."""
    number = order.destination.account_number
    if order.kind != "refund":
        return None
    if number == REFUND_ARRIVES:
        return Sent("completed", reference_of(order.reference), ACCOUNT_NAME)
    if number in REFUND_FAILS:
        return Sent("failed", reference_of(order.reference), reason=REFUND_FAILS[number])
    return None


def _codes_of(connection: Connection, channel: str) -> CodesOf:
    settings = connection.settings
    return settings.channels.get(channel, CodesOf()) if isinstance(settings, SimulatorSettings) else CodesOf()


async def _think(link: Link, asked: OpenCode) -> None:
    await asyncio.sleep(_codes_of(link.connection, asked.plan.channel).delay_seconds)


def _end_of_amount(asked: OpenCode) -> int | None:
    """The last three digits of the whole rupiah, which choose the behaviour."""
    return None if asked.plan.amount is None else _end_of_rupiah(asked.plan.amount)


def _end_of_rupiah(minor: int) -> int:
    return minor // rupiah(1) % 1000


def _opened(reference: UUID, asked: OpenCode) -> Opened:
    """The number that was registered, or one that follows from the reference: so long that no two are the same."""
    number = asked.number or asked.plan.chosen
    if not number:
        prefix = asked.plan.range.prefix if asked.plan.range else ""
        number = prefix + str(int(hashlib.sha256(reference.bytes).hexdigest(), 16))[-REFERENCE_DIGITS:]
    return Opened(number, reference_of(reference))


def _end_of(account_number: str) -> str:
    """The last three digits, which choose the behaviour; "" for the vendor's documented accounts."""
    return "" if account_number in DOCUMENTED else account_number[-3:]


def _taken(order: TransferOrder, now: datetime) -> Sent:
    """What is said of an order that is given now. Raises Silence."""
    if (refunded := _refund_at_once(order)) is not None:
        return refunded
    end = _end_of(order.destination.account_number)
    if end == SILENT_AT_FIRST and now < order.ordered_at + SILENT_FOR:
        raise Silence("the simulator is silent at first for this account number")
    if end == UNKNOWN:
        return Sent("failed", reference_of(order.reference), reason="Account not found")
    if (ended := _ended_at_once(order, now)) is not None:
        return ended
    return _under_way(order, now)


def _ended_at_once(order: TransferOrder, now: datetime) -> Sent | None:
    """How a transfer ends that is given to one of the accounts that end at once. Raises Silence."""
    number, reference = order.destination.account_number, reference_of(order.reference)
    if number in (ARRIVES, SHORT):
        return Sent("completed", reference, ACCOUNT_NAME)
    if number in REFUSED:
        return Sent("failed", reference, reason=REFUSED[number])
    if number != TIMES_OUT:
        return None
    if now < order.ordered_at + SILENT_FOR:
        raise Silence("the simulator is silent at first for this account number")
    return Sent("failed", reference, reason=NETWORK_FAILED)


def _under_way(order: TransferOrder, sent_at: datetime) -> Sent:
    closed = _end_of(order.destination.account_number) == CLOSED
    ends_at = sent_at + (CLOSED_AFTER if closed else COMPLETED_AFTER)
    return Sent("processing", reference_of(order.reference), ACCOUNT_NAME, ask_at=ends_at)


def reference_of(reference: UUID) -> str:
    """The partner's reference of a request: 12 hexadecimal digits, the same every time."""
    return hashlib.sha256(reference.bytes).hexdigest()[:12]


PROVIDER = Simulator()
