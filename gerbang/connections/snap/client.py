"""Our calls to a partner: signed, sent once, and read as little as the partner's words allow.

A call that is turned away for its token is repeated once with another one. What is not known stays so: nothing here sends anything a
second time for any other reason. (`shared/reference`: sections A2, A4, E, K.)
"""

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from gerbang import ids
from gerbang.clock import wib
from gerbang.connections import Link, NotSent, Silence
from gerbang.connections.snap import access, answers, bodies, paths, signatures, times
from gerbang.connections.snap.paths import Operation
from gerbang.connections.snap.settings import operation, private_key, profile_of, settings_of
from gerbang.domain.connections import Connection
from gerbang.http_answers import ANSWER_BYTES_MAX
from gerbang.network import Manner, NetworkFailed

MILLISECOND_DIGITS = 8
"""Of the day, in an external id."""
LARGE_BYTES = 256 * 1024
log = structlog.get_logger()


async def call(
    link: Link,
    service: str,
    body: dict[str, Any] | None,
    *,
    external_id: str = "",
    method: str | None = None,
    once: bool = False,
    bytes_max: int = ANSWER_BYTES_MAX,
    share: float = 1.0,
) -> dict[str, Any]:
    """The fields of a partner's answer to a call of one of its services, once it says that it is done.

    `external_id` names the call; a fresh one is made otherwise. `once`: over a connection of its own, for what must not be sent twice.
    `share`: how much of the connection's deadline it may take, where another call follows; more than all of it for a long list.
    Raises Refusal (a Declined), or a Silence: NotSent where the partner surely has it not, InProgress, TooMany.
    """
    place = operation(link.connection, service)
    if place is None or link.connection.base_url is None:
        raise NotSent(f"the connection {link.connection.name} has no service {service}")
    place = Operation(method or place.method, place.path)
    named = external_id or fresh_external_id(link, service)
    manner = Manner(fresh=once, rest_seconds=link.connection.deadline_seconds, bytes_max=bytes_max)
    raw = None if body is None else bodies.written(_with_info(link.connection, body))
    token = await access.token(link) if scheme(link.connection) == "symmetric" else None
    said = await _exchanged(link, service, place, raw, named, token, manner, share)
    if said.is_unauthorized and token is not None:
        try:
            token = await access.another(link, token)
        except NotSent:
            access.alarm(link, _turned_away(said))
            raise
        said = await _exchanged(link, service, place, raw, named, token, manner, share)
    if said.is_unauthorized:
        access.doubt(link, _turned_away(said))
        raise NotSent(_turned_away(said))
    return answers.outcome(said)


async def _exchanged(
    link: Link,
    service: str,
    place: Operation,
    raw: bytes | None,
    named: str,
    token: str | None,
    manner: Manner,
    share: float,
) -> answers.Said:
    """One call, and its answer as it was read. Raises Silence."""
    connection = link.connection
    url = f"{connection.base_url}{place.path}"
    headers = _headers(connection, service, place, raw, named, token, link.clock.now())
    try:
        answer = await link.network.call(
            place.method, url, raw, headers, timeout_seconds=connection.deadline_seconds * share, manner=manner
        )
    except NetworkFailed as failed:
        log.warning("a call to a partner failed", **_named(connection, service, named), why=failed.reason)
        raise (NotSent if failed.unsent else Silence)(failed.reason) from failed
    # A long statement takes seconds to read, in which nobody else would be answered.
    large = len(answer.body) > LARGE_BYTES
    said = await asyncio.to_thread(answers.read, answer) if large else answers.read(answer)
    log.info("a partner was called", **_named(connection, service, named), code=said.code, seconds=answer.seconds)
    return said


