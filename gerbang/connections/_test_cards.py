"""The simulator's cards: each test card of the vendor's plays its scenario (payment-session reference, 9.4).

What becomes of a card follows from its first eight and last four digits, which are written down; any other card succeeds, after a
challenge. Amounts that end in these whole rupiah play an acquirer that is silent:

    …503   it is silent for the first half minute, and has not got it
    …504   it holds the money, and is silent when it is asked to
    …505   it is at work for a minute
    …404   it declines to capture so much
"""

import hashlib
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from gerbang.connections import Silence
from gerbang.connections._cards import (
    Approved,
    AtWork,
    BankAnswer,
    CaptureOutcome,
    CardOutcome,
    Challenge,
    Issuer,
    NotApproved,
)
from gerbang.domain.cards import Authentication, Authorization, Risk
from gerbang.domain.charges import Failure
from gerbang.domain.money import rupiah
from gerbang.domain.partner_requests import AuthorizeCard, CaptureCard

CAPTURE_DECLINED, SILENT_BEFORE, SILENT_AFTER, AT_WORK = 404, 503, 504, 505
SILENT_FOR, AT_WORK_FOR = timedelta(seconds=30), timedelta(minutes=1)
HELD_FOR = timedelta(days=7)
"""How long money of a card is held (ours: networks hold it for 5 to 30 days)."""
FRICTIONLESS = ("0001", "0001")
"""Digits 5 to 8 and the last four."""
FAILURES: dict[str, Failure] = {
    "0001": "refused",
    "0002": "card_expired",
    "0003": "wrong_cvc",
    "0004": "invalid_account",
    "0005": "not_authenticated",
    "0006": "suspected_fraud",
    "0007": "blocked",
    "0008": "blocked_by_risk",
    "0009": "needs_review",
    "0010": "insufficient_funds",
    "0011": "unavailable",
    "0012": "declined",
}
"""What becomes of a card whose digits 5 to 8 are 0003, by its last four."""
FOREIGN = "1003"
ADDRESSES = {
    "Alpha": "NOT_AVAILABLE",
    "Bravo": "NOT_AVAILABLE",
    "Charlie": "UNKNOWN_FROM_PROCESSOR",
    "Delta": "NOT_MATCHED",
    "Echo": "PARTIAL_MATCH_ZIP",
    "Foxtrot": "PARTIAL_MATCH_ADDRESS",
    "Golf": "MATCHED",
    "Hotel": "PARTIAL_MATCH_NAME",
    "India": "PARTIAL_MATCH_NAME",
    "Juliett": "PARTIAL_MATCH_NAME",
    "Kilo": "NOT_SUPPORTED",
    "Lima": "UNKNOWN_FROM_PROCESSOR",
    "Mike": "NOT_AVAILABLE",
}
"""What the comparison of the billing address says, by its first word."""
BANKS = {"4": "BANK CENTRAL ASIA", "5": "BANK MANDIRI", "3": "BANK NEGARA INDONESIA"}
"""By the first digit of the card."""
ECI = {"passed": {"MASTERCARD": "02"}, "failed": {"MASTERCARD": "00"}}


def issuer(first8: str) -> Issuer:
    """Who issued a card: an Indonesian bank, but for the vendor's foreign test cards."""
    foreign = first8[4:] == FOREIGN
    return Issuer(
        "CREDIT", "OVERSEAS BANK" if foreign else BANKS.get(first8[0], "BANK INDONESIA"), "SG" if foreign else "ID"
    )


def at_first(reference: UUID, asked: AuthorizeCard, now: datetime) -> CardOutcome:
    """What is answered to a card that is given now. Raises Silence."""
    end = asked.amount // rupiah(1) % 1000
    if end == SILENT_BEFORE and now < asked.created_at + SILENT_FOR:
        raise Silence("the simulator is silent at first for this amount")
    if end == SILENT_AFTER:
        raise Silence("the simulator has it and is silent for this amount")
    return afterwards(reference, asked, now)


