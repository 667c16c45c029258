"""A payment is what a merchant asked to be paid, once or any number of times, and the states it goes through."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang.domain.cards import BillingAddress, CardChoice
from gerbang.domain.customers import Customer
from gerbang.domain.money import IDR
from gerbang.domain.paycodes import Instructions
from gerbang.errors import ExpiryPassed, ExpiryTooFar, TooMuchKept, WrongState

Kind = Literal["one_time", "static"]
State = Literal[
    "needs_method",
    "needs_confirmation",
    "opening",
    "awaiting",
    "authenticating",
    "processing",
    "active",
    "paid",
    "cancelled",
    "failed",
    "expired",
    "inactive",
]

MOVES: dict[str, dict[State, State]] = {
    "confirm": {"needs_method": "awaiting", "needs_confirmation": "awaiting"},
    "activate": {"needs_method": "active", "needs_confirmation": "active"},
    "ask": {"needs_method": "opening", "needs_confirmation": "opening"},
    "open": {"opening": "awaiting"},
    "open_static": {"opening": "active"},
    "authenticate": {"awaiting": "authenticating"},
    "process": {"awaiting": "processing", "authenticating": "processing"},
    "pay": {"awaiting": "paid", "authenticating": "paid", "processing": "paid", "active": "active"},
    "honour": {"expired": "paid"},
    "reopen": {
        "awaiting": "needs_method",
        "opening": "needs_method",
        "authenticating": "needs_method",
        "processing": "needs_method",
    },
    "cancel": {"needs_method": "cancelled", "needs_confirmation": "cancelled"},
    "withdraw": {
        "needs_method": "cancelled",
        "needs_confirmation": "cancelled",
        "opening": "cancelled",
        "awaiting": "cancelled",
        "authenticating": "cancelled",
    },
    "fail": {"opening": "failed", "awaiting": "failed", "authenticating": "failed", "processing": "failed"},
    "expire": {
        "needs_method": "expired",
        "needs_confirmation": "expired",
        "opening": "expired",
        "awaiting": "expired",
        "authenticating": "expired",
        "active": "inactive",
    },
    "lapse": {"processing": "expired"},
}
"""Which move leads from which state to which (payment-session reference, section 5). What is missing is refused.

