"""Creating a payment where the reference is also the idempotency key: a repeated reference is answered with its payment."""

import msgspec

from gerbang.domain.payments import differing
from gerbang.errors import NotOpenYet, ReferenceTaken
from gerbang.services.batches import Batches
from gerbang.services.payments import opening, search
from gerbang.services.payments.decide import NewPayment
from gerbang.world import World


class CreatedOrRepeated(msgspec.Struct, frozen=True):
    """The answer to a create, and in what the request differs from the payment that its reference already had."""

    answer: bytes
    differs: list[str]
    """Names as in `domain.payments.differing`; [] for a new payment and for an equal repetition."""


async def create_or_repeat(world: World, batches: Batches, order: NewPayment) -> CreatedOrRepeated:
    """Creates a payment, or finds the one of this reference as it is now (one-time-payment reference, 1.6).

    Raises ReferenceTaken where the reference belongs to a payment of another kind or product, and what a create raises. A
    static payment whose code its partner declined has nothing to show, so it is refused again.
    """
    try:
        return CreatedOrRepeated(await batches.create(order), [])
    except ReferenceTaken:
        known = await search.of_reference(world, order.merchant_id, order.scope, order.reference)
        if known is None or (known.payment.kind, known.payment.product) != (order.kind, order.product):
            raise
        if known.payment.state == "opening":
            raise NotOpenYet from None
        if known.payment.static and known.payment.state == "failed":
            raise await opening.refusal_of_static(world, known.payment) from None
        differs = differing(known.payment, order.amount, order.method, order.details, order.expires_at)
        return CreatedOrRepeated(world.answer_formats[order.product].answer(known.payment, known.charge), differs)
