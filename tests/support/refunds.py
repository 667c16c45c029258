"""What tests of refunds need around them: how they are asked for, and a partner that answers as a test says."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from gerbang.connections import GivenBack, Link
from gerbang.connections.simulator import Simulator
from gerbang.domain.merchants import Merchant
from gerbang.domain.money import rupiah
from gerbang.domain.partner_requests import GiveBack
from gerbang.domain.refunds import Refund
from gerbang.services import refunds
from gerbang.services.refunds import NewRefund
from tests.support.services import Services

PART = rupiah(5_000)


class Gives(Simulator):
    """A partner that answers each request for a refund in turn as a test says; when nothing is left, it has given it back."""

    def __init__(self, *answers: Exception | GivenBack | None) -> None:
        self.answers = [*answers]
        self.asked: list[UUID] = []
        self.looked_up = 0

    async def refund(self, link: Link, reference: UUID, asked: GiveBack, now: datetime) -> GivenBack:
        self.asked.append(reference)
        said = self._next()
        assert said is not None, "it answers"
        return said

    async def refunded(
        self, link: Link, reference: UUID, asked: GiveBack, partner_reference: str, now: datetime
    ) -> GivenBack | None:
        self.looked_up += 1
        return self._next()

    def _next(self) -> GivenBack | None:
        said = self.answers.pop(0) if self.answers else GivenBack("succeeded", "given")
        if isinstance(said, Exception):
            raise said
        return said


async def ask(here: Services, merchant: Merchant, charge_id: UUID, **changes: Any) -> Refund:
    """Asks for a refund of Rp 5.000 of a charge; the refund as it is kept after that."""
    new = NewRefund(
        merchant_id=merchant.id,
        product="refund",
        reference=f"RF-{uuid4().hex}",
        payment_id=None,
        charge_id=charge_id,
        amount=PART,
        whole=False,
        method="auto",
        reason="requested_by_customer",
    )
    answer = await refunds.create(here.world, msgspec.structs.replace(new, **changes), lambda r: str(r.id).encode())
    return await refunds.read(here.world, merchant.id, UUID(answer.decode()))
