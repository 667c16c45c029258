"""Writes payments, charges and customers as JSON: field order, spelling, null or absent, number or string.

A payment has two views. Create and confirm answer with the `answer` view; look-ups, lists, cancellations and callbacks
use the `read` view, which has more flags and whole seconds (payment-session reference, 3.7 and 4.1).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import msgspec

from gerbang.api.v2_sessions import card_shapes
from gerbang.api.v2_sessions.methods import OTHERS, block_of, type_of
from gerbang.channels.ewallet import PUSHED
from gerbang.domain.charges import Charge, Failure
from gerbang.domain.customers import Customer, StoredMethod
from gerbang.domain.money import in_rupiah
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import Payment
from gerbang.services.pages import Pages

View = Literal["answer", "read"]
Json = dict[str, Any]

STATUS = {
    "needs_method": "REQUIRE_PAYMENT_METHOD",
    "needs_confirmation": "REQUIRE_CONFIRMATION",
    "opening": "PROCESSING",
    "awaiting": "REQUIRE_ACTION",
    "authenticating": "PROCESSING",
    "processing": "PROCESSING",
    "active": "ACTIVE",
    "paid": "PAID",
    "cancelled": "CANCELLED",
    "failed": "CANCELLED",
    "expired": "EXPIRED",
    "inactive": "INACTIVE",
}
CHARGE_STATUS = {
    "waiting": "WAITING_FOR_USER_ACTION",
    "authenticating": "WAITING_FOR_AUTHENTICATION",
    "processing": "PROCESSING",
    "authorized": "WAITING_FOR_CAPTURE",
    "succeeded": "SUCCESS",
    "failed": "FAILED",
    "expired": "EXPIRED",
}
NO_INSTANT = datetime(1, 1, 1, tzinfo=UTC)
"""The expiryAt of a static virtual account that does not expire (seed example of a static payment)."""


def amount(minor: int) -> Json:
    return {"value": in_rupiah(minor), "currency": "IDR"}


def session(payment: Payment, charges: Sequence[Charge], pages: Pages, view: View) -> Json:
    """A payment as a payment session. `charges` are newest first."""
    details = payment.details
    echo = details.echo
    read = view == "read"
    # The API's first version had no paymentType, neither in requests nor in answers. Its answers have cancelledAt and
    # cancellationReason even where they are null, and charges with an empty descriptor.
    older = not read and not echo.get("typed")
    written: Json = {
        "id": payment.id,
        "clientReferenceId": payment.reference,
        "amount": amount(payment.amount or 0),
        "autoConfirm": details.auto_confirm,
        "mode": "REDIRECT" if details.redirect else "API",
    }
    if urls := _redirect_url(payment):
        written["redirectUrl"] = urls
    if not older:
        written["paymentType"] = "MULTIPLE" if payment.static else "SINGLE"
    written["paymentMethod"] = _method(payment, pages)
    written["statementDescriptor"] = payment.descriptor
    if read:
        written["saveForFutureUse"] = bool(echo.get("save"))
        written["showSavedPayment"] = bool(echo.get("show_saved"))
    elif echo.get("save"):
        written["saveForFutureUse"] = True
    if mode := echo.get("expiration_mode"):
        written["expirationMode"] = mode
    written["status"] = STATUS[payment.state]
    if read:
        written["investigationStatus"] = None
    written["createdAt"] = _whole_second(payment.created_at) if read else payment.created_at
    written["updatedAt"] = _whole_second(payment.updated_at) if read else payment.updated_at
    written["expiryAt"] = payment.expires_at
    if url := _payment_url(payment, charges, pages):
        written["paymentUrl"] = url
    listed = [charge_in_session(charge, pages) for charge in charges]
    if older:
        for charge in listed:
            charge["statementDescriptor"] = ""
    written["chargeDetails"] = listed or None
    if payment.customer_id is not None:
        written["customerId"] = payment.customer_id
    if details.customer is not None:
        written["customer"] = customer_of(details.customer, bool(echo.get("sure_name")), read=read)
    if older or payment.cancelled_at is not None:
        written["cancelledAt"] = payment.cancelled_at
        # A payment is cancelled with this reason when its only charge was declined (payment-session reference, 3.7).
        declined = "CHARGE_FAILED" if payment.state == "failed" else None
        written["cancellationReason"] = declined or payment.cancellation_reason
    if details.metadata is not msgspec.UNSET:
        written["metadata"] = details.metadata
    if read:
        written["bypassStatusPage"] = details.skip_result_page
    return written


def _payment_url(payment: Payment, charges: Sequence[Charge], pages: Pages) -> str:
    """Where the buyer is sent: to the payer's page, or to their wallet or their card's bank where there is no such page."""
    if payment.details.redirect:
        return pages.payment_url(payment)
    return _agrees_at(payment, charges[0], pages) if charges else ""


def _agrees_at(payment: Payment, charge: Charge, pages: Pages) -> str:
    """Where the buyer agrees, while they may; "" for what needs no page, as a wallet that notifies its buyer in its app."""
    if payment.state not in ("awaiting", "authenticating") or charge.state not in ("waiting", "authenticating"):
        return ""
    if charge.card is not None:
        return charge.card.page
    if charge.channel != "ewallet":
        return ""
    pushed = charge.instructions.option in PUSHED and not charge.instructions.content
    return "" if pushed else pages.wallet_url(charge)


def with_key(session: Json, public_key: str) -> Json:
    """A session with the key that its card is encrypted for, before `chargeDetails` as the vendor prints it."""
    if not public_key:
        return session
    before = list(session).index("chargeDetails")
    members = list(session.items())
    return dict([*members[:before], ("encryptionKey", public_key), *members[before:]])


def _whole_second(instant: datetime) -> datetime:
    return instant - timedelta(0, 0, instant.microsecond)  # a third of the time of `replace`


def _redirect_url(payment: Payment) -> Json:
    details = payment.details
    if not (details.success_url or details.failure_url or details.expiration_url):
        return {}
    urls = {
        "successReturnUrl": details.success_url,
        "failureReturnUrl": details.failure_url,
        "expirationReturnUrl": details.expiration_url,
    }
    return {name: url for name, url in urls.items() if url is not None}


def _method(payment: Payment, pages: Pages) -> Json | None:
    method = payment.method
    if method is None:
        return None
    written: Json = {"type": type_of(method.channel)}
    if method.instructions is not None:
        picture = partial(pages.picture_url, payment.merchant_id, payment.id)
        written |= _instructions(method.channel, method.instructions, picture, payment.created_at)
    return written


def _instructions(channel: str, instructions: Instructions, picture: Callable[[], str], created_at: datetime) -> Json:
    """The payment instructions in a method or charge: `virtualAccount`, `ewallet`, `retailOutlet` or `qr`.

    `picture` returns the address of the QR picture.
    """
    if channel == "virtual_account":
        return {
            "virtualAccount": {
                "channel": instructions.option,
                "virtualAccountNumber": instructions.number,
                "virtualAccountName": instructions.name,
                "expiryAt": instructions.expires_at or NO_INSTANT,
            }
        }
    if channel == "card":
        return {}
    if channel == "ewallet":
        account = {"accountInformations": {"mobileNumber": instructions.account}} if instructions.account else {}
        return {"ewallet": {"channel": instructions.option} | account}
    if channel == "retail_outlet":
        outlet = {"channel": instructions.option, "paymentCode": instructions.number, "name": instructions.name}
        return {"retailOutlet": outlet | {"expiryAt": instructions.expires_at}}
    if channel != "qris":
        return {block_of(channel): _other(instructions, picture)}
    qr: Json = {
        "acquirer": instructions.acquirer,
        "qrContent": instructions.content,
        "qrUrl": picture(),
        "qrType": "STATIC" if instructions.store else "DYNAMIC",
        "retrievalReferenceNumber": instructions.retrieval_reference,
        "issuerName": instructions.issuer,
        # A static QR does not expire; the vendor prints the time of its creation here.
        "expiryAt": instructions.expires_at or created_at,
        "merchantName": instructions.name,
    }
    if instructions.store:
        qr["storeId"] = instructions.store
    return {"qr": qr}


def _other(instructions: Instructions, picture: Callable[[], str]) -> Json:
    """How to pay by a channel that the vendor has no words for."""
    written: Json = {
        "channel": instructions.option,
        "paymentCode": instructions.number,
        "name": instructions.name,
        "expiryAt": instructions.expires_at,
    }
    if instructions.content:
        written |= {"qrContent": instructions.content, "qrUrl": picture()}
    return written


def charge_in_session(charge: Charge, pages: Pages) -> Json:
    """A charge inside a session, with only the instructions of its own method."""
    paid = charge.state == "succeeded"
    taken = charge.taken if paid else charge.captured
    written: Json = {
        "id": charge.id,
        "paymentSessionId": charge.payment_id,
        "paymentSessionClientReferenceId": charge.payment_reference,
        "amount": amount(charge.amount),
        "statementDescriptor": charge.descriptor,
        "status": CHARGE_STATUS[charge.state],
        "authorizedAmount": amount(charge.amount) if paid or charge.state == "authorized" else None,
        "capturedAmount": amount(taken) if taken else None,
        "isCaptured": paid,
        "createdAt": charge.created_at,
        "updatedAt": charge.updated_at,
        "paidAt": charge.paid_at,
    }
    if charge.channel == "card":
        written |= card_shapes.blocks(charge)
    picture = partial(pages.picture_url, charge.merchant_id, charge.id)
    written |= _instructions(charge.channel, charge.instructions, picture, charge.created_at)
    if charge.failure is not None:
        written |= _failure(charge)
    return written


def charge_alone(charge: Charge, pages: Pages) -> Json:
    """A charge as GET /v2/charges lists it: with a field for every method, null where it does not apply."""
    inside = charge_in_session(charge, pages)
    return {
        **{name: inside[name] for name in list(inside)[:12]},
        "fdsRiskAssessment": inside.get("fdsRiskAssessment"),
        "card": inside.get("card"),
        "virtualAccount": inside.get("virtualAccount"),
        "qr": inside.get("qr"),
        "ewallet": inside.get("ewallet"),
        **{block: inside[block] for block in ("retailOutlet", *map(block_of, OTHERS)) if block in inside},
        "captureHistories": inside.get("captureHistories"),
        "failureCode": inside.get("failureCode"),
        "failureMessage": inside.get("failureMessage"),
        "recommendation": inside.get("recommendation"),
    }


_LEFT = (
    "The buyer did not want to pay in this way.",
    "If the payment is still open, wait: the buyer may choose again. Otherwise create a new payment.",
)
_OTHER_WAY = "Ask the buyer to pay in another way."
FAILURE_CODES: dict[Failure | None, str] = {
    "expired": "CHARGE_EXPIRED",
    "declined": "CANCELLED_BY_USER",
    "abandoned": "CANCELLED_BY_USER",
    "refused": "DECLINED_BY_CHANNEL",
    "card_expired": "DECLINED_BY_CHANNEL",
    "wrong_cvc": "DECLINED_BY_CHANNEL",
    "invalid_account": "INVALID_ACCOUNT",
    "not_authenticated": "AUTHENTICATION_FAILED",
    "suspected_fraud": "SUSPECTED_FRAUD",
    "blocked": "SUSPECTED_FRAUD",
    "blocked_by_risk": "BLOCKED_BY_FDS",
    "needs_review": "REQUIRE_REVIEW",
    "insufficient_funds": "INSUFFICIENT_FUND",
    "unavailable": "CHANNEL_UNAVAILABLE",
}
"""The vendor's codes (payment-session reference, 5.3)."""
FAILURES: dict[Failure | None, tuple[str, str]] = {
    "expired": (
        "Nobody paid before the time was over.",
        "Create a new payment and ask the buyer to pay in time.",
    ),
    "declined": _LEFT,
    "abandoned": _LEFT,
    "refused": ("The bank or wallet declined it.", _OTHER_WAY),
    "card_expired": ("The card has expired.", "Ask the buyer for another card."),
    "wrong_cvc": ("The security code of the card is wrong.", "Ask the buyer to look at their card and to try again."),
    "invalid_account": ("The account or card cannot be used.", _OTHER_WAY),
    "not_authenticated": ("The buyer did not prove that it is their account or card.", "Ask the buyer to try again."),
    "suspected_fraud": ("The bank suspects fraud.", "Do not try again, and ask the buyer to speak with their bank."),
    "blocked": ("The bank or wallet has blocked the account or card.", _OTHER_WAY),
    "blocked_by_risk": ("It was blocked as too risky.", "Do not try again with the same card."),
    "needs_review": (
        "Somebody must look at it before it may be paid.",
        "Wait for word of it, or ask for another way to pay.",
    ),
    "insufficient_funds": ("There is not enough money on the account or card.", _OTHER_WAY),
    "unavailable": ("The bank or wallet could not be reached.", "Ask the buyer to try again in a few minutes."),
}


