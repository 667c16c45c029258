"""Taking merchants in, giving them keys, and setting where their callbacks go."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import channels, ids
from gerbang.db import Tx, merchants
from gerbang.db.changes import write
from gerbang.domain import agreements
from gerbang.domain import merchants as merchant_rules
from gerbang.domain.changes import Changes, KnownCustomer
from gerbang.domain.customers import Customer
from gerbang.domain.merchants import Agreement, Look, Merchant
from gerbang.errors import Invalid, MerchantUnknown, ProductUnknown
from gerbang.keyring import hash_of
from gerbang.network_targets import NetworkFailed, split_credentials
from gerbang.services import agreement_checks
from gerbang.world import World

V2 = "v2_sessions"
V4 = "v4_documents"


class Keys(msgspec.Struct, frozen=True):
    """What a merchant signs in with. The secrets are shown once; only hashes of them are kept."""

    merchant_id: str
    v2_secret: str
    v4_key: str
    v4_secret: str


class Callback(msgspec.Struct, frozen=True):
    """Where a product's callbacks go and the secrets that they are believed by."""

    product: str
    url: str
    api_key: str | None
    """None where a signature is all that proves them."""
    signing_secret: str


async def create(
    world: World,
    *,
    name: str,
    short_name: str,
    email: str,
    agreement: Agreement | None = None,
    number: int | None = None,
    once: bool = False,
) -> tuple[Merchant, Keys]:
    """Takes a merchant in, with default agreements where none are given, and gives it keys for every dialect.

    Raises Invalid for names that nobody could read, and for what is no e-mail address; with `once` also for a
    name that a merchant has already, whose id is the fact `known`.
    """
    if wrong := merchant_rules.fault(name, short_name, email):
        raise Invalid(wrong[0], why=wrong[1])
    async with world.db.transaction() as tx:
        now = world.clock.now()
        number = number if number is not None else await merchants.next_number(tx)
        # Whoever takes the same one in beside us has waited for the number.
        alike = (
            (each for each in await merchants.every(tx) if merchant_rules.same_name(each.name, name)) if once else ()
        )
        if known := next(iter(alike), None):
            why = f"There is a merchant called {known.name} already: number {known.number}, id {known.id}."
            raise Invalid("name", why=why, known=known.id)
        merchant = Merchant(
            id=ids.uuid7(now),
            number=number,
            name=name,
            short_name=short_name,
            email=email,
            created_at=now,
            agreement=agreement or default_agreement(number, name),
        )
        await merchants.insert(tx, merchant)
        keys = await _give_keys(world, tx, merchant)
    return merchant, keys


def default_agreement(number: int, name: str, *, sandbox: bool = False) -> Agreement:
    """Every channel that needs no data of a contract, as the channel would have it for a new merchant.

    `sandbox` says that it is the merchant that every sandbox has.
    """
    agreement = Agreement()
    for channel in channels.found().values():
        settings = channel.default_agreement(number, name, sandbox=sandbox)
        agreement = agreement.with_settings(channel.spec.name, settings)
    return agreement


async def _give_keys(world: World, tx: Tx, merchant: Merchant) -> Keys:
    now = world.clock.now()
    mode = "live" if world.live else "test"
    keys = Keys(str(merchant.id), ids.secret(), f"{mode}_{ids.hex_id(32)}", str(ids.uuid4()))
    for key, dialect, secret in ((keys.merchant_id, V2, keys.v2_secret), (keys.v4_key, V4, keys.v4_secret)):
        await merchants.insert_credential(
            tx, key=key, merchant_id=merchant.id, dialect=dialect, secret_hash=hash_of(secret), now=now
        )
    return keys


async def rotate_secrets(world: World, merchant_id: UUID) -> Keys:
    """New secrets for all of a merchant's keys; the old ones stop working at once. Raises MerchantUnknown."""
    v2_secret, v4_secret = ids.secret(), str(ids.uuid4())
    async with world.db.transaction() as tx:
        if not await merchants.by_id(tx, [merchant_id]):
            raise MerchantUnknown
        await merchants.replace_secret(tx, merchant_id, V2, hash_of(v2_secret))
        v4_keys = await merchants.replace_secret(tx, merchant_id, V4, hash_of(v4_secret))
    return Keys(str(merchant_id), v2_secret, v4_keys[0] if v4_keys else "", v4_secret)


async def every(world: World) -> list[Merchant]:
    async with world.db.reading() as tx:
        return await merchants.every(tx)


