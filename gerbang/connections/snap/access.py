"""Our access token at a partner (service 73): one for all calls of a connection, fetched by one of them for all.

It is renewed a little before its end, and fetched anew after a call was turned away with it. A refused request for one is remembered
for some seconds, so that a hundred calls do not ask a hundred times. (`shared/reference`: sections A1, E, K18.)
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog

from gerbang.connections import TURNS_AWAY, Link, NotSent, Silence
from gerbang.connections.snap import answers, bodies, codes, signatures, times
from gerbang.connections.snap.answers import Refusal
from gerbang.connections.snap.settings import operation, private_key, profile_of, settings_of
from gerbang.network import Answer, Manner, NetworkFailed

LIFETIME = timedelta(seconds=900)
"""Where the partner does not say it."""
LIFETIME_MAX = timedelta(days=1)
RENEWED_BEFORE = timedelta(seconds=30)
"""Or the tenth part of its life, where that is less."""
REFUSED_FOR = timedelta(seconds=10)
"""After a refusal no token is asked for in this time, and after a silence in a fifth of it."""
DOUBTED_FOR = timedelta(seconds=30)
"""After a fresh token was turned away, a call that is turned away has no other one fetched in this time."""
ALARM_EVERY = timedelta(minutes=1)
BEFORE_SHARE = 0.4
"""Of a deadline: how long what must be known before a call may take."""
TOKEN_LENGTH_MAX = 8192
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
log = structlog.get_logger()


@dataclass
class Access:
    """What is kept of a connection between two calls."""

    token: str = ""
    renewed_at: datetime = LONG_AGO
    ends_at: datetime = LONG_AGO
    fetching: "asyncio.Task[str] | None" = None
    silent_until: datetime = LONG_AGO
    why: str = ""
    """Why there is no token, while `silent_until` has not come."""
    doubted_until: datetime = LONG_AGO
    alarm_at: datetime = LONG_AGO
    answered: Answer | None = None
    """The last answer to a token request, for its clock."""


def of(link: Link) -> Access:
    """What is kept of this connection."""
    return link.kept.setdefault("access", Access())


async def token(link: Link) -> str:
    """A token that is good for a while. Raises NotSent where there is none."""
    access, now = of(link), link.clock.now()
    if access.token and now < access.renewed_at:
        return access.token
    try:
        return await _fetched(link, access, now)
    except NotSent:
        if access.token and link.clock.now() < access.ends_at:
            return access.token
        raise


async def another(link: Link, refused: str) -> str:
    """A token after a call was turned away with this one. Raises NotSent, also where a fresh one was turned away a moment ago."""
    access, now = of(link), link.clock.now()
    if access.token and access.token != refused:
        return access.token
    if now < access.doubted_until:
        raise NotSent("it turned away a fresh token a moment ago")
    access.token = ""
    return await _fetched(link, access, now)


def doubt(link: Link, sentence: str) -> None:
    """Notes that a fresh token, or our signature, was turned away: a fault of our keys or our clock."""
    access, now = of(link), link.clock.now()
    access.doubted_until = now + DOUBTED_FOR
    alarm(link, sentence)


def alarm(link: Link, sentence: str) -> None:
    """Logs a fault of ours that stops all calls, once a minute."""
    access, now = of(link), link.clock.now()
    link.alarm(TURNS_AWAY)
    if now >= access.alarm_at:
        access.alarm_at = now + ALARM_EVERY
        log.error(
            "a partner turns our calls away: look at our keys and clock", connection=link.connection.name, why=sentence
        )


async def _fetched(link: Link, access: Access, now: datetime) -> str:
    """A new token, which everybody who needs one waits for together."""
    if access.fetching is None:
        if now < access.silent_until:
            raise NotSent(access.why)
        access.fetching = asyncio.create_task(_keep(link, access))
        access.fetching.add_done_callback(_looked_at)
    # One that gives up waiting takes the token from nobody else.
    return await asyncio.shield(access.fetching)


def _looked_at(fetching: "asyncio.Task[str]") -> None:
    """Those who waited may be gone by now, and what failed is known from `why`."""
    if not fetching.cancelled():
        fetching.exception()


async def _keep(link: Link, access: Access) -> str:
    try:
        fields = await fetch(link)
        found = _token(fields)
        now = link.clock.now()
        lifetime = _lifetime(fields.get("expiresIn", fields.get("expires_in")))
        access.token, access.ends_at = found, now + lifetime
        access.renewed_at = access.ends_at - min(RENEWED_BEFORE, lifetime / 10)
    except Refusal as refusal:
        access.why = f"it gives us no token: {refusal}"
        access.silent_until = link.clock.now() + REFUSED_FOR
        alarm(link, access.why)
        raise NotSent(access.why) from refusal
    except Silence as silence:
        access.why = f"it gave us no token: {silence}"
        access.silent_until = link.clock.now() + REFUSED_FOR / 5
        raise NotSent(access.why) from silence
    finally:
        access.fetching = None
    return found


async def fetch(link: Link) -> dict[str, Any]:
    """What the partner answers to a token request. Raises Refusal or Silence."""
    connection = link.connection
    place, settings, profile = operation(connection, codes.ACCESS), settings_of(connection), profile_of(connection)
    assert place is not None, "every table of services has the token"
    timestamp = times.written(link.clock.now())
    signed = signatures.token_string(connection.client_id or "", timestamp)
    headers = {
        "Content-Type": "application/json",
        "X-TIMESTAMP": timestamp,
        "X-CLIENT-KEY": connection.client_id or "",
        "X-SIGNATURE": signatures.sign_rsa(
            private_key(connection), signed, settings.token_encoding or profile.token_encoding
        ),
    }
    asked: dict[str, Any] = {"grantType": "client_credentials"}
    if settings.token_info:
        asked["additionalInfo"] = {name: secret.value for name, secret in settings.token_info.items()}
    try:
        answer = await link.network.call(
            place.method,
            f"{connection.base_url}{place.path}",
            bodies.written(asked),
            headers,
            # Before the deadline of the call that needs it, which then knows that it was not sent.
            timeout_seconds=connection.deadline_seconds * BEFORE_SHARE,
            manner=Manner(again=True, rest_seconds=connection.deadline_seconds),
        )
    except NetworkFailed as failed:
        raise Silence(failed.reason) from failed
    of(link).answered = answer
    said = answers.read(answer)
    if said.http == 200 and _said_token(said.fields):
        return said.fields  # whatever else it says, or does not
    if said.is_unauthorized or (400 <= said.http < 500 and said.coded is None and said.http not in answers.UNCLEAR):
        text = said.message or f"it answers with the status {said.http}"
        raise Refusal(text, said.coded or said.http, said.case, said.fields)
    return answers.outcome(said, code_needed=False)


def _said_token(fields: dict[str, Any]) -> Any:
    return fields.get("accessToken") or fields.get("access_token")


def _token(fields: dict[str, Any]) -> str:
    """The token of an answer, however else it looks. Raises Silence where there is none that could be sent."""
    found = _said_token(fields)
    good = isinstance(found, str) and found.isascii() and found.isprintable() and " " not in found
    if not good or not found or len(found) > TOKEN_LENGTH_MAX:
        raise Silence("its answer has no token that could be used")
    return found


def _lifetime(said: Any) -> timedelta:
    """How long a token is good, from a number or a text."""
    try:
        seconds = Decimal(0) if isinstance(said, bool) else min(Decimal(str(said).strip()), Decimal(10**6))
        return min(timedelta(seconds=int(seconds)), LIFETIME_MAX) if seconds >= 1 else LIFETIME
    except (ArithmeticError, ValueError):  # no number, or none that can be compared
        return LIFETIME
