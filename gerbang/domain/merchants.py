"""A merchant and what was agreed with it: number ranges, QRIS registration, fees, limits."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from gerbang.domain.fees import Rate


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


class BankAgreement(msgspec.Struct, frozen=True):
    """One bank's virtual accounts: where numbers by chance come from, and which suffixes the merchant may choose."""

    dynamic: NumberRange
    static_prefix: str
    static_digits: int
    static_ranges: list[tuple[int, int]]


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


class Look(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the payer's page looks for a merchant."""

    colour: str = "#0f5b57"
    """As "#rrggbb". Text on it is made black or white, whichever can be read."""
    logo_url: str = ""
    """A picture inside its own address ("data:image/png;base64,…"), since the page asks nobody else for anything."""
    frame_ancestors: list[str] = []
    """Origins ("https://shop.example") whose pages may show the payer's page in a frame; nobody by default."""


class Agreement(msgspec.Struct, frozen=True):
    """Everything that is settled per merchant. A channel whose part is None is not enabled."""

    virtual_account: VirtualAccountAgreement | None = None
    qris: QrisAgreement | None = None
    fees: dict[str, Rate] = {}
    """By "channel" or, more exactly, "channel/option"; the channel's own default where nothing is said."""
    amount_min: dict[str, int] = {}
    amount_max: dict[str, int] = {}
    quarantine_seconds: int = 86_400
    """How long a number rests after its payment has ended before it may be given out again."""
    look: Look = Look()

    @property
    def quarantine(self) -> timedelta:
        return timedelta(seconds=self.quarantine_seconds)


class Merchant(msgspec.Struct, frozen=True):
    id: UUID
    number: int
    """A short serial number; it stands in the prefixes of the merchant's static numbers."""
    name: str
    short_name: str
    email: str
    created_at: datetime
    agreement: Agreement


HOUSE = UUID(int=0)
"""Stands where a merchant would for what concerns no merchant: money to a number that is nobody's."""
