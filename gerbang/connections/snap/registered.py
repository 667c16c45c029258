"""Virtual accounts that a bank must know: registered (27), looked up (30), changed (28), deleted (31), and a day's list (35);
and what was paid to a number of ours (26).

The bank knows each by our reference (`trxId`), so what it was asked before is found again. A bank without service 30 is asked by 28,
which changes a number to what it is; one without 31 is given its end by 28. (`shared/reference`: A5, F2, F3, G.)
"""

import unicodedata
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog

from gerbang.connections import Declined, Link, Opened, Silence
from gerbang.connections.snap import amounts, calls, client, codes, fields, times
from gerbang.connections.snap.answers import AskedBefore, Refusal
from gerbang.connections.snap.fields import FieldWrong
from gerbang.connections.snap.settings import operation, profile_of
from gerbang.domain.connections import Connection
from gerbang.domain.partner_requests import CloseCode, OpenCode
from gerbang.domain.reports import Report

SERVICE_ID_WIDTH = 8
NAMELESS = "MERCHANT"
GONE = ("01", "11", "12", "19")
"""The cases of a 404 that say that a number is not there, or has ended."""
PAID = "14"
LIST_BYTES_MAX, LIST_SHARE = 24 * 1024 * 1024, 4.0
"""A day's list may be long, and take longer than other calls."""
log = structlog.get_logger()


