"""A delivery is one event for one endpoint; a try is one sending. The retry schedule says when to try again."""

from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from gerbang.domain.events import Event
from gerbang.domain.terms import NOTHING_OFFERED, Terms

State = Literal["waiting", "delivered", "parked", "given_up"]
"""`parked`: every try of the schedule failed. `given_up`: the endpoint answered that it never wants this one (a
4xx), or it is not true any more."""

TIME_OUT_SECONDS = 15.0
ON_ITS_WAY_MAX = timedelta(seconds=TIME_OUT_SECONDS + 5)
"""What was taken to be sent longer ago than this is no longer being sent: whoever took it has died."""
LEASE = timedelta(seconds=60)
"""A claimed delivery is due again after this long, so that a dead worker's share comes back by itself."""


class Product(msgspec.Struct, frozen=True):
    """What a dialect offers: events that callbacks carry to one URL of each merchant, and the terms of its payments."""

    name: str
    kinds: frozenset[str]
    retry_schedule: tuple[timedelta, ...]
    terms: Terms = NOTHING_OFFERED
    key_header: str | None = None
    """The header in which callbacks carry the endpoint's key; None where a signature is all that proves them."""
    takes_no: bool = True
    """Whether a 4xx is an answer for good; False: every answer but a 2xx is tried again."""


class Endpoint(msgspec.Struct, frozen=True):
    id: UUID
    merchant_id: UUID
    product: str
    url: str
    kinds: frozenset[str]
    api_key: str
    signing_secret: str


class CallbackFormat(Protocol):
    """How callbacks of one product are written: for which events, with which body, and signed how."""

    product: Product

    def new_signing_secret(self) -> str:
        """A signing secret in the form that the dialect's merchants know."""
        ...

    def body(self, event: Event, sequence: int) -> bytes:
        """The bytes to send; made once, and the same at every try."""
        ...

    def headers(
        self, endpoint: Endpoint, delivery_id: UUID, sequence: int, body: bytes, now: datetime
    ) -> dict[str, str]:
        """What goes with them, made anew for every try. `now` is the time by which the receiver's own clock goes."""
        ...


class Try(msgspec.Struct, frozen=True):
    """One sending: `status` is the HTTP status, None when there was no answer and `error` says why."""

    number: int
    at: datetime
    status: int | None
    seconds: float
    error: str = ""
    answer: str = ""


def accepted(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def worth_repeating(status: int | None) -> bool:
    """5xx, 408, 429 and silence are tried again; any other answer is final (payment-session reference, 7.1)."""
    return status is None or status >= 500 or status in (408, 429)


def after(attempt: Try, product: Product, tries_before_resend: int = 0) -> tuple[State, datetime | None]:
    """State of a delivery after a try, and when the next one is due. Each wait counts from the try before it."""
    if accepted(attempt.status):
        return "delivered", None
    if product.takes_no and not worth_repeating(attempt.status):
        return "given_up", None
    step = attempt.number - tries_before_resend - 1
    if step >= len(product.retry_schedule):
        return "parked", None
    return "waiting", attempt.at + product.retry_schedule[step]
