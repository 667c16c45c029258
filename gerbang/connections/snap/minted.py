"""Codes that a partner makes, QR codes (47, 51, 77) and wallet payments (54, 55, 57): opened, looked up, ended, asked about.

What the partner makes is known by our reference. Where an answer was lost the code is there, but what it says is not: services 51 and
55 say only how it stands. A partner that repeats its answers gives it again. At any other the unseen code is ended, and the next one is
made under our reference with two more digits behind it, so that a buyer never sees two. (`shared/reference`: A4, A6, A7, F1, G.)
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from gerbang.connections import CodeEnded, Declined, Link, Opened, Silence
from gerbang.connections.snap import amounts, calls, client, states
from gerbang.connections.snap.answers import AskedBefore, Refusal
from gerbang.connections.snap.fields import FieldWrong
from gerbang.connections.snap.settings import merchant_id, operation, profile_of
from gerbang.domain.connections import Connection
from gerbang.domain.partner_requests import CloseCode, OpenCode
from gerbang.domain.reports import Report

TRIES_MAX = 10
"""So often a code is made anew after its answer was lost."""
NAMES_LEFT = 1
"""So many names in a row may have been left without a code."""
ALIVE = ("01", "02", "03")
UNKNOWN = "07"
OVER = ((403, "00"), (404, "01"), (404, "04"), (404, "12"), (404, "19"))
"""What is said of a code that is not there or has ended: expired, not found, cancelled."""


_REFERENCE = re.compile(r"[!-~]{1,64}")


class Way(msgspec.Struct, frozen=True):
    """One kind of code that a partner makes."""

    channel: str
    make: str
    ask: str
    cancel: str
    body: Callable[[Link, OpenCode, datetime], dict[str, Any]]
    """What is asked for, but its reference and its merchant. Raises Declined."""
    content: Callable[[dict[str, Any], OpenCode], str]
    """What an answer says that buyers are shown. Raises Unusable."""


class Unusable(Exception):
    """A code that nobody may be shown. The message says why."""


class _Name(msgspec.Struct, frozen=True):
    """Which of the codes that were made under one reference of ours is meant."""

    reference: UUID
    again: int = 0

    @property
    def text(self) -> str:
        return self.reference.hex + (f"{self.again:02d}" if self.again else "")

    def external_id(self, connection: Connection, way: Way) -> str:
        """The name of the call that makes it, by which some partners want to be asked. It is used once."""
        return client.external_id(connection, self.reference, f"{way.make}.{self.again}")


async def open_(link: Link, way: Way, reference: UUID, asked: OpenCode, now: datetime) -> Opened:
    """Makes a code. Raises Declined or Silence."""
    for again in range(TRIES_MAX):
        name = _Name(reference, again)
        try:
            return await _made(link, way, name, asked, now)
        except AskedBefore as before:
            if _is_repeated(link, before):
                raise
            # It is there, and its answer was lost; or another call had the same name.
            await _end_unseen(link, way, name)
    raise Declined("The partner made the code and did not say what it is")


async def status(link: Link, way: Way, reference: UUID, asked: OpenCode, now: datetime) -> Opened | None:
    """The code that was made for our reference, if what it says can be had; one that cannot be shown is ended. Raises Silence.

    Where there is none, the next name is looked at too: the first was left if a conflict was about something else.
    """
    missing = 0
    for again in range(TRIES_MAX):
        name = _Name(reference, again)
        found = await _asked(link, way, name)
        if found is None:
            missing += 1
            if missing > NAMES_LEFT:
                return None
            continue
        state, missing = amounts.text(found, "latestTransactionStatus"), 0
        if states.says_paid(state):
            raise Silence("it says that the code was paid, and what it is has been lost")
        if state in ALIVE and profile_of(link.connection).repeats_codes:
            try:
                return await _made(link, way, name, asked, now)
            except AskedBefore as before:
                if _is_repeated(link, before):
                    raise
        if state in ALIVE:
            await _end_unseen(link, way, name)
    return None


async def close(link: Link, way: Way, asked: CloseCode) -> None:
    """Ends a code; one that is not there has ended. Raises Declined, where it was paid, or Silence."""
    theirs, name = _named(asked.opening_id, asked.partner_reference)
    await _end(link, way, name, theirs)


async def paid(
    link: Link, way: Way, reference: UUID, asked: OpenCode, partner_reference: str
) -> Report | CodeEnded | None:
    """The money of a code; None while it may still be paid. Raises Silence."""
    theirs, name = _named(reference, partner_reference)
    found = await _asked(link, way, name, theirs)
    state = "" if found is None else amounts.text(found, "latestTransactionStatus")
    if state in calls.ENDED:
        return CodeEnded(link.connection.name, reference)
    if (
        found is None
        or not state
        or not states.is_paid(link.connection, state, {"originalReferenceNo": theirs, **found})
    ):
        return None
    amount = next(
        filter(None, (amounts.read(found, each) for each in ("amount", "transAmount"))), asked.plan.amount or 0
    )
    try:
        return calls.minted_money(link.connection, way.channel, theirs, reference, amount, found)
    except FieldWrong as wrong:
        raise Silence(f"its answer has a {wrong.path} that cannot be read") from wrong


def _is_repeated(link: Link, before: AskedBefore) -> bool:
    """Whether a conflict says nothing of the code: a partner that repeats its answers contradicts only what is asked for otherwise.

    A name whose code was ended is never used again there: the same answer would come, with the code that has ended.
    """
    return profile_of(link.connection).repeats_codes and before.status != 404


# -- one call each ----------------------------------------------------------------------------------------------------


async def _made(link: Link, way: Way, name: _Name, asked: OpenCode, now: datetime) -> Opened:
    """Makes one code. A wrong one is ended, and declined: nobody may be shown it."""
    connection = link.connection
    body = {"partnerReferenceNo": name.text, "merchantId": merchant_id(connection)} | way.body(link, asked, now)
    external_id = "" if profile_of(connection).repeats_codes else name.external_id(connection, way)
    said = await client.call(link, way.make, body, external_id=external_id)
    theirs = amounts.text(said, "referenceNo", 64)
    if not _REFERENCE.fullmatch(theirs):
        raise Silence("its answer has no reference of the code")
    try:
        content = way.content(said, asked)
    except Unusable as wrong:
        await _end_unseen(link, way, name, theirs)
        raise Declined(f"The partner made a code that cannot be used: {wrong}") from wrong
    return Opened(theirs, theirs + (f" {name.again}" if name.again else ""), content)


async def _asked(link: Link, way: Way, name: _Name, theirs: str = "") -> dict[str, Any] | None:
    """How a code stands; None where there is none. Raises Silence."""
    body = _original(link.connection, way, name, theirs) | {"serviceCode": way.make}
    try:
        said = await client.call(link, way.ask, body)
    except Refusal as refusal:
        if refusal.is_(404, "01"):
            return None
        if (refusal.status, refusal.case) in OVER:
            return {"latestTransactionStatus": calls.ENDED[0]}
        raise Silence(f"it does not say how the code stands: {refusal}") from refusal
    return None if amounts.text(said, "latestTransactionStatus") == UNKNOWN else said


async def _end(link: Link, way: Way, name: _Name, theirs: str = "") -> None:
    """Ends a code, where the partner has a service for it; else it ends by itself. Raises Declined or Silence."""
    if operation(link.connection, way.cancel) is None:
        return
    body = _original(link.connection, way, name, theirs) | {"reason": "The payment has ended"}
    try:
        await client.call(link, way.cancel, body)
    except Refusal as refusal:
        if (refusal.status, refusal.case) not in OVER:
            raise


async def _end_unseen(link: Link, way: Way, name: _Name, theirs: str = "") -> None:
    """Ends a code that no buyer has seen: one that cannot be ended is paid by nobody all the same. Raises Silence."""
    with suppress(Declined):
        await _end(link, way, name, theirs)


def _original(connection: Connection, way: Way, name: _Name, theirs: str) -> dict[str, Any]:
    """The names by which both sides know a code, and the call that made it."""
    found: dict[str, Any] = {"originalPartnerReferenceNo": name.text, "merchantId": merchant_id(connection)}
    if theirs:
        found["originalReferenceNo"] = theirs
    if not profile_of(connection).repeats_codes:
        found["originalExternalId"] = name.external_id(connection, way)
    return found


def _named(reference: UUID, partner_reference: str) -> tuple[str, _Name]:
    """The partner's reference, and our name, of what was opened."""
    theirs, _, again = partner_reference.partition(" ")
    return theirs, _Name(reference, int(again) if again.isdecimal() else 0)
