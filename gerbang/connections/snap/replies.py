"""The answers to partners that call us: the standard's codes, with what the partner sent given back as it came."""

from datetime import datetime
from functools import partial
from typing import Any

from gerbang.connections import Asked, CallAnswer, CodeEnded, PayoutReturn
from gerbang.connections.snap import bodies, codes, times, tokens
from gerbang.connections.snap.codes import Case
from gerbang.connections.snap.profiles import Profile
from gerbang.connections.snap.settings import profile_of
from gerbang.domain.connections import Connection
from gerbang.domain.inquiries import Acceptance, Inquiry, Reason, Reply
from gerbang.domain.reports import Report
from gerbang.domain.reversals import Reversal
from gerbang.errors import KeyReused, Refused, Unavailable

CASES: dict[Reason, Case] = {
    "unknown_number": codes.UNKNOWN_BILL,
    "not_active": codes.UNKNOWN_BILL,
    "ended": codes.UNKNOWN_BILL,
    "expired": codes.EXPIRED_BILL,
    "paid": codes.PAID_BILL,
    "wrong_amount": codes.WRONG_AMOUNT,
    "reference_used": codes.CONFLICT,
}
REASONS: dict[Reason, tuple[str, str]] = {
    "unknown_number": ("Bill not found", "Tagihan tidak ditemukan"),
    "not_active": ("Bill is not active", "Tagihan belum aktif"),
    "ended": ("Bill was cancelled", "Tagihan dibatalkan"),
    "expired": ("Bill has expired", "Tagihan kedaluwarsa"),
    "paid": ("Bill has been paid", "Tagihan telah dibayar"),
    "wrong_amount": ("Invalid amount", "Jumlah tidak sesuai"),
    "reference_used": ("Request id was used", "Nomor permintaan sudah dipakai"),
}
"""What the bank shows its customer, in English and Indonesian."""
SUCCESS = ("Success", "Sukses")
UNKNOWN = ("Not known in time", "Belum dapat dipastikan")
CONFLICT = ("Conflict", "Permintaan berbeda")
_ECHOED_LENGTH_MAX = 64
_MESSAGE_LENGTH_MAX = 150


def plain(service: str, case: Case, now: datetime, detail: str = "", **members: Any) -> CallAnswer:
    """An answer of a code and its text, with more members if there are any."""
    message = f"{case.text} {detail}".strip()[:_MESSAGE_LENGTH_MAX]
    said = {"responseCode": case.code(service), "responseMessage": message, **members}
    headers = {"content-type": "application/json", "x-timestamp": times.written(now)}
    return CallAnswer(case.status, headers, bodies.written(said))


def token(value: str, client_id: str, now: datetime) -> CallAnswer:
    """The answer to a token request."""
    seconds = str(int(tokens.LIFETIME.total_seconds()))
    made = plain(codes.ACCESS, codes.SUCCESSFUL, now, accessToken=value, tokenType="Bearer", expiresIn=seconds)
    return CallAnswer(made.status, made.headers | {"x-client-key": client_id}, made.body)


def of_wrong_field(
    connection: Connection, service: str, case: Case, path: str, said: dict[str, Any], now: datetime
) -> CallAnswer:
    """The answer to a call with a wrong field; to a question about a virtual account, with the status of a refusal."""
    if profile_of(connection).receives.get(service) != "question":
        return plain(service, case, now, path)
    english, indonesia = f"{case.text} {path}"[:_ECHOED_LENGTH_MAX], f"Isian salah: {path}"[:_ECHOED_LENGTH_MAX]
    return plain(
        service, case, now, path, virtualAccountData=_echo(said) | _status(service, "01", (english, indonesia))
    )


def to_notification(
    service: str, said: dict[str, Any], what: Report | Reversal | PayoutReturn | CodeEnded | None, now: datetime
) -> Asked:
    """Word of something that has happened, which is acknowledged as soon as it is written down."""
    echo = _echo(said)
    members: dict[str, Any] = {"virtualAccountData": echo} if echo else {}
    return Asked(
        what,
        lambda _: plain(service, codes.SUCCESSFUL, now, "", **members),
        lambda refusal: plain(service, codes.TIMEOUT if isinstance(refusal, Unavailable) else codes.GENERAL_ERROR, now),
    )


# -- virtual accounts -------------------------------------------------------------------------------------------------


def to_inquiry(
    connection: Connection, said: dict[str, Any], request_id: str, question: Inquiry, now: datetime
) -> Asked:
    """An inquiry, and how it is answered."""
    echo = _echo(said) | {"inquiryRequestId": _shown_id(said, "inquiryRequestId", request_id)}
    profile = profile_of(connection)
    return Asked(
        question,
        partial(_of_inquiry, profile, echo, now),
        partial(_of_failure, codes.VA_INQUIRY, echo, now),
    )


