"""Translates create and confirm requests of this dialect to domain types."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from gerbang.api._amounts import check_number, whole_of
from gerbang.api._bodies import Malformed, written
from gerbang.api._instants import instant_of
from gerbang.api._structs import normalized
from gerbang.api.v2_sessions import requests
from gerbang.api.v2_sessions.methods import OTHERS, REQUESTED, block_of
from gerbang.domain import addresses, customers
from gerbang.domain.cards import Authentication, BillingAddress, CardChoice, ThreeDs
from gerbang.domain.money import AMOUNT_DIGITS_MAX, rupiah
from gerbang.domain.payments import Details, Method
from gerbang.domain.phones import mobile


def minor(amount: requests.Amount | None, *, zero_is_open: bool, field: str = "amount.value") -> int | None:
    """A requested amount in minor units; None if it is absent. Raises Malformed if it is not in whole rupiah.

    Zero means an open amount if `zero_is_open`, otherwise it is refused.
    """
    if amount is None:
        return None
    whole = whole_of(amount.value, field)
    if whole == 0 and zero_is_open:
        return None
    if whole <= 0:
        raise Malformed(field, "must be more than zero")
    if len(str(whole)) > AMOUNT_DIGITS_MAX:
        raise Malformed(field, f"must have at most {AMOUNT_DIGITS_MAX} digits")
    return rupiah(whole)


def instant(value: str | None, field: str) -> datetime | None:
    """An instant in UTC; None if it is absent. Raises Malformed."""
    return None if value is None else instant_of(value, field).astimezone(UTC)


def method(chosen: requests.PaymentMethod | None, beside: requests.MethodOptions | None) -> Method | None:
    """The chosen payment method. Its options may be beside it or inside it; those beside it win."""
    if chosen is None:
        return None
    options = beside or chosen.paymentMethodOptions or requests.MethodOptions()
    channel = REQUESTED[chosen.type]
    path = "paymentMethodOptions"
    if chosen.type == "VIRTUAL_ACCOUNT" and options.virtualAccount is not None:
        wanted = options.virtualAccount
        return Method(
            channel=channel,
            option=wanted.channel or None,
            payer_name=(wanted.virtualAccountName or "").strip(),
            number=_number(wanted.virtualAccountNumber),
            expires_at=instant(wanted.expiryAt, f"{path}.virtualAccount.expiryAt"),
        )
    if chosen.type == "QR" and options.qr is not None:
        return Method(channel=channel, expires_at=instant(options.qr.expiryAt, f"{path}.qr.expiryAt"))
    if chosen.type == "CARD":
        return Method(channel=channel, card=card_choice(options.card))
    if chosen.type == "EWALLET":
        wanted = options.ewallet or requests.EwalletOptions()
        return Method(
            channel=channel,
            option=wanted.channel,
            account=_account(chosen.ewallet),
            expires_at=instant(wanted.expiryAt, f"{path}.ewallet.expiryAt"),
        )
    block = block_of(channel)
    other = getattr(options, block, None) if channel in OTHERS else None
    if isinstance(other, requests.OtherOptions):
        return Method(
            channel=channel,
            option=other.channel or None,
            payer_name=(other.name or "").strip(),
            expires_at=instant(other.expiryAt, f"{path}.{block}.expiryAt"),
        )
    return Method(channel=channel)


def _number(value: str | int | None) -> str | None:
    return None if value is None or value == "" else str(value)


def _account(given: requests.EwalletAccount | None) -> str:
    """The phone number of the buyer's wallet, "" where none is given. Raises Malformed."""
    if given is None or not given.accountIdentifier:
        return ""
    number = mobile(given.accountIdentifier)
    if number is None:
        why = "must be an Indonesian mobile number, such as 081234567890 or +6281234567890"
        raise Malformed("paymentMethod.ewallet.accountIdentifier", why)
    return number


