"""Cards that customers may pay by again: by their token, listed, and deleted."""

from uuid import UUID

from gerbang.db import customers, stored_cards
from gerbang.db.changes import write
from gerbang.domain.cards import StoredCard
from gerbang.domain.changes import Changes, KnownCustomer
from gerbang.domain.payments import Payment
from gerbang.errors import CardNotStored, CustomerUnknown
from gerbang.services import vault_keys
from gerbang.services.cards.given import CardGiven, dropped
from gerbang.world import World


async def by_token(world: World, merchant_id: UUID, token: str, cvc: str, path: str) -> CardGiven:
    """The stored card of a token. Raises CardNotStored, also for another merchant's: nobody learns that there is one."""
    async with world.db.reading() as tx:
        kept = await stored_cards.by_token(tx, merchant_id, token)
    if kept is None or kept.state != "active":
        raise CardNotStored(f"{path}.token")
    await vault_keys.ready(world)
    if not world.vault.has(kept.key_number):  # the keys were changed since this process read them
        await vault_keys.load(world)
    card = world.vault.unsealed(
        (kept.key_number, kept.sealed),
        merchant_id,
        token,
        cvc=cvc,
        expiry=(kept.expiry_month, kept.expiry_year),
        now=world.clock.now(),
        path=path,
    )
    return CardGiven(card, kept.customer_id)


async def customer(world: World, merchant_id: UUID, customer_id: str) -> KnownCustomer:
    """A merchant's customer with the cards that they may pay by. Raises CustomerUnknown."""
    async with world.db.reading() as tx:
        found = await customers.by_id(tx, [(merchant_id, customer_id)])
    if (merchant_id, customer_id) not in found:
        raise CustomerUnknown
    return found[merchant_id, customer_id]


async def offered(world: World, payment: Payment) -> list[StoredCard]:
    """The cards that a payment's buyer may choose on its page, where its merchant wants them shown; none that has expired."""
    if payment.customer_id is None or not payment.details.echo.get("show_saved"):
        return []
    whose, now = (payment.merchant_id, payment.customer_id), world.clock.now()
    async with world.db.reading() as tx:
        found = (await stored_cards.of_customers(tx, [whose])).get(whose, [])
    return [kept for kept in found if (kept.expiry_year, kept.expiry_month) >= (now.year, now.month)]


async def delete(world: World, merchant_id: UUID, customer_id: str, token: str) -> None:
    """Forgets the number of a stored card: nobody can pay by it any more. Raises CardNotStored (field "token")."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        kept = await stored_cards.locked(tx, merchant_id, token)
        if kept is None or kept.customer_id != customer_id or kept.state != "active":
            raise CardNotStored("token")
        await write(tx, Changes(stored_cards=[dropped(kept, now)]), now)