def to_payment(
    connection: Connection, said: dict[str, Any], request_id: str, money: Acceptance | Report, now: datetime
) -> Asked:
    """A payment flag, or the report of a payment, and how it is answered."""
    echo = _echo(said) | {"paymentRequestId": _shown_id(said, "paymentRequestId", request_id)}
    profile = profile_of(connection)
    amount = money.amount if isinstance(money, Report) else money.money.amount
    echo |= {
        "paidAmount": _amount(amount, profile),
        "totalAmount": _amount(amount, profile),
        "trxDateTime": _text(said.get("trxDateTime")),
        "referenceNo": _text(said.get("referenceNo")),
    }
    return Asked(
        money,
        partial(_of_payment, profile, echo, now),
        partial(_of_failure, codes.VA_PAYMENT, echo, now),
    )


def _of_inquiry(profile: Profile, echo: dict[str, Any], now: datetime, reply: Reply | None) -> CallAnswer:
    assert reply is not None, "an inquiry is a question"
    case, status, reason = _case(profile, reply, "again")
    data = (
        _status(codes.VA_INQUIRY, status, reason)
        | echo
        | {"virtualAccountName": reply.payer_name[: profile.name_length]}
    )
    if reply.verdict != "refused":
        data |= {
            "totalAmount": _amount(reply.owed or 0, profile),
            "subCompany": "00000",
            "billDetails": [],
            "freeTexts": [],
            "virtualAccountTrxType": "O" if reply.owed is None else "C",
            "feeAmount": _amount(0, profile),
        }
    return plain(codes.VA_INQUIRY, case, now, virtualAccountData=data, additionalInfo=_info(profile))


def _of_payment(profile: Profile, echo: dict[str, Any], now: datetime, reply: Reply | None) -> CallAnswer:
    if reply is None:  # a report: the money has arrived, and is written down
        case, status, reason = codes.SUCCESSFUL, "00", SUCCESS
        name = echo.get("virtualAccountName", "")
    else:
        case, status, reason = _case(profile, reply, profile.repeated)
        name = reply.payer_name[: profile.name_length]
    shown = {} if profile.lean_payments else _status(codes.VA_PAYMENT, status, reason)
    data: dict[str, Any] = shown | echo | {"virtualAccountName": name, "billDetails": [], "freeTexts": []}
    return plain(codes.VA_PAYMENT, case, now, virtualAccountData=data, additionalInfo=_info(profile))


def _case(profile: Profile, reply: Reply, repeated: str) -> tuple[Case, str, tuple[str, str]]:
    """The case of a decided question, its status, and its reason in two languages."""
    if reply.reason is None:
        case, status, reason = codes.SUCCESSFUL, "00", SUCCESS
    else:
        case, status, reason = CASES[reply.reason], "01", REASONS[reply.reason]
    return (codes.INCONSISTENT if reply.same_call and repeated == "inconsistent" else case), status, reason


def _of_failure(service: str, echo: dict[str, Any], now: datetime, refusal: Refused) -> CallAnswer:
    """The answer where there is no outcome. Never a refusal for what we do not know: the bank holds the money until it does."""
    if isinstance(refusal, KeyReused):
        return plain(service, codes.CONFLICT, now, virtualAccountData=_status(service, "01", CONFLICT) | echo)
    status = _status(service, "02", UNKNOWN) if service == codes.VA_PAYMENT else {}  # an inquiry has no such status
    case = codes.TIMEOUT if isinstance(refusal, Unavailable) else codes.GENERAL_ERROR
    return plain(service, case, now, virtualAccountData=status | echo)


def _status(service: str, status: str, reason: tuple[str, str]) -> dict[str, Any]:
    english, indonesia = reason
    name = "inquiry" if service == codes.VA_INQUIRY else "paymentFlag"
    return {f"{name}Status": status, f"{name}Reason": {"english": english, "indonesia": indonesia}}


def _echo(said: dict[str, Any]) -> dict[str, Any]:
    """The names of the account, as they came: with their padding."""
    return {
        name: _text(said.get(name)) for name in ("partnerServiceId", "customerNo", "virtualAccountNo") if name in said
    }


def _shown_id(said: dict[str, Any], name: str, request_id: str) -> str:
    """The request's id as it came, or where there was none, the external id that stands for it."""
    return _text(said.get(name)) or request_id


def _text(value: Any) -> str:
    """What came as a text, given back as it is; anything else, or what cannot be sent, is not given back."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > 2 * _ECHOED_LENGTH_MAX or not value.isprintable():
        return ""
    return value


def _amount(minor: int, profile: Profile) -> dict[str, str]:
    whole, sen = divmod(minor, 100)
    return {"value": str(whole) if profile.whole_amounts and not sen else f"{whole}.{sen:02d}", "currency": "IDR"}


def _info(profile: Profile) -> list[Any] | dict[str, Any]:
    return [] if profile.info_is_list else {}
