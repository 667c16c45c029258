"""A merchant, what was agreed with it (fees, limits, each channel's settings), and the offer that a product makes to it."""

import re
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal, TypeVar
from uuid import UUID

import msgspec

from gerbang.domain.calendars import BANK_CLOCK_TOLERANCE, Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.terms import Terms
from gerbang.errors import AgreementUnusable

Settings = TypeVar("Settings", bound=msgspec.Struct)


class NumberRange(msgspec.Struct, frozen=True):
    """Numbers of one prefix: the prefix and `digits` free digits, of which `first`..`last` belong to this range."""

    prefix: str
    digits: int
    first: int = 0
    last: int | None = None

    @property
    def end(self) -> int:
        return 10**self.digits - 1 if self.last is None else self.last

    @property
    def size(self) -> int:
        return self.end - self.first + 1

    def number(self, index: int) -> str:
        return f"{self.prefix}{self.first + index:0{self.digits}d}"


SHARES = 8


def part_of(numbers: NumberRange, merchant_id: UUID) -> NumberRange:
    """Where in a range that all merchants share one merchant's numbers come from: an eighth, from somewhere in it on.

    Parts overlap. So many merchants fit into a range, and none of them can use it up for the others.
    """
    size = numbers.size // SHARES
    first = numbers.first + merchant_id.int % (numbers.size - size + 1)
    return NumberRange(numbers.prefix, numbers.digits, first, first + size - 1)


ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?", re.ASCII)
LOGO = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}", re.ASCII)
LOGO_LENGTH_MAX = 20_000
COLOUR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


class Look(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the payer's page looks for a merchant."""

    colour: str = "#0f5b57"
    """As "#rrggbb". Text on it is made black or white, whichever can be read."""
    logo_url: str = ""
    """A picture inside its own address ("data:image/png;base64,…"), since the page asks nobody else for anything."""
    frame_ancestors: list[str] = []
    """Origins ("https://shop.example") whose pages may show the payer's page in a frame; nobody by default."""


class WithdrawalAccount(msgspec.Struct, frozen=True):
    """A bank account of the merchant's own."""

    bank_code: str
    account_number: str
    account_name: str


QUARANTINE_MIN = 2 * BANK_CLOCK_TOLERANCE
"""A number's owner is asked for one tolerance after the bank's instant, and that may be another one off."""


LatePolicy = Literal["hold", "accept", "refund"]
"""What becomes of money that came and was not owed: it is held in suspense, credited, or sent back to its buyer."""


class Agreement(msgspec.Struct, frozen=True, dict=True):
    """Everything that is settled per merchant."""

    channels: dict[str, msgspec.Raw] = {}
    """The settings of each channel that is enabled, by its name, as JSON of the type that the channel declares."""
    also_offered: dict[str, list[str]] = {}
    """By product: channels that this merchant uses in it although the product does not offer them to everybody."""
    fees: dict[str, Rate] = {}
    """By "channel" or, more exactly, "channel/option"; the channel's own default where nothing is said."""
    settling: dict[str, Schedule] = {}
    """When paid money becomes available, by "channel" or "channel/option"; the channel's own schedule otherwise."""
    amount_min: dict[str, int] = {}
    amount_max: dict[str, int] = {}
    """Limits in sen, by "channel" or "channel/option", of every product."""
    expiry_min_seconds: dict[str, int] = {}
    expiry_max_seconds: dict[str, int] = {}
    """How near and how far the end of a payment may be, by "channel", in every product."""
    name_prefix: str = "IKN-"
    """What stands before a name where the terms say that there is a prefix (one-time-payment reference, 2.3)."""
    quarantine_seconds: int = 86_400
    """How long a number rests after its payment has ended before it may be given out again; never under QUARANTINE_MIN."""
    look: Look = Look()
    late_money: dict[str, LatePolicy] = {}
    """What becomes of money that was not owed, by "channel" or "channel/outcome" (late, double, overpaid, underpaid); it is held otherwise."""
    payouts_day_max: int | None = None
    """What bulk payouts of one day in Jakarta may come to, in sen; None: as much as there is."""
    withdrawal_account: WithdrawalAccount | None = None
    """The merchant's own bank account, to which it takes money out; None: it cannot."""

    def policy(self, channel: str, outcome: str) -> LatePolicy:
        """What becomes of money that came by a channel and was not owed."""
        return self.late_money.get(f"{channel}/{outcome}") or self.late_money.get(channel) or "hold"

    @property
    def quarantine(self) -> timedelta:
        return max(timedelta(seconds=self.quarantine_seconds), QUARANTINE_MIN)

    def settings(self, channel: str, type_: type[Settings]) -> Settings | None:
        """A channel's settings; None where it is not enabled. Raises AgreementUnusable for what is not of that type."""
        read = self._read.get(channel)
        if isinstance(read, type_):
            return read
        written = self.channels.get(channel)
        if written is None:
            return None
        try:
            settings = msgspec.json.decode(written, type=type_)
        except (msgspec.DecodeError, ValueError) as wrong:
            raise AgreementUnusable("method", title=channel) from wrong
        self._read[channel] = settings
        return settings

    @cached_property
    def _read(self) -> dict[str, msgspec.Struct]:
        """Settings that were read before, by channel: a merchant is the same object in many batches."""
        return {}

    def with_settings(self, channel: str, settings: msgspec.Struct | None) -> "Agreement":
        """The same agreement with other settings of a channel; None takes the channel away."""
        others = {name: written for name, written in self.channels.items() if name != channel}
        if settings is not None:
            others[channel] = msgspec.Raw(msgspec.json.encode(settings))
        return msgspec.structs.replace(self, channels=others)


NAME_LENGTH_MAX = 100
SHORT_NAME_LENGTH_MAX = 20
"""It is the statement descriptor where none is asked for (payment-session reference, section 4)."""
EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


def fault(name: str, short_name: str, email: str) -> tuple[str, str] | None:
    """What is wrong with what a merchant is called and where it is reached: the field, and a sentence."""
    for field, text, length_max in (("name", name, NAME_LENGTH_MAX), ("short_name", short_name, SHORT_NAME_LENGTH_MAX)):
        if not text.strip() or not text.isprintable() or len(text) > length_max:
            called = field.replace("_", " ")
            return field, f"A merchant's {called} must be 1 to {length_max} characters that can be printed."
    if not EMAIL.fullmatch(email) or not email.isprintable():
        return "email", f"{email} is not an e-mail address."
    return None


def same_name(one: str, other: str) -> bool:
    """Whether two names are read as one, however they are spaced and capitalised."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


class Merchant(msgspec.Struct, frozen=True):
    id: UUID
    number: int
    """A short serial number; it stands in the prefixes of the merchant's static numbers."""
    name: str
    short_name: str
    email: str
    created_at: datetime
    agreement: Agreement


class Offer(msgspec.Struct, frozen=True):
    """A merchant and the terms of the product that it uses: what channels need to know of both."""

    merchant: Merchant
    terms: Terms = Terms()


PLATFORM = UUID(int=0)
"""Stands where a merchant would for what concerns no merchant: money to a number that is nobody's."""
