"""What the calls of partners ask for, service by service: a question, money that has arrived, or money that went back."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from gerbang.clock import wib
from gerbang.connections import Asked, CodeEnded, PayoutReturn
from gerbang.connections.snap import amounts, codes, fields, replies, states
from gerbang.connections.snap.fields import FieldWrong
from gerbang.connections.snap.settings import profile_of, unanswered_of
from gerbang.domain.connections import Connection
from gerbang.domain.inquiries import Acceptance, CallName, Inquiry
from gerbang.domain.reports import Report
from gerbang.domain.reversals import Reversal

log = structlog.get_logger()
ISSUER_LENGTH, REASON_LENGTH = 64, 128
"""Of texts that are only shown: they are cut, and never a reason to refuse."""
_REJECTED = ("", "04", "05", "06")
"""The states in which a transfer's money is back; banks send none in a notice that has no other meaning."""
_REJECTED_WORDS = re.compile("reject|return|refund|fail|cancel|tolak|retur|gagal|batal", re.IGNORECASE)
VA, QRIS, EWALLET = "virtual_account", "qris", "ewallet"
ENDED = ("05", "06")
"""Cancelled and failed: nobody will pay it any more."""
TIMED_OUT = "02"
"""The flag of a payment that the bank got no answer about."""


class SignedAs(msgspec.Struct, frozen=True):
    """What names a call by what its partner signed of it, which nobody else can change."""

    on: date
    """The day in Jakarta of its timestamp."""
    text_hash: str
    """Of the text that is signed: of the hash of its body, its path, its timestamp and its token."""


class Read(msgspec.Struct, frozen=True):
    """A call that is the partner's: signed, with a token where one is needed."""

    connection: Connection
    service: str
    external_id: str
    fields: dict[str, Any]
    signed: SignedAs | None = None


def asked(read: Read, now: datetime) -> Asked:
    """What a call asks for. Raises FieldWrong."""
    return _READERS[read.service](read, now)


# -- virtual accounts -------------------------------------------------------------------------------------------------


def _inquiry(read: Read, now: datetime) -> Asked:
    request_id = _request_id(read, "inquiryRequestId", now)
    question = Inquiry(read.connection.name, request_id, VA, _number(read), call=_call(read, now))
    return replies.to_inquiry(read.connection, read.fields, request_id, question, now)


def _payment(read: Read, now: datetime) -> Asked:
    """A payment flag; of a number that the bank knows, it only says what has happened."""
    request_id = _request_id(read, "paymentRequestId", now)
    money = _money_to(read, request_id, fields.amount(read.fields, "paidAmount"), "paidAmount.value")
    if profile_of(read.connection).receives[read.service] == "report":
        return replies.to_payment(read.connection, read.fields, request_id, money, now)
    question = Acceptance(request_id, money, _call(read, now), _answer_by(read.connection, now))
    return replies.to_payment(read.connection, read.fields, request_id, question, now)


def _answer_by(connection: Connection, now: datetime) -> datetime | None:
    """Until when a payment may be accepted: not later than the bank waits, where it then gives the money back by the contract."""
    inbound = connection.inbound
    if inbound is None or unanswered_of(connection) == "kept":
        return None
    return now + timedelta(seconds=inbound.deadline_seconds)


def _notification(read: Read, now: datetime) -> Asked:
    """Service 34: money that has arrived, at one bank; money that was taken back, at another."""
    said, info = read.fields, fields.inside(read.fields, "additionalInfo")
    paid = fields.first_amount((said, "paidAmount"), (said, "amount"), (info, "paymentAmount"), (said, "totalAmount"))
    if profile_of(read.connection).receives[read.service] == "reversal":
        original = fields.needed(said, "paymentRequestId")
        reversal = Reversal(read.connection.name, original, original, paid)
        return replies.to_notification(read.service, said, reversal, now)
    status = fields.text(said, "paymentStatus")
    if status and not states.is_paid(
        read.connection, status, said
    ):  # a bank that has only one thing to say leaves it out
        return replies.to_notification(read.service, said, None, now)
    reference = _reference_of(read.connection, said, paid) or _request_id(read, "paymentRequestId", now)
    return replies.to_notification(read.service, said, _money_to(read, reference, paid, "paidAmount.value"), now)


