"""The national standard SNAP BI, in both roles: partners that we call, and partners that call us.

`bodies`, `signatures`, `times` and `codes` are the standard; `profiles` are the habits of each bank; `server`, `fields` and `replies`
are the calls that come to us; `client`, `access` and `answers` the calls that we make, `transfers` and `accounts` what they are for.
"""

from collections.abc import AsyncIterator
from datetime import date, datetime

from gerbang.connections import (
    AccountBalance,
    Asked,
    BankMovement,
    Call,
    CallAnswer,
    Check,
    Later,
    Link,
    Plan,
    Said,
    Sent,
    TransferOrder,
    missing,
)
from gerbang.connections.snap import accounts, checking, server, transfers
from gerbang.connections.snap.profiles import profiles
from gerbang.connections.snap.settings import SnapSettings, profile_of, scheme_of, settings_of
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import Connection


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
        return found + _of_calls(connection)

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
