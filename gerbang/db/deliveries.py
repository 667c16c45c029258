"""Deliveries: which endpoint must still receive which event, when, and the result of each try."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import get_args
from uuid import UUID

import asyncpg
import msgspec

from gerbang.db import Tx
from gerbang.db._rows import arrays
from gerbang.db.events import event_of
from gerbang.domain.deliveries import State, Try
from gerbang.domain.events import Event
from gerbang.ids import OwnedId

Recorded = tuple[OwnedId, Try, State, datetime | None]
"""A delivery, how a try of it went, what that makes of it, and when it is due again."""
WALK = """
        WITH RECURSIVE walk AS (
            (SELECT endpoint_id, next_at FROM deliveries WHERE state = 'waiting' ORDER BY endpoint_id, next_at LIMIT 1)
            UNION ALL
            SELECT further.endpoint_id, further.next_at
            FROM walk
            CROSS JOIN LATERAL (SELECT endpoint_id, next_at FROM deliveries
                                WHERE state = 'waiting' AND endpoint_id > walk.endpoint_id
                                ORDER BY endpoint_id, next_at LIMIT 1) further
        )
"""
"""The endpoints that wait for something, each with its nearest instant. It costs one look into the index (endpoint_id,
next_at) for each of them, however much they wait for."""

SHOWN = "d.id, d.sequence, e.kind, n.product, n.url, d.state, d.created_at, d.next_at"
BESIDE = """
        CROSS JOIN LATERAL (SELECT kind FROM events
                            WHERE merchant_id = d.merchant_id AND sequence = d.sequence LIMIT 1) e
        CROSS JOIN LATERAL (SELECT product, url FROM endpoints
                            WHERE merchant_id = d.merchant_id AND id = d.endpoint_id LIMIT 1) n
"""
"""What is shown of a delivery stands beside it too."""


class Due(msgspec.Struct, frozen=True):
    """A delivery that was claimed: what to send, and to which endpoint. Secrets are still sealed."""

    id: UUID
    merchant_id: UUID
    sequence: int
    tries: int
    retries_from: int
    body: bytes | None
    event: Event
    endpoint_id: UUID
    product: str
    url: str
    api_key: bytes
    signing_secret: bytes
    credentials: bytes | None

    @property
    def owned_id(self) -> OwnedId:
        return self.merchant_id, self.id


class Places(msgspec.Struct, frozen=True):
    """How many deliveries one claim may take for each endpoint, and whose turn it is."""

    each: int
    """For an endpoint of which `left` does not speak."""
    left: Mapping[UUID, int] = {}
    after: UUID = UUID(int=0)
    """Turns go by id, from the first one after this, and round."""


class Listed(msgspec.Struct, frozen=True):
    """A delivery as it is shown: with its event, its endpoint and all its tries."""

    id: UUID
    sequence: int
    kind: str
    product: str
    url: str
    state: State
    created_at: datetime
    next_at: datetime | None
    tries: list[Try]


class Wanted(msgspec.Struct, frozen=True):
    """Which deliveries an operator means. What is None makes no difference."""

    states: Sequence[State]
    merchant_id: UUID | None = None
    product: str | None = None
    since: datetime | None = None
    """Created then or later."""
    until: datetime | None = None
    """Created before."""
    ids: Sequence[UUID] | None = None

    def arguments(self) -> tuple[object, ...]:
        """The parameters of WANTED."""
        return self.states, self.merchant_id, self.product, self.since, self.until, self.ids


WANTED = """
        d.state = ANY($1::text[]) AND ($2::uuid IS NULL OR d.merchant_id = $2)
        AND ($3::text IS NULL OR $3 = (SELECT product FROM endpoints
                                    WHERE merchant_id = d.merchant_id AND id = d.endpoint_id))
        AND ($4::timestamptz IS NULL OR d.created_at >= $4) AND ($5::timestamptz IS NULL OR d.created_at < $5)
        AND ($6::uuid[] IS NULL OR d.id = ANY($6))
"""
UNDELIVERED = "d.state IN ('parked', 'given_up')"
"""In so many words, so that every plan finds the index that has these alone."""
NEWEST_FIRST = "ORDER BY d.created_at DESC, d.sequence DESC, d.id DESC"
IN_A_LINE = """
        SELECT d.id, d.merchant_id, d.sequence, e.kind AS event, n.product, n.url, d.state, d.created_at, d.next_at, d.tries,
               latest.at AS tried_at, latest.status, latest.error
