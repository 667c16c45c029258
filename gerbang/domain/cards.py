"""What may be known of a card beside its number: never the number itself, nor the code on its back."""

from typing import Literal

import msgspec

Brand = Literal["VISA", "MASTERCARD", "JCB", "AMEX", "UNIONPAY", "DINERS", "DISCOVER"]
CaptureMethod = Literal["automatic", "manual"]


class Authentication(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the buyer proved to their bank that it is they who pay (3-D Secure)."""

    version: str
    result: str
    method: Literal["bypassed", "challenge", "frictionless"]
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
