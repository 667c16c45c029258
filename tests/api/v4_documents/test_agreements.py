"""A merchant's agreement overrides the terms: channels, limits, fees, settlement schedules and the name prefix."""

from decimal import Decimal

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from gerbang.domain.calendars import Schedule
from gerbang.domain.fees import Rate
from gerbang.domain.money import rupiah
from gerbang.services import merchants
from gerbang.services.payments import read
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    STATIC_QRIS,
    STATIC_VA,
    balance,
    document,
    folder,
    fresh,
    funded,
    link_order,
    made,
    order,
    pay_into,
    payout_order,
    static_va,
    status_of,
    task,
)
from tests.support.agreements import with_changes

TYPE = "/data/attributes/paymentMethodType"


def agreed(shop: CheckedShop, **changes: object) -> None:
    world = shop.gateway.services.world
    agreement = shop.gateway.do(read.merchant(world, shop.merchant_id)).agreement
    shop.gateway.do(merchants.set_agreement(world, shop.merchant_id, replace(agreement, **changes)))


@pytest.mark.parametrize("type_", ["virtual_bank_account", "retail_outlet", "qris", "e-wallet"])
def test_a_channel_that_was_not_agreed_is_not_supported(shop: CheckedShop, type_: str) -> None:
    agreed(shop, channels={})
    options = {"retailOutletName": "ALFAMART", "providerCode": "SHOPEEPAY", "bankShortCode": "BCA"}
    options |= {"afterSettlementReturnUrl": "https://shop.example/return"}
    body = order(paymentMethodType=type_, paymentMethodOptions=options)
    why = shop.refused("POST", PAYMENTS, body, status=403, code="003", at=TYPE)
    assert why.endswith(" is not enabled for this merchant.")


def test_static_methods_that_were_not_agreed_are_not_supported(shop: CheckedShop) -> None:
    agreed(shop, channels={})
    account = document(referenceId=fresh(), bankShortCode="BRI")
    shop.refused("POST", STATIC_VA, account, status=403, code="003", at="")
    shop.refused("POST", STATIC_QRIS, document(referenceId=fresh()), status=403, code="003", at="")


UNUSABLE = "QRIS cannot be used as it was agreed for this merchant: ask the operator of this gateway to correct it."


def set_qris_registration(shop: CheckedShop, **changes: str) -> None:
    """Stores changed QRIS registration data without validating it."""
    agreement = shop.gateway.do(read.merchant(shop.gateway.services.world, shop.merchant_id)).agreement
    agreed(shop, channels=with_changes(agreement, "qris", **changes).channels)


def test_an_unusable_qris_agreement_is_refused_in_both_dialects_and_logged(
    shop: CheckedShop,
) -> None:
    set_qris_registration(shop, merchant_pan="1234")
    qr = order(paymentMethodType="qris", paymentMethodOptions=...)
    session = {"clientReferenceId": fresh(), "amount": {"value": 20_000, "currency": "IDR"}, "mode": "API"}
    session |= {"paymentMethod": {"type": "QR"}}
    with capture_logs() as log:
        static = shop.refused("POST", STATIC_QRIS, document(referenceId=fresh()), status=403, code="003", at="")
        once = shop.refused("POST", PAYMENTS, qr, status=403, code="003", at=TYPE)
        first = shop.v2.call("POST", "/v2/payments", session)
    assert (static, once) == (UNUSABLE, UNUSABLE)
    assert first.status_code == 400
    assert first.json()["error"]["details"] == [{"field": "paymentMethod.type", "message": UNUSABLE}]
    logged = [line for line in log if line["event"] == "an agreement is unusable"]
    assert {(line["log_level"], line["merchant"], line["channel"]) for line in logged} == {
        ("error", str(shop.merchant_id), "qris")
    }
    assert all(line["why"].startswith("Tag ") for line in logged)
    # Other channels still work.
    assert shop.create()["attributes"]["status"] == "pending"


def test_an_agreement_that_is_unusable_only_for_static_codes_still_allows_dynamic_ones(shop: CheckedShop) -> None:
    set_qris_registration(shop, nmid="")
    body = document(referenceId=fresh())
    assert shop.refused("POST", STATIC_QRIS, body, status=403, code="003", at="") == UNUSABLE
    assert made(shop, PAYMENTS, order(paymentMethodType="qris", paymentMethodOptions=...))


def test_a_link_of_a_merchant_without_any_channel_cannot_be_paid(shop: CheckedShop) -> None:
    agreed(shop, channels={})
    link = made(shop, LINKS, link_order())
    shop.refused("POST", f"{folder(link)}/tasks", task("receive_payment"), code="005")


def test_agreed_limits_apply_to_a_channel_or_to_one_bank(shop: CheckedShop) -> None:
    agreed(
        shop,
        amount_min={"virtual_account": rupiah(50_000), "virtual_account/BRI": rupiah(1_000)},
        amount_max={"virtual_account/BCA": rupiah(60_000)},
    )
    at_bri = {"paymentMethodOptions": {"bankShortCode": "BRI"}}
    for body in (order(amount=49_999), order(amount=60_001), order(amount=999, **at_bri)):
        shop.refused("POST", PAYMENTS, body, code="TXN0002", at="/data/attributes/amount")
    for body in (order(amount=50_000), order(amount=60_000), order(amount=1_000, **at_bri)):
        made(shop, PAYMENTS, body)


def test_agreed_fees_are_shown_and_charged(shop: CheckedShop) -> None:
    fees = {"virtual_account/BCA": Rate(flat=rupiah(1_000)), "qris": Rate(percent=Decimal(1)), "payout": Rate(flat=100)}
    agreed(shop, fees=fees)
    payment = shop.create()
    assert payment["attributes"]["fees"] == "1110.0"
    assert shop.create("qris")["attributes"]["fees"] == "222.0"
    assert shop.create("retail_outlet")["attributes"]["fees"] == "4440.0"
    shop.do(payment, "receive_payment")
    shop.do(payment, "settle")
    assert balance(shop)[1] == "18890.0"
    assert made(shop, PAYOUTS, payout_order())["attributes"]["fees"] == "1.11"
    assert balance(shop)[1] == "8888.89"


def test_an_agreed_settlement_schedule_is_used(shop: CheckedShop) -> None:
    agreed(shop, settling={"qris": Schedule(0), "virtual_account/BRI": Schedule(1)})
    qris, account = shop.create("qris"), shop.create(paymentMethodOptions={"bankShortCode": "BRI"})
    for payment in (qris, account):
        shop.do(payment, "receive_payment")
    shop.advance(seconds=0)
    assert (status_of(shop, qris), status_of(shop, account)) == ("completed", "paid")


def test_the_agreed_name_prefix_is_used(shop: CheckedShop) -> None:
    agreed(shop, name_prefix="")
    assert shop.create()["attributes"]["paymentMethod"]["instructions"]["displayName"] == "Budi"
    agreed(shop, name_prefix="PT Kopi - ")
    assert static_va(shop)["attributes"]["instructions"]["displayName"] == "PT Kopi - Budi"


def test_a_payment_below_the_fee_costs_the_merchant_nothing(shop: CheckedShop) -> None:
    account = static_va(shop)
    for _ in range(3):
        pay_into(shop, account, 1)
    shop.advance(seconds=0)
    assert balance(shop) == ("0.0", "0.0", "0.0")
    shop.refused("POST", PAYOUTS, payout_order(), code="TXN0001")
    assert balance(funded(shop))[1] == "9996337.0"