"""
AND_BESIDE = f"""
        {BESIDE}
        LEFT JOIN LATERAL (SELECT at, status, error FROM tries t
                           WHERE t.merchant_id = d.merchant_id AND t.delivery_id = d.id ORDER BY number DESC LIMIT 1) latest ON true
"""


class Named(msgspec.Struct, frozen=True):
    """A delivery that an operator has named."""

    merchant_id: UUID
    id: UUID
    state: State
    next_at: datetime | None
    in_hand_since: datetime | None
    """By the machine's clock; of one that waits, and was taken to be sent."""
    wanted: bool
    """Whether all else that was said is true of it."""


class Overview(msgspec.Struct, frozen=True, rename="camel"):
    """A delivery in one line, with its latest try."""

    id: UUID
    merchant_id: UUID
    sequence: int
    event: str
    product: str
    url: str
    state: State
    created_at: datetime
    next_at: datetime | None
    tries: int
    tried_at: datetime | None
    status: int | None
    error: str | None


def _due_of(row: asyncpg.Record) -> Due:
    return Due(
        id=row["id"],
        merchant_id=row["merchant_id"],
        sequence=row["sequence"],
        tries=row["tries"],
        retries_from=row["retries_from"],
        body=row["body"],
        event=event_of(row),
        endpoint_id=row["endpoint_id"],
        product=row["product"],
        url=row["url"],
        api_key=row["api_key"],
        signing_secret=row["signing_secret"],
        credentials=row["credentials"],
    )


async def claim(
    tx: Tx, now: datetime, again_at: datetime, most: int, places: Places, machine_now: datetime
) -> list[Due]:
    """Takes deliveries that are due and makes them due again at `again_at`, in case nobody comes back with a result.

    Endpoints come in turn, and what may be taken is shared out evenly among those that have something due and a place:
    one each where they are many. Of one endpoint its oldest are taken. They are given by merchant and event number.
    """
    rows = await tx.fetch(
        f"""
        {WALK},
        turns AS (
            SELECT endpoint_id, least(coalesce(l.places, $4), greatest($3 / count(*) OVER (), 1)) AS most
            FROM walk
            LEFT JOIN unnest($5::uuid[], $6::integer[]) AS l(endpoint_id, places) USING (endpoint_id)
            WHERE next_at <= $1 AND coalesce(l.places, $4) > 0
            ORDER BY endpoint_id <= $7, endpoint_id LIMIT $3
        ),
        claimed AS (
            UPDATE deliveries d SET next_at = $2, in_hand_since = $8
            -- An array, so that they are found by their places, whatever the planner believes of their number.
            WHERE ctid = ANY(ARRAY(
                SELECT due.place
                FROM turns
                CROSS JOIN LATERAL (SELECT ctid AS place FROM deliveries
                                    WHERE state = 'waiting' AND endpoint_id = turns.endpoint_id AND next_at <= $1
                                    ORDER BY next_at LIMIT turns.most FOR UPDATE SKIP LOCKED) due
            ))
            RETURNING d.id, d.merchant_id, d.sequence, d.tries, d.retries_from, d.body, d.endpoint_id
        )
        SELECT c.*, e.kind, e.at, e.payment_id, e.charge_id, e.snapshot,
               n.product, n.url, n.api_key, n.signing_secret, n.credentials
        FROM claimed c
        CROSS JOIN LATERAL (SELECT * FROM events
                            WHERE merchant_id = c.merchant_id AND sequence = c.sequence LIMIT 1) e
        CROSS JOIN LATERAL (SELECT * FROM endpoints
                            WHERE merchant_id = c.merchant_id AND id = c.endpoint_id LIMIT 1) n
        ORDER BY c.merchant_id, c.sequence
        """,
        now,
        again_at,
        most,
        places.each,
        list(places.left),
        list(places.left.values()),
        places.after,
        machine_now,
    )
    return [_due_of(row) for row in rows]


async def store_bodies(tx: Tx, bodies: Mapping[OwnedId, bytes]) -> None:
    """Keeps the bytes of bodies before they are first sent: every later try sends the same."""
    if bodies:
        await tx.execute(
            """
            UPDATE deliveries d SET body = n.body
            FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS n(merchant_id, id, body)
            WHERE d.merchant_id = n.merchant_id AND d.id = n.id AND d.body IS NULL
            """,
            *arrays((*key, body) for key, body in bodies.items()),
        )


