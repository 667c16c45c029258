"""Finding a number for a paycode: the one the merchant chose, one of a range, or a reference by chance.

What is found here is free as far as anybody has committed. That nobody else takes it is held by the table's constraint
when it is written.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import ids
from gerbang.db import Tx, paycodes
from gerbang.db.changes import WriteConflict, write
from gerbang.db.paycodes import NumberAllocator
from gerbang.domain.changes import Changes
from gerbang.domain.merchants import Merchant, NumberRange
from gerbang.domain.paycodes import CodePlan, Paycode, free_at
from gerbang.errors import NumberTaken, RangeUsedUp, Refused, StaticQrQuotaUsedUp

GUESSES = 2
REFERENCE_LENGTH = 14
WINDOW, WINDOWS_MAX = 1_000, 10
"""How many numbers are looked at together, and how often, before a range counts as used up."""


HELD_ONCE = "paycodes_held"
"""The constraint by which a number belongs to one payment at a time."""


class Crowded(Exception):
    """A free number must be looked for, which is done where nobody else waits for it."""


Found = str | Refused | Crowded


class CodeRequest(msgspec.Struct, frozen=True):
    """A payment that needs a number."""

    plan: CodePlan
    connection: str
    """By which its money will come."""
    payment_id: UUID
    charge_id: UUID | None
    merchant: Merchant
    ends_at: datetime | None
    minted: bool = False
    """Whether a partner gives the number."""


class _Pool(msgspec.Struct, frozen=True):
    """Numbers that requests of one kind choose from: merchants may share a range of which different parts are kept."""

    connection: str
    channel: str
    range: NumberRange
    taken_out: tuple[tuple[int, int], ...]

    @property
    def place(self) -> paycodes.Number:
        """Where it stands among others."""
        return self.connection, self.channel, self.range.number(0)


async def find(
    tx: Tx, allocator: NumberAllocator, requests: Sequence[CodeRequest], now: datetime, *, hurried: bool = False
) -> list[Found]:
    """A free number for each request, or why there is none: NumberTaken, RangeUsedUp, StaticQrQuotaUsedUp. "" for one that
    a partner gives.

    Where few numbers of a range are free they are looked for in the database, one process at a time, inside a transaction.
    Who is hurried gets Crowded instead.
    """
    found: dict[int, Found] = await _over_quota(tx, requests)
    found |= await _chosen(tx, {i: r for i, r in enumerate(requests) if i not in found and r.plan.chosen}, now)
    found |= {i: "" for i, r in enumerate(requests) if r.minted and not isinstance(found.get(i), Refused)}
    pools: dict[_Pool, list[int]] = defaultdict(list)
    for i, request in enumerate(requests):
        if i in found:
            continue
        plan = request.plan
        if plan.range is None:
            found[i] = ids.digits(REFERENCE_LENGTH) if plan.static else ids.alphanumeric(REFERENCE_LENGTH)
        else:
            pools[_Pool(request.connection, plan.channel, plan.range, plan.taken_out)].append(i)
    # A range in which numbers are looked for is locked until the commit, so they are taken in one order.
    for pool, waiting in sorted(pools.items(), key=lambda each: each[0].place):
        if not allocator.crowded(pool.range):
            found.update(zip(waiting, allocator.guess(pool.range, pool.taken_out, len(waiting)), strict=False))
        missing = [i for i in waiting if i not in found]
        if missing and hurried:
            found |= {i: Crowded() for i in missing}
        elif missing:
            await _search(tx, allocator, pool, requests, found, missing, now)
    return [found[i] for i in range(len(requests))]


async def _over_quota(tx: Tx, requests: Sequence[CodeRequest]) -> dict[int, Found]:
    """Refuses static QR codes beyond the merchant's quota, inside a transaction."""
    limited = [
        (i, (request.merchant.id, request.plan.channel), request.plan.static_max)
        for i, request in enumerate(requests)
        if request.plan.static_max is not None
    ]
    # Each count is locked until the commit, so they are taken in one order.
    counts = {whose: await paycodes.static_count(tx, *whose) for whose in sorted({whose for _, whose, _ in limited})}
    refused: dict[int, Found] = {}
    for i, whose, quota in limited:
        if counts[whose] >= quota:
            refused[i] = StaticQrQuotaUsedUp("method", quota=quota)
        else:
            counts[whose] += 1
    return refused


