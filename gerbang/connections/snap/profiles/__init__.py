"""The habits of the banks and acquirers that speak the national standard: one file each, as data.

A habit that no public text has is not guessed here: the standard's own rule stands, and a connection's settings change it.
"""

import importlib
import pkgutil
from functools import cache
from typing import Literal

import msgspec

from gerbang.connections.snap import codes
from gerbang.connections.snap.paths import Group
from gerbang.connections.snap.signatures import BASE64, Encoding
from gerbang.domain.connections import Unanswered
from gerbang.domain.transfer_ways import Way

Scheme = Literal["symmetric", "symmetric_without_token", "asymmetric"]
"""How requests are signed: see `signatures`."""
Meaning = Literal["question", "report", "reversal", "return"]
"""Of a call by which a partner speaks of money: it asks before it gives us the money; it says that we have it; that it has taken
it back; or that money which we sent came back. Service 34 is a report at one bank and a reversal at another.
"""
Certainty = Literal["bank", "portal", "implementation"]
"""Where a habit is known from: the bank's own text or published client; an index of its portal, or two implementations; one
third-party implementation.
"""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The habits of one bank or acquirer."""

    title: str
    certainty: dict[str, Certainty]
    """By what is known of it, such as `virtual accounts`."""

    # -- how it calls us ----------------------------------------------------------------------------------------------

    scheme: Scheme = "symmetric"
    """How its calls are signed."""
    receives: dict[str, Meaning] = {}
    """The services by which it speaks of buyers' money."""
    external_ids: bool = True
    """Whether it names each of its calls by an X-EXTERNAL-ID."""
    names_requests: bool = True
    """Whether its questions have ids of their own, beside the external id."""
    query_is_signed: bool = True
    reencoded: bool = True
    """Whether a body is believed that was signed with other escapes than it came with."""
    blanks_unsigned: bool = False
    """Whether it leaves out white space inside of texts, too, when it signs."""
    repeated: Literal["again", "inconsistent"] = "again"
    """What a repeated call gets that keeps its external id: the same answer, or 404xx18 with the first outcome in it."""
    unanswered: Unanswered = "returned"
    """What becomes of a payment that we did not answer for in time, unless the contract says otherwise."""

    # -- how it wants to be answered ----------------------------------------------------------------------------------

    name_length: int = 255
    """Of the name that is shown for a virtual account."""
    whole_amounts: bool = False
    """Whether amounts have no decimals in answers."""
    info_is_list: bool = False
    """Whether `additionalInfo` is a list in answers."""
    lean_payments: bool = False
    """Whether an accepted payment is answered without `paymentFlagStatus` and its reason."""

    # -- how we call it -----------------------------------------------------------------------------------------------

    encoding: Encoding = "base64"
    """Of our signatures over its services."""
    token_encoding: Encoding = BASE64
    """Of our signature over its token request."""
    outbound_scheme: Scheme = "symmetric"
    """How our calls are signed."""
    calls: dict[str, str] = {}
    """Where each service is, as `paths` reads it; none said: where the standard has it."""
    external_id_length: int = 32
    """Of the digits by which we name each call; 36 at most."""
    external_id_lengths: dict[Group, int] = {}
    """By kind of service, where it takes fewer there."""
    empty_is_hashed: bool = True
    """Whether the hash of nothing is signed where a call has no body; else the place of the hash is empty."""
    bank: str = ""
    """Its own code in our directory of banks; "" for none."""
    interbank: tuple[Way, ...] = ("switcher",)
    """By which ways its service 18 goes."""
    transfer_types: dict[Way, str] = {}
    """What these ways are called in `transferType` and `inquiryService`."""
    swift_codes: frozenset[Way] = frozenset({"bi_fast", "rtgs"})
    """The ways in which a bank is named by its BIC; in others by its three digits."""
    accepts_first: bool = False
    """Whether its success means that it has taken the order, and not that the money is there."""
    ask_after_seconds: int = 0
    """How long it wants to be left alone before it is asked what became of a transfer."""
    statement_days: int = 31
    """How many days one statement may have."""
    statement_rows: int = 9_000
    """As many rows as this, or more, may not be all."""
    statement_midnights: bool = False
    """Whether both ends of a statement must be written as midnight."""
    registers: bool = False
    """Whether it must know a virtual account before it can be paid."""
    mints: frozenset[str] = frozenset()
    """The channels whose codes it makes."""
    repeats_codes: bool = False
    """Whether a code that is asked for again under the same reference is the same code, and its answer the same answer."""
    qr_minutes: tuple[int, int] | None = None
    """How long a QR code may live, at least and at most."""
    name_letters: str = ""
    """What may stand in the name of a virtual account beside letters, digits and blanks; "": all that can be printed."""
    va_channels: dict[str, str] = {}
    """What it calls each bank whose virtual accounts it has, which its requests must say."""
    wallets: dict[str, str] = {}
    """What it calls each wallet, which its requests must say."""
    wallet_body: Literal["standard", "dana", "doku"] = "standard"
    """In whose shape a wallet payment is asked for."""


QR_PUSH: dict[str, Meaning] = {codes.QR_NOTIFY: "report"}
"""Of an acquirer that says when a QR code was paid."""
DIRECT: dict[str, Meaning] = {codes.VA_INQUIRY: "question", codes.VA_PAYMENT: "question"}
"""Of a bank that asks us about each payment."""
RETURNS: dict[str, Meaning] = {codes.SKN_NOTIFY: "return", codes.RTGS_NOTIFY: "return"}
"""Of a bank that says so when a transfer by SKN or RTGS was rejected after it had left."""


@cache
def profiles() -> dict[str, Profile]:
    """All profiles, by the name that a connections file gives them."""
    return {
        module.name.replace("_", "-"): importlib.import_module(f"{__name__}.{module.name}").PROFILE
        for module in pkgutil.iter_modules(__path__)
    }