async def record(tx: Tx, results: Sequence[Recorded]) -> None:
    """Writes how tries went, and what that makes of their deliveries."""
    if not results:
        return
    await tx.execute(
        """
        INSERT INTO tries (merchant_id, delivery_id, number, at, status, seconds, error, answer)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::timestamptz[], $5::integer[], $6::real[],
                             $7::text[], $8::text[])
        ON CONFLICT DO NOTHING
        """,
        *arrays((*key, t.number, t.at, t.status, t.seconds, t.error, t.answer) for key, t, _, _ in results),
    )
    # A try that took longer than its lease must not overwrite what a later one has found out.
    await tx.execute(
        """
        UPDATE deliveries d SET state = n.state, next_at = n.next_at, tries = n.tries, in_hand_since = NULL
        FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::timestamptz[])
             AS n(merchant_id, id, tries, state, next_at)
        WHERE d.merchant_id = n.merchant_id AND d.id = n.id AND d.tries < n.tries AND d.next_at IS NOT NULL
        """,
        *arrays((*key, t.number, state, next_at) for key, t, state, next_at in results),
    )


async def next_due_at(tx: Tx, after: datetime, taken_since: datetime) -> datetime | None:
    """The nearest instant after this one at which a delivery is due that nobody has taken since."""
    return await tx.fetchval(
        f"""
        {WALK}
        SELECT min(later.next_at)
        FROM walk
        CROSS JOIN LATERAL (SELECT next_at FROM deliveries
                            WHERE state = 'waiting' AND endpoint_id = walk.endpoint_id AND next_at > $1
                              AND (in_hand_since IS NULL OR in_hand_since <= $2)
                            ORDER BY next_at LIMIT 1) later
        """,
        after,
        taken_since,
    )


async def in_hand(tx: Tx, taken_since: datetime, taken_until: datetime, due_until: datetime) -> bool:
    """Whether a process has a delivery in hand that it took between these instants of the machine's clock.

    `due_until` is when what is taken now would be due again: nothing that is in hand is due later.
    """
    return await tx.fetchval(
        f"""
        {WALK}
        SELECT EXISTS (
            SELECT FROM walk
            CROSS JOIN LATERAL (SELECT FROM deliveries
                                WHERE state = 'waiting' AND endpoint_id = walk.endpoint_id AND next_at <= $3
                                  AND in_hand_since > $1 AND in_hand_since <= $2 LIMIT 1) taken)
        """,
        taken_since,
        taken_until,
        due_until,
    )


async def send_again(tx: Tx, merchant_id: UUID, delivery_id: UUID, now: datetime) -> bool:
    """Makes a delivery due now, at the start of its retry schedule. False if the merchant has no such delivery."""
    done = await tx.execute(
        """
        UPDATE deliveries SET state = 'waiting', next_at = $3, retries_from = tries WHERE merchant_id = $1 AND id = $2
        """,
        merchant_id,
        delivery_id,
        now,
    )
    return done == "UPDATE 1"


async def send_all_again(
    tx: Tx, wanted: Wanted, now: datetime, behind: tuple[UUID, int, UUID], most: int
) -> list[tuple[UUID, int, UUID]]:
    """Makes parked and given-up deliveries due now, at the start of their retry schedule; gives (merchant, event number, id) of each.

    They are taken in that order, from the first one behind `behind`. One that somebody else has made due is left alone.
    """
    rows = await tx.fetch(
        f"""
        WITH chosen AS (
            SELECT d.merchant_id, d.id FROM deliveries d
            WHERE {UNDELIVERED} AND {WANTED} AND (d.merchant_id, d.sequence, d.id) > ($8, $9, $10)
            ORDER BY d.merchant_id, d.sequence, d.id LIMIT $11 FOR UPDATE
        )
        UPDATE deliveries d SET state = 'waiting', next_at = $7, retries_from = d.tries
        FROM chosen WHERE d.merchant_id = chosen.merchant_id AND d.id = chosen.id
        RETURNING d.merchant_id, d.sequence, d.id
        """,
        *wanted.arguments(),
        now,
        *behind,
        most,
    )
    return [(row["merchant_id"], row["sequence"], row["id"]) for row in rows]