While it is `opening`, a partner outside is asked to make the code that the buyer will pay to; `ask` and `open` are ours.
`honour` is ours: money that was paid before the end and is reported after that, so the payment is paid after all.
`reopen` is ours: on the payer's page a buyer may go back and choose another way to pay while nothing is paid. `withdraw`
is the cancelling of the one-time-payment API, which also ends what has a number (its reference, 2.2); `fail` is the end
of a payment whose only charge was declined (payment-session reference, section 5.2). `authenticate`: the buyer of a card or a wallet is
at their bank's or their wallet's page; `process`: they have agreed, and the partner is at work or holds the money. What is in
process does not end by time; `lapse` is its end where the partner says that nothing will come of it, or nobody captured it.
"""
SCOPES = ("", "links", "virtual_account", "qris")
"""The series of references: payments, payment links, and static paycodes by channel (one-time-payment reference, 1.6)."""

EXPIRES_AFTER_MAX = timedelta(days=366)


class Method(msgspec.Struct, frozen=True, omit_defaults=True):
    """The way to pay that was chosen: the channel, and what the merchant asked of it."""

    channel: str
    option: str | None = None
    """The bank, outlet or wallet, for channels that have several."""
    payer_name: str = ""
    number: str | None = None
    """The tail that the merchant chose for the number."""
    return_url: str | None = None
    """Where a wallet sends its buyer back to; None: to the payer's page."""
    left_to_buyer: Literal["", "option", "method"] = ""
    """How much of this the buyer chose on the payer's page: nothing, the bank or wallet, or the channel too."""
    card: CardChoice | None = None
    """What was asked of a payment by card."""
    expires_at: datetime | None = None
    account: str = ""
    """The phone number of the buyer's wallet, such as +6281234567890, where the merchant knows it."""
    instructions: Instructions | None = None
    """For a static payment once active: its static paycode."""


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the merchant sent and gets back. No rule depends on it; dialects read and write it."""

    redirect: bool = False
    auto_confirm: bool = True
    success_url: str | None = None
    failure_url: str | None = None
    expiration_url: str | None = None
    skip_result_page: bool = False
    customer: Customer | None = None
    order: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # with None in its place, no such text can be read back
    metadata: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    description: str | None = None
    strict_expiry: bool = False
    """Whether the payment's expiry holds for its charge as it is, and is not cut short by the wallet's own rules."""
    shown_name: str = ""
    """The name that the merchant wants shown where the buyer pays, whatever way they choose."""
    billing: BillingAddress | None = None
    keep_method: bool = False
    """Whether the card or wallet is kept for the customer once it has paid."""
    echo: dict[str, str | bool] = {}
    """Small things that only the dialect which took the request understands."""


KEPT_BYTES_MAX = 16_000
"""Of metadata and order together: they are stored with the payment, and part of every answer and callback."""


def check_kept(details: Details) -> None:
    """Raises TooMuchKept, which names the larger of the two: "metadata" or "order"."""
    sizes = {"metadata": details.metadata, "order": details.order}
    sizes = {name: 0 if isinstance(kept, msgspec.UnsetType) else len(bytes(kept)) for name, kept in sizes.items()}
    if sum(sizes.values()) > KEPT_BYTES_MAX:
        raise TooMuchKept(max(sizes, key=lambda name: sizes[name]), size=sum(sizes.values()), most=KEPT_BYTES_MAX)


class Payment(msgspec.Struct, frozen=True):
    id: UUID
    merchant_id: UUID
    product: str
    """The product under which it was made: its terms apply, and its callbacks report it."""
    reference: str
    kind: Kind
    amount: int | None
    """Minor units; None where any amount may be paid."""
    state: State
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    descriptor: str
    """What a buyer's bank statement may show."""
    details: Details
    method: Method | None = None
    customer_id: str | None = None
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancellation_reason: str | None = None
    currency: str = IDR
    scope: str = ""
    """The series of SCOPES in which its reference is unique."""

    @property
    def static(self) -> bool:
        return self.kind == "static"

    @property
    def amount_is_open(self) -> bool:
        return self.amount is None


def as_of(payment: Payment, now: datetime) -> Payment:
    """The payment as it is at `now`: expired from its instant on, whether or not anybody has written that down yet."""
    if payment.expires_at is None or payment.expires_at > now or payment.state not in MOVES["expire"]:
        return payment
    return replace(payment, state=MOVES["expire"][payment.state], updated_at=payment.expires_at)


def moved(payment: Payment, verb: str, now: datetime) -> Payment:
    """The payment after a move, checked by its state at `now`. Raises WrongState where the table has no such move."""
    payment = as_of(payment, now)
    state = MOVES[verb].get(payment.state)
    if state is None:
        raise WrongState(state=payment.state, verb=PAST[verb])
    return replace(payment, state=state, updated_at=now)


def opened_late(payment: Payment) -> Payment:
    """A payment that ended by time while it was opening, now that its code is known to have been open before the end."""
    open_, ended = ("active", "inactive") if payment.static else ("awaiting", "expired")
    return replace(payment, state=open_ if payment.state == "opening" else ended)


class PageVersion(msgspec.Struct, frozen=True):
    """The little that says whether a payer's page must be drawn anew."""

    state: State
    updated_at: datetime
    expires_at: datetime | None
    charge_expires_at: datetime | None
    """Of the newest charge."""
    in_suspense: int
    """How many times money arrived for this payment that was not owed."""

    def version(self, now: datetime) -> str:
        """A text that changes whenever the page would; it reveals nothing but the state."""
        over = self.expires_at is not None and self.expires_at <= now and self.state in MOVES["expire"]
        state, since = (MOVES["expire"][self.state], self.expires_at) if over else (self.state, self.updated_at)
        assert since is not None
        asked = state in ("awaiting", "authenticating")
        lapsed = asked and self.charge_expires_at is not None and self.charge_expires_at <= now
        return f"{state}-{int(since.timestamp() * 1000):x}-{self.in_suspense}{'-lapsed' if lapsed else ''}"


