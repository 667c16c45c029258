"""The national standard SNAP BI, in both roles: partners that we call, and partners that call us.

`bodies`, `signatures`, `times` and `codes` are the standard; `profiles` are the habits of each bank; `server`, `fields` and `replies`
are the calls that come to us, `client`, `access` and `answers` the calls that we make: about numbers that a bank must know
(`registered`), codes that a partner makes (`minted`: `qr`, `wallets`), `transfers` and `accounts`.
"""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from gerbang.connections import (
    AccountBalance,
    Asked,
    BankMovement,
    Call,
    CallAnswer,
    Check,
    CodeEnded,
    CodeKind,
    Later,
    Link,
    Opened,
    Plan,
    Said,
    Sent,
    TransferOrder,
    missing,
)
from gerbang.connections.snap import accounts, checking, codes, minted, registered, server, transfers
from gerbang.connections.snap.profiles import profiles
from gerbang.connections.snap.qr import QRIS
from gerbang.connections.snap.settings import (
    KINDS,
    SnapSettings,
    kind_of,
    operation,
    profile_of,
    scheme_of,
    settings_of,
    unanswered_of,
)
from gerbang.connections.snap.wallets import WALLETS
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import Connection
from gerbang.domain.partner_requests import CloseCode, OpenCode
from gerbang.domain.reports import Report

MADE = {way.channel: way for way in (QRIS, WALLETS)}
"""How partners make the codes of each channel."""


