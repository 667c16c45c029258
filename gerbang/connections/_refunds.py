"""Money that goes back to a buyer by the way it came: what a partner is asked, and what it may answer."""

from datetime import datetime
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from gerbang.connections._links import Link
from gerbang.domain.connections import Connection
from gerbang.domain.partner_requests import GiveBack


class GivenBack(msgspec.Struct, frozen=True):
    """The state of a refund that the partner has, as the partner reports it."""

    state: Literal["processing", "succeeded"]
    reference: str
    """The partner's own reference of the refund."""
    ask_at: datetime | None = None
    """While it is processing: the earliest instant to ask again; None if the partner gives none."""


@runtime_checkable
class Refunds(Protocol):
    """A partner that gives a buyer money back by the way it came.

    A request is the same one however often it is made under one reference: a repeat answers with what became of the first.
    """

    def refunds(self, connection: Connection, channel: str) -> bool:
        """Whether money that came by this channel can go back by it. Pure."""
        ...

    async def refund(self, link: Link, reference: UUID, asked: GiveBack, now: datetime) -> GivenBack:
        """Gives the money back. Raises Declined where it surely was not and will not be given back, or Silence."""
        ...

    async def refunded(
        self, link: Link, reference: UUID, asked: GiveBack, partner_reference: str, now: datetime
    ) -> GivenBack | None:
        """What became of a refund that the partner may have; None: it does not know it.

        Raises Declined where it has surely failed, or Silence.
        """
        ...
