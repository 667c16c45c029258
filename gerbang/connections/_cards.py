"""What an acquirer of cards does: it has money held, takes it, and lets it go. It keeps the card while a buyer's bank asks questions."""

from datetime import datetime
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from gerbang.connections._links import Link
from gerbang.domain.cards import Authentication, Authorization, Risk
from gerbang.domain.charges import Failure
from gerbang.domain.connections import Connection
from gerbang.domain.partner_requests import AuthorizeCard, CaptureCard, VoidCard
from gerbang.vault import Card


class Challenge(msgspec.Struct, frozen=True):
    """The buyer's bank wants to ask who they are."""

    page: str
    """Where it asks: the acquirer's address; "" where that is Gerbang's own page, which plays the bank in a sandbox."""
    reference: str
    """The acquirer's own name of the payment."""


class Approved(msgspec.Struct, frozen=True):
    """The money is held for us, or taken already."""

    reference: str
    authorization: Authorization
    authentication: Authentication | None = None
    risk: Risk | None = None
    captured: bool = False
    """Whether it was taken at once."""
    holds_until: datetime | None = None
    """Until when it is held; None where the acquirer does not say."""


class NotApproved(msgspec.Struct, frozen=True):
    """There will be no money, and why."""

    failure: Failure
    authorization: Authorization | None = None
    authentication: Authentication | None = None
    risk: Risk | None = None


class AtWork(msgspec.Struct, frozen=True):
    """The acquirer will say later how it ended."""

    reference: str
    ask_at: datetime | None = None


CardOutcome = Challenge | Approved | NotApproved | AtWork


class CaptureOutcome(msgspec.Struct, frozen=True):
    """What became of a capture; None where the acquirer is still at work."""

    done: bool | None
    reference: str = ""
    """The acquirer's own name of the money."""
    why: str = ""


class Issuer(msgspec.Struct, frozen=True):
    """Who issued a card, as far as its first digits say; "" for what they do not."""

    kind: str = ""
    bank: str = ""
    country: str = ""


@runtime_checkable
class TakesCards(Protocol):
    """An acquirer of cards."""

    def issuer(self, connection: Connection, first8: str) -> Issuer:
        """Who issued a card. Pure."""
        ...

    async def authorize(
        self, link: Link, reference: UUID, asked: AuthorizeCard, card: Card, now: datetime
    ) -> CardOutcome:
        """Has the money held, or taken at once. Raises Silence."""
        ...

    async def authorized(self, link: Link, reference: UUID, asked: AuthorizeCard, now: datetime) -> CardOutcome | None:
        """What became of that; None if the acquirer never got it. Raises Silence."""
        ...

    async def capture(self, link: Link, reference: UUID, asked: CaptureCard, now: datetime) -> CaptureOutcome:
        """Takes a part of what is held; asked again under the same reference, it says what became of it. Raises Silence."""
        ...

    async def void(self, link: Link, reference: UUID, asked: VoidCard, now: datetime) -> None:
        """Lets go what is held; what is held no more stays so. Raises Silence."""
        ...


BankAnswer = Literal["passed", "failed", "cancelled"]
"""What a buyer does at the page of their card's bank."""


@runtime_checkable
class PlaysBanks(Protocol):
    """An acquirer of a sandbox: Gerbang's own page plays the card's bank."""

    def challenged(self, reference: UUID, asked: AuthorizeCard, answer: BankAnswer, now: datetime) -> CardOutcome:
        """What becomes of a card once its bank has asked the buyer. Pure."""
        ...
