"""The merchant that every sandbox has: set up so that the examples of the vendors' documents come out as printed."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from gerbang import ids
from gerbang.db import ledger
from gerbang.db.changes import write
from gerbang.domain.changes import Changes
from gerbang.domain.connections import SIMULATOR
from gerbang.domain.customers import Customer, Destination, Phone, RefundPreference, StoredMethod
from gerbang.domain.ledger import available, pending, starting, starting_for_payouts, suspense
from gerbang.domain.merchants import Agreement, WithdrawalAccount
from gerbang.domain.money import rupiah
from gerbang.errors import CredentialsWrong
from gerbang.services import credentials, merchants
from gerbang.world import World

NUMBER = 131
"""Makes 7699 0131 the prefix of its static Permata numbers, as the document of static payments prints them."""
NAME, SHORT_NAME, EMAIL = "Toko Gerbang", "TOKO GERBANG", "toko@gerbang.example"


STARTING_BALANCE = rupiah(1_000_000_000)
"""The vendor's own sandbox had about as much, and suites begin with a payout (one-time-payment reference, section 12)."""


class V2Keys(msgspec.Struct, frozen=True, rename="camel"):
    merchant_id: str
    merchant_secret: str
    callback_api_key: str
    callback_signing_secret: str = ""


class V4Keys(msgspec.Struct, frozen=True, rename="camel"):
    api_key: str
    secret_key: str
    signing_secret: str
    """Of callbacks of payments."""
    disbursement_signing_secret: str = ""


class DashboardKeys(msgspec.Struct, frozen=True):
    email: str
    password: str


class Sandbox(msgspec.Struct, frozen=True, rename="camel"):
    """Everything that a program needs to know of a sandbox: the contents of sandbox.json."""

    base_url: str
    v2: V2Keys
    v4: V4Keys
    dashboard: DashboardKeys


def agreement() -> Agreement:
    """The numbers that the documents' examples print, as far as each channel has some."""
    agreed = merchants.default_agreement(NUMBER, NAME, sandbox=True)
    return msgspec.structs.replace(agreed, withdrawal_account=WithdrawalAccount("BCA", "999966660001", NAME))


KNOWN_CUSTOMER = (
    "999966660001",
    Customer(
        given_name="Reforza Jordan",
        surname="Geotama",
        email="reforza@pivot-payment.com",
        phone=Phone("+62", "89699990001"),
        refund_preference=RefundPreference("auto", Destination("014", "17677665415", "Reforza Jordan Geotama")),
        stored_methods=[
            StoredMethod("bicbiweu63c", "ewallet", "dana", datetime(2024, 3, 15, 9, 37, tzinfo=UTC), active=True),
            StoredMethod("bicewnbf3eu63c", "cards", "visa", datetime(2024, 6, 15, 9, 37, tzinfo=UTC), active=True),
        ],
    ),
)
"""The customer of the document's create example, who has been here before."""


async def ready(world: World, base_url: str, known: Sandbox | None) -> Sandbox:
    """Makes the sandbox merchant, or finds it again by the keys that were kept, and points its callbacks at the inbox.

    Keys that no longer fit (the file was lost or is another database's) are made anew.
    """
    if known is not None and await _fits(world, known):
        keys = merchants.Keys(known.v2.merchant_id, known.v2.merchant_secret, known.v4.api_key, known.v4.secret_key)
    else:
        keys, known = await _keys(world), None
    await _endow(world, UUID(keys.merchant_id))
    callbacks = await _callbacks(world, UUID(keys.merchant_id), base_url)
    return Sandbox(
        base_url=base_url,
        v2=V2Keys(
            keys.merchant_id, keys.v2_secret, callbacks["payment"].api_key or "", callbacks["payment"].signing_secret
        ),
        v4=V4Keys(
            keys.v4_key,
            keys.v4_secret,
            callbacks["v4-payments"].signing_secret,
            callbacks["v4-disbursements"].signing_secret,
        ),
        dashboard=known.dashboard if known else DashboardKeys(EMAIL, ids.secret(12)),
    )


async def _callbacks(world: World, merchant_id: UUID, base_url: str) -> dict[str, merchants.Callback]:
    """Points the callbacks of all products at the inbox, unless somebody has set them elsewhere; product -> callback."""
    inbox = f"{base_url}/sandbox/inbox/{merchant_id}"
    kept = {each.product: each.url for each in await merchants.callbacks(world, merchant_id)}
    urls = {product: kept.get(product, inbox) for product in sorted(world.products)}
    urls = {product: inbox if "/sandbox/inbox/" in url else url for product, url in urls.items()}
    return {each.product: each for each in await merchants.set_callbacks(world, merchant_id, urls)}


async def _endow(world: World, merchant_id: UUID) -> None:
    """Gives the starting balance to a merchant for whom nothing was booked yet."""
    own = [available(merchant_id), pending(merchant_id), suspense(merchant_id)]
    async with world.db.transaction() as tx:
        if not await ledger.balances(tx, own):
            lines = starting(SIMULATOR, merchant_id, STARTING_BALANCE)
            lines += starting_for_payouts(SIMULATOR, merchant_id, STARTING_BALANCE)
            await write(tx, Changes(transfers=lines), world.clock.now())


async def _fits(world: World, known: Sandbox) -> bool:
    try:
        await credentials.sign_in(world, known.v2.merchant_id, known.v2.merchant_secret)
        await credentials.sign_in(world, known.v4.api_key, known.v4.secret_key)
    except CredentialsWrong:
        return False
    return True


async def _keys(world: World) -> merchants.Keys:
    for merchant in await merchants.every(world):
        if merchant.number == NUMBER:
            return await merchants.rotate_secrets(world, merchant.id)
    merchant, keys = await merchants.create(
        world, name=NAME, short_name=SHORT_NAME, email=EMAIL, agreement=agreement(), number=NUMBER
    )
    await merchants.keep_customers(world, merchant.id, [KNOWN_CUSTOMER])
    return keys
