"""The sandbox's bank. It accepts every transfer and completes it an hour later, unless a sandbox task ends it before.

Account numbers that end in these digits behave differently, at every bank; the two of the vendor's documents
(0102030405 and 000501003219303) are ordinary accounts:

    …404   there is no such account: no name is found, and a transfer fails at once with "Account not found"
    …405   the account is closed: a transfer is accepted, and fails a minute later with "Account closed"
    …503   the bank is silent for the first half minute of a payout, so it is sent at the second try

It has no state: every answer is computed from the payout and the instant, so all processes get the same.
"""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from gerbang.connections import Sent, Silence
from gerbang.connections._discovery import NoSettings, Said
from gerbang.domain.connections import Connection
from gerbang.domain.payouts import Payout

UNKNOWN, CLOSED, SILENT_AT_FIRST = "404", "405", "503"
DOCUMENTED = frozenset({"0102030405", "000501003219303"})
"""The accounts of the vendor's examples (one-time-payment reference, 7.1 and 7.3), ordinary whatever digits they end
in.
"""
ACCOUNT_NAME = "PROD ONLY"
"""The name of every account's holder in the vendor's sandbox (one-time-payment reference, 7.1 and 7.3)."""
COMPLETED_AFTER = timedelta(hours=1)
CLOSED_AFTER = timedelta(minutes=1)
SILENT_FOR = timedelta(seconds=30)


class Simulator:
    """A bank connection that simulates the bank and calls nobody."""

    name = "simulator"
    channels = frozenset({"ewallet"})
    settings = NoSettings

    def faults(self, connection: Connection) -> list[Said]:
        """Nothing is needed in order to reach nobody."""
        return []

    async def send(self, payout: Payout, now: datetime) -> Sent:
        """Accepts or fails the transfer, by the last digits of the account number. Raises Silence."""
        end = _end_of(payout.destination.account_number)
        if end == SILENT_AT_FIRST and now < payout.created_at + SILENT_FOR:
            raise Silence("the simulator is silent at first for this account number")
        if end == UNKNOWN:
            return Sent("failed", reference_of(payout.id), reason="Account not found")
        return _under_way(payout, now)

    async def ask(self, payout: Payout, now: datetime) -> Sent:
        """The state of the transfer at `now`."""
        assert payout.sent_at is not None, "only what was sent is asked for"
        under_way = _under_way(payout, payout.sent_at)
        if under_way.ask_at is not None and now < under_way.ask_at:
            return under_way
        if _end_of(payout.destination.account_number) == CLOSED:
            return Sent("failed", under_way.reference, ACCOUNT_NAME, reason="Account closed")
        return Sent("completed", under_way.reference, ACCOUNT_NAME)

    async def account_name(self, bank_code: str, account_number: str) -> str | None:
        """The same name for every account that exists."""
        return None if _end_of(account_number) == UNKNOWN else ACCOUNT_NAME


def _end_of(account_number: str) -> str:
    """The last three digits, which choose the behaviour; "" for the vendor's documented accounts."""
    return "" if account_number in DOCUMENTED else account_number[-3:]


def _under_way(payout: Payout, sent_at: datetime) -> Sent:
    closed = _end_of(payout.destination.account_number) == CLOSED
    ends_at = sent_at + (CLOSED_AFTER if closed else COMPLETED_AFTER)
    return Sent("processing", reference_of(payout.id), ACCOUNT_NAME, ask_at=ends_at)


def reference_of(payout_id: UUID) -> str:
    """The bank's reference of a payout: 12 hexadecimal digits, the same every time."""
    return hashlib.sha256(payout_id.bytes).hexdigest()[:12]


PROVIDER = Simulator()
