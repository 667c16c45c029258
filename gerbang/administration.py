"""What an operator does from the command line: migrate, create merchants, rotate secrets, list and resend callbacks.

Each function opens the gateway, does one thing, closes the gateway and returns what the command prints.
"""

import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

import msgspec
import uvloop

from gerbang import app, db
from gerbang.db import Database
from gerbang.domain.deliveries import State
from gerbang.domain.merchants import Agreement
from gerbang.errors import DeliveryUnknown, Invalid, MerchantUnknown, ProductUnknown
from gerbang.keyring import Keyring
from gerbang.logs import set_up as set_up_logs
from gerbang.services import audit, deliveries, installation, merchants
from gerbang.services.audit import Finding
from gerbang.services.deliveries import Left, Overview, Wanted
from gerbang.services.merchants import Keys
from gerbang.services.payments import read
from gerbang.settings import Settings, SettingsWrong, whole
from gerbang.world import World

T = TypeVar("T")
NUMBER_MAX = 2**31 - 1
"""The highest number of a merchant: the column is a signed 32-bit integer."""


def migrate(settings: Settings) -> list[str]:
    """Applies the migrations that are missing and returns their names.

    Afterwards the database belongs to this mode and secret key. Raises SettingsWrong, with nothing changed, if it
    belongs to others or was made by another version.
    """
    keyring = Keyring(app.secret_key(settings))

    async def task() -> list[str]:
        assert settings.database_url is not None, "a database was chosen"
        database = Database(settings.database_url, 2)
        try:
            await database.open()
            return await db.migrate(database, then=lambda tx: installation.recognise(tx, settings.mode, keyring))
        finally:
            await database.close()

    return _completed(task())


def audit_database(settings: Settings) -> list[Finding]:
    """Checks the rules of services/audit.py against a database, which may be a copy, and changes nothing.

    Raises SettingsWrong.
    """

    async def task() -> list[Finding]:
        assert settings.database_url is not None, "a database was chosen"
        database = Database(settings.database_url, 2)
        try:
            await database.open()
            async with database.reading() as tx:
                await installation.demand_known_tables(tx)
            return await audit.look(database)
        finally:
            await database.close()

    return _completed(task())


def _within(settings: Settings, task: Callable[[World], Awaitable[T]]) -> T:
    async def inside() -> T:
        base_url = settings.public_url or f"http://{settings.host}:{settings.port}"
        async with app.gateway(settings, base_url=base_url) as built:
            return await task(built.world)

    return _completed(inside())


within = _within
"""Opens the gateway and does one thing in it, for the other files of administration."""


def _completed(work: Coroutine[None, None, T]) -> T:
    """Runs a coroutine and logs errors only: warnings about the database are left to the command's own message."""
    set_up_logs("error")
    return uvloop.run(work)


def create_merchant(settings: Settings, name: str, short_name: str, email: str, *, again: bool) -> dict[str, str]:
    """Creates a merchant and returns its secrets. Raises SettingsWrong if one of this name exists, unless `again`."""

    async def task(world: World) -> dict[str, str]:
        try:
            _, keys = await merchants.create(world, name=name, short_name=short_name, email=email, once=not again)
        except Invalid as wrong:
            if "known" not in wrong.spec:
                raise
            raise SettingsWrong(
                f"{wrong} Nothing was changed. `gerbang merchant rotate-secret {wrong.spec['known']}` gives it new secrets; "
                "--again makes another merchant of the same name."
            ) from None
        return _printed(keys)

    return _within(settings, task)


class Listed(msgspec.Struct, frozen=True, rename="camel"):
    """A merchant as `gerbang merchant list` prints it."""

    id: UUID
    number: int
    name: str
    short_name: str
    email: str

    def as_row(self) -> dict[str, str]:
        """The merchant as a row of a table: column name to text."""
        return {name.replace("_", " "): str(value) for name, value in msgspec.structs.asdict(self).items()}


