"""Who is asking: keys and secrets, and the access tokens given for them."""

import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter
from uuid import UUID

import jwt
import msgspec

from gerbang import ids
from gerbang.db import merchants
from gerbang.db.batches import Batch
from gerbang.errors import CredentialsWrong, Refused
from gerbang.keyring import hash_of
from gerbang.services.merchants import V2, V4
from gerbang.world import World

TOKEN_LIFETIME = timedelta(seconds=900)
ISSUER = "backend-portal"
"""As in the vendor's sample tokens (payment-session reference, 1.2). Merchants treat tokens as opaque."""
TOKENS_REMEMBERED = 10_000
SIGN_INS_REMEMBERED = 10_000
SIGN_IN_SECONDS = 1.0
"""So long a sign-in holds without being looked up: a key that is revoked is good for no longer."""
FORM = "%Y-%m-%dT%H:%M:%SZ"
SIGN_IN = "sign in with POST /v1/access-token, and send `Authorization: Bearer` with the accessToken of its answer"
NEEDS = {
    V2: (
        "X-MERCHANT-ID and X-MERCHANT-SECRET",
        re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"),
        "X-MERCHANT-ID is a merchant's id, such as 01a1fc0d-0996-7061-8226-527541eae695; API keys are for /api/v4",
    ),
    V4: (
        "the API key as user and the secret key as password, by HTTP Basic,",
        re.compile(r"(test|live)_[0-9a-f]{32}"),
        "the user must be an API key, which begins with test_ or live_; merchant ids are for /v1/access-token",
    ),
}
"""What each dialect signs in with, the form of its keys, and what is said of a key of another form."""


class SignIn(msgspec.Struct, frozen=True):
    """A key and its secret, for one dialect's keys or for all."""

    key: str
    secret: str
    dialect: str | None = None


async def sign_in(world: World, key: str, secret: str, dialect: str | None = None) -> UUID:
    """The merchant whose key and secret these are, for one dialect's keys or for all.

    Raises CredentialsWrong, without saying which of the two was wrong.
    """
    (merchant_id,) = await sign_in_all(world, [SignIn(key, secret, dialect)])
    try:
        if isinstance(merchant_id, Refused):
            raise merchant_id
        return merchant_id
    finally:
        del merchant_id  # as in Batch: a refusal and its place would wait for the garbage collector


async def sign_in_all(world: World, asked: Sequence[SignIn]) -> list[UUID | Refused]:
    """As `sign_in`, many at a time: what arrives together is looked up together."""
    async with world.db.reading() as tx:
        found = await merchants.credentials(tx, [each.key for each in asked if "\x00" not in each.key])
    answers: list[UUID | Refused] = []
    for each in asked:
        kept, given = found.get(each.key), hash_of(each.secret)
        if kept is None or not hmac.compare_digest(kept[2], given) or each.dialect not in (None, kept[1]):
            answers.append(CredentialsWrong(why=_why(each)))
        else:
            answers.append(kept[0])
    return answers


class SignIns:
    """Signs merchants in for one process, as `sign_in` does; what arrives together is looked up together.

    Who has just signed in is not looked up again for a second: a program that sends many requests signs in with each. All is
    forgotten when a connection to the database is made or lost, since after a failover it may lack the key.
    """

    def __init__(self, world: World, *, size_max: int, lanes: int, seconds: float = SIGN_IN_SECONDS) -> None:
        self._world = world
        self._seconds = seconds
        self._look_up: Batch[SignIn, UUID] = Batch(partial(sign_in_all, world), size_max=size_max, lanes=lanes)
        self._known: dict[tuple[str, bytes, str | None], tuple[UUID, float]] = {}
        self._connections = 0

    async def __call__(self, asked: SignIn) -> UUID:
        name = asked.key, hash_of(asked.secret), asked.dialect
        if self._connections != self._world.db.connections_changed or len(self._known) >= SIGN_INS_REMEMBERED:
            self._known.clear()
            self._connections = self._world.db.connections_changed
        known = self._known.get(name)
        if known is not None and perf_counter() < known[1]:
            return known[0]
        before = self._connections
        merchant_id = await self._look_up(asked)
        if before == self._world.db.connections_changed:
            self._known[name] = merchant_id, perf_counter() + self._seconds
        return merchant_id


def _why(asked: SignIn) -> str:
    """What is wrong as far as it can be seen from what was sent alone: whether a key exists is nobody's to learn."""
    needs, form, other = NEEDS.get(asked.dialect or "", NEEDS[V2])
    if not asked.key or not asked.secret:
        return f"{needs} {'are both' if not asked.key and not asked.secret else 'are'} needed"
    if asked.dialect is not None and not form.fullmatch(asked.key):
        return other
    return "there is no such key with this secret"


def issue_token(world: World, merchant_id: UUID, client_id: str) -> str:
    """An access token for 900 seconds: a JWT (HS256) that names the client and the merchant."""
    expires_at = world.clock.now() + TOKEN_LIFETIME
    claims = {
        "iss": ISSUER,
        "sub": client_id,
        "exp": int(expires_at.timestamp()),
        "clientId": client_id,
        "merchantId": str(merchant_id),
    }
    return jwt.encode(claims, world.keyring.token_key, algorithm="HS256")


class Tokens:
    """Checks access tokens. One that was found good is remembered, since most requests bring one that was seen before."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[str, tuple[UUID, datetime]] = {}

    def merchant_of(self, token: str) -> UUID:
        """The merchant whom a token was given to. Raises CredentialsWrong for a forged or expired one."""
        seen = self._seen.get(token)
        if seen is None:
            seen = self._checked(token)
            if len(self._seen) >= TOKENS_REMEMBERED:
                self._seen.clear()
            self._seen[token] = seen
        merchant_id, expires_at = seen
        now = self._world.clock.now()
        if now >= expires_at:
            raise CredentialsWrong(
                why=f"the token expired at {expires_at:{FORM}}, and it is {now:{FORM}} here; {SIGN_IN}"
            )
        return merchant_id

    def _checked(self, token: str) -> tuple[UUID, datetime]:
        try:
            # Expiry is checked by Gerbang's own clock, which a sandbox may move; the library would ask the machine's.
            claims = jwt.decode(
                token,
                self._world.keyring.token_key,
                algorithms=["HS256"],
                issuer=ISSUER,
                options={"verify_exp": False, "require": ["exp", "iss", "merchantId"]},
            )
            return ids.uuid_of(str(claims["merchantId"])), datetime.fromtimestamp(float(claims["exp"]), UTC)
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as wrong:
            raise CredentialsWrong(why=f"the token is not one that this gateway gave out; {SIGN_IN}") from wrong
