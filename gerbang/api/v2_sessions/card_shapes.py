"""Writes what may be known of a card that pays, as the blocks of a charge (payment-session reference, 3.8 and 3.9)."""

from typing import Any

from gerbang.domain.cards import CardDetails
from gerbang.domain.charges import Charge
from gerbang.domain.money import in_rupiah

Json = dict[str, Any]
CAPTURE_STATUS = {"pending": "PENDING", "succeeded": "SUCCESS", "failed": "FAILED"}


def blocks(charge: Charge) -> Json:
    """`fdsRiskAssessment`, `card` and `captureHistories` of a charge."""
    card = charge.card
    return {
        "fdsRiskAssessment": _risk(charge, card),
        "card": _card(card) if card else {},
        "captureHistories": _captures(card),
    }


def _risk(charge: Charge, card: CardDetails | None) -> Json | None:
    if card is None or card.risk is None:
        return None
    return {
        "score": str(card.risk.score),
        "level": card.risk.level,
        "recommendation": "Approve" if card.risk.passed else "Reject",
        "status": "PASSED" if card.risk.passed else "REJECTED",
        "evaluatedAt": charge.created_at,
    }


def _card(card: CardDetails) -> Json:
    said, asked = card.authorization, card.authentication
    return {
        "first6": card.first8[:6],
        "first8": card.first8,
        "last4": card.last4,
        "expMonth": f"{card.expiry_month:02}",
        "expYear": str(card.expiry_year),
        "fingerprint": card.fingerprint,
        "binInformations": {
            "type": card.kind,
            "issuingBank": card.bank,
            "brand": card.brand,
            "country": card.country,
        },
        "authenticationResult": None
        if asked is None
        else {
            "threeDsVersion": asked.version,
            "threeDsResult": asked.result,
            "threeDsMethod": asked.method.upper(),
            "eciCode": asked.eci,
        },
        "authorizationResult": None
        if said is None
        else {
            "acquirerReferenceNumber": said.acquirer_reference,
            "retrievalReferenceNumber": said.retrieval_reference,
            "stan": said.stan,
            "avsResult": said.avs,
            "cvvResult": said.cvv,
            "authorizedAmount": {"value": in_rupiah(said.amount), "currency": "IDR"},
            "issuerAuthorizationCode": said.code,
        },
    }


def _captures(card: CardDetails | None) -> list[Json] | None:
    if card is None or not card.captures:
        return None
    return [
        {
            "captureId": each.id,
            "currency": "IDR",
            "capturedAmount": in_rupiah(each.amount),
            "status": CAPTURE_STATUS[each.state],
            "createdAt": each.created_at,
        }
        for each in card.captures
    ]