def _headers(
    connection: Connection,
    service: str,
    place: Operation,
    raw: bytes | None,
    named: str,
    token: str | None,
    now: datetime,
) -> dict[str, str]:
    settings, profile, timestamp = settings_of(connection), profile_of(connection), times.written(now)
    channel_id = settings.channel_ids.get(paths.group(service), connection.channel_id)
    path = urlsplit(connection.base_url or "").path + place.path
    hashed = signatures.body_hash(raw or b"") if raw or profile.empty_is_hashed else ""
    text = signatures.call_string(
        place.method, path if profile.query_is_signed else path.partition("?")[0], hashed, timestamp, token
    )
    encoding = settings.encoding or profile.encoding
    if scheme(connection) == "asymmetric":
        signature = signatures.sign_rsa(private_key(connection), text, encoding)
    else:
        secret = connection.client_secret.value if connection.client_secret else ""
        signature = signatures.sign_hmac(secret, text, encoding)
    found = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token}" if token is not None else None,
        "X-TIMESTAMP": timestamp,
        "X-SIGNATURE": signature,
        "X-PARTNER-ID": connection.partner_id or connection.client_id,
        "X-EXTERNAL-ID": named,
        "CHANNEL-ID": channel_id,
        "X-IP-ADDRESS": settings.ip_address,
        "X-DEVICE-ID": settings.device_id,
    }
    return {name: value for name, value in found.items() if value is not None}


def _with_info(connection: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """The body with the members of `additionalInfo` that the contract asks for; those that it has stay."""
    more = settings_of(connection).additional_info
    return {**body, "additionalInfo": {**more, **body.get("additionalInfo", {})}} if more else body


def scheme(connection: Connection) -> str:
    """How our calls are signed."""
    return settings_of(connection).outbound_scheme or profile_of(connection).outbound_scheme


def _turned_away(said: answers.Said) -> str:
    return f"it turned the call away ({said.code}){': ' + said.message if said.message else ''}"


def _named(connection: Connection, service: str, external_id: str) -> dict[str, str]:
    return {"connection": connection.name, "service": service, "external_id": external_id}


# -- external ids, which must be unique on one day --------------------------------------------------------------------


def external_id(connection: Connection, reference: UUID, service: str, tried_at: datetime | None = None) -> str:
    """The one of a call about something of ours: always the same, so that it can be asked for later.

    `tried_at`: of the try that began then. A bank may keep the name of a call that it has turned away, and answer 409 to another.
    """
    tried = b"" if tried_at is None else tried_at.astimezone(UTC).isoformat().encode()
    hashed = hashlib.sha256(reference.bytes + service.encode() + tried).digest()
    millisecond = (reference.int >> 80) % 86_400_000  # our ids are of version 7: they begin with their time
    if tried_at is not None:
        millisecond = _millisecond(tried_at)
    return _of_length(connection, service, millisecond, str(int.from_bytes(hashed, "big"))[-36:])


def fresh_external_id(link: Link, service: str) -> str:
    """One that no call of this process has had on this day, and hardly one of another process."""
    made = _of_length(link.connection, service, _millisecond(link.clock.now()), ids.digits(36))
    kept: dict[int, str] = link.kept.setdefault("external_ids", {})
    last = kept.get(len(made), "")
    # They grow, so that two of one millisecond differ however few digits there are.
    if last and last[:MILLISECOND_DIGITS] >= made[:MILLISECOND_DIGITS] and not _is_much_later(last, made):
        made = f"{int(last) + 1:0{len(last)}d}"
    kept[len(made)] = made
    return made


def _millisecond(at: datetime) -> int:
    """Of the day in Jakarta."""
    day = wib(at)
    return ((day.hour * 60 + day.minute) * 60 + day.second) * 1000 + day.microsecond // 1000


def _is_much_later(last: str, made: str) -> bool:
    """Whether it is from before midnight, or from before a clock was set back."""
    return int(last[:MILLISECOND_DIGITS]) - int(made[:MILLISECOND_DIGITS]) > 60_000


def _of_length(connection: Connection, service: str, millisecond: int, digits: str) -> str:
    profile = profile_of(connection)
    usual = profile.external_id_lengths.get(paths.group(service[:2]), profile.external_id_length)
    length = settings_of(connection).external_id_length or usual
    return f"{millisecond:0{MILLISECOND_DIGITS}d}{digits}"[:length]
