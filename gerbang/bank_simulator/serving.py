"""The partner calls the bank: tokens, and services by their paths. Nothing is done before the call is proven to be the partner's.

The order of the checks: path, token, headers, timestamp, signature, JSON, external id, then the service's own fields.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from gerbang.bank_simulator import signing
from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.call import Call, Done, Refusal
from gerbang.bank_simulator.services import SERVICES
from gerbang.bank_simulator.sockets import Manner, Reply, Request
from gerbang.bank_simulator.transcript import Exchange
from gerbang.clock import wib

TOKEN_SECONDS = 900
SKEW_MINUTES = 10
USUAL_METHODS = {"28": "PUT", "29": "PUT", "31": "DELETE"}
SHOWN_HEADERS = frozenset({"authorization", "content-type", "channel-id"})
SHOWN_MAX = 20_000
"""The most characters of an answer that the transcript keeps: a statement may have millions."""
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
INSTEAD = ("dropped_before_acting", "unauthorized", "conflict", "too_many", "html_error")
AFTERWARDS = ("late_after_acting", "dropped_after_acting", "cut_answer", "slow_drip", "wrong_service_code")
OF_A_STATEMENT = ("statement_delayed", "statement_gap", "statement_extra")
MANNERS: dict[str, Manner] = {"dropped_after_acting": "dropped", "cut_answer": "cut", "slow_drip": "drip"}


async def answer(bank: Bank, request: Request) -> Reply:
    """Answers one call of the partner."""
    service, now = _service(bank, request), bank.clock.now()
    faults: frozenset[str] = frozenset()
    if service:
        more = ("revoked_token",) if service != "73" else ()
        more += OF_A_STATEMENT if service == "14" else ()
        faults = bank.chance.happens(*INSTEAD, *AFTERWARDS, *more, service=service)
    headers = {name: value for name, value in request.headers.items() if name[:2] == "x-" or name in SHOWN_HEADERS}
    exchange = bank.transcript.begin(
        now, "partner", service, request.method, request.target, headers, request.body, faults
    )
    if reply := _instead(service, faults):
        return _shown(exchange, reply)
    try:
        if not service:
            return _shown(exchange, _nothing(bank, request))
        reply = _token(bank, request, now) if service == "73" else _served(bank, request, service, now, faults)
    except Refusal as refused:
        reply = _reply(refused.status, f"{refused.status}{service}{refused.case}", str(refused), {})
    return _shown(exchange, _afterwards(bank, reply, service, faults))


def _service(bank: Bank, request: Request) -> str:
    """The service code of a path; "" where the bank has nothing."""
    for service, path in bank.profile.here.items():
        if path == request.path:
            return service
    return bank.profile.also.get(request.path, "")


def _nothing(bank: Bank, request: Request) -> Reply:
    """A path that the bank does not have: the answer says where the service is, if it is anywhere."""
    end = request.path.rsplit("/", 1)[-1]
    near = [path for path in bank.profile.here.values() if path.rsplit("/", 1)[-1].removesuffix(".htm") == end]
    hint = f"; it is at {' or '.join(near)}" if near else ""
    return _reply(404, "4040000", f"{bank.profile.title} has no {request.path}{hint}", {})


# What is proven before anything is done


def _token(bank: Bank, request: Request, now: datetime) -> Reply:
    """Service 73. Raises Refusal."""
    ids, headers = bank.wiring.ids, request.headers
    for name in ("X-CLIENT-KEY", "X-TIMESTAMP", "X-SIGNATURE"):
        if not headers.get(name.lower()):
            raise Refusal(400, "02", name)
    stamp = headers["x-timestamp"]
    _check_stamp(stamp, now)
    if headers["x-client-key"] != ids.client_id:
        raise Refusal(401, "00", "[Unknown client]")
    text = signing.token_text(ids.client_id, stamp)
    if not signing.key_fits(signing.read_public(bank.wiring.partner_key), text, headers["x-signature"]):
        raise Refusal(401, "00", "[Signature]")
    if _document(request).get("grantType") != "client_credentials":
        raise Refusal(400, "00", "[grantType]")
    token = bank.chance.letters("token", 48)
    bank.tokens[token] = now + timedelta(seconds=TOKEN_SECONDS)
    members = {"accessToken": token, "tokenType": bank.profile.bearer, "expiresIn": str(TOKEN_SECONDS)}
    code = bank.profile.code_of_73
    if code is None:
        return Reply(200, msgspec.json.encode(members))
    return _reply(200, code, "Successful", members, {"X-CLIENT-KEY": ids.client_id})


def _served(bank: Bank, request: Request, service: str, now: datetime, faults: frozenset[str]) -> Reply:
    """Any other service. Raises Refusal."""
    if request.method != bank.profile.methods.get(service, USUAL_METHODS.get(service, "POST")):
        raise Refusal(405, "00", f"[{request.method}]")
    if "revoked_token" in faults:
        bank.tokens.clear()
    _check_headers(bank, request, now)
    document = _document(request)
    external_id = request.headers["x-external-id"]
    if not bank.ledger.first_use(wib(now).date().isoformat(), service, external_id):
        raise Refusal(409, "00")
    done: Done = SERVICES[service](bank, Call(service, document, external_id, now, faults))
    return _reply(done.status, f"{done.status}{service}{done.case}", done.message, done.members)


def _check_headers(bank: Bank, request: Request, now: datetime) -> None:
    """Token, headers, timestamp and signature. Raises Refusal."""
    headers, profile, ids = request.headers, bank.profile, bank.wiring.ids
    token = None
    if profile.signed_by == "secret":
        token = headers.get("authorization", "").removeprefix("Bearer ")
        until = bank.tokens.get(token)
        if until is None or until <= now:
            raise Refusal(401, "01")
    for name in ("X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID"):
        if not headers.get(name.lower()):
            raise Refusal(400, "02", name)
    stamp, external_id = headers["x-timestamp"], headers["x-external-id"]
    _check_stamp(stamp, now)
    if profile.bodies == "bca" and len(stamp) != 25:
        raise Refusal(400, "01", "X-TIMESTAMP")
    if len(external_id) > 36 or (profile.bodies == "bca" and not external_id.isdecimal()):
        raise Refusal(400, "01", "X-EXTERNAL-ID")
    if headers["x-partner-id"] not in {ids.partner_id, *profile.company_codes}:
        raise Refusal(401, "00", "[Unknown partner]")
    path = request.target if profile.signs_query else request.path
    text = signing.call_text(request.method, path, request.body, stamp, token)
    signature = headers["x-signature"]
    if token is None:
        fits = signing.key_fits(signing.read_public(bank.wiring.partner_key), text, signature)
    else:
        fits = signing.secret_fits(ids.client_secret, text, signature, profile.letters)
    if not fits:
        raise Refusal(401, "00", "[Signature]")


def _check_stamp(stamp: str, now: datetime) -> None:
    instant = signing.read_stamp(stamp)
    if instant is None:
        raise Refusal(400, "01", "X-TIMESTAMP")
    if not signing.is_near(instant, now, SKEW_MINUTES):
        raise Refusal(401, "00", "[X-TIMESTAMP]")


def _document(request: Request) -> dict[str, Any]:
    try:
        return msgspec.json.decode(request.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, "00") from None


# Answers, and what faults make of them


def _reply(
    status: int, code: str, message: str, members: dict[str, Any], headers: dict[str, str] | None = None
) -> Reply:
    body = {"responseCode": code, "responseMessage": message[:150], **members}
    return Reply(status, msgspec.json.encode(body), headers=headers or {})


def _instead(service: str, faults: frozenset[str]) -> Reply | None:
    """What is answered without anything being done; None if no such fault happens."""
    if "dropped_before_acting" in faults:
        return Reply(500, b"", manner="dropped")
    if "html_error" in faults:
        return Reply(502, HTML, "text/html")
    for name, refusal in (
        ("unauthorized", Refusal(401, "00", "[Signature]")),
        ("conflict", Refusal(409, "00")),
        ("too_many", Refusal(429, "00")),
    ):
        if name in faults:
            return _reply(refusal.status, f"{refusal.status}{service}{refusal.case}", str(refusal), {})
    return None


def _afterwards(bank: Bank, reply: Reply, service: str, faults: frozenset[str]) -> Reply:
    """What becomes of an answer after what was asked for was done."""
    body = reply.body
    if "wrong_service_code" in faults:
        body = body.replace(f"{reply.status}{service}".encode(), f"{reply.status}00".encode(), 1)
    manner = next((MANNERS[name] for name in sorted(faults & MANNERS.keys())), "whole")
    late = bank.chance.late_seconds if "late_after_acting" in faults else 0.0
    return msgspec.structs.replace(reply, body=body, manner=manner, after_seconds=late)


def _shown(exchange: Exchange, reply: Reply) -> Reply:
    """Puts an answer into the transcript."""
    text = reply.body.decode("utf-8", "replace")
    exchange.answer = text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}… ({len(text):,} characters)"
    exchange.status = reply.status
    if reply.manner != "whole" or reply.after_seconds:
        exchange.failure = "late" if reply.after_seconds else reply.manner
    if reply.manner == "dropped":
        exchange.status = None
    return reply
