"""Writes refunds as JSON: amounts are text with two decimals (payment-session reference, section 10)."""

from typing import Any

from gerbang.domain.money import IDR, two_places
from gerbang.domain.refunds import Refund

Json = dict[str, Any]
STATUS = {
    "pending": "PENDING",
    "waiting_transfer": "WAITING_BANK_TRANSFER",
    "succeeded": "SUCCESS",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
}
DESTINATION_TYPES = {"channel": "CHANNEL", "account": "ACCOUNT"}


def refund(given: Refund) -> Json:
    """A refund. What is not known is left out."""
    written: Json = {
        "id": given.id,
        "clientReferenceId": given.reference,
        "paymentSessionId": given.payment_id,
        "chargeId": given.charge_id,
        "capturedAmount": _amount(given.captured),
        "isFullAmount": given.whole,
        "amount": _amount(given.amount),
        "status": STATUS[given.state],
        "reason": given.reason.upper(),
        "description": given.description or "",
        "method": given.method.upper(),
    }
    if given.destination is not None:
        written["transferDestination"] = {
            "channelCode": given.destination.channel_code,
            "channelInformation": {
                "accountNumber": given.destination.account_number,
                "accountName": given.destination.account_name,
            },
            "description": given.statement_text,
        }
    if given.way is not None:
        written["destinationType"] = DESTINATION_TYPES[given.way]
    elif given.state != "pending":
        written["destinationType"] = DESTINATION_TYPES["account"]  # it waits for one, or waited in vain
    if given.failure_reason is not None:
        written["failureReason"] = given.failure_reason
    written["metadata"] = given.metadata
    written["createdAt"] = given.created_at
    written["updatedAt"] = given.updated_at
    return written


def _amount(minor: int) -> Json:
    return {"currency": IDR, "value": two_places(minor)}
