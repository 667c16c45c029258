"""Writes payments, static methods, links and payouts as JSON: field order, spelling, number or text."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from gerbang import channels
from gerbang.channels.virtual_account import BANKS as VIRTUAL_ACCOUNT_BANKS
from gerbang.clock import wib
from gerbang.domain.bank_directory import BANKS as BANK_DIRECTORY
from gerbang.domain.charges import Charge
from gerbang.domain.money import MINOR_PER_RUPIAH
from gerbang.domain.paycodes import Instructions
from gerbang.domain.payments import Payment
from gerbang.domain.payouts import Payout
from gerbang.services.pages import Pages

Json = dict[str, Any]

STATUS = {
    "needs_method": "pending",
    "needs_confirmation": "pending",
    "opening": "pending",
    "awaiting": "pending",
    "authenticating": "pending",
    "processing": "pending",
    "active": "pending",
    "failed": "failed",
    "paid": "paid",
    "settled": "completed",
    "cancelled": "cancelled",
    "expired": "expired",
    "inactive": "expired",
}
"""The status for each payment state; "settled" means paid with its money available (reference, section 4)."""

PRODUCT = "v4-payments"
BANK_NAMES = {code: bank.names[PRODUCT] for code, bank in VIRTUAL_ACCOUNT_BANKS.items() if PRODUCT in bank.names}
"""Bank codes that differ in this dialect."""
BANKS = {name: bank for bank, name in BANK_NAMES.items()}
KNOWN = ("virtual_account", "retail_outlet", "qris", "ewallet")
"""Channels that the vendor has words for."""
TYPES = {
    "virtual_account": "virtual_bank_account",
    "retail_outlet": "retail_outlet",
    "qris": "qris",
    "ewallet": "e-wallet",
} | {name: name for name in channels.found() if name not in KNOWN}
"""What each channel is called here: by its name, where the vendor has no word for it."""
CHANNELS = {type_: channel for channel, type_ in TYPES.items()}
DECLINED = "The customer declined the payment."
LINKS = "links"
"""The scope of payment links among the SCOPES of payments."""
QR_DIGITS = 22
ARRIVAL_DIGITS = 10


def money(minor: int) -> str:
    """Minor units as text in rupiah with one decimal, or two if needed: "15000.0", "249.75" (reference, 1.5)."""
    sign = "-" if minor < 0 else ""
    whole, sen = divmod(abs(minor), MINOR_PER_RUPIAH)
    return f"{sign}{whole}.{f'{sen:02d}'.rstrip('0') or '0'}"


def instant(at: datetime) -> str:
    """An instant in Jakarta time (+07:00), in whole seconds."""
    return wib(at).isoformat(timespec="seconds")


def link_instant(at: datetime) -> str:
    """An instant in the form of payment links: "2021-12-05 22:05:26 +0700"."""
    return wib(at).strftime("%Y-%m-%d %H:%M:%S %z")


def _end(payment: Payment, channel: str | None) -> str | None:
    """The expiry of a payment in the offset in which it was sent; in UTC for retail outlets, as in the reference."""
    end = payment.expires_at
    if end is None:
        return None
    seconds = payment.details.echo.get("offset")
    if channel == "retail_outlet" or seconds == "0":
        return end.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(seconds, str):
        return end.astimezone(timezone(timedelta(seconds=int(seconds)))).isoformat(timespec="seconds")
    return instant(end)


def status_of(payment: Payment, charge: Charge | None) -> str:
    """The status of a one-time payment; with a charge on a static method, the status of that charge."""
    if charge is not None and charge.settled_at is not None:
        return STATUS["settled"]
    if charge is not None and charge.static:
        return STATUS["paid"]
    return STATUS[payment.state]


def one_time(payment: Payment, charge: Charge | None, pages: Pages) -> Json:
    """A one-time payment, as in reads, lists and callbacks."""
    if payment.state in ("needs_method", "needs_confirmation"):
        charge = None  # the buyer returned to the choice of method; the earlier charge can no longer be paid
    attributes: Json = {
        "status": status_of(payment, charge),
        "amount": money(payment.amount or 0),
        "currency": payment.currency,
        "createdAt": instant(payment.created_at),
        "description": payment.details.description,
        "expiredAt": _end(payment, charge.channel if charge else None),
        "referenceId": payment.reference,
        "fees": money(charge.fee if charge else 0),
        "paymentMethod": None if charge is None else method_of_charge(payment, charge, pages),
    }
    if payment.state == "failed":
        declined = charge is not None and charge.failure == "declined"
        attributes["failureReason"] = DECLINED if declined else "The payment failed."
    return {"id": f"contract_{payment.id.hex}", "type": "payment", "attributes": attributes}


def arrival_reference(charge: Charge) -> str:
    """The generated reference of a payment received on a static method (reference, section 3)."""
    return f"external_id_{charge.id.hex[-ARRIVAL_DIGITS:]}"


def arrival(payment: Payment, charge: Charge, pages: Pages) -> Json:
    """One payment received on a static method."""
    attributes: Json = {
        "status": status_of(payment, charge),
        "amount": money(charge.amount),
        "currency": payment.currency,
        "createdAt": instant(charge.created_at),
        "description": None,
        "expiredAt": None,
        "referenceId": arrival_reference(charge),
        "fees": money(charge.fee),
        "paymentMethod": {"id": method_id(payment), "type": TYPES[charge.channel], "referenceId": payment.reference}
        | {"instructions": _instructions(payment, charge.channel, charge.instructions, pages)},
    }
    return {"id": f"contract_{charge.id.hex}", "type": "payment", "attributes": attributes}


def paid(payment: Payment, charge: Charge | None, pages: Pages) -> Json:
    """A one-time payment; with a charge on a static method, the payment received there."""
    if charge is not None and charge.static:
        return arrival(payment, charge, pages)
    return one_time(payment, charge, pages)


def method_of_charge(payment: Payment, charge: Charge, pages: Pages) -> Json:
    """`paymentMethod`, in one of four shapes (reference, 2.3)."""
    id_ = charge.id.hex
    names = {
        "virtual_account": f"va_{id_}",
        "qris": f"qr_{id_[:QR_DIGITS]}",
        "ewallet": f"shopeepay_{id_}{payment.id.hex[-8:]}",
    }
    written: Json = {
        "id": names.get(charge.channel, id_),
        "type": TYPES[charge.channel],
        "referenceId": payment.reference,
    }
    if charge.channel == "ewallet":
        after = payment.method.return_url if payment.method else None
        written["settlement"] = {
            "httpUrl": pages.wallet_url(charge),
            "afterSettlementUrl": after or pages.payment_url(payment),
            "mobileUrl": pages.wallet_app_url(charge),
        }
    else:
        written["instructions"] = _instructions(payment, charge.channel, charge.instructions, pages, charge)
    return written


def _instructions(
    payment: Payment, channel: str, instructions: Instructions, pages: Pages, charge: Charge | None = None
) -> dict[str, str | None]:
    if channel == "virtual_account":
        bank = instructions.option or ""
        return {
            "bankShortCode": BANK_NAMES.get(bank, bank),
            "accountNo": instructions.number,
            "displayName": instructions.name,
        }
    if channel == "retail_outlet":
        return {
            "retailOutletName": instructions.option,
            "paymentCode": instructions.number,
            "displayName": instructions.name,
        }
    picture_url = pages.picture_url(payment.merchant_id, charge.id if charge and not charge.static else payment.id)
    if channel != "qris":
        return _other(instructions, picture_url)
    return {
        "imageUrl": picture_url,
        "displayName": (payment.method.payer_name if payment.method else "") or instructions.name,
        "qrString": instructions.content,
    }


def _other(instructions: Instructions, picture_url: str) -> dict[str, str | None]:
    """How to pay by a channel that the vendor has no words for."""
    written: dict[str, str | None] = {} if instructions.option is None else {"providerCode": instructions.option}
    written["paymentCode"] = instructions.number
    if not instructions.content:
        return written | {"displayName": instructions.name}
    return written | {"imageUrl": picture_url, "displayName": instructions.name, "qrString": instructions.content}


def method_id(payment: Payment) -> str:
    """The id of a static method."""
    channel = payment.method.channel if payment.method else ""
    return f"qr_{payment.id.hex[:QR_DIGITS]}" if channel == "qris" else f"va_{payment.id.hex}"


def static_method(payment: Payment, pages: Pages) -> Json:
    """A static method. It has no status, amount or time (reference, section 3)."""
    assert payment.method is not None and payment.method.instructions is not None
    return {
        "id": method_id(payment),
        "type": TYPES[payment.method.channel],
        "attributes": {
            "referenceId": payment.reference,
            "instructions": _instructions(payment, payment.method.channel, payment.method.instructions, pages),
        },
    }


def link(payment: Payment, charge: Charge | None, pages: Pages) -> Json:
    """A payment link: a payment with a checkout page, and its customer (reference, 7.5)."""
    echo, customer = payment.details.echo, payment.details.customer
    name = payment.details.shown_name or None
    attributes: Json = {
        "status": status_of(payment, charge),
        "amount": money(payment.amount or 0),
        "referenceId": payment.reference,
        "createdAt": link_instant(payment.created_at),
        "description": payment.details.description,
        "expiredAt": None if payment.expires_at is None else link_instant(payment.expires_at),
        "paymentLinkUrl": pages.payment_url(payment),
        "customerName": customer.given_name if customer else None,
        "customerEmail": echo.get("customer_email"),
        "customerPhoneNumber": echo.get("customer_phone"),
        "displayName": name,
        "paymentMethodOptions": {"displayName": name},
    }
    return {"id": f"paymentlink_{payment.id.hex}", "type": "payment_links", "attributes": attributes}


def task(
    target_id: str, target_type: str, action: str, *, reference: str | None = None, amount: int | None = None
) -> Json:
    """The response to a task (reference, section 6); `amount` is text, with decimals only if there are sen."""
    attributes: Json = {"targetId": target_id, "targetType": target_type}
    if reference is not None:
        attributes["referenceId"] = reference
    attributes["action"] = action
    if amount is not None:
        attributes["options"] = {"amount": money(amount).removesuffix(".0")}
    return {"type": "task", "attributes": attributes}


def payout(payout: Payout) -> Json:
    """A disbursement. The reason of a failure is in both places where clients look for it (reference, 7.1)."""
    to = payout.destination
    bank = BANK_DIRECTORY.get(to.bank_code)
    return {
        "id": f"contract_{payout.id.hex}",
        "type": "disbursement",
        "attributes": {
            "referenceId": payout.reference,
            "description": payout.description,
            "amount": money(payout.amount),
            "status": "pending" if payout.state == "approved" else payout.state,
            "createdAt": instant(payout.created_at),
            "fees": money(payout.fee),
            "disbursementMethod": {
                "type": to.kind,
                "bankAccountNo": to.account_number,
                "bankShortCode": to.bank_code,
                "bankName": bank.name if bank else to.bank_code,
                "bankAccountHolderName": to.account_name,
                "serverBankAccountHolderName": payout.bank_account_name,
                "failureReason": payout.failure_reason,
                "bankReferenceNumber": payout.bank_reference or None,
            },
            "failureReason": payout.failure_reason,
        },
    }