async def numbered(world: World, number: int) -> UUID:
    """The id of the merchant that has this serial number. Raises MerchantUnknown."""
    async with world.db.reading() as tx:
        found = await merchants.id_of(tx, number)
    if found is None:
        raise MerchantUnknown
    return found


async def unusable(world: World) -> list[tuple[Merchant, str]]:
    """The merchants whose agreements do not pass the check as they are kept, each with the first thing that is wrong."""
    found: list[tuple[Merchant, str]] = []
    for merchant in await every(world):
        if wrong := agreement_checks.fault(world, merchant, _usual(merchant)):
            found.append((merchant, wrong))
        await asyncio.sleep(0)  # a check takes milliseconds, and others work meanwhile
    return found


def _usual(merchant: Merchant) -> Merchant:
    """The merchant with the agreement of a new one."""
    return replace(merchant, agreement=default_agreement(merchant.number, merchant.name))


async def set_agreement(world: World, merchant_id: UUID, agreement: Agreement) -> None:
    """Changes what was agreed with a merchant. Raises MerchantUnknown."""
    async with world.db.transaction() as tx:
        if not await merchants.by_id(tx, [merchant_id]):
            raise MerchantUnknown
        await merchants.update_agreement(tx, merchant_id, agreement)


async def change_agreement(world: World, merchant_id: UUID, members: dict[str, object]) -> Agreement:
    """Changes those members of an agreement that are given, and leaves the others. Raises MerchantUnknown or Invalid."""
    async with world.db.transaction() as tx:
        known = await merchants.by_id(tx, [merchant_id])
        if merchant_id not in known:
            raise MerchantUnknown
        merchant = known[merchant_id]
        agreement = _changed(world, merchant.agreement, members)
        if fault := agreement_checks.fault(world, replace(merchant, agreement=agreement), _usual(merchant)):
            raise Invalid("agreement", why=f"{fault} Nothing was changed.")
        await merchants.update_agreement(tx, merchant_id, agreement)
    return agreement


def _changed(world: World, agreement: Agreement, members: dict[str, object]) -> Agreement:
    """An agreement with these members; of `channels` those that are named, and null takes one away. Raises Invalid."""
    general = {name: value for name, value in members.items() if name != "channels"}
    if old := sorted(general.keys() & world.channels.keys()):
        why = f'Settings of a channel stand among "channels" now: write {{"channels": {{"{old[0]}": …}}}}.'
        raise Invalid("agreement", why=f"{why} Nothing was changed.")
    known = msgspec.to_builtins(replace(agreement, channels={}))
    try:
        changed = msgspec.convert(known | general, Agreement)
        named = msgspec.convert({"channels": members.get("channels", {})}, _Channels).channels
    except (msgspec.ValidationError, ValueError) as wrong:
        raise Invalid("agreement", why=f"This is not an agreement: {wrong}. Nothing was changed.") from None
    # An agreement with all that it could say, also where it says nothing.
    written_out = msgspec.to_builtins(changed) | {"look": dict.fromkeys(Look.__struct_fields__)}
    if strange := agreements.unknown(general, written_out):
        raise Invalid("agreement", why=f"An agreement has no {strange}. Nothing was changed.")
    changed = replace(changed, channels=agreement.channels)
    for name, given in named.items():
        changed = changed.with_settings(name, _settings(world, name, given))
    return changed


class _Channels(msgspec.Struct):
    channels: dict[str, dict[str, object] | None]


def _settings(world: World, name: str, given: dict[str, object] | None) -> msgspec.Struct | None:
    """The settings of a channel in its own type. Raises Invalid."""
    channel = world.channels.get(name)
    if channel is None:
        why = f"channels.{name} names no channel: choose one of {', '.join(sorted(world.channels))}."
        raise Invalid("agreement", why=f"{why} Nothing was changed.")
    if given is None:
        return None
    try:
        settings = msgspec.convert(given, channel.spec.agreement)
    except (msgspec.ValidationError, ValueError) as wrong:
        what, at, where = str(wrong).partition(" - at `$")
        why = f"This is not an agreement: {what} - at `$.channels.{name}{where if at else '`'}."
        raise Invalid("agreement", why=f"{why} Nothing was changed.") from None
    if strange := agreements.unknown(given, msgspec.to_builtins(settings), f"channels.{name}"):
        raise Invalid("agreement", why=f"An agreement has no {strange}. Nothing was changed.")
    return settings