async def named(tx: Tx, wanted: Wanted) -> list[Named]:
    """The deliveries that are named, locked until the transaction ends."""
    rows = await tx.fetch(
        f"""
        SELECT d.merchant_id, d.id, d.state, d.next_at, d.in_hand_since, ({WANTED}) AS wanted
        FROM (SELECT m.id AS merchant_id, named.id FROM merchants m, unnest($6::uuid[]) AS named(id) ORDER BY 1, 2) asked
        CROSS JOIN LATERAL (SELECT * FROM deliveries
                            WHERE merchant_id = asked.merchant_id AND id = asked.id LIMIT 1 FOR UPDATE) d
        """,
        *wanted.arguments(),
    )
    return [Named(**row) for row in rows]


async def make_due(tx: Tx, chosen: Sequence[OwnedId], now: datetime) -> None:
    """Makes deliveries due now, at the start of their retry schedule."""
    if chosen:
        await tx.execute(
            """
            UPDATE deliveries d SET state = 'waiting', next_at = $3, retries_from = d.tries
            FROM unnest($1::uuid[], $2::uuid[]) AS n(merchant_id, id) WHERE d.merchant_id = n.merchant_id AND d.id = n.id
            """,
            *arrays(chosen),
            now,
        )


async def overview(tx: Tx, wanted: Wanted, most: int) -> list[Overview]:
    """Deliveries in a line each, newest first."""
    if set(wanted.states) <= {"parked", "given_up"}:
        rows = await tx.fetch(
            f"""
            {IN_A_LINE} FROM (SELECT * FROM deliveries d WHERE {UNDELIVERED} AND {WANTED} {NEWEST_FIRST} LIMIT $7) d
            {AND_BESIDE} {NEWEST_FIRST}
            """,
            *wanted.arguments(),
            most,
        )
    else:
        rows = await tx.fetch(
            f"""
            {IN_A_LINE} FROM (SELECT * FROM deliveries d WHERE {WANTED} {NEWEST_FIRST} LIMIT $7) d
            {AND_BESIDE} {NEWEST_FIRST}
            """,
            *wanted.arguments(),
            most,
        )
    return [Overview(**row) for row in rows]


async def newest(tx: Tx, merchant_id: UUID, state: str | None, most: int) -> list[Listed]:
    """A merchant's deliveries with their tries, newest first; of those in one state, or of all."""
    rows = await tx.fetch(
        f"""
        SELECT {SHOWN} FROM (
            SELECT listed.* FROM unnest($2::text[]) AS asked(state)
            CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE merchant_id = $1 AND state = asked.state AND sequence > 0
                                ORDER BY sequence DESC, id DESC LIMIT $3) listed
            ORDER BY sequence DESC, id DESC LIMIT $3
        ) d {BESIDE}
        ORDER BY d.sequence DESC, d.id DESC
        """,
        merchant_id,
        list(get_args(State)) if state is None else [state],
        most,
    )
    return await _with_tries(tx, merchant_id, rows)


async def one(tx: Tx, merchant_id: UUID, delivery_id: UUID) -> Listed | None:
    """One of a merchant's deliveries, with its tries."""
    rows = await tx.fetch(
        f"SELECT {SHOWN} FROM deliveries d {BESIDE} WHERE d.id = $2 AND d.merchant_id = $1", merchant_id, delivery_id
    )
    return next(iter(await _with_tries(tx, merchant_id, rows)), None)


async def _with_tries(tx: Tx, merchant_id: UUID, rows: Sequence[asyncpg.Record]) -> list[Listed]:
    tries: dict[UUID, list[Try]] = {row["id"]: [] for row in rows}
    sent = await tx.fetch(
        """
        SELECT t.* FROM unnest($2::uuid[]) AS asked(id)
        CROSS JOIN LATERAL (SELECT delivery_id, number, at, status, seconds, error, answer FROM tries
                            WHERE merchant_id = $1 AND delivery_id = asked.id ORDER BY number OFFSET 0) t
        """,
        merchant_id,
        list(tries),
    )
    for row in sent:
        tries[row["delivery_id"]].append(
            Try(row["number"], row["at"], row["status"], row["seconds"], row["error"], row["answer"])
        )
    return [
        Listed(
            id=row["id"],
            sequence=row["sequence"],
            kind=row["kind"],
            product=row["product"],
            url=row["url"],
            state=row["state"],
            created_at=row["created_at"],
            next_at=row["next_at"],
            tries=tries[row["id"]],
        )
        for row in rows
    ]
