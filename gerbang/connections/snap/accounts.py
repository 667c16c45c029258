"""Our accounts at a bank: the balance (11) and what moved on them (14). (`shared/reference`: sections A8, F1, F2.)

A statement is whole or none: where rows may be missing, the days are asked for in halves, and a single day that is too long is silence.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any, Literal

from gerbang.clock import wib
from gerbang.connections import AccountBalance, BankMovement, Link, Silence
from gerbang.connections.snap import amounts, client, codes, times
from gerbang.connections.snap.answers import TooMany
from gerbang.connections.snap.settings import profile_of

STATEMENT_BYTES_MAX = 24 * 1024 * 1024
LONG_SHARE = 4.0
"""A statement may be long, and take longer than other calls."""
WAITS_SECONDS = (1, 4, 10)
"""After a bank wants to be asked less often."""
ROWS_AT_ONCE = 500
_DAY = timedelta(days=1)


async def balance(link: Link, account: str) -> AccountBalance:
    """What is on an account now. Raises Declined or Silence."""
    named = client.fresh_external_id(link, codes.BALANCE)
    fields = await client.call(
        link, codes.BALANCE, {"partnerReferenceNo": named, "accountNo": account}, external_id=named
    )
    # One bank answers with an object where its table says a list.
    for each in amounts.objects(fields, "accountInfos"):
        booked = amounts.read(each, "ledgerBalance")
        for name in ("availableBalance", "amount"):
            available = amounts.read(each, name)
            if available is not None:
                return AccountBalance(available, booked)
    raise Silence("its answer has no balance")


async def statement(link: Link, account: str, first: date, last: date) -> AsyncIterator[BankMovement]:
    """All that was booked on these days, both included, the newest days first. Raises Declined or Silence."""
    days = profile_of(link.connection).statement_days
    spans = [(max(first, last - (days - 1) * _DAY), last)]
    while spans:
        begins, ends = spans.pop()
        if begins > first and not spans:
            spans.append((max(first, begins - days * _DAY), begins - _DAY))
        fields = await _asked(link, account, begins, ends)
        rows = amounts.objects(fields, "detailData")
        if _may_be_cut(link, fields, rows):
            if begins == ends:
                raise Silence(f"its statement of {begins} may not be whole, and a day cannot be divided")
            middle = begins + (ends - begins) // 2
            spans += [(begins, middle), (middle + _DAY, ends)]
            continue
        for place, row in enumerate(rows):
            if place % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)  # others have their turn
            yield _movement(account, row)


async def _asked(link: Link, account: str, begins: date, ends: date) -> dict[str, Any]:
    midnights = profile_of(link.connection).statement_midnights
    body = {
        "accountNo": account,
        "fromDateTime": f"{begins}T00:00:00+07:00",
        "toDateTime": f"{ends}T{'00:00:00' if midnights else '23:59:59'}+07:00",
    }
    for wait in (*WAITS_SECONDS, None):
        named = client.fresh_external_id(link, codes.STATEMENT)
        try:
            return await client.call(
                link,
                codes.STATEMENT,
                {"partnerReferenceNo": named, **body},
                external_id=named,
                bytes_max=STATEMENT_BYTES_MAX,
                share=LONG_SHARE,
            )
        except TooMany:
            if wait is None:
                raise
            await asyncio.sleep(wait)
    raise AssertionError("the last try returns or raises")


def _may_be_cut(link: Link, fields: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    """Whether there may be more rows than these."""
    more = str(fields.get("hasMore", "")).strip().lower() in ("y", "yes", "true", "1")
    if more or len(rows) >= profile_of(link.connection).statement_rows:
        return True
    counted = 0
    for name in ("totalCreditEntries", "totalDebitEntries"):
        for each in amounts.objects(fields, name):
            count = amounts.text(each, "numberOfEntries", 20)
            counted += int(count) if count.isascii() and count.isdigit() else 0
    return counted > len(rows)


def _movement(account: str, row: dict[str, Any]) -> BankMovement:
    """One row. Raises Silence for one that cannot be read: a statement without it would say something else."""
    amount = amounts.read(row, "amount")
    kind = amounts.text(row, "type", 20).upper()
    directions: dict[str, Literal["in", "out"]] = {"C": "in", "K": "in", "D": "out"}
    direction = directions.get(kind[:1])
    if amount is None or direction is None:
        raise Silence("its statement has a row that cannot be read")
    booked_on, at = _when(amounts.text(row, "transactionDate", 40))
    return BankMovement(
        account=account,
        booked_on=booked_on,
        at=at,
        amount=abs(amount),
        direction=direction,
        text=_remark(row),
        reference=amounts.text(row, "transactionId", 64) or amounts.text(row, "referenceNo", 64),
        balance_after=_balance_after(row),
    )


def _remark(row: dict[str, Any]) -> str:
    """What the bank has written beside it, its details included: our code may be in either."""
    details = [str(value) for each in amounts.objects(row, "detailInfo") for value in each.values() if value]
    written = " ".join(each for each in (amounts.text(row, "remark"), *details) if each)
    return "".join(each for each in written if each.isprintable())[:1000]  # the rest could not be kept


def _when(said: str) -> tuple[date, datetime | None]:
    """The day and the instant of a row; a bank that has the day only writes midnight. Raises Silence for what is no day."""
    at = times.read(said)
    if at is None:
        try:
            return date.fromisoformat(said[:10]), None
        except ValueError:
            raise Silence("its statement has a row whose day cannot be read") from None
    try:
        local = wib(at)
    except OverflowError:  # the last hours of all time
        return at.date(), None
    midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return local.date(), None if midnight else at


def _balance_after(row: dict[str, Any]) -> int | None:
    for detail in amounts.objects(row, "detailBalance"):
        for each in amounts.objects(detail, "endAmount"):
            return amounts.read(each, "amount")
    return None
