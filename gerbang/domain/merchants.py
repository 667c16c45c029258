"""A merchant and what was agreed with it: number ranges, QRIS registration, fees, limits."""

import re
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from gerbang.domain.calendars import BANK_CLOCK_TOLERANCE, Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.terms import Terms


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
    """Where in a range of the whole house one merchant's numbers come from: an eighth, from somewhere in it on.

    Parts overlap. So many merchants fit into a range, and none of them can use it up for the others.
    """
    size = numbers.size // SHARES
    first = numbers.first + merchant_id.int % (numbers.size - size + 1)
    return NumberRange(numbers.prefix, numbers.digits, first, first + size - 1)


class BankAgreement(msgspec.Struct, frozen=True):
    """One bank's virtual accounts: where numbers by chance come from, and which suffixes the merchant may choose."""

    dynamic: NumberRange
    static_prefix: str
    static_digits: int
    static_ranges: list[tuple[int, int]]
    own: NumberRange | None = None
    """Numbers of which the merchant may choose the tail, for products that work so; None: the house's default."""
    own_by_choice: bool = True
    """False where the bank lets nobody choose the tail of such a number."""


class VirtualAccountAgreement(msgspec.Struct, frozen=True):
    banks: dict[str, BankAgreement] = {}


class QrisAgreement(msgspec.Struct, frozen=True):
    """The merchant's registration with its acquirer, as a QRIS payload carries it (EMVCo ids 26 to 62)."""

    acquirer: str
    globally_unique_id: str
    merchant_pan: str
    merchant_id: str
    criteria: str
    nmid: str
    category_code: str
    name: str
    city: str
    postal_code: str
    terminal: str = "A01"
    static_quota: int = 100


class RetailAgreement(msgspec.Struct, frozen=True):
    """Paying at a till: the outlets, and where payment codes come from."""

    outlets: list[str]
    codes: NumberRange


class EwalletAgreement(msgspec.Struct, frozen=True):
    wallets: list[str]


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


QUARANTINE_MIN = 2 * BANK_CLOCK_TOLERANCE
"""A number's owner is asked for one tolerance after the bank's instant, and that may be another one off."""


class Agreement(msgspec.Struct, frozen=True):
    """Everything that is settled per merchant. A channel whose part is None is not enabled."""

    virtual_account: VirtualAccountAgreement | None = None
    qris: QrisAgreement | None = None
    retail_outlet: RetailAgreement | None = None
    ewallet: EwalletAgreement | None = None
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

    @property
    def quarantine(self) -> timedelta:
        return max(timedelta(seconds=self.quarantine_seconds), QUARANTINE_MIN)


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
    terms: Terms = Terms()
    """The terms of the product under which it is dealt with just now."""


PLATFORM = UUID(int=0)
"""Stands where a merchant would for what concerns no merchant: money to a number that is nobody's."""