class Snap:
    """A partner that speaks the national standard."""

    name = "snap"
    settings = SnapSettings

    def faults(self, connection: Connection) -> list[Said]:
        """What a contract over the standard cannot do without."""
        if connection.profile is not None and connection.profile not in profiles():
            known = ", ".join(sorted(profiles()))
            return [("profile", f"names {connection.profile}, which is none of the known ones: {known}")]
        found: list[Said] = []
        if connection.inbound is not None:
            found += missing(connection, "inbound.client_id", "inbound.public_keys")
            if scheme_of(connection) != "asymmetric":
                found += missing(connection, "inbound.client_secret")
        if "payments" in connection.serves and profile_of(connection).receives:
            found += missing(connection, "inbound")
        return found + _of_codes(connection) + _of_calls(connection)

    def remarks(self, connection: Connection) -> list[Said]:
        """What is unsafe about money at a bank which says too little afterwards."""
        return [*_of_silence(connection), *_of_payouts(connection)]

    # -- codes --------------------------------------------------------------------------------------------------------

    def kind(self, connection: Connection, channel: str, option: str | None) -> CodeKind:
        return kind_of(connection, channel)

    async def open(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
        """Registers a number, or has a code made. Raises Declined or Silence."""
        way = MADE.get(asked.plan.channel)
        if way is None:
            return await registered.open_(link, reference, asked, now)
        return await minted.open_(link, way, reference, asked, now)

    async def status(self, link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened | None:
        """What was registered or made under our reference. Raises Silence."""
        way = MADE.get(asked.plan.channel)
        if way is None:
            return await registered.status(link, reference, asked, now)
        return await minted.status(link, way, reference, asked, now)

    async def close(self, link: Link, reference: UUID, asked: CloseCode, now: datetime) -> None:
        """Ends a number or a code. Raises Declined or Silence."""
        way = MADE.get(asked.channel)
        await (registered.close(link, asked) if way is None else minted.close(link, way, asked))

    async def paid(
        self, link: Link, reference: UUID, asked: OpenCode, partner_reference: str, now: datetime
    ) -> Report | CodeEnded | None:
        """The money of a code that the partner made. Raises Silence."""
        way = MADE.get(asked.plan.channel)
        return None if way is None else await minted.paid(link, way, reference, asked, partner_reference)

    def finds_by(self, connection: Connection) -> Literal["list", "inquiry"] | None:
        """By 35 for numbers that the bank knows; by 26 for ours, where the bank keeps money that it got no answer about.

        A bank that does not name its inquiries (`names_requests`) cannot be asked about one.
        """
        if connection.base_url is None:
            return None
        if kind_of(connection, "virtual_account") == "registered":
            return "list" if operation(connection, codes.VA_REPORT) is not None else None
        asks = profile_of(connection).names_requests and unanswered_of(connection) == "kept"
        return "inquiry" if asks and operation(connection, codes.VA_STATUS) is not None else None

    def listed(self, link: Link, day: date) -> AsyncIterator[Report]:
        return registered.listed(link, day)

    async def paid_after(self, link: Link, number: str, inquiry_id: str) -> Report | None:
        return await registered.paid_after(link, number, inquiry_id)

    # -- accounts, and calls to us ------------------------------------------------------------------------------------

    async def check(self, link: Link) -> list[Check]:
        return await checking.check(link)

    async def balance(self, link: Link, account: str) -> AccountBalance:
        return await accounts.balance(link, account)

    def statement(self, link: Link, account: str, first: date, last: date) -> AsyncIterator[BankMovement]:
        return accounts.statement(link, account, first, last)

    def plan(self, connection: Connection, order: TransferOrder, now: datetime, calendar: BankCalendar) -> Plan | Later:
        return transfers.plan(connection, order, now, calendar)

    async def send(self, link: Link, order: TransferOrder, now: datetime) -> Sent:
        return await transfers.send(link, order, now)

    async def ask(self, link: Link, order: TransferOrder, now: datetime) -> Sent | None:
        return await transfers.ask(link, order, now)

    async def account_name(self, link: Link, bank_code: str, account_number: str) -> str | None:
        return await transfers.account_name(link, bank_code, account_number)

    def read(self, link: Link, call: Call) -> Asked | CallAnswer:
        return server.read(link, call)

    def unread(self, link: Link, status: int, why: str) -> CallAnswer:
        return server.unread(link, status, why)


def _of_payouts(connection: Connection) -> list[Said]:
    services = (codes.TRANSFER_STATUS, codes.STATEMENT)
    if "payouts" not in connection.serves or any(operation(connection, each) is not None for each in services):
        return []
    sentence = (
        "names payouts, and this bank has neither a service that says what became of a transfer (36) nor one for statements "
        "(14): whenever an answer is lost, an operator must look at the account and end the payout (gerbang payouts list "
        "--unknown). Where the contract has one of the two, write its path into settings.calls"
    )
    return [("serves", sentence)]


def _of_silence(connection: Connection) -> list[Said]:
    """What is unsafe where the bank keeps money that it got no answer about."""
    is_asked = (
        "payments" in connection.serves
        and connection.inbound is not None
        and kind_of(connection, "virtual_account") == "ours"
    )
    if not is_asked or unanswered_of(connection) == "returned" or PROVIDER.finds_by(connection) is not None:
        return []
    sentence = (
        "says that the bank keeps money which it got no answer about, and this connection cannot ask the bank for such money (service 26, "
        "with a base_url): it is found only when the day is compared with the account's statement (gerbang reconcile)"
    )
    return [("inbound.unanswered", sentence)]


def _of_codes(connection: Connection) -> list[Said]:
    """What is missing where the partner must be asked for codes."""
    asked = {channel for channel in KINDS if kind_of(connection, channel) != "ours"}
    if "payments" not in connection.serves or not asked:
        return []
    found = missing(connection, "base_url")
    return found + (missing(connection, "company_codes") if asked == {"virtual_account"} else [])


def _of_calls(connection: Connection) -> list[Said]:
    """What is missing where we call the partner: where we are called only, nothing is."""
    if connection.base_url is None:
        return missing(connection, "base_url") if connection.serves & {"payouts", "statements"} else []
    found = missing(connection, "client_id", "private_key")
    scheme = settings_of(connection).outbound_scheme or profile_of(connection).outbound_scheme
    if scheme != "asymmetric":
        found += missing(connection, "client_secret")
    if "payouts" in connection.serves and not transfers.source_account(connection):
        found.append(("accounts", "has none whose purposes are payouts: money must go from one"))
    return found


PROVIDER = Snap()
