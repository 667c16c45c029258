"""The calls that partners make to us: who calls, is it signed, and what does it ask for. The answers are in `replies`.

Checked in this order, and each failure is answered by its own code: address, method, headers, timestamp, token, signature, body,
fields. What can be refused before the signature shows nothing of us. (Reference, sections A1, A2, A4; order of one provider's checks.)
"""

import hashlib
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from gerbang.clock import wib
from gerbang.connections import Asked, Call, CallAnswer, CallRefused, Link
from gerbang.connections.snap import bodies, calls, codes, fields, replies, signatures, times, tokens
from gerbang.connections.snap.bodies import NotJson
from gerbang.connections.snap.calls import Read, SignedAs
from gerbang.connections.snap.codes import Case
from gerbang.connections.snap.fields import FieldWrong
from gerbang.connections.snap.settings import profile_of, public_keys, scheme_of, settings_of

SIGNATURE_LENGTH_MAX = 2_000
TOKEN_LENGTH_MAX = 2_048
REVERSED_BY = "PUT"
"""The verb by which one bank takes back with 34 what it has said; by POST the standard's 34 says that money came."""
EXTERNAL_ID_LENGTH_MAX = 64
"""Real ones are longer than the standard's 36, and have letters in them."""
_PRINTABLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
_UNREAD = {403: "Forbidden", 404: "Not Found", 413: "Request Too Large", 429: codes.TOO_MANY.text}
_GRANTS = ("client_credentials",)


def read(link: Link, call: Call) -> Asked | CallAnswer:
    """What a call asks for; the answer itself for a token request. Raises CallRefused."""
    now = link.clock.now()
    service = _service(call.address)
    if service is None or (service != codes.ACCESS and service not in profile_of(link.connection).receives):
        raise _refused("00", codes.NOT_SUPPORTED, now, why=f"there is no service at {call.address}")
    if call.method not in _methods(link, service):
        raise _refused(service, codes.NOT_SUPPORTED, now, why=f"{call.method} is not how this is called")
    timestamp = _timestamp(link, call, service, now)
    if service == codes.ACCESS:
        return _token(link, call, timestamp, now)
    _demand_partner(link, call, service, now)
    signed = _demand_signature(link, call, service, timestamp, now)
    meaning = profile_of(link.connection).receives[service]
    external_id = _external_id(link, call, service, now) if meaning == "question" else ""
    said: dict[str, Any] = {}
    try:
        said = bodies.read(call.body)
        if meaning == "reversal" and call.method != REVERSED_BY:
            why = f"{call.method} is not how money is taken back, and {service} says nothing else here"
            raise _refused(service, codes.NOT_SUPPORTED, now, why=why)
        return calls.asked(Read(link.connection, service, external_id, said, signed), now)
    except NotJson as wrong:
        refusal = _refused(service, codes.BAD_REQUEST, now, why=f"its body cannot be used: {wrong}")
    except FieldWrong as wrong:
        case = codes.FIELD_MISSING if wrong.missing else codes.WRONG_FORMAT
        answer = replies.of_wrong_field(link.connection, service, case, wrong.path, said, now)
        refusal = CallRefused(answer, f"{case.text} {wrong.path}")
    except CallRefused as refused:
        refusal = refused
    if meaning != "question":  # it has happened, and may never be said again
        refusal.lost = fields.names(said)
    raise refusal


def _external_id(link: Link, call: Call, service: str, now: datetime) -> str:
    """What the partner calls its question; what has happened needs no such name. Raises CallRefused."""
    given = call.headers.get("x-external-id", "").strip()
    if len(given) > EXTERNAL_ID_LENGTH_MAX or (given and not _PRINTABLE.fullmatch(given)):
        raise _refused(service, codes.WRONG_FORMAT, now, "X-EXTERNAL-ID", why="its X-EXTERNAL-ID is malformed")
    if not given and profile_of(link.connection).external_ids:
        raise _refused(service, codes.FIELD_MISSING, now, "X-EXTERNAL-ID", why="it has no X-EXTERNAL-ID")
    return given


def unread(link: Link, status: int, why: str) -> CallAnswer:
    """The answer to what is no call at all."""
    case = Case(status, "00", _UNREAD.get(status, codes.BAD_REQUEST.text))
    return replies.plain("00", case if status < 500 else codes.GENERAL_ERROR, link.clock.now())


@lru_cache(maxsize=256)
def _service(address: str) -> str | None:
    """Which service the address is of: its end counts, since every partner puts a prefix and a version of its own before it."""
    plain = "/" + "/".join(part for part in address.lower().removesuffix(".htm").split("/") if part)
    for service, path in codes.PATHS.items():
        if plain.endswith(f"/{path}"):
            return service
    return None


def _refused(
    service: str, case: Case, now: datetime, detail: str = "", *, why: str, alarm: bool = False
) -> CallRefused:
    return CallRefused(replies.plain(service, case, now, detail), why, alarm=alarm)


def _methods(link: Link, service: str) -> tuple[str, ...]:
    """The verbs of a service: always POST, but for the one bank that takes back by PUT what it has said."""
    # A POST is refused as well there, and only after its signature: what a bank means by it must not be overlooked.
    return ("POST", REVERSED_BY) if profile_of(link.connection).receives.get(service) == "reversal" else ("POST",)