async def offer(world: World, merchant_id: UUID, channel: str, product: str, *, stop: bool = False) -> list[str]:
    """Offers a channel to a merchant in a product that does not have it for everybody; returns all that are so offered.

    A channel that the merchant had no settings for gets those of a new merchant. Raises MerchantUnknown, ProductUnknown, Invalid.
    """
    if product not in world.products:
        raise ProductUnknown("product", offered=", ".join(sorted(world.products)))
    if channel not in world.channels:
        raise Invalid(
            "channel", why=f"There is no channel {channel}: choose one of {', '.join(sorted(world.channels))}."
        )
    if not stop and not world.partners.take_payments_by(channel):
        raise Invalid(
            "channel", why=f"{channel} cannot be offered: no connection of this gateway takes payments by it."
        )
    async with world.db.transaction() as tx:
        known = await merchants.by_id(tx, [merchant_id])
        if merchant_id not in known:
            raise MerchantUnknown
        merchant = known[merchant_id]
        agreement = merchant.agreement
        before = agreement.also_offered.get(product, [])
        kept = stop and channel in before  # from the time before everybody had it
        if world.products[product].product.terms.sells(channel) and not kept:
            why = f"{channel} is offered to everybody in {product}; an agreement can leave it out."
            raise Invalid("channel", why=why)
        offered = sorted({*before, channel} - ({channel} if stop else set()))
        agreement = replace(agreement, also_offered=agreement.also_offered | {product: offered})
        if not stop and channel not in agreement.channels:
            settings = world.channels[channel].default_agreement(merchant.number, merchant.name)
            if settings is None:
                raise Invalid("channel", why=f"{channel} needs data of a contract: agree on its settings first.")
            agreement = agreement.with_settings(channel, settings)
        await merchants.update_agreement(tx, merchant_id, agreement)
    return offered


async def set_callback(world: World, merchant_id: UUID, product: str, url: str) -> Callback:
    """Sets where a product's callbacks go; the secrets stay what they were. Raises ProductUnknown, Invalid (field "url").

    A user name and password are taken out of the URL and kept like secrets, so that nothing that shows it shows them.
    """
    (callback,) = await set_callbacks(world, merchant_id, {product: url})
    return callback


async def set_callbacks(world: World, merchant_id: UUID, urls: Mapping[str, str]) -> list[Callback]:
    """As `set_callback`, for several products in one transaction: product -> URL."""
    if urls.keys() - world.products.keys():
        raise ProductUnknown("product", offered=", ".join(sorted(world.products)))
    try:
        parts = {product: split_credentials(url) for product, url in urls.items()}
        for url, _ in parts.values():
            world.network.check(url)
    except NetworkFailed as refusal:
        raise Invalid("url", why=refusal.reason) from None
    async with world.db.transaction() as tx:
        if not await merchants.by_id(tx, [merchant_id]):
            raise MerchantUnknown
        return [await _put_endpoint(world, tx, merchant_id, product, *given) for product, given in parts.items()]


async def _put_endpoint(
    world: World, tx: Tx, merchant_id: UUID, product: str, url: str, credentials: str | None
) -> Callback:
    callback_format, now = world.products[product], world.clock.now()
    _, api_key, signing_secret = await merchants.put_endpoint(
        tx,
        id_=ids.uuid7(now),
        merchant_id=merchant_id,
        product=product,
        url=url,
        kinds=sorted(callback_format.product.kinds),
        api_key=world.keyring.seal(ids.secret(24)),
        signing_secret=world.keyring.seal(callback_format.new_signing_secret()),
        credentials=None if credentials is None else world.keyring.seal(credentials),
        now=now,
    )
    return _callback(world, product, url, api_key, signing_secret)


async def callbacks(world: World, merchant_id: UUID) -> list[Callback]:
    """Where a merchant's callbacks go now, by product."""
    async with world.db.reading() as tx:
        kept = await merchants.endpoints(tx, merchant_id)
    return [_callback(world, *endpoint) for endpoint in kept if endpoint[0] in world.products]


def _callback(world: World, product: str, url: str, api_key: bytes, signing_secret: bytes) -> Callback:
    key = world.keyring.unseal(api_key) if world.products[product].product.key_header else None
    return Callback(product, url, key, world.keyring.unseal(signing_secret))


async def keep_customers(world: World, merchant_id: UUID, known: Sequence[tuple[str, Customer]]) -> None:
    """Writes customers of a merchant under ids of its own, as when it moves in from elsewhere."""
    async with world.db.transaction() as tx:
        rows = [KnownCustomer(merchant_id, customer_id, customer) for customer_id, customer in known]
        await write(tx, Changes(customers=rows), world.clock.now())