def every_merchant(settings: Settings) -> list[Listed]:
    """All merchants, in the order of their numbers."""

    async def task(world: World) -> list[Listed]:
        return [Listed(m.id, m.number, m.name, m.short_name, m.email) for m in await merchants.every(world)]

    return _within(settings, task)


def check_agreements(settings: Settings) -> list[dict[str, str]]:
    """The merchants whose stored agreement cannot be used, with the reason: rows of a table."""

    async def task(world: World) -> list[dict[str, str]]:
        found = await merchants.unusable(world)
        return [{"id": str(m.id), "name": m.name, "what is wrong": wrong} for m, wrong in found]

    return _within(settings, task)


def rotate_secret(settings: Settings, merchant_id: str) -> dict[str, str]:
    """Gives a merchant new secrets."""

    async def task(world: World) -> dict[str, str]:
        return _printed(await merchants.rotate_secrets(world, await _merchant_id(world, merchant_id)))

    return _within(settings, task)


def offer(settings: Settings, merchant_id: str, channel: str, product: str, *, stop: bool) -> dict[str, str]:
    """Offers a channel in a product to one merchant, or stops that; returns the merchant's other channels there."""

    async def task(world: World) -> dict[str, str]:
        offered = await merchants.offer(world, await _merchant_id(world, merchant_id), channel, product, stop=stop)
        return {"product": product, "offered besides": ", ".join(offered) or "nothing"}

    return _within(settings, task)


def agreement(settings: Settings, merchant_id: str, given: bytes | None) -> str:
    """A merchant's agreement as JSON.

    With `given`, a JSON object, its members are changed and the differences returned.

    Raises SettingsWrong, Invalid.
    """
    try:
        members = {} if given is None else msgspec.json.decode(given, type=dict[str, object])
    except (msgspec.DecodeError, ValueError, RecursionError) as wrong:
        raise SettingsWrong(f"This is not an agreement: {wrong}") from None

    async def task(world: World) -> str:
        before = (await read.merchant(world, await _merchant_id(world, merchant_id))).agreement
        if given is None:
            return as_json(before)
        after = await merchants.change_agreement(world, await _merchant_id(world, merchant_id), members)
        changes = list(_changes(_plain(before), _plain(after)))
        return "\n".join(changes) or "Nothing was changed: it was agreed so before."

    return _within(settings, task)


def _plain(agreement: Agreement) -> object:
    return msgspec.json.decode(msgspec.json.encode(agreement))


def _changes(old: object, new: object, path: str = "") -> Iterator[str]:
    """A line for each member that differs: its path, the old value and the new value."""
    if isinstance(old, dict) and isinstance(new, dict):
        was, now = cast("dict[str, object]", old), cast("dict[str, object]", new)
        for name in [*was, *(name for name in now if name not in was)]:
            yield from _changes(was.get(name), now.get(name), f"{path}.{name}".removeprefix("."))
    elif old != new:
        yield f"{path}: {msgspec.json.encode(old).decode()} became {msgspec.json.encode(new).decode()}"


def set_callback(settings: Settings, merchant_id: str, product: str, url: str) -> dict[str, str]:
    """Sets a merchant's callback URL of one product; returns it with the secrets by which callbacks are verified."""

    async def task(world: World) -> dict[str, str]:
        callback = await merchants.set_callback(world, await _merchant_id(world, merchant_id), product, url)
        key_header = world.products[product].product.key_header
        return {
            "product": callback.product,
            "url": callback.url,
            **({key_header: callback.api_key} if key_header and callback.api_key else {}),
            "signing secret": callback.signing_secret,
        }

    return _within(settings, task)


def show_callbacks(settings: Settings, merchant_id: str) -> list[dict[str, str]]:
    """A merchant's callback URLs: rows of a table, one for each product."""

    async def task(world: World) -> list[dict[str, str]]:
        whose = (await read.merchant(world, await _merchant_id(world, merchant_id))).id
        urls = {each.product: each.url for each in await merchants.callbacks(world, whose)}
        return [{"product": product, "url": urls.get(product, "none is set")} for product in sorted(world.products)]

    return _within(settings, task)


