"""Payments by a wallet (54): the buyer is sent to the wallet's own page, and comes back. (`shared/reference`: A7, C2, G; the clients of
DANA and DOKU.)
"""

import re
from datetime import datetime, timedelta
from typing import Any

from gerbang.connections import Declined, Link
from gerbang.connections.snap import amounts, calls, codes, times
from gerbang.connections.snap.minted import Unusable, Way
from gerbang.connections.snap.settings import profile_of, settings_of
from gerbang.domain.partner_requests import OpenCode

LIVES = timedelta(minutes=60)
LINK_LENGTH_MAX = 2048
TITLE_LENGTH_MAX = 64
MERCHANT_CATEGORY = "5399"
"""General goods, where the contract says nothing else."""
_LINK = re.compile(r"([a-z][a-z0-9+.-]*)://[!-~]+")
_NO_PLACES = ("javascript", "data", "file", "vbscript")
LINKS = ("webRedirectUrl", "appRedirectUrl", "deeplinkUrl")
"""The buyer's page is on the web, and so is the first of these."""


def _body(link: Link, asked: OpenCode, now: datetime) -> dict[str, Any]:
    plan, settings, profile = asked.plan, settings_of(link.connection), profile_of(link.connection)
    if plan.amount is None:
        raise Declined("A wallet pays a fixed amount only")
    until = times.written(times.at_partner(plan.expires_at or asked.created_at + LIVES, now, link.clock.now()))
    body: dict[str, Any] = {"amount": amounts.written(plan.amount), "validUpTo": until}
    if settings.store_id:
        body["externalStoreId"] = settings.store_id
    back = {"url": plan.return_url, "type": "PAY_RETURN", "isDeeplink": "N"}
    notify = {"url": _notified_at(link), "type": "PAY_NOTIFY", "isDeeplink": "N"}
    if profile.wallet_body == "doku":
        wallet = profile.wallets.get(plan.option or "")
        if wallet is None:
            raise Declined(f"The partner has no wallet {plan.option}")
        return body | {
            "pointOfInitiation": "mweb",
            "urlParam": [back],
            "additionalInfo": {"channel": wallet, "successPaymentUrl": plan.return_url},
        }
    body["urlParams"] = [each for each in (back, notify) if each["url"]]
    if profile.wallet_body == "dana":
        title = f"{plan.name}"[:TITLE_LENGTH_MAX] or "Payment"
        return body | {
            "additionalInfo": {
                "mcc": settings.merchant_category or MERCHANT_CATEGORY,
                "envInfo": {"sourcePlatform": "IPG", "terminalType": "SYSTEM", "orderTerminalType": "WEB"},
                "order": {"orderTitle": title, "scenario": "REDIRECT", "merchantTransType": "01"},
            }
        }
    return body | {"pointOfInitiation": "mweb", "additionalInfo": {}}


def _notified_at(link: Link) -> str:
    """Where the partner reports the payment to us (56)."""
    inbound = link.connection.inbound
    if inbound is None or not link.public_url:
        return ""
    return f"{link.public_url}{inbound.path_prefix}/v1.0/{codes.PATHS[codes.DEBIT_NOTIFY]}"


def _content(said: dict[str, Any], asked: OpenCode) -> str:
    """The link that a buyer follows. Raises Unusable."""
    for name in LINKS:
        link = amounts.text(said, name, LINK_LENGTH_MAX + 1)
        found = _LINK.fullmatch(link)
        if found is not None and len(link) <= LINK_LENGTH_MAX and found[1] not in _NO_PLACES:
            return link
    raise Unusable("there is no link to the wallet")


WALLETS = Way(calls.EWALLET, codes.DEBIT, codes.DEBIT_STATUS, codes.DEBIT_CANCEL, _body, _content)