PAST = {
    "confirm": "confirmed",
    "activate": "confirmed",
    "ask": "confirmed",
    "open": "opened",
    "open_static": "opened",
    "authenticate": "authenticated",
    "process": "processed",
    "pay": "paid",
    "honour": "paid",
    "reopen": "opened again",
    "cancel": "cancelled",
    "withdraw": "cancelled",
    "fail": "declined",
    "expire": "expired",
    "lapse": "expired",
}


def cancelled(payment: Payment, reason: str, now: datetime) -> Payment:
    """Ends an unpaid payment. Its expiry becomes the time of the cancellation (payment-session reference, 4.5)."""
    return replace(moved(payment, "cancel", now), cancelled_at=now, cancellation_reason=reason, expires_at=now)


def withdrawn(payment: Payment, reason: str, now: datetime) -> Payment:
    """Ends an unpaid payment that may have a number already. Its expiry stays what it was."""
    return replace(moved(payment, "withdraw", now), cancelled_at=now, cancellation_reason=reason)


def failed(payment: Payment, now: datetime) -> Payment:
    """Ends a payment whose only charge was declined."""
    return replace(moved(payment, "fail", now), cancelled_at=now)


def honoured(payment: Payment, now: datetime) -> Payment:
    """The payment after money that was paid before it ended; a static paycode stays as it is. Raises WrongState."""
    return replace(payment, updated_at=now) if payment.static else moved(payment, "honour", now)


def left_open(method: Method | None) -> Method | None:
    """What the merchant had settled of a method before the buyer chose the rest; None where it was all left open."""
    if method is None or method.left_to_buyer == "method":
        return None
    if method.left_to_buyer == "option":
        return replace(method, option=None, left_to_buyer="")
    return method


def reopened(payment: Payment, now: datetime) -> Payment:
    """The payment before its buyer chose how to pay. Raises WrongState, also where there is no page to choose on."""
    if payment.static or not payment.details.redirect:
        raise WrongState(state=payment.state, verb=PAST["reopen"])
    return replace(moved(payment, "reopen", now), method=left_open(payment.method))


def differing(
    payment: Payment, amount: int | None, method: Method | None, details: Details, expires_at: datetime | None
) -> list[str]:
    """What a request under the reference of a payment asks for otherwise: names of Payment, Method, Details and `echo`.

    The channel is "method". An expiry that is left out is none that differs, nor is any of a payment that ended early.
    """
    made, kept = payment.method, payment.details
    differs = {"amount": amount != payment.amount}
    if method is not None and made is not None:
        differs["method"] = method.channel != made.channel
        if not differs["method"]:
            differs["option"] = method.option != made.option
            differs["number"] = (method.number or "").lstrip("0") != (made.number or "").lstrip("0")
            differs |= {name: getattr(method, name) != getattr(made, name) for name in ("payer_name", "return_url")}
    differs |= {
        name: getattr(details, name) != getattr(kept, name) for name in ("customer", "shown_name", "description")
    }
    differs |= {name: value != kept.echo.get(name) for name, value in details.echo.items()}
    differs["expires_at"] = expires_at not in (None, payment.expires_at) and payment.updated_at != payment.expires_at
    return [name for name, is_other in differs.items() if is_other]


def lapsed(payment: Payment, now: datetime) -> Payment:
    """Ends a payment before its time, as its charge's partner or the sandbox says. Raises WrongState."""
    verb = "lapse" if payment.state in MOVES["lapse"] else "expire"
    return replace(moved(payment, verb, now), expires_at=now)


def expiry(
    asked: datetime | None, kind: Kind, amount: int | None, now: datetime, default: timedelta
) -> datetime | None:
    """When a payment ends: as asked, else by `default`; a static one only if it is closed and asked to.

    Raises ExpiryPassed or ExpiryTooFar (field "expires_at").
    """
    if kind == "static" and (asked is None or amount is None):
        return None
    if asked is None:
        return now + default
    if asked <= now:
        raise ExpiryPassed("expires_at", now=now)
    if asked > now + EXPIRES_AFTER_MAX:
        raise ExpiryTooFar("expires_at", title="A payment", maximum=f"{EXPIRES_AFTER_MAX.days} days")
    return asked