async def _chosen(tx: Tx, requests: dict[int, CodeRequest], now: datetime) -> dict[int, Found]:
    """The numbers that merchants chose, or NumberTaken. Those whose quarantine is over are let go first."""
    asked = {i: (r.connection, r.plan.channel, r.plan.chosen or "") for i, r in requests.items()}
    held = await paycodes.held(tx, list(asked.values())) if asked else set[paycodes.Number]()
    if held:
        await paycodes.release_numbers(tx, list(held), now)
        held = await paycodes.held(tx, list(held))
    found: dict[int, Found] = {}
    for i, number in asked.items():
        found[i] = NumberTaken("number") if number in held else number[-1]
        held.add(number)  # who asks for it next in the same batch comes too late
    return found


async def _search(
    tx: Tx,
    allocator: NumberAllocator,
    pool: _Pool,
    requests: Sequence[CodeRequest],
    found: dict[int, Found],
    missing: list[int],
    now: datetime,
) -> None:
    """Guesses and looks whether they are free; then looks through parts of the range, until there are no more."""
    await paycodes.hold_range(tx, pool.connection, pool.channel, pool.range)
    given = {number for number in found.values() if isinstance(number, str)}
    for _ in range(GUESSES):
        guesses = [n for n in allocator.guess(pool.range, pool.taken_out, len(missing)) if n not in given]
        named = [(pool.connection, pool.channel, number) for number in guesses]
        held = await paycodes.held(tx, named) if named else set[paycodes.Number]()
        for number in guesses:
            if (pool.connection, pool.channel, number) in held:
                allocator.jump(pool.range)
            else:
                allocator.hit(pool.range)
                found[missing.pop()] = number
                given.add(number)
        if not missing:
            return
    for window in windows(pool.range):
        most = len(missing) + len(given)
        free = await paycodes.free_numbers(tx, pool.connection, pool.channel, window, pool.taken_out, now, most)
        for number in free:
            if missing and number not in given:
                found[missing.pop()] = number
                given.add(number)
        if not missing:
            return
    for i in missing:
        found[i] = RangeUsedUp("option", bank=requests[i].plan.option)


async def write_found(
    tx: Tx, allocator: NumberAllocator, changes: Changes, requests: Sequence[CodeRequest], now: datetime
) -> None:
    """Writes changes with the numbers that were found. Raises WriteConflict.

    Where a single number was taken meanwhile, the next one is looked for elsewhere.
    """
    try:
        await write(tx, changes, now)
    except WriteConflict as conflict:
        if len(requests) == 1 and requests[0].plan.range is not None and conflict.constraint == HELD_ONCE:
            allocator.jump(requests[0].plan.range)
        raise


def windows(numbers: NumberRange) -> Iterator[NumberRange]:
    """Parts of a range, from anywhere on: all there are of a small one, and of a large one some from all over it."""
    count = -(-numbers.size // WINDOW)
    looked_at = min(count, WINDOWS_MAX)
    start = ids.between(0, count - 1)
    for step in range(looked_at):
        first = numbers.first + (start + step * count // looked_at) % count * WINDOW
        yield replace(numbers, first=first, last=min(first + WINDOW - 1, numbers.end))


def paycode(request: CodeRequest, number: str, now: datetime) -> Paycode:
    """The row that holds a number for a request."""
    return Paycode(
        connection=request.connection,
        channel=request.plan.channel,
        number=number,
        merchant_id=request.merchant.id,
        payment_id=request.payment_id,
        charge_id=request.charge_id,
        static=request.plan.static,
        free_at=free_at(request.ends_at, request.merchant.agreement.quarantine),
        created_at=now,
    )
