"""The keys that cards are read and stored with: made when the first card comes, changed while everything runs."""

from anyio import to_thread
from msgspec.structs import replace

from gerbang.db import Tx, vault_keys
from gerbang.db import stored_cards as kept
from gerbang.db.changes import write
from gerbang.db.vault_keys import KeptKey, Purpose
from gerbang.domain.cards import StoredCard
from gerbang.domain.changes import Changes
from gerbang.world import World

READ_KEYS_KEPT = 2
"""The newest, and the one before it: a merchant may have asked for it just before it was changed."""
AT_ONCE_MAX = 500


async def ready(world: World) -> None:
    """Loads the keys, and makes those that there are not yet. Called before a card is read or stored."""
    if world.vault.is_ready:
        return
    async with world.db.reading() as tx:
        found = await vault_keys.every(tx)
    if {key.purpose for key in found} != {"read", "store"}:
        private = await to_thread.run_sync(world.vault.new_private_key)
        async with world.db.transaction() as tx:
            await vault_keys.hold(tx)
            purposes = {key.purpose for key in await vault_keys.every(tx)}
            if "read" not in purposes:
                await _add(world, tx, "read", private)
            if "store" not in purposes:
                await _add(world, tx, "store", world.vault.new_data_key())
            found = await vault_keys.every(tx)
    _use(world, found)


async def load(world: World) -> None:
    """Loads the keys as they are now, where there are any."""
    async with world.db.reading() as tx:
        _use(world, await vault_keys.every(tx))


def _use(world: World, found: list[KeptKey]) -> None:
    unsealed = {key.number: world.keyring.unseal(key.sealed) for key in found}
    private = [unsealed[key.number] for key in found if key.purpose == "read"]
    world.vault.use(private, {key.number: unsealed[key.number] for key in found if key.purpose == "store"})


async def _add(world: World, tx: Tx, purpose: Purpose, key: str) -> None:
    await vault_keys.add(tx, purpose, world.keyring.seal(key), world.clock.now())


async def rotate(world: World) -> int:
    """Makes new keys and seals every stored number with them; returns how many numbers that were.

    It may be stopped and begun again. Other processes read new keys when they meet a number that is sealed with one.
    """
    private = await to_thread.run_sync(world.vault.new_private_key)
    async with world.db.transaction() as tx:
        await vault_keys.hold(tx)
        await _add(world, tx, "read", private)
        await _add(world, tx, "store", world.vault.new_data_key())
        found = await vault_keys.every(tx)
    _use(world, found)
    newest = max(key.number for key in found if key.purpose == "store")
    count = 0
    while done := await _seal_some_anew(world, newest):
        count += done
    old = [key.number for key in found if key.purpose == "store" and key.number != newest]
    old += [key.number for key in found if key.purpose == "read"][READ_KEYS_KEPT:]
    async with world.db.transaction() as tx:
        await vault_keys.hold(tx)
        await vault_keys.forget(tx, old)
    await load(world)
    return count


async def _seal_some_anew(world: World, newest: int) -> int:
    async with world.db.transaction() as tx:
        now = world.clock.now()
        found = await kept.sealed_with_other_keys(tx, newest, AT_ONCE_MAX)
        anew: list[StoredCard] = []
        for card in found:
            number, sealed = world.vault.sealed_anew((card.key_number, card.sealed), card.merchant_id, card.token)
            anew.append(replace(card, key_number=number, sealed=sealed, updated_at=now))
        await write(tx, Changes(stored_cards=anew), now)
    return len(found)
