"""What an answer of the partner means to a bank: which bill it is, and what becomes of the payer's money.

BCA: "decision" and "late answer" of its developer pages. BRI: the list of codes of BRIVA Online. Others: the standard's general
list (ASPI, response codes), where 40425xx-18 of a repetition counts as the first answer.
"""

from typing import Any, Literal, cast

import msgspec

from gerbang.bank_simulator.ledger import sen
from gerbang.bank_simulator.profiles import Profile
from gerbang.bank_simulator.transcript import Exchange

Meaning = Literal["accepted", "refused", "unknown"]
_BRI_REFUSED = frozenset(
    {"2022500", "4002500", "4002501", "4002502", "4012500", "4012501"}
    | {"4042512", "4042513", "4042514", "4042519", "4092500"}
)


class Bill(msgspec.Struct, frozen=True):
    """What the partner has said about a number."""

    accepted: bool
    why: str
    name: str = ""
    amount: int = 0
    """What is to be paid, in hundredths; 0 where the payer chooses."""
    details: list[dict[str, Any]] = []


def of_inquiry(profile: Profile, exchange: Exchange) -> Bill:
    """What the answer to an inquiry means."""
    if exchange.service != "24":
        return Bill(accepted=False, why=f"no token: {said(exchange)}")
    if exchange.status is None:
        return Bill(accepted=False, why=exchange.failure or "silence")
    data = _data(exchange)
    status = data.get("inquiryStatus")
    fits = exchange.status == 200 if profile.bodies == "bri" else exchange.code in {"2002400", "2022400"}
    if not fits or status not in (("00",) if profile.bodies == "bca" else ("00", None, "")):
        return Bill(accepted=False, why=said(exchange))
    total = data.get("totalAmount")
    value = cast(dict[str, Any], total).get("value") if isinstance(total, dict) else None
    details = data.get("billDetails")
    listed = cast(list[Any], details) if isinstance(details, list) else []
    bills = [cast(dict[str, Any], one) for one in listed if isinstance(one, dict)]
    return Bill(True, said(exchange), str(data.get("virtualAccountName", "")), sen(value) or 0, bills)


def of_payment(profile: Profile, exchange: Exchange) -> tuple[Meaning, str]:
    """What the answer to a payment means, and it in words."""
    if exchange.service == "73":
        return "refused", f"no token, so nothing was sent: {said(exchange)}"
    if exchange.status is None:
        return "unknown", exchange.failure or "silence"
    code, flag = exchange.code, _data(exchange).get("paymentFlagStatus")
    words = said(exchange)
    if profile.bodies == "bri":
        if code == "2002500":
            return "accepted", words
        return ("refused" if code in _BRI_REFUSED else "unknown"), words
    if exchange.status >= 500 or not code:
        return "unknown", words
    if code == "4042518":
        return ("accepted" if flag == "00" or (flag is None and profile.bodies != "bca") else "refused"), words
    if code in {"2002500", "2022500"}:
        if flag in (None, ""):
            silent = profile.bodies == "bca" or code == "2022500"
            return ("unknown" if silent else "accepted"), words
        return ("accepted" if flag == "00" else "unknown" if flag == "02" else "refused"), words
    return "refused", words


def is_taken(exchange: Exchange) -> bool:
    """Whether a notification was taken by the partner."""
    return exchange.status is not None and exchange.status // 100 == 2 and exchange.code[:1] in {"2", ""}


def _data(exchange: Exchange) -> dict[str, Any]:
    data = exchange.document.get("virtualAccountData")
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def said(exchange: Exchange) -> str:
    """An answer in a few words."""
    message = exchange.document.get("responseMessage")
    return " ".join(str(part) for part in (exchange.status, exchange.code, message or exchange.failure) if part)
