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
    CodeKind,
    Declined,
    Later,
    Link,
    Opened,
    Plan,
    Said,
    Sent,
    Silence,
    TransferOrder,
)
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import SIMULATOR, ChannelName, Connection
from gerbang.domain.money import rupiah
from gerbang.domain.partner_requests import CloseCode, OpenCode

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
DECLINED, SILENT_BEFORE, SILENT_AFTER = 404, 503, 504
REFERENCE_DIGITS = 12


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
        return _codes_of(connection, channel).codes

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

    async def close(self, link: Link, reference: UUID, asked: CloseCode, now: datetime) -> None:
        """Nobody can pay to a code of the simulator but whoever plays a buyer."""

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


def _codes_of(connection: Connection, channel: str) -> CodesOf:
    settings = connection.settings
    return settings.channels.get(channel, CodesOf()) if isinstance(settings, SimulatorSettings) else CodesOf()


async def _think(link: Link, asked: OpenCode) -> None:
    await asyncio.sleep(_codes_of(link.connection, asked.plan.channel).delay_seconds)


def _end_of_amount(asked: OpenCode) -> int | None:
    """The last three digits of the whole rupiah, which choose the behaviour."""
    return None if asked.plan.amount is None else asked.plan.amount // rupiah(1) % 1000


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