# -- who calls --------------------------------------------------------------------------------------------------------


def _timestamp(link: Link, call: Call, service: str, now: datetime) -> str:
    """The timestamp as it was sent. One that is far off, in either direction, is refused: a call may not be kept and used later."""
    given = call.headers.get("x-timestamp", "")
    if not given:
        raise _refused(service, codes.FIELD_MISSING, now, "X-TIMESTAMP", why="it has no X-TIMESTAMP")
    at = times.read(given, zone_needed=True)
    if at is None:
        raise _refused(service, codes.WRONG_FORMAT, now, "X-TIMESTAMP", why="its X-TIMESTAMP is no time")
    skew = timedelta(seconds=settings_of(link.connection).clock_skew_seconds)
    if abs(at - now) > skew:
        seconds = int((at - now).total_seconds())
        why = f"its X-TIMESTAMP is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} this machine's clock"
        raise _refused(service, codes.UNAUTHORIZED, now, "[X-TIMESTAMP]", why=why, alarm=True)
    return given


def _token(link: Link, call: Call, timestamp: str, now: datetime) -> CallAnswer:
    """Answers a token request (service 73)."""
    inbound, client_id = link.connection.inbound, call.headers.get("x-client-key", "")
    if not client_id:
        raise _refused(codes.ACCESS, codes.FIELD_MISSING, now, "X-CLIENT-KEY", why="it has no X-CLIENT-KEY")
    if inbound is None or client_id != inbound.client_id:
        raise _refused(
            codes.ACCESS,
            codes.UNAUTHORIZED,
            now,
            "[Unknown client]",
            why="its client id is not the partner's",
            alarm=True,
        )
    texts = [signatures.token_string(client_id, timestamp)]
    if not signatures.is_signed_rsa(public_keys(link.connection), texts, _signature(call)):
        why = "a token request is not signed by a key of the partner's"
        raise _refused(codes.ACCESS, codes.UNAUTHORIZED, now, "[Signature]", why=why, alarm=True)
    grant = _grant(call)
    if grant is not None and grant.lower() not in _GRANTS:
        raise _refused(codes.ACCESS, codes.BAD_REQUEST, now, why="its grant type is not client_credentials")
    return replies.token(tokens.issue(link.token_key, link.connection, now), client_id, now)


def _grant(call: Call) -> str | None:
    """The grant type of a token request, in whichever way it is written; None where its body does not say."""
    try:
        said = bodies.read(call.body)
    except NotJson:
        return None  # some send a form, or nothing
    for name in ("grantType", "grant_type"):
        if isinstance(grant := said.get(name), str):
            return grant
    return None


def _signature(call: Call) -> str:
    signature = call.headers.get("x-signature", "")
    return signature if len(signature) <= SIGNATURE_LENGTH_MAX else ""


def _demand_partner(link: Link, call: Call, service: str, now: datetime) -> None:
    """Whether it calls itself by an id of the contract. Raises CallRefused."""
    inbound, partner_id = link.connection.inbound, call.headers.get("x-partner-id", "").strip()
    if inbound is not None and inbound.partner_ids and partner_id not in inbound.partner_ids:
        why = f"its X-PARTNER-ID is {'missing' if not partner_id else 'not one of the contract'}"
        raise _refused(service, codes.UNAUTHORIZED, now, "[Unknown client]", why=why)


def _demand_signature(link: Link, call: Call, service: str, timestamp: str, now: datetime) -> SignedAs:
    """What names the signed call, if the partner signed it, with a token where its scheme needs one. Raises CallRefused."""
    connection, profile, scheme = link.connection, profile_of(link.connection), scheme_of(link.connection)
    scheme_word, _, token = call.headers.get("authorization", "").strip().partition(" ")
    token = token.strip() if scheme_word.lower() == "bearer" and len(token) <= TOKEN_LENGTH_MAX else ""
    # Before the signature: whoever has no token of ours gets no work out of us.
    if scheme == "symmetric" and not tokens.is_good(link.token_key, connection, token, now):
        raise _refused(service, codes.WRONG_TOKEN, now, why="its token is none of ours, or has ended")
    forms = bodies.as_signed(call.body, reencoded=profile.reencoded, stripped=profile.blanks_unsigned)
    paths = dict.fromkeys(path if profile.query_is_signed else path.partition("?")[0] for path in call.signed_paths)
    texts = (
        signatures.call_string(call.method, path, hashed, timestamp, token if scheme == "symmetric" else None)
        for hashed in map(signatures.body_hash, forms)
        for path in paths
    )
    seen: list[bytes] = []  # the last one is the one that was signed
    tried = (seen.append(text) or text for text in texts)
    if scheme == "asymmetric":
        good = signatures.is_signed_rsa(public_keys(connection), tried, _signature(call))
    else:
        secret = connection.inbound.client_secret if connection.inbound else None
        good = secret is not None and signatures.is_signed_hmac(secret.value, tried, _signature(call))
    if not good:
        why = "its signature is missing" if not _signature(call) else "its signature is not the partner's"
        raise _refused(service, codes.UNAUTHORIZED, now, "[Signature]", why=why, alarm=True)
    at = times.read(timestamp, zone_needed=True)
    assert at is not None, "it was looked at before"
    return SignedAs(wib(at).date(), hashlib.sha256(seen[-1]).hexdigest())