async def open_(link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
    """Registers the number. One that is registered for our reference already is open. Raises Declined or Silence."""
    body = _body(link, reference, asked, now)
    try:
        said = await client.call(link, codes.VA_CREATE, body)
    except AskedBefore as before:
        found = await status(link, reference, asked, now)
        if found is not None:
            return found
        if "account" in str(before).lower():
            raise Declined("The bank has this number for somebody else") from before
        raise
    return _opened(link.connection, reference, asked, said)


async def status(link: Link, reference: UUID, asked: OpenCode, now: datetime) -> Opened | None:
    """The number that is registered for our reference; None if there is none. Raises Silence."""
    connection = link.connection
    try:
        if operation(connection, codes.VA_READ) is not None:
            named = _names(connection, _number(asked)) | {"trxId": reference.hex, "additionalInfo": _info(link, asked)}
            said = await client.call(link, codes.VA_READ, named)
        elif operation(connection, codes.VA_UPDATE) is not None:
            said = await client.call(link, codes.VA_UPDATE, _body(link, reference, asked, now, again=True))
        else:
            return None
    except Refusal as refusal:
        if refusal.is_(404, *GONE):
            return None
        if refusal.is_(404, PAID):
            return Opened(_number(asked), reference.hex)
        raise Silence(f"it does not say whether it knows the number: {refusal}") from refusal
    theirs = amounts.text(_data(said), "trxId")
    return None if theirs not in ("", reference.hex) else _opened(connection, reference, asked, said)


async def close(link: Link, asked: CloseCode) -> None:
    """Ends a number; one that is not there has ended. Raises Declined, where it was paid, or Silence."""
    named: dict[str, Any] = _names(link.connection, asked.number) | {"trxId": asked.opening_id.hex}
    if (channel := profile_of(link.connection).va_channels.get(asked.option or "")) is not None:
        named["additionalInfo"] = {"channel": channel}
    service = codes.VA_DELETE
    if operation(link.connection, service) is None:
        service = codes.VA_UPDATE
        named["expiredDate"] = times.written(link.clock.now())
    if operation(link.connection, service) is None:
        return  # it ends by itself: what is paid to it until then is late
    try:
        await client.call(link, service, named)
    except Refusal as refusal:
        if not refusal.is_(404, *GONE):
            raise


async def listed(link: Link, day: date) -> AsyncIterator[Report]:
    """What was paid on a day to numbers of ours, as the bank lists it (35): the same money as its pushes. Raises Declined or Silence.

    A line that cannot be read is left out, and logged: the money of the others is there.
    """
    for company in link.connection.company_codes:
        try:
            said = await client.call(
                link, codes.VA_REPORT, _day(company, day), bytes_max=LIST_BYTES_MAX, share=LIST_SHARE
            )
        except Refusal as refusal:
            if refusal.is_(404, *GONE):
                continue  # nobody has paid to numbers of this code
            raise
        lines = amounts.objects(said, "virtualAccountData") or amounts.objects(said, "virtualAccountdata")
        for line in lines:
            money = _listed(link.connection, line)
            if money is not None:
                yield money


def _listed(connection: Connection, line: dict[str, Any]) -> Report | None:
    try:
        return calls.listed_money(connection, line)
    except FieldWrong as wrong:
        field = wrong.path
    log.error("a line of a bank's list cannot be read", connection=connection.name, field=field)
    return None


async def paid_after(link: Link, number: str, inquiry_id: str) -> Report | None:
    """What was paid to a number after an inquiry (26); a payment has the id of its inquiry. Raises Declined or Silence."""
    connection = link.connection
    named: dict[str, Any] = _names(connection, number) | {"inquiryRequestId": inquiry_id, "additionalInfo": {}}
    try:
        said = await client.call(link, codes.VA_STATUS, named)
    except Refusal as refusal:
        if refusal.is_(404, *GONE):
            return None
        raise
    try:
        return calls.money_after(connection, _data(said), number, inquiry_id)
    except FieldWrong as wrong:
        raise Declined(f"its answer has a {wrong.path} that cannot be read") from wrong


def _day(company: str, day: date) -> dict[str, Any]:
    return {
        "partnerServiceId": company.rjust(SERVICE_ID_WIDTH),
        "startDate": day.isoformat(),
        "startTime": "00:00:00+07:00",
        "endDate": day.isoformat(),
        "endTime": "23:59:59+07:00",
    }


# -- what is asked ----------------------------------------------------------------------------------------------------


def _body(link: Link, reference: UUID, asked: OpenCode, now: datetime, *, again: bool = False) -> dict[str, Any]:
    """What is registered; `again` for a number that the bank may know. Raises Declined for what no bank registers."""
    plan, profile = asked.plan, profile_of(link.connection)
    if plan.static and plan.amount is not None and not profile.va_channels:
        raise Declined("The bank registers no number that takes one amount many times")
    body: dict[str, Any] = _names(link.connection, _number(asked)) | {
        "virtualAccountName": name_of(plan.name, profile.name_letters, profile.name_length),
        "trxId": reference.hex,
        "totalAmount": amounts.written(plan.amount or 0),
        "virtualAccountTrxType": "O" if plan.amount is None else "C",
        "additionalInfo": _info(link, asked, again=again),
    }
    if plan.expires_at is not None:
        body["expiredDate"] = times.written(times.at_partner(plan.expires_at, now, link.clock.now()))
    return body


def _info(link: Link, asked: OpenCode, *, again: bool = False) -> dict[str, Any]:
    channels, option = profile_of(link.connection).va_channels, asked.plan.option or ""
    if not channels:
        return {}
    if option not in channels:
        raise Declined(f"The partner has no virtual accounts of {option}")
    known: dict[str, Any] = {"status": "ACTIVE"} if again else {}
    return {"channel": channels[option], "virtualAccountConfig": {"reusableStatus": asked.plan.static, **known}}


def _number(asked: OpenCode) -> str:
    return asked.number or asked.plan.chosen or ""


def _names(connection: Connection, number: str) -> dict[str, Any]:
    """The three names of a number: the company code padded, the rest, and both. Raises Declined where no code begins it."""
    company = max((code for code in connection.company_codes if number.startswith(code)), key=len, default="")
    if not company or len(number) <= len(company):
        raise Declined(f"No company code of the connection {connection.name} begins this number")
    padded, customer = company.rjust(SERVICE_ID_WIDTH), number[len(company) :]
    return {"partnerServiceId": padded, "customerNo": customer, "virtualAccountNo": padded + customer}


def name_of(name: str, letters: str, length: int) -> str:
    """A name in what a bank can print: letters without accents, digits, blanks, and `letters`, or all of ASCII where there are none."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    kept = (each if _is_written(each, letters) else " " for each in plain)
    return " ".join("".join(kept).split())[:length].rstrip() or NAMELESS


def _is_written(each: str, letters: str) -> bool:
    return each.isascii() and (each.isalnum() or (each in letters if letters else each.isprintable()))


# -- what is answered -------------------------------------------------------------------------------------------------


def _data(said: dict[str, Any]) -> dict[str, Any]:
    """The object of a number, however its name is spelt."""
    for name in ("virtualAccountData", "virtualAccountdata"):
        if found := amounts.objects(said, name):
            return found[0]
    return {}


def _opened(connection: Connection, reference: UUID, asked: OpenCode, said: dict[str, Any]) -> Opened:
    """The code of an answer: the number that the bank says, which may be another than we asked for."""
    data = _data(said)
    try:
        named = fields.text(data, "virtualAccountNo", 40) or fields.text(data, "customerNo", 28)
        number = fields.va_number(data, connection.company_codes) if named else _number(asked)
    except FieldWrong as wrong:
        raise Silence(f"its answer has a number that cannot be read ({wrong.path})") from wrong
    return Opened(number, reference.hex)