class Chosen(msgspec.Struct, frozen=True):
    """Which callbacks a command works on, as given by its options."""

    states: tuple[State, ...]
    merchant_id: str | None = None
    product: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] = ()


def list_callbacks(settings: Settings, chosen: Chosen, most: int) -> list[Overview]:
    """Callbacks of one merchant or of all, newest first, at most `most`."""

    async def task(world: World) -> list[Overview]:
        return await deliveries.overview(world, await _wanted(world, chosen), most)

    return _within(settings, task)


def as_row(callback: Overview) -> dict[str, str]:
    """A callback as a row of a table: column name to text."""
    last_answer = "" if not callback.tries else callback.error or f"HTTP {callback.status}"
    return {
        "id": str(callback.id),
        "merchant": str(callback.merchant_id),
        "product": callback.product,
        "event": callback.event,
        "state": callback.state,
        "created": f"{callback.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "tries": str(callback.tries),
        "last answer": last_answer,
    }


def as_json(shown: object) -> str:
    """Any result of this module as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(shown).decode(), indent=2)


class Resent(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many callbacks are due again, and why each of the others that were given by id is not."""

    resent: int
    left: dict[UUID, Left] = {}


def resend_callbacks(settings: Settings, chosen: Chosen) -> Resent:
    """Makes parked and given-up callbacks due again; those given by id also while they wait for their next try.

    Raises SettingsWrong, with nothing changed, if an id is unknown.
    """

    async def task(world: World) -> Resent:
        wanted = await _wanted(world, chosen)
        if wanted.ids is None:
            return Resent(await deliveries.send_all_again(world, wanted))
        try:
            found = await deliveries.send_named_again(world, wanted)
        except DeliveryUnknown as wrong:
            raise SettingsWrong(
                f"There is no callback {wrong.spec['ids']}; `gerbang callbacks list` shows them. Nothing was changed."
            ) from None
        left: dict[UUID, Left] = {id_: why for id_, why in found.items() if why is not None}
        return Resent(len(found) - len(left), left)

    return _within(settings, task)


async def _wanted(world: World, chosen: Chosen) -> Wanted:
    """Looks up what the options name.

    Raises SettingsWrong, MerchantUnknown, ProductUnknown: a misspelled name must not look like an empty result.
    """
    merchant_id = None if chosen.merchant_id is None else await _merchant_id(world, chosen.merchant_id)
    if merchant_id is not None:
        await read.merchant(world, merchant_id)
    if chosen.product is not None and chosen.product not in world.products:
        raise ProductUnknown("product", offered=", ".join(sorted(world.products)))
    ids = [_callback_id(text) for text in chosen.ids] or None
    return Wanted(chosen.states, merchant_id, chosen.product, chosen.since, chosen.until, ids)


def _callback_id(text: str) -> UUID:
    try:
        return UUID(text.removeprefix("msg_"))
    except ValueError:
        raise SettingsWrong(f"{text} is not a callback's id; `gerbang callbacks list` shows them.") from None


async def _merchant_id(world: World, text: str) -> UUID:
    """The id of the merchant with this id or number. Raises SettingsWrong."""
    with contextlib.suppress(ValueError):
        return UUID(text)
    try:
        return await merchants.numbered(world, whole(0, NUMBER_MAX)(text))
    except MerchantUnknown:
        raise SettingsWrong(f"No merchant has the number {text}; `gerbang merchant list` shows them.") from None
    except ValueError:
        raise SettingsWrong(f"{text} is not a merchant's id or number; `gerbang merchant list` shows them.") from None


def _printed(keys: Keys) -> dict[str, str]:
    return {
        "merchant id": keys.merchant_id,
        "merchant secret": keys.v2_secret,
        "v4 API key": keys.v4_key,
        "v4 secret key": keys.v4_secret,
    }
