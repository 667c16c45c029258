"""Sending callbacks: claim what is due, send it holding no lock, record the result."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
import structlog

from gerbang.clock import SystemClock
from gerbang.db import Tx, events, payments
from gerbang.db import deliveries as kept
from gerbang.db.deliveries import Due, Listed, Named, Overview, Places, Recorded, Wanted
from gerbang.domain.deliveries import LEASE, ON_ITS_WAY_MAX, TIME_OUT_SECONDS, Endpoint, State, Try, after
from gerbang.domain.events import SAYS_UNPAID, Event
from gerbang.errors import DeliveryUnknown, Refused
from gerbang.ids import OwnedId
from gerbang.network import NetworkFailed
from gerbang.world import World

__all__ = [
    "Due",
    "Left",
    "Listed",
    "Overview",
    "Places",
    "Result",
    "Wanted",
    "claim",
    "newest",
    "newest_events",
    "one",
    "overview",
    "record_all",
    "send",
    "send_again",
    "send_all_again",
    "send_named_again",
]

log = structlog.get_logger()
ANSWER_LENGTH_MAX = 500
SEND_AGAIN_MAX = 500
CLOCK_HEADER = "X-Gerbang-Clock"
NO_WORDS = "not sent: the callback could not be put into words"
OVERTAKEN = "not sent: the payment has been paid since, and this would say that it is not"
NOT_ITS_EVENT = "not sent: this event does not belong to this product"


Left = Literal["delivered", "due", "being sent", "not chosen"]
"""Why a delivery that was named is left as it is."""


class Result(msgspec.Struct, frozen=True):
    """How one sending of a delivery went."""

    due: Due
    attempt: Try


async def claim(world: World, most: int, places: Places | None = None) -> list[Due]:
    """Takes up to `most` deliveries that are due, with their bodies. They are ours for a minute, then due again.

    `places` says how many of them may be for one endpoint, and whose turn it is; nothing said, all may be for one.
    An event that the format cannot write is parked, where everybody can see it, and does not hold up the others. One
    that is no longer true is given up.
    """
    async with world.db.transaction() as tx:
        now = world.clock.now()
        claimed = await kept.claim(tx, now, now + LEASE, most, places or Places(most), SystemClock().now())
        bodies: dict[OwnedId, bytes] = {}
        untold: list[Recorded] = []
        for due, wrong in zip(claimed, await _untrue(world, tx, claimed), strict=True):
            if wrong:
                untold.append((due.owned_id, Try(due.tries + 1, now, None, 0.0, wrong), "given_up", None))
            elif due.body is None:
                try:
                    bodies[due.owned_id] = world.products[due.product].body(due.event, due.sequence)
                except Exception:
                    log.exception("a callback could not be put into words", delivery=str(due.id))
                    untold.append((due.owned_id, Try(due.tries + 1, now, None, 0.0, NO_WORDS), "parked", None))
        await kept.store_bodies(tx, bodies)
        await kept.record(tx, untold)
    left_out = {key for key, *_ in untold}
    return [
        msgspec.structs.replace(due, body=bodies.get(due.owned_id, due.body))
        for due in claimed
        if due.owned_id not in left_out
    ]


async def _untrue(world: World, tx: Tx, claimed: Sequence[Due]) -> list[str]:
    """Why each of these must not be sent any more; "" where it may be."""
    older = [
        (due.merchant_id, due.event.payment_id)
        for due in claimed
        if due.event.kind in SAYS_UNPAID and due.event.payment_id
    ]
    known = await payments.by_id(tx, older)
    paid = {id_ for id_, payment in known.items() if payment.state == "paid"}
    wrong: list[str] = []
    for due in claimed:
        callback_format = world.products.get(due.product)
        if callback_format is not None and due.event.kind not in callback_format.product.kinds:
            wrong.append(NOT_ITS_EVENT)
        else:
            wrong.append(OVERTAKEN if due.event.kind in SAYS_UNPAID and due.event.payment_id in paid else "")
    return wrong


async def send(world: World, due: Due) -> Result:
    """Sends one delivery. Silence and refusal are results, not errors."""
    assert due.body is not None, "a claimed delivery has its body"
    now = world.clock.now()
    endpoint = Endpoint(
        id=due.endpoint_id,
        merchant_id=due.merchant_id,
        product=due.product,
        url=due.url,
        kinds=frozenset(),
        api_key=world.keyring.unseal(due.api_key),
        signing_secret=world.keyring.unseal(due.signing_secret),
    )
    # Receivers hold the timestamp against their own clocks, which do not move with the sandbox's.
    headers = world.products[due.product].headers(endpoint, due.id, due.sequence, due.body, SystemClock().now())
    if not world.live:
        headers[CLOCK_HEADER] = now.isoformat().replace("+00:00", "Z")
    if due.credentials is not None:
        headers["Authorization"] = f"Basic {b64encode(world.keyring.unseal(due.credentials).encode()).decode()}"
    status, seconds, error, answer = None, 0.0, "", ""
    try:
        response = await world.network.post(due.url, due.body, headers, timeout_seconds=TIME_OUT_SECONDS, again=True)
        status, seconds, answer = response.status, response.seconds, _readable(response.body)
    except NetworkFailed as failed:
        error, seconds = str(failed), failed.seconds
    return Result(due, Try(due.tries + 1, now, status, seconds, error, answer))


def _readable(body: bytes) -> str:
    return body[: 2 * ANSWER_LENGTH_MAX].decode("utf-8", "replace").replace("\x00", "�")[:ANSWER_LENGTH_MAX]


async def record_all(world: World, results: Sequence[Result]) -> list[State | Refused]:
    """Records how sendings went: delivered, due again by the retry schedule, or parked where everybody can see it."""
    written: list[Recorded] = []
    for result in results:
        product = world.products[result.due.product].product
        state, next_at = after(result.attempt, product, result.due.retries_from)
        written.append((result.due.owned_id, result.attempt, state, next_at))
    async with world.db.transaction() as tx:
        await kept.record(tx, written)
    return [state for _, _, state, _ in written]


async def send_again(world: World, merchant_id: UUID, delivery_id: UUID) -> None:
    """Makes a delivery due now, whatever became of it before. Raises DeliveryUnknown."""
    async with world.db.transaction() as tx:
        if not await kept.send_again(tx, merchant_id, delivery_id, world.clock.now()):
            raise DeliveryUnknown


async def send_all_again(world: World, wanted: Wanted, *, batch: int = SEND_AGAIN_MAX) -> int:
    """Makes parked and given-up deliveries due now, a batch in each transaction; gives how many.

    It ends with those that were there when it began, and may be repeated: what is due already is not made due twice.
    """
    now = world.clock.now()
    end = now + timedelta(microseconds=1)
    wanted = msgspec.structs.replace(wanted, until=min(wanted.until or end, end))
    behind, done = (UUID(int=0), 0, UUID(int=0)), 0
    while True:
        async with world.db.transaction() as tx:
            made_due = await kept.send_all_again(tx, wanted, now, behind, batch)
        if not made_due:
            return done
        behind, done = max(made_due), done + len(made_due)


async def send_named_again(world: World, wanted: Wanted) -> dict[UUID, Left | None]:
    """Makes the deliveries that are named due now: also one that waits for its next try. Says which were left, and why.

    Raises DeliveryUnknown, with the fact `ids`, having changed nothing.
    """
    async with world.db.transaction() as tx:
        found = await kept.named(tx, wanted)
        if unknown := {*(wanted.ids or ())} - {each.id for each in found}:
            raise DeliveryUnknown(ids=", ".join(map(str, sorted(unknown))))
        now, sent_since = world.clock.now(), SystemClock().now() - ON_ITS_WAY_MAX
        left: dict[UUID, Left | None] = {each.id: _why_left(each, now, sent_since) for each in found}
        await kept.make_due(tx, [(each.merchant_id, each.id) for each in found if left[each.id] is None], now)
    return left


def _why_left(named: Named, now: datetime, sent_since: datetime) -> Left | None:
    if named.state == "delivered":
        return "delivered"
    if not named.wanted:
        return "not chosen"
    if named.state == "waiting" and named.in_hand_since is not None and named.in_hand_since > sent_since:
        return "being sent"
    return "due" if named.next_at is not None and named.next_at <= now else None


async def overview(world: World, wanted: Wanted, most: int) -> list[Overview]:
    """Deliveries of any merchants in a line each, newest first."""
    async with world.db.reading() as tx:
        return await kept.overview(tx, wanted, most)


async def newest(world: World, merchant_id: UUID, state: str | None, most: int) -> list[Listed]:
    """A merchant's deliveries with their tries, newest first."""
    async with world.db.reading() as tx:
        return await kept.newest(tx, merchant_id, state, most)


async def one(world: World, merchant_id: UUID, delivery_id: UUID) -> Listed:
    """One of a merchant's deliveries. Raises DeliveryUnknown."""
    async with world.db.reading() as tx:
        found = await kept.one(tx, merchant_id, delivery_id)
    if found is None:
        raise DeliveryUnknown
    return found


async def newest_events(world: World, merchant_id: UUID, most: int) -> list[tuple[int, Event]]:
    """A merchant's latest events with their numbers, newest first."""
    async with world.db.reading() as tx:
        return await events.newest(tx, merchant_id, most)
