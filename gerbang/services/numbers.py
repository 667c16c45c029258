"""Giving out numbers: the one the merchant chose, one of a range, or a reference by chance. Never the same one twice."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from gerbang import ids
from gerbang.db import Tx, paycodes
from gerbang.db.paycodes import NumberAllocator
from gerbang.domain.merchants import Merchant, NumberRange
from gerbang.domain.paycodes import CodePlan, Paycode, free_at
from gerbang.errors import NumberTaken, RangeUsedUp, Refused, StaticQrQuotaUsedUp

GUESSES = 2
REFERENCE_LENGTH = 14
WINDOW, WINDOWS_MAX = 1_000, 10
"""How many numbers are looked at together, and how often, before a range counts as used up."""


class Crowded(Exception):
    """A free number must be looked for, which is done where nobody else waits for it."""


Given = str | Refused | Crowded


class CodeRequest(msgspec.Struct, frozen=True):
    """A payment that needs a number."""

    plan: CodePlan
    payment_id: UUID
    charge_id: UUID | None
    merchant: Merchant
    ends_at: datetime | None


async def take(
    tx: Tx, allocator: NumberAllocator, requests: Sequence[CodeRequest], now: datetime, *, hurried: bool = False
) -> list[Given]:
    """A number for each wish, held from now on, or why there is none: NumberTaken, RangeUsedUp, StaticQrQuotaUsedUp.

    Who is hurried looks for none that is not found by guessing, and hears that the range is Crowded.
    """
    given: dict[int, Given] = await _over_quota(tx, requests)
    if hurried:
        given |= {i: Crowded() for i, request in enumerate(requests) if allocator.crowded(request.plan.range)}
    for attempt in range(GUESSES):
        missing = [i for i in range(len(requests)) if i not in given]
        await _hold(tx, given, requests, _candidates(allocator, requests, missing), now)
        for i in missing:
            numbers = requests[i].plan.range
            if numbers is not None and attempt == 0 and i in given:
                allocator.hit(numbers)
            elif numbers is not None and i not in given:
                allocator.jump(numbers)
        await _release_chosen(tx, given, requests, now, first=attempt == 0)
    # Merchants may share a range of which different parts are kept for them.
    ranges: dict[tuple[NumberRange, str, tuple[tuple[int, int], ...]], list[int]] = defaultdict(list)
    for i, request in enumerate(requests):
        if i not in given and request.plan.range is not None:
            ranges[request.plan.range, request.plan.channel, request.plan.taken_out].append(i)
    for (numbers, channel, taken_out), missing in ranges.items():
        if hurried:
            given |= {i: Crowded() for i in missing}
            continue
        await _search(tx, given, requests, numbers, channel, taken_out, missing, now)
    return [given[i] for i in range(len(requests))]


def guess(allocator: NumberAllocator, requests: Sequence[CodeRequest]) -> list[str] | None:
    """A number for each wish that is probably free, to be written at once; None where one must be looked at closely."""
    if any(request.plan.static_max is not None for request in requests):
        return None  # their number is limited by quota
    candidates = _candidates(allocator, requests, range(len(requests)))
    return [candidates[i] for i in range(len(requests))] if len(candidates) == len(requests) else None


async def _over_quota(tx: Tx, requests: Sequence[CodeRequest]) -> dict[int, Given]:
    """Refuses static QR codes beyond the merchant's quota."""
    refused: dict[int, Given] = {}
    counts: dict[tuple[UUID, str], int] = {}
    for i, request in enumerate(requests):
        channel, quota = request.plan.channel, request.plan.static_max
        if quota is None:
            continue
        whose = request.merchant.id, channel
        if whose not in counts:
            counts[whose] = await paycodes.static_count(tx, *whose)
        if counts[whose] >= quota:
            refused[i] = StaticQrQuotaUsedUp("method", quota=quota)
        else:
            counts[whose] += 1
    return refused


def _candidates(allocator: NumberAllocator, requests: Sequence[CodeRequest], missing: Sequence[int]) -> dict[int, str]:
    """A number to try for each wish that has none. No two are the same."""
    tried: dict[int, str] = {}
    by_range: dict[tuple[NumberRange, tuple[tuple[int, int], ...]], list[int]] = defaultdict(list)
    for i in missing:
        plan = requests[i].plan
        if plan.chosen is not None:
            tried[i] = plan.chosen
        elif plan.range is not None:
            by_range[plan.range, plan.taken_out].append(i)
        elif plan.static:
            tried[i] = ids.digits(REFERENCE_LENGTH)
        else:
            tried[i] = ids.alphanumeric(REFERENCE_LENGTH)
    for (numbers, taken_out), waiting in by_range.items():
        tried.update(zip(waiting, allocator.guess(numbers, taken_out, len(waiting)), strict=False))
    return tried


async def _hold(
    tx: Tx, given: dict[int, Given], requests: Sequence[CodeRequest], candidates: dict[int, str], now: datetime
) -> None:
    """Takes those candidates that are free."""
    wanted: dict[tuple[str, str], int] = {}
    for i, number in candidates.items():
        wanted.setdefault((requests[i].plan.channel, number), i)
    rows = [paycode(requests[i], number, now) for (_, number), i in wanted.items()]
    for pair in await paycodes.insert(tx, rows):
        given[wanted[pair]] = pair[1]


async def _release_chosen(
    tx: Tx, given: dict[int, Given], requests: Sequence[CodeRequest], now: datetime, *, first: bool
) -> None:
    """Numbers that merchants chose and that are held: lets go of those that may be, or else says that they are taken."""
    held = [i for i, request in enumerate(requests) if i not in given and request.plan.chosen is not None]
    if held and first:
        await paycodes.release_numbers(
            tx, [(requests[i].plan.channel, requests[i].plan.chosen or "") for i in held], now
        )
    for i in held if not first else ():
        given[i] = NumberTaken("number")


async def _search(
    tx: Tx,
    given: dict[int, Given],
    requests: Sequence[CodeRequest],
    numbers: NumberRange,
    channel: str,
    taken_out: tuple[tuple[int, int], ...],
    missing: list[int],
    now: datetime,
) -> None:
    """Guessing has failed: looks through parts of the range, until each wish has a number or they have no more."""
    for window in windows(numbers):
        while missing:
            free = await paycodes.free_numbers(tx, channel, window, taken_out, now, len(missing))
            if not free:
                break
            await _hold(tx, given, requests, dict(zip(missing, free, strict=False)), now)
            missing = [i for i in missing if i not in given]
    for i in missing:
        given[i] = RangeUsedUp("option", bank=requests[i].plan.option)


def windows(numbers: NumberRange) -> Iterator[NumberRange]:
    """Parts of a range, from anywhere on: all there are of a small one, and of a large one some from all over it."""
    count = -(-numbers.size // WINDOW)
    looked_at = min(count, WINDOWS_MAX)
    start = ids.between(0, count - 1)
    for step in range(looked_at):
        first = numbers.first + (start + step * count // looked_at) % count * WINDOW
        yield replace(numbers, first=first, last=min(first + WINDOW - 1, numbers.end))


def paycode(request: CodeRequest, number: str, now: datetime) -> Paycode:
    """The row that holds a number for a wish."""
    return Paycode(
        channel=request.plan.channel,
        number=number,
        merchant_id=request.merchant.id,
        payment_id=request.payment_id,
        charge_id=request.charge_id,
        static=request.plan.static,
        free_at=free_at(request.ends_at, request.merchant.agreement.quarantine),
        created_at=now,
    )
