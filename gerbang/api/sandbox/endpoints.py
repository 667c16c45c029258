"""The endpoints of the sandbox API, except those of the bank and the ledger."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from gerbang.api import Context
from gerbang.api._bodies import Malformed, body_of, check_size, json_body
from gerbang.api._ids import id_of
from gerbang.api._instants import instant_of
from gerbang.api._structs import shaped
from gerbang.api.sandbox.auth import merchant_of
from gerbang.domain.calendars import WORKING_DAYS_MAX, Schedule, settles_at
from gerbang.errors import ClockBackwards, DeliveryUnknown, MerchantUnknown
from gerbang.services import deliveries as sending
from gerbang.services import merchants, sandbox
from gerbang.services.credentials import Tokens
from gerbang.services.deliveries import Listed
from gerbang.services.merchants import Callback
from gerbang.services.sandbox import Received

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
ADVANCE_SECONDS_MAX = 315_360_000
CLOCK_YEAR_MAX = 9000
"""The clock stays before this year, so that expiries and retries can still be computed without overflow."""
PIECE_BYTES = 100_000
"""After about so many bytes of an inbox, writing pauses to let other requests run."""
STATES = ("waiting", "delivered", "parked", "given_up")
TEXT = r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+\Z"


class Advance(Struct):
    seconds: Annotated[int, Meta(ge=0, le=ADVANCE_SECONDS_MAX)] | None = None
    to: Annotated[str, Meta(min_length=1)] | None = None
    workingDays: Annotated[int, Meta(ge=1, le=WORKING_DAYS_MAX)] | None = None


class SetCallback(Struct):
    url: str


class Endpoints:
    """What the endpoints of the sandbox API share."""

    def __init__(self, context: Context) -> None:
        self.world = context.world
        self.batches = context.batches
        self.advance = context.advance
        self.tokens = Tokens(context.world)

    async def merchant(self, request: Request) -> UUID:
        """The authenticated merchant. Raises NotInLiveMode or CredentialsWrong."""
        sandbox.sandbox_clock(self.world)
        return await merchant_of(self.world, self.tokens, request)


def answer(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")


def limit(request: Request) -> int:
    given = request.query_params.get("limit")
    if given is None:
        return LIMIT_DEFAULT
    if not (given.isascii() and given.isdigit() and len(given) < 5 and 1 <= int(given) <= LIMIT_MAX):
        raise Malformed("limit", f"must be a whole number from 1 to {LIMIT_MAX}")
    return int(given)


async def clock(endpoints: Endpoints, request: Request) -> Response:
    await endpoints.merchant(request)
    now = sandbox.sandbox_clock(endpoints.world)
    return answer({"now": now.now(), "offsetSeconds": now.offset.total_seconds()})


async def advance(endpoints: Endpoints, request: Request) -> Response:
    """Moves the clock forward. Everything that falls due on the way is done before the response."""
    await endpoints.merchant(request)
    given = shaped(await json_body(request), Advance)
    if [given.seconds, given.to, given.workingDays].count(None) != 2:
        raise Malformed("", "say either seconds, to or workingDays")
    now = endpoints.world.clock.now()
    if given.workingDays is not None:
        to = settles_at(Schedule(given.workingDays), now, endpoints.world.calendar)
    else:
        to = now + timedelta(seconds=given.seconds or 0) if given.to is None else instant_of(given.to, "to")
    if to < now:
        raise ClockBackwards("to", now=now)
    if to > now + timedelta(seconds=ADVANCE_SECONDS_MAX):
        raise Malformed("to", "is more than ten years away")
    if to.year >= CLOCK_YEAR_MAX:
        raise Malformed("", f"the clock ends with the year {CLOCK_YEAR_MAX - 1}")
    done = await endpoints.advance(to)
    return answer({"now": endpoints.world.clock.now(), "done": done})


async def inbox(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = await endpoints.merchant(request)
    if request.method == "DELETE":
        return answer({"deleted": await sandbox.empty_inbox(endpoints.world, merchant_id)})
    items = await sandbox.received(endpoints.world, merchant_id, limit(request))
    return Response(memoryview(await _written(items)), media_type="application/json")


async def _written(items: Sequence[Received]) -> bytearray:
    """An inbox as JSON, of up to 30 MB. It is written in pieces, and other requests run between them.

    It is sent as a whole: a streamed response would be cut off when the client closes its sending side.
    """
    body, turn = bytearray(b'{"items":['), PIECE_BYTES
    for place, item in enumerate(items):
        body += b"," * (place > 0) + inbox_item(item)
        if len(body) >= turn:
            turn = len(body) + PIECE_BYTES
            await asyncio.sleep(0)
    body += b"]}"
    return body


def inbox_item(item: Received) -> bytes:
    """A received request as JSON."""
    return msgspec.json.encode(
        {
            "id": str(item.id),
            "receivedAt": item.received_at,
            "path": item.path,
            "headers": msgspec.Raw(item.headers.encode()),
            "body": _json_or_none(item.body),
            "raw": item.body.decode("utf-8", "replace"),
        }
    )


def _json_or_none(body: bytes) -> msgspec.Raw | None:
    """The body unchanged if it is valid JSON within our size limits, otherwise None."""
    try:
        check_size(body)
        msgspec.json.decode(body)
    except (Malformed, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return msgspec.Raw(body)


async def receive(endpoints: Endpoints, request: Request) -> Response:
    """The built-in receiver of callbacks. It needs no credentials: the key in the path names the merchant."""
    sandbox.sandbox_clock(endpoints.world)
    merchant_id = id_of(request.path_params["key"])
    if merchant_id is None:
        raise MerchantUnknown
    body = await body_of(request)
    shown = dict(request.headers)
    if "authorization" in shown:
        scheme, space, _ = shown["authorization"].partition(" ")
        shown["authorization"] = f"{scheme} (not shown)" if space and scheme.isalpha() else "(not shown)"
    headers = msgspec.json.encode(shown).decode()
    await sandbox.receive(endpoints.world, merchant_id, request.url.path, headers, body)
    return Response(b"OK", media_type="text/plain")


async def deliveries(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = await endpoints.merchant(request)
    state = request.query_params.get("state")
    if state is not None and state not in STATES:
        raise Malformed("state", f"must be one of {', '.join(STATES)}")
    listed = await sending.newest(endpoints.world, merchant_id, state, limit(request))
    return answer({"items": [_delivery(item) for item in listed]})


def _delivery(item: Listed) -> dict[str, Any]:
    return {
        "id": str(item.id),
        "eventId": f"msg_{item.id.hex}",
        "event": item.kind,
        "sequence": item.sequence,
        "product": item.product,
        "url": item.url,
        "state": item.state,
        "createdAt": item.created_at,
        "nextAt": item.next_at,
        "tries": [
            {
                "number": attempt.number,
                "at": attempt.at,
                "status": attempt.status,
                "seconds": round(attempt.seconds, 3),
                "error": attempt.error or None,
                "answer": attempt.answer or None,
            }
            for attempt in item.tries
        ],
    }


async def resend(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = await endpoints.merchant(request)
    delivery_id = id_of(request.path_params["id"])
    if delivery_id is None:
        raise DeliveryUnknown
    await sending.send_again(endpoints.world, merchant_id, delivery_id)
    return answer(_delivery(await sending.one(endpoints.world, merchant_id, delivery_id)))


async def set_callback(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = await endpoints.merchant(request)
    given = shaped(await json_body(request), SetCallback)
    return answer(
        _callback(await merchants.set_callback(endpoints.world, merchant_id, request.path_params["product"], given.url))
    )


async def callbacks(endpoints: Endpoints, request: Request) -> Response:
    """The callback endpoints of the merchant, one per product."""
    found = await merchants.callbacks(endpoints.world, await endpoints.merchant(request))
    return answer({"items": [_callback(callback) for callback in found]})


def _callback(callback: Callback) -> dict[str, str | None]:
    return {
        "product": callback.product,
        "url": callback.url,
        "apiKey": callback.api_key,
        "signingSecret": callback.signing_secret,
    }


async def events(endpoints: Endpoints, request: Request) -> Response:
    merchant_id = await endpoints.merchant(request)
    newest = await sending.newest_events(endpoints.world, merchant_id, limit(request))
    items = [
        {
            "id": f"{merchant_id.hex}-{number}",
            "sequence": number,
            "event": event.kind,
            "paymentId": event.payment_id,
            "createdAt": event.at,
        }
        for number, event in newest
    ]
    return answer({"items": items})