def _reference_of(connection: Connection, said: Mapping[str, Any], paid: int) -> str:
    """The bank's name of a payment; else its own key of one: a number, an amount and a time. "" where it has neither."""
    named = next(filter(None, (fields.text(said, name) for name in ("paymentRequestId", "partnerReferenceNo"))), "")
    at = fields.text(said, "trxDateTime") or fields.text(said, "trxDateInit")
    if (instant := fields.instant(said, "trxDateTime", "trxDateInit")) is not None:
        at = instant.astimezone(UTC).isoformat()  # however it is written
    return named or (f"{fields.va_number(said, connection.company_codes)}:{paid}:{at}" if at else "")


def listed_money(connection: Connection, line: Mapping[str, Any]) -> Report | None:
    """The money of a line in a bank's list of payments (35), as its push says it; None for one that was not paid. Raises FieldWrong."""
    info, flag = fields.inside(line, "additionalInfo"), fields.text(line, "paymentFlagStatus")
    if flag == TIMED_OUT:
        states.unknown(connection, flag, line)
        return None
    if any(each and not states.is_paid(connection, each, line) for each in (flag, fields.text(line, "paymentStatus"))):
        return None
    paid = fields.first_amount((line, "paidAmount"), (line, "amount"), (info, "paymentAmount"), (line, "totalAmount"))
    reference = _reference_of(connection, line, paid)
    if not reference:
        raise FieldWrong("paymentRequestId", missing=True)
    return _money(connection, line, reference, paid, "paidAmount.value")


def money_after(connection: Connection, said: Mapping[str, Any], number: str, inquiry_id: str) -> Report | None:
    """The money in a bank's answer about a payment (26), as its payment flag (25) says it; None where there is none. Raises FieldWrong."""
    flag = fields.text(said, "paymentFlagStatus")
    if flag == TIMED_OUT:
        log.error(
            "a bank had no answer about a payment, and has not decided on it",
            connection=connection.name,
            inquiry=inquiry_id,
        )
    # A bank that says nothing of it has no payment.
    if not flag or flag == TIMED_OUT or not states.is_paid(connection, flag, {"inquiryRequestId": inquiry_id, **said}):
        return None
    reference = fields.text(said, "paymentRequestId") or inquiry_id
    at = fields.instant(said, "trxDateTime", "transactionDate")
    paid = fields.first_amount((said, "paidAmount"), (said, "totalAmount"))
    if not paid:
        raise FieldWrong("paidAmount.value")
    return Report(connection.name, reference, VA, number, paid, at)


def _money_to(read: Read, reference: str, amount: int, path: str) -> Report:
    return _money(read.connection, read.fields, reference, amount, path)


def _money(connection: Connection, said: Mapping[str, Any], reference: str, amount: int, path: str) -> Report:
    """Money that was paid to a virtual account. Nobody pays nothing: raises FieldWrong."""
    if not amount:
        raise FieldWrong(path)
    return Report(
        connection.name,
        reference,
        VA,
        fields.va_number(said, connection.company_codes),
        amount,
        fields.instant(said, "trxDateTime", "trxDateInit", "txnDateInit"),
        request_id=ours(said.get("trxId")),
    )


def _number(read: Read) -> str:
    return fields.va_number(read.fields, read.connection.company_codes)


def _request_id(read: Read, name: str, now: datetime) -> str:
    """The id of a question. Of a partner that gives it none, it is the name of the call, which has its time in it."""
    profile = profile_of(read.connection)
    request_id = fields.text(read.fields, name)
    if profile.blanks_unsigned:  # blanks that nobody signed must not make another question of it
        request_id = "".join(request_id.split())
    if not request_id and read.external_id and not profile.names_requests:
        return read.external_id
    if not request_id:
        raise FieldWrong(name, missing=True)
    return request_id


def _call(read: Read, now: datetime) -> CallName | None:
    """What the bank calls the request; None where it does not say."""
    # Where the external id is all that names a payment, whoever has seen a signed call could send it again under another one,
    # since nobody signs that header. So a text that was signed once is one payment; its repeats have other timestamps.
    if read.signed is not None and read.service == codes.VA_PAYMENT and not profile_of(read.connection).names_requests:
        return CallName(read.connection.name, read.service, read.signed.on, read.signed.text_hash)
    if not read.external_id:
        return None
    return CallName(read.connection.name, read.service, wib(now).date(), read.external_id)


