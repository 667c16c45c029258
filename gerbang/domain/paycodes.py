"""A paycode is what a buyer pays to: an account number or a QR reference, for one payment (dynamic) or for many (static)."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from gerbang.domain.merchants import NumberRange


class Instructions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is shown to the buyer so that they can pay, and what the channel said about it."""

    number: str
    name: str = ""
    option: str | None = None
    """The bank or outlet, for channels that have several."""
    expires_at: datetime | None = None
    content: str = ""
    """The text of a QR code."""
    acquirer: str = ""
    store: str = ""
    issuer: str = ""
    """Who the buyer paid with; known once paid."""
    retrieval_reference: str = ""
    connection: str = ""
    """By which its money comes."""
    account: str = ""
    """The phone number of the buyer's wallet, such as +6281234567890, where it is known."""
    wrong_passwords: int = 0
    """How many wrong passwords the sandbox's wallet was given."""


class CodePlan(msgspec.Struct, frozen=True):
    """A channel's plan for a paycode, complete but for its number.

    `chosen` is the exact number that the merchant asked for, or `range` says where one may be taken from; where there is
    neither, any reference that was never used will do.
    """

    channel: str
    option: str | None
    name: str
    amount: int | None
    static: bool
    expires_at: datetime | None
    chosen: str | None = None
    range: NumberRange | None = None
    taken_out: tuple[tuple[int, int], ...] = ()
    """Parts of the range that are not for chance (the static numbers, where both share one prefix)."""
    static_max: int | None = None
    """How many static codes of this channel its merchant may have; None: any number."""
    settings: str = ""
    """The merchant's settings of the channel as they were when this was planned (JSON), where its instructions need any."""
    return_url: str = ""
    """Where a wallet sends its buyer back to, where a partner's wallet is paid by."""
    account: str = ""
    """The phone number of the buyer's wallet, where it is known."""
    pushed: bool = False
    """Whether the wallet's app notifies its buyer at once, who has no page to open, where its partner can do that."""


class Paycode(msgspec.Struct, frozen=True):
    """A number given out. It is held, by this payment alone, until `free_at`: the end of its payment and a quarantine."""

    connection: str
    """By which its money comes: two banks may have the same number."""
    channel: str
    number: str
    merchant_id: UUID
    payment_id: UUID
    charge_id: UUID | None
    static: bool
    free_at: datetime | None
    """None while the payment has no end."""
    created_at: datetime

    @property
    def name(self) -> tuple[str, str, str]:
        """What only one payment holds at a time."""
        return self.connection, self.channel, self.number


def free_at(ends_at: datetime | None, quarantine: timedelta) -> datetime | None:
    return None if ends_at is None else ends_at + quarantine