def _failure(charge: Charge) -> Json:
    code = FAILURE_CODES.get(charge.failure)
    reason, recommendation = FAILURES.get(charge.failure, ("It was not paid.", "Create a new payment."))
    return {
        "failureCode": code,
        "failureMessage": f"{type_of(charge.channel)} payment failed. {reason}",
        "recommendation": recommendation,
    }


def stored_method(stored: StoredMethod) -> Json:
    """A card or a wallet that the customer may pay by again (payment-session reference, 3.11)."""
    written: Json = {
        "token": stored.token,
        "paymentMethod": stored.channel,
        "paymentChannel": stored.option,
        "createdAt": stored.created_at,
        "status": "ACTIVE" if stored.active else "INACTIVE",
    }
    card = stored.card
    if card is not None:
        written["card"] = {
            "fingerprint": card.fingerprint,
            "network": card.network,
            "first6": card.first8[:6],
            "first8": card.first8,
            "last4": card.last4,
            "expMonth": f"{card.expiry_month:02}",
            "expYear": str(card.expiry_year),
            "cardHolderFirstName": card.holder.partition(" ")[0],
            "cardHolderLastName": card.holder.partition(" ")[2],
        }
    return written


def customer_of(customer: Customer, sure_name: bool = False, *, read: bool) -> Json:
    written: Json = {
        "givenName": customer.given_name,
        "sureName" if sure_name else "surname": customer.surname,
        "email": customer.email,
    }
    if customer.phone is not None:
        written["phoneNumber"] = {"countryCode": customer.phone.country_code, "number": customer.phone.number}
    if customer.refund_preference is not None:
        preference: Json = {"method": customer.refund_preference.method.upper()}
        destination = customer.refund_preference.destination
        if destination is not None:
            preference["transferDestination"] = {
                "channelCode": destination.channel_code,
                "channelInformation": {
                    "accountNumber": destination.account_number,
                    "accountName": destination.account_name,
                },
            }
        written["refundPreference"] = preference
    written = {name: value for name, value in written.items() if value is not None}
    if customer.stored_methods:
        written["storedPaymentMethods"] = [stored_method(stored) for stored in customer.stored_methods]
    elif read:
        written["storePaymentMethods"] = None
    return written
