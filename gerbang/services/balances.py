"""What a merchant has with us: what is settled and may be taken out, and what is paid and not yet settled."""

from uuid import UUID

import msgspec

from gerbang.db import ledger
from gerbang.domain.ledger import available, payouts, pending
from gerbang.world import World


class Balances(msgspec.Struct, frozen=True):
    """In minor units. What is reserved for payouts under way is in none of them."""

    available: int
    pending: int
    payouts: int = 0
    """What was paid in for payouts, or taken to them."""

    @property
    def total(self) -> int:
        return self.available + self.pending


async def overview(world: World, merchant_id: UUID) -> Balances:
    """A merchant's balances at this instant; nothing where no money ever came."""
    names = [available(merchant_id), pending(merchant_id), payouts(merchant_id)]
    async with world.db.reading() as tx:
        found = await ledger.balances(tx, names)
    # What we owe is a credit, and a balance of the ledger is debits minus credits.
    settled, unsettled, paid_in = (-found.get(name, 0) for name in names)
    return Balances(available=settled, pending=unsettled, payouts=paid_in)