def has(asked: AuthorizeCard) -> bool:
    """Whether the simulator got what it was silent about."""
    return asked.amount // rupiah(1) % 1000 != SILENT_BEFORE


def captured(reference: UUID, asked: CaptureCard) -> CaptureOutcome:
    """What becomes of a capture. Raises Silence."""
    if asked.amount // rupiah(1) % 1000 == CAPTURE_DECLINED:
        return CaptureOutcome(False, why="the simulator declines this amount")
    return CaptureOutcome(True, _name(reference))


def afterwards(reference: UUID, asked: AuthorizeCard, now: datetime) -> CardOutcome:
    """What is answered to whoever asks what became of a card."""
    at_work = asked.amount // rupiah(1) % 1000 == AT_WORK and now < asked.created_at + AT_WORK_FOR
    failure = _failure(asked)
    if failure in ("blocked_by_risk", "needs_review"):
        return NotApproved(failure, risk=Risk(87, "high", passed=False))
    if at_work:
        return AtWork(_name(reference), asked.created_at + AT_WORK_FOR)
    if asked.three_ds == "external":
        return _decided(reference, asked, asked.external, now)
    if asked.three_ds == "never":
        return _decided(reference, asked, None, now)
    if asked.three_ds == "automatic" and (asked.card.first8[4:], asked.card.last4) == FRICTIONLESS:
        return _decided(reference, asked, _authentication(asked, "frictionless", passed=True), now)
    return Challenge("", _name(reference))


def challenged(reference: UUID, asked: AuthorizeCard, answer: BankAnswer, now: datetime) -> CardOutcome:
    """What is answered once the buyer's bank has asked them."""
    failure = _failure(asked)
    if answer == "cancelled" or failure == "declined":
        return NotApproved("declined", authentication=_authentication(asked, "challenge", passed=False))
    if answer == "failed" or failure == "not_authenticated":
        return NotApproved("not_authenticated", authentication=_authentication(asked, "challenge", passed=False))
    return _decided(reference, asked, _authentication(asked, "challenge", passed=True), now)


def _failure(asked: AuthorizeCard) -> Failure | None:
    return FAILURES.get(asked.card.last4) if asked.card.first8[4:] == "0003" else None


def _decided(
    reference: UUID, asked: AuthorizeCard, authentication: Authentication | None, now: datetime
) -> CardOutcome:
    risk = Risk(0, "very low", passed=True)
    authorization = _authorization(reference, asked)
    failure = _failure(asked)
    if failure is not None:
        cvv = "NOT_MATCHED" if failure == "wrong_cvc" else authorization.cvv
        refused = Authorization(
            "", authorization.retrieval_reference, authorization.stan, "", 0, authorization.avs, cvv
        )
        return NotApproved(failure, refused, authentication, risk)
    taken = asked.card.capture == "automatic"
    return Approved(
        _name(reference),
        authorization,
        authentication,
        risk,
        captured=taken,
        holds_until=None if taken else now + HELD_FOR,
    )


def _authentication(
    asked: AuthorizeCard, method: Literal["challenge", "frictionless"], *, passed: bool
) -> Authentication:
    eci = ECI["passed" if passed else "failed"].get(asked.card.brand, "05" if passed else "07")
    return Authentication("2.2.0", "SUCCESSFUL" if passed else "FAILED", method, eci)


def _authorization(reference: UUID, asked: AuthorizeCard) -> Authorization:
    numbers = str(int(hashlib.sha256(reference.bytes).hexdigest(), 16))
    word = (asked.billing.line.split() or [""])[0] if asked.billing else ""
    avs = ADDRESSES.get(word, "MATCHED") if asked.billing else "NOT_AVAILABLE"
    return Authorization(
        acquirer_reference=_name(reference),
        retrieval_reference=numbers[:12],
        stan=numbers[12:18],
        code=numbers[18:24],
        amount=asked.amount,
        avs=avs,
        cvv="NOT_SUBMITTED" if asked.card.token else "MATCHED",
    )


def _name(reference: UUID) -> str:
    return hashlib.sha256(reference.bytes).hexdigest()[:12]
