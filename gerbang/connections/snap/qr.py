"""QR codes that an acquirer makes (47): what it says is checked before a buyer sees it. (`shared/reference`: A6, B1, F1.)"""

from datetime import datetime, timedelta
from typing import Any

from gerbang.connections import Declined, Link
from gerbang.connections.snap import amounts, calls, codes, times
from gerbang.connections.snap.minted import Unusable, Way
from gerbang.connections.snap.settings import profile_of, settings_of
from gerbang.domain import emv
from gerbang.domain.partner_requests import OpenCode

LIVES = timedelta(minutes=60)
"""Where a payment has no end."""


def _body(link: Link, asked: OpenCode, now: datetime) -> dict[str, Any]:
    plan, settings = asked.plan, settings_of(link.connection)
    if plan.static or plan.amount is None:
        raise Declined("The acquirer makes no codes that are paid many times")
    until = plan.expires_at or asked.created_at + LIVES
    if (bounds := profile_of(link.connection).qr_minutes) is not None:
        least, most = (asked.created_at + timedelta(minutes=each) for each in bounds)
        until = min(max(until, least), most)
    body: dict[str, Any] = {
        "amount": amounts.written(plan.amount),
        "validityPeriod": times.written(times.at_partner(until, now, link.clock.now())),
        "additionalInfo": {},
    }
    if settings.store_id:
        body["storeId"] = settings.store_id
    if settings.terminal_id:
        body["terminalId"] = settings.terminal_id
    return body


def _content(said: dict[str, Any], asked: OpenCode) -> str:
    """The code's text: its checksum fits and it asks for our amount. Raises Unusable."""
    content = said.get("qrContent")
    if not isinstance(content, str) or not content:
        raise Unusable("there is no content")
    try:
        found = emv.parse(content.strip())
        amount = found.amount
    except emv.MalformedQr as wrong:
        raise Unusable(str(wrong)) from wrong
    if amount != asked.plan.amount:
        raise Unusable("it asks for another amount")
    return content.strip()


QRIS = Way(calls.QRIS, codes.QR_MAKE, codes.QR_STATUS, codes.QR_CANCEL, _body, _content)
