"""What may be known of a card beside its number: never the number itself, nor the code on its back."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Brand = Literal["VISA", "MASTERCARD", "JCB", "AMEX", "UNIONPAY", "DINERS", "DISCOVER"]
CaptureMethod = Literal["automatic", "manual"]
ThreeDs = Literal["automatic", "challenge", "never", "external"]
"""Whether the issuer asks the buyer: as it likes, always, never; or the merchant has had it asked."""


class Authentication(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the buyer proved to their bank that it is they who pay (3-D Secure)."""

    version: str
    result: str
    method: Literal["bypassed", "challenge", "frictionless", "external"]
    eci: str


class Authorization(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the issuer said when it was asked for the money."""

    acquirer_reference: str
    retrieval_reference: str
    stan: str
    code: str
    """The issuer's own, six characters."""
    amount: int
    """Minor units."""
    avs: str = ""
    cvv: str = ""


class Risk(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was thought of the payment before anybody was asked for the money."""

    score: int
    level: str
    passed: bool


class BillingAddress(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the card's holder lives, as the merchant said; the issuer may compare it."""

    line: str
    city: str = ""
    country: str = ""
    postal_code: str = ""


class Capture(msgspec.Struct, frozen=True):
    """A part of the held money that was or is to be taken."""

    id: UUID
    amount: int
    """Minor units."""
    release_rest: bool
    """Whether nothing more will be taken after it."""
    state: Literal["pending", "succeeded", "failed"]
    created_at: datetime
    updated_at: datetime


class CardDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """A card as its merchant may see it, and what was said of the payment by it."""

    brand: Brand
    first8: str
    last4: str
    expiry_month: int
    expiry_year: int
    """Four digits."""
    fingerprint: str
    """The same for every payment by this card at one merchant; the number cannot be found from it."""
    capture: CaptureMethod = "automatic"
    kind: str = "CREDIT"
    bank: str = ""
    country: str = "ID"
    page: str = ""
    """Where the buyer's bank asks who they are, while it does."""
    authentication: Authentication | None = None
    authorization: Authorization | None = None
    risk: Risk | None = None
    token: str = ""
    """Of the stored card that it is, or will be once the payment has succeeded."""
    captures: tuple[Capture, ...] = ()
    """In the order of their making."""

    @property
    def taken(self) -> int:
        """What was captured, in minor units."""
        return sum(each.amount for each in self.captures if each.state == "succeeded")

    @property
    def asked_for(self) -> int:
        """What was captured or is about to be, in minor units."""
        return sum(each.amount for each in self.captures if each.state != "failed")


class CardChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the merchant asked of a payment by card."""

    capture: CaptureMethod = "automatic"
    three_ds: ThreeDs = "automatic"
    external: Authentication | None = None
    """What the merchant's own 3-D Secure came to, where that is `three_ds`."""


class StoredCard(msgspec.Struct, frozen=True):
    """A card that a customer may pay by again. Its number is sealed, and `gerbang.vault` alone reads it."""

    merchant_id: UUID
    token: str
    customer_id: str
    charge_id: UUID
    """The payment that it was stored with."""
    key_number: int
    sealed: bytes
    brand: Brand
    first8: str
    last4: str
    expiry_month: int
    expiry_year: int
    fingerprint: str
    holder: str
    state: Literal["pending", "active", "inactive"]
    """`pending`: until its first payment has succeeded."""
    created_at: datetime
    updated_at: datetime
