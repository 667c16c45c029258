"""From this dialect's requests to the house's words: what a merchant asks for when it creates or confirms a payment."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from gerbang.api._bodies import Malformed
from gerbang.api.v2_sessions import requests
from gerbang.domain import customers
from gerbang.domain.money import AMOUNT_DIGITS_MAX, rupiah
from gerbang.domain.payments import Details, Method

CHANNEL = {"VIRTUAL_ACCOUNT": "virtual_account", "QR": "qris", "CARD": "card", "EWALLET": "ewallet"}


def minor(amount: requests.Amount | None, *, zero_is_open: bool, field: str = "amount.value") -> int | None:
    """Minor units of a requested amount; None where none was sent. Raises Malformed for what is not whole rupiah."""
    if amount is None:
        return None
    whole = _whole(amount.value, field)
    if whole == 0 and zero_is_open:
        return None
    if whole <= 0:
        raise Malformed(field, "must be more than zero")
    if len(str(whole)) > AMOUNT_DIGITS_MAX:
        raise Malformed(field, f"must have at most {AMOUNT_DIGITS_MAX} digits")
    return rupiah(whole)


def _whole(value: float | str, field: str) -> int:
    if isinstance(value, str):
        if not re.fullmatch(r"(0|[1-9][0-9]{0,17})(\.0{1,2})?", value, re.ASCII):
            raise Malformed(field, "must be a whole number of rupiah")
        return int(value.partition(".")[0])
    if isinstance(value, float):
        if not value.is_integer():
            raise Malformed(field, "must be a whole number of rupiah: fractions are not paid")
        return int(value)
    return value


def instant(value: datetime | None, field: str) -> datetime | None:
    """An instant in UTC; one without an offset is taken for UTC. Raises Malformed where the calendar ends."""
    if value is None:
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise Malformed(field, "must be an instant that exists, like 2025-03-31T23:59:05Z") from None


def method(asked: requests.PaymentMethod | None, beside: requests.MethodOptions | None) -> Method | None:
    """The way to pay that was asked for. Options may stand beside the method or inside it."""
    if asked is None:
        return None
    options = beside or asked.paymentMethodOptions or requests.MethodOptions()
    channel = CHANNEL[asked.type]
    path = "paymentMethodOptions"
    if asked.type == "VIRTUAL_ACCOUNT" and options.virtualAccount is not None:
        wanted = options.virtualAccount
        return Method(
            channel=channel,
            option=wanted.channel or None,
            payer_name=(wanted.virtualAccountName or "").strip(),
            number=wanted.virtualAccountNumber or None,
            expires_at=instant(wanted.expiryAt, f"{path}.virtualAccount.expiryAt"),
        )
    if asked.type == "QR" and options.qr is not None:
        return Method(channel=channel, expires_at=instant(options.qr.expiryAt, f"{path}.qr.expiryAt"))
    return Method(channel=channel)


def customer(said: requests.Customer | None) -> customers.Customer | None:
    """What was said of the customer; empty text is the same as nothing."""
    if said is None:
        return None
    preference = said.refundPreference
    destination = preference.transferDestination if preference else None
    if preference is not None and preference.method == "TRANSFER_ONLY" and destination is None:
        raise Malformed("customer.refundPreference.transferDestination", "is required for TRANSFER_ONLY")
    return customers.Customer(
        given_name=said.givenName or None,
        surname=said.surname if said.surname is not None else said.sureName,
        email=said.email or None,
        phone=customers.Phone(said.phoneNumber.countryCode, said.phoneNumber.number) if said.phoneNumber else None,
        refund_preference=None
        if preference is None
        else customers.RefundPreference(
            method=(preference.method or "AUTO").lower(),
            destination=None
            if destination is None
            else customers.Destination(
                destination.channelCode,
                destination.channelInformation.accountNumber,
                destination.channelInformation.accountName,
            ),
        ),
    )


def details(asked: requests.CreatePayment, plain: dict[str, Any]) -> Details:
    """What the merchant wants back as it said it."""
    urls = asked.redirectUrl or requests.RedirectUrl()
    echo: dict[str, str | bool] = {}
    if asked.paymentType is not None:
        echo["typed"] = True
    if asked.customer is not None and asked.customer.surname is None and asked.customer.sureName is not None:
        echo["sure_name"] = True
    if asked.saveForFutureUse or asked.saveForFuture:
        echo["save"] = True
    if asked.showSavedPayment:
        echo["show_saved"] = True
    if asked.expirationMode is not None:
        echo["expiration_mode"] = asked.expirationMode
    order = plain.get("orderInformation")
    return Details(
        redirect=asked.mode != "API",
        auto_confirm=asked.autoConfirm is not False,
        success_url=urls.successReturnUrl,
        failure_url=urls.failureReturnUrl,
        expiration_url=urls.expirationReturnUrl,
        skip_result_page=bool(asked.bypassStatusPage),
        order=msgspec.UNSET if order is None else msgspec.Raw(msgspec.json.encode(order)),
        metadata=msgspec.UNSET if asked.metadata is None else msgspec.Raw(msgspec.json.encode(asked.metadata)),
        echo=echo,
    )


def check_order(order: requests.OrderInformation | None) -> None:
    """Prices and fees must be amounts; nothing ties their sum to the payment's amount (payment-session reference, 3.4)."""
    if order is None:
        return
    for i, product in enumerate(order.productDetails or []):
        field = f"orderInformation.productDetails[{i}].price.value"
        minor(product.price, zero_is_open=True, field=field)
    if order.shippingInfo is not None:
        minor(
            order.shippingInfo.shippingFee, zero_is_open=True, field="orderInformation.shippingInfo.shippingFee.value"
        )