def customer(given: requests.Customer | None) -> customers.Customer | None:
    """The customer in the request; empty text counts as absent. Raises Malformed."""
    if given is None:
        return None
    preference = given.refundPreference
    destination = preference.transferDestination if preference else None
    if preference is not None and preference.method == "TRANSFER_ONLY" and destination is None:
        raise Malformed("customer.refundPreference.transferDestination", "is required for TRANSFER_ONLY")
    return customers.Customer(
        given_name=given.givenName or None,
        surname=given.surname if given.surname is not None else given.sureName,
        email=given.email or None,
        phone=customers.Phone(given.phoneNumber.countryCode, given.phoneNumber.number) if given.phoneNumber else None,
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


def details(given: requests.CreatePayment, body_object: dict[str, Any], metadata: bytes | None) -> Details:
    """What is stored with the payment to be returned as it was sent. `metadata` is JSON."""
    urls = given.redirectUrl or requests.RedirectUrl()
    echo: dict[str, str | bool] = {}
    if given.paymentType is not None:
        echo["typed"] = True
    if given.customer is not None and given.customer.surname is None and given.customer.sureName is not None:
        echo["sure_name"] = True
    if given.saveForFutureUse or given.saveForFuture:
        echo["save"] = True
    if given.showSavedPayment:
        echo["show_saved"] = True
    if given.expirationMode is not None:
        echo["expiration_mode"] = given.expirationMode
    order = msgspec.UNSET if given.orderInformation is None else _order(body_object["orderInformation"])
    return Details(
        redirect=given.mode != "API",
        auto_confirm=given.autoConfirm is not False,
        success_url=urls.successReturnUrl,
        failure_url=urls.failureReturnUrl,
        expiration_url=urls.expirationReturnUrl,
        skip_result_page=bool(given.bypassStatusPage),
        strict_expiry=given.expirationMode == "STRICT",
        order=order,
        metadata=msgspec.UNSET if metadata is None else msgspec.Raw(metadata),
        billing=_billing(given.orderInformation),
        keep_method=bool(given.saveForFutureUse or given.saveForFuture),
        echo=echo,
    )


def _billing(order: requests.OrderInformation | None) -> BillingAddress | None:
    billing = order.billingInfo if order is not None else None
    if billing is None:
        return None
    return BillingAddress(
        billing.addressLine1 or "", billing.city or "", (billing.country or "").upper(), billing.postalCode or ""
    )


ECI_PASSED = ("01", "02", "05", "06")
THREE_DS: dict[str, ThreeDs] = {
    "AUTOMATIC": "automatic",
    "CHALLENGE": "challenge",
    "NEVER": "never",
    "EXTERNAL": "external",
}


def card_choice(asked: requests.CardOptions | None) -> CardChoice:
    """What was asked of a payment by card. Raises Malformed for what is not offered."""
    if asked is None:
        return CardChoice()
    path = "paymentMethodOptions.card"
    if asked.installment and str(asked.installment.get("enabled", "true")).lower() != "false":
        raise Malformed(f"{path}.installment", "installments are not offered here: leave it out, or send null")
    three_ds = THREE_DS[asked.threeDsMethod or "AUTOMATIC"]
    external = _external(asked.threeDsInfo, path) if three_ds == "external" else None
    return CardChoice("manual" if (asked.captureMethod or "").lower() == "manual" else "automatic", three_ds, external)


def _external(said: requests.ThreeDsResult | None, path: str) -> Authentication:
    """What the merchant's own 3-D Secure came to."""
    if said is None or not said.eci:
        raise Malformed(f"{path}.threeDsInfo.eci", "is needed for threeDsMethod EXTERNAL")
    if said.eci.zfill(2) not in ECI_PASSED:
        raise Malformed(f"{path}.threeDsInfo.eci", "must be of a buyer who was authenticated: 01, 02, 05 or 06")
    return Authentication(said.threeDsVersion or "2.2.0", "SUCCESSFUL", "external", said.eci.zfill(2))


def _order(order_object: dict[str, Any]) -> msgspec.Raw:
    """The order as JSON for the checkout page; normalized if it has empty values."""
    order = written(order_object)
    if b'""' in order or b"[]" in order:
        order = written(normalized(order_object, requests.OrderInformation))
    return msgspec.Raw(order)


def check_urls(urls: requests.RedirectUrl | None) -> None:
    """Checks that a page may link to each URL. Raises Malformed."""
    for name, url in (msgspec.structs.asdict(urls) if urls else {}).items():
        if url is not None and not addresses.linkable(url):
            raise Malformed(f"redirectUrl.{name}", "must be an address of the web or of an app that a page may link to")


def check_order(order: requests.OrderInformation | None) -> None:
    """Checks that quantities and prices are numbers. Raises Malformed.

    Their sum need not be the payment's amount (payment-session reference, 3.4).
    """
    if order is None:
        return
    for i, product in enumerate(order.productDetails or []):
        field = f"orderInformation.productDetails[{i}]"
        check_number(product.quantity, f"{field}.quantity", zero=False)
        check_number(product.price.value, f"{field}.price.value")
    if order.shippingInfo is not None and order.shippingInfo.shippingFee is not None:
        check_number(order.shippingInfo.shippingFee.value, "orderInformation.shippingInfo.shippingFee.value")
