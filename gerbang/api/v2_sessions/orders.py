"""From this dialect's requests to the house's words: what a merchant asks for when it creates or confirms a payment."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from gerbang.api._amounts import demand_number, whole_of
from gerbang.api._bodies import Malformed, meant, written
from gerbang.api._instants import instant_of
from gerbang.api.v2_sessions import requests
from gerbang.api.v2_sessions.methods import OTHERS, REQUESTED, block_of
from gerbang.domain import addresses, customers
from gerbang.domain.money import AMOUNT_DIGITS_MAX, rupiah
from gerbang.domain.payments import Details, Method, check_kept


def minor(amount: requests.Amount | None, *, zero_is_open: bool, field: str = "amount.value") -> int | None:
    """Minor units of a requested amount; None where none was sent. Raises Malformed for what is not whole rupiah."""
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
    """An instant in UTC; None where none was sent. Raises Malformed."""
    return None if value is None else instant_of(value, field).astimezone(UTC)


def method(asked: requests.PaymentMethod | None, beside: requests.MethodOptions | None) -> Method | None:
    """The way to pay that was asked for. Options may stand beside the method or inside it."""
    if asked is None:
        return None
    options = beside or asked.paymentMethodOptions or requests.MethodOptions()
    channel = REQUESTED[asked.type]
    path = "paymentMethodOptions"
    if asked.type == "VIRTUAL_ACCOUNT" and options.virtualAccount is not None:
        wanted = options.virtualAccount
        return Method(
            channel=channel,
            option=wanted.channel or None,
            payer_name=(wanted.virtualAccountName or "").strip(),
            number=_number(wanted.virtualAccountNumber),
            expires_at=instant(wanted.expiryAt, f"{path}.virtualAccount.expiryAt"),
        )
    if asked.type == "QR" and options.qr is not None:
        return Method(channel=channel, expires_at=instant(options.qr.expiryAt, f"{path}.qr.expiryAt"))
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


def _number(said: str | int | None) -> str | None:
    return None if said is None or said == "" else str(said)


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


def details(asked: requests.CreatePayment, plain: dict[str, Any], metadata: bytes | None) -> Details:
    """What the merchant wants back as it said it. Raises TooMuchKept."""
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
    order = msgspec.UNSET if asked.orderInformation is None else _order(plain["orderInformation"])
    kept = Details(
        redirect=asked.mode != "API",
        auto_confirm=asked.autoConfirm is not False,
        success_url=urls.successReturnUrl,
        failure_url=urls.failureReturnUrl,
        expiration_url=urls.expirationReturnUrl,
        skip_result_page=bool(asked.bypassStatusPage),
        order=order,
        metadata=msgspec.UNSET if metadata is None else msgspec.Raw(metadata),
        echo=echo,
    )
    check_kept(kept)
    return kept


def _order(said: dict[str, Any]) -> msgspec.Raw:
    """The order for a page to read later: as it was meant, where something in it is empty."""
    order = written(said)
    if b'""' in order or b"[]" in order:
        order = written(meant(said, requests.OrderInformation))
    return msgspec.Raw(order)


def check_urls(urls: requests.RedirectUrl | None) -> None:
    """Only what a page may link is taken: an address that leads nowhere is better refused than kept."""
    for name, url in (msgspec.structs.asdict(urls) if urls else {}).items():
        if url is not None and not addresses.linkable(url):
            raise Malformed(f"redirectUrl.{name}", "must be an address of the web or of an app that a page may link to")


def check_order(order: requests.OrderInformation | None) -> None:
    """Numbers must be numbers; nothing ties their sum to the payment's amount (payment-session reference, 3.4)."""
    if order is None:
        return
    for i, product in enumerate(order.productDetails or []):
        field = f"orderInformation.productDetails[{i}]"
        demand_number(product.quantity, f"{field}.quantity", zero=False)
        demand_number(product.price.value, f"{field}.price.value")
    if order.shippingInfo is not None and order.shippingInfo.shippingFee is not None:
        demand_number(order.shippingInfo.shippingFee.value, "orderInformation.shippingInfo.shippingFee.value")