# -- QR codes and wallets ---------------------------------------------------------------------------------------------


def _qr(read: Read, now: datetime) -> Asked:
    return _made_by_partner(read, now, QRIS)


def _debit(read: Read, now: datetime) -> Asked:
    return _made_by_partner(read, now, EWALLET)


def _made_by_partner(read: Read, now: datetime, channel: str) -> Asked:
    """Money by a code that the partner made: it is known by our reference, and by the partner's. Or word that there will be none."""
    said = read.fields
    theirs = "".join(fields.needed(said, "originalReferenceNo").split())
    request_id = ours(said.get("originalPartnerReferenceNo"))
    state = fields.needed(said, "latestTransactionStatus")
    if state in ENDED and request_id is not None:
        return replies.to_notification(read.service, said, CodeEnded(read.connection.name, request_id), now)
    if not states.is_paid(read.connection, state, said):
        return replies.to_notification(read.service, said, None, now)
    money = minted_money(read.connection, channel, theirs, request_id, fields.amount(said, "amount"), said)
    return replies.to_notification(read.service, said, money, now)


def minted_money(
    connection: Connection, channel: str, theirs: str, request_id: UUID | None, amount: int, said: Mapping[str, Any]
) -> Report:
    """Money by a code that the partner made, as it reports it (52, 56) or answers (51, 55): the same money. Raises FieldWrong."""
    if not amount:
        raise FieldWrong("amount.value")
    inside = fields.inside(said, "additionalInfo")
    issuer = amounts.text(inside, "issuerName", ISSUER_LENGTH) or amounts.text(said, "issuerName", ISSUER_LENGTH)
    return Report(
        connection.name,
        theirs,
        channel,
        theirs,
        amount,
        fields.instant(said, "finishedTime", "paidTime", "transactionDate"),
        issuer=issuer,
        service=f"snap-{codes.QR_NOTIFY if channel == QRIS else codes.DEBIT_NOTIFY}",
        request_id=request_id,
    )


def ours(reference: object) -> UUID | None:
    """Our reference, by which the partner knows one of our requests; None for anything that is none of ours.

    Behind its 32 digits may be two more: which time the same code was asked for.
    """
    if not isinstance(reference, str):
        return None
    reference = reference.strip()
    try:
        return UUID(reference[:32] if len(reference) == 34 else reference) if len(reference) in (32, 34, 36) else None
    except ValueError:
        return None


# -- money that was paid out and came back ----------------------------------------------------------------------------


def _returned(read: Read, now: datetime) -> Asked:
    """A transfer by RTGS or SKN that the other bank has rejected: the bank speaks of no others."""
    said, info = read.fields, fields.inside(read.fields, "additionalInfo")
    ours, theirs = amounts.text(said, "originalPartnerReferenceNo"), amounts.text(said, "originalReferenceNo")
    if not ours and not theirs:
        raise FieldWrong("originalPartnerReferenceNo", missing=True)
    if not _is_rejected(said.get("latestTransactionStatus")):
        log.error("a bank notifies of a transfer that it has not rejected", connection=read.connection.name, ours=ours)
        return replies.to_notification(read.service, said, None, now)
    words = [amounts.text(info, name, REASON_LENGTH) for name in ("rejectStatusID", "rejectStatusEN", "traceNo")]
    words.append(amounts.text(said, "transactionStatusDesc", REASON_LENGTH))
    reason = next(filter(None, words), "Returned by the bank")
    came_back = PayoutReturn(read.connection.name, ours, theirs, reason)
    return replies.to_notification(read.service, said, came_back, now)


def _is_rejected(status: Any) -> bool:
    """Whether a notice's status says that the money is back. What says nothing that is known gives nothing back."""
    if status in (None, {}, []):
        return True
    if not isinstance(status, str):
        return False
    return status.strip() in _REJECTED or _REJECTED_WORDS.search(status) is not None


_READERS: dict[str, Callable[[Read, datetime], Asked]] = {
    codes.VA_INQUIRY: _inquiry,
    codes.VA_PAYMENT: _payment,
    codes.VA_INTRABANK_NOTIFY: _notification,
    codes.QR_NOTIFY: _qr,
    codes.DEBIT_NOTIFY: _debit,
    codes.SKN_NOTIFY: _returned,
    codes.RTGS_NOTIFY: _returned,
}
