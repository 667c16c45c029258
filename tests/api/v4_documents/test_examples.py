"""Reproduces the examples of the one-time payment reference: the same request on the same day gets the recorded answer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import pytest

from gerbang.db import ledger
from gerbang.domain.ledger import Transfer, available
from gerbang.domain.signatures import hex_hmac_sha256
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    STATIC_QRIS,
    STATIC_VA,
    arrivals,
    document,
    folder,
    funded,
    link_order,
    made,
    order,
    pay_into,
    payout_order,
    static_qris,
    task,
)
from tests.api.v4_documents.examples import Check, about, example, like, reproduces, text, the
from tests.support.gateways import Databases, Gateway

MerchantAt = Callable[[str], CheckedShop]
ID: dict[str, Check] = {"data.id": like("contract_[0-9a-f]{32}")}
QR_STRING = frozenset({"data.attributes.instructions.qrString"})
CURRENCY = frozenset({"data.attributes.currency"})
"""Gerbang shows the currency as newer documents do; the recordings of 2023 lack it."""


@pytest.fixture(scope="module")
def at(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MerchantAt]:
    """Gives the sandbox merchant at a printed instant; examples of the same instant share one gateway."""
    with ExitStack() as running:
        gateways: dict[str, Gateway] = {}

        def merchant_at(printed: str) -> CheckedShop:
            if printed not in gateways:
                data, clock = tmp_path_factory.mktemp("gateway"), datetime.fromisoformat(printed)
                gateways[printed] = running.enter_context(Gateway(databases.fresh(), data, clock=clock))
            return CheckedShop(gateways[printed].shop)

        yield merchant_at


def one_time(type_: str, reference: str, options: dict[str, str], **more: object) -> dict[str, Any]:
    fields = {"amount": 15_000, "referenceId": reference, "paymentMethodOptions": options} | more
    return document(paymentMethodType=type_, expiredAt="2023-10-19T01:07:04+07:00", **fields)


def test_a_virtual_account_is_created_as_recorded(at: MerchantAt) -> None:
    merchant = at("2023-10-19T00:00:10+07:00")
    options = {"bankShortCode": "BCA", "displayName": "test name", "suffixNo": "12345678"}
    body = one_time("virtual_bank_account", "ORDER_0002", options, description="Order Number 0001")
    known: dict[str, Check] = ID | {
        "data.attributes.createdAt": about("2023-10-19T00:00:10+07:00"),
        "data.attributes.paymentMethod.id": like("va_[0-9a-f]{32}"),
    }
    reproduces(example("va-answer"), merchant.call("POST", PAYMENTS, body).json(), known, CURRENCY)


def test_a_qris_payment_has_the_recorded_fee(at: MerchantAt) -> None:
    merchant = at("2023-10-19T00:00:10+07:00")
    payment = made(merchant, PAYMENTS, one_time("qris", "ORDER_0003", {"displayName": "Your preferred name"}))
    assert payment["attributes"]["fees"] == "116.55"
    method = payment["attributes"]["paymentMethod"]
    assert (method["type"], method["referenceId"]) == ("qris", "ORDER_0003")
    assert like("qr_[0-9a-f]{22}")(method["id"])
    assert list(method["instructions"]) == ["imageUrl", "displayName", "qrString"]
    assert method["instructions"]["displayName"] == "Your preferred name"


def test_an_e_wallet_payment_is_created_as_recorded_with_the_recorded_fee(at: MerchantAt) -> None:
    """The recorded expiry is less than an hour ahead."""
    merchant = at("2023-10-19T00:49:32+07:00")
    options = {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"}
    payment = made(merchant, PAYMENTS, one_time("e-wallet", "ORDER_0004", options))
    assert payment["attributes"]["fees"] == "249.75"
    known: dict[str, Check] = {
        "paymentMethod.id": like("shopeepay_[0-9a-f]{40}"),
        "paymentMethod.settlement.httpUrl": like(f"{merchant.gateway.base_url}/wallet\\?token=.+"),
        "paymentMethod.settlement.mobileUrl": like(r"shopeeid://main\?apprl=http.+"),
    }
    answered = {"paymentMethod": payment["attributes"]["paymentMethod"]}
    reproduces(example("ewallet-method"), answered, known, frozenset())


def test_a_retail_outlet_payment_has_the_recorded_fee(at: MerchantAt) -> None:
    merchant = at("2023-10-19T00:00:10+07:00")
    body = one_time("retail_outlet", "ORDER_0005", {"retailOutletName": "ALFAMART"})
    assert made(merchant, PAYMENTS, body)["attributes"]["fees"] == "4440.0"


def test_a_virtual_account_payment_cost_3630_while_vat_was_10_percent(at: MerchantAt) -> None:
    merchant = at("2020-10-19T09:12:48+07:00")
    assert merchant.create()["attributes"]["fees"] == "3630.0"


def test_a_static_virtual_account_is_created_and_read_as_recorded(at: MerchantAt) -> None:
    traveller = at("2025-03-30T12:48:17+07:00")
    fields = {"bankShortCode": "BRI", "displayName": "My Company Name", "suffixNo": "12345678"}
    answered = traveller.call("POST", STATIC_VA, document(referenceId="customer_id_123456", **fields))
    known: dict[str, Check] = {"data.id": like("va_[0-9a-f]{32}")}
    reproduces(example("static-va"), answered.json(), known, frozenset())
    assert traveller.call("GET", f"{STATIC_VA}/{answered.json()['data']['id']}").json() == answered.json()


def test_a_static_qris_is_created_and_read_as_recorded(at: MerchantAt) -> None:
    traveller = at("2025-03-30T12:48:17+07:00")
    request = document(referenceId="order_123", displayName="Your preferred name")
    answered = traveller.call("POST", STATIC_QRIS, request)
    known: dict[str, Check] = {
        "data.id": like("qr_[0-9a-f]{22}"),
        "data.attributes.instructions.imageUrl": like(f"{traveller.gateway.base_url}/v2/qr/[0-9a-f-]+.png"),
    }
    reproduces(example("static-qris"), answered.json(), known, QR_STRING)
    assert traveller.call("GET", f"{STATIC_QRIS}/{answered.json()['data']['id']}").json() == answered.json()


def test_the_recorded_callback_of_a_static_payment_is_reproduced(at: MerchantAt) -> None:
    merchant = at("2022-09-30T14:50:15+07:00")
    fields = {"bankShortCode": "SAHABAT_SAMPOERNA", "displayName": "Rafly", "suffixNo": "83617485"}
    static = made(merchant, STATIC_VA, document(referenceId="2-rafly", **fields))
    pay_into(merchant, static, 50_000)
    callbacks = merchant.callbacks()
    known: dict[str, Check] = ID | {
        "data.attributes.createdAt": about("2022-09-30T14:50:15+07:00"),
        "data.attributes.referenceId": like("external_id_[0-9a-f]{10}"),
        "data.attributes.paymentMethod.id": the(static["id"]),
    }
    reproduces(example("arrival-callback"), {"data": callbacks[0]}, known, CURRENCY)


def test_a_simulated_bri_payment_is_listed_as_completed_and_a_qris_payment_as_paid(shop: CheckedShop) -> None:
    fields = {"bankShortCode": "BRI", "displayName": "My Company Name"}
    account = made(shop, STATIC_VA, document(referenceId="customer_id_123456", **fields))
    qris = static_qris(shop)
    for static in (account, qris):
        pay_into(shop, static, 99_000)
    shop.advance(seconds=0)
    [by_bank], [by_qris] = arrivals(shop, account), arrivals(shop, qris)
    assert (by_bank["attributes"]["status"], by_bank["attributes"]["fees"]) == ("completed", "3663.0")
    assert (by_qris["attributes"]["status"], by_qris["attributes"]["fees"]) == ("paid", "769.23")


def test_every_task_is_answered_as_recorded(shop: CheckedShop) -> None:
    """With the HTTP status of each recording."""
    payment, link = shop.create(), made(shop, LINKS, link_order())
    account = made(shop, STATIC_VA, document(referenceId="a", bankShortCode="BCA", displayName="b"))
    payout = made(funded(shop), PAYOUTS, payout_order())
    calls: dict[str, tuple[dict[str, Any], int, dict[str, Any]]] = {
        "payment": (payment, 201, task("receive_payment", options={"amount": 0})),
        "virtual_bank_account": (account, 201, task("receive_payment", options={"amount": 99_000})),
        "qris": (static_qris(shop), 201, task("receive_payment", options={"amount": 99_000})),
        "disbursement": (payout, 202, task("complete")),
        "payment_links": (link, 200, task("cancel")),
    }
    for name, (target, status, body) in calls.items():
        answered = shop.call("POST", f"{folder(target)}/tasks", body)
        assert answered.status_code == status, name
        known: dict[str, Check] = {
            "data.attributes.targetId": like(target["id"]),
            "data.attributes.referenceId": like("external_id_[0-9a-f]{10}"),
        }
        reproduces(example("tasks")[name], answered.json(), known, frozenset())
    [arrived] = arrivals(shop, account)
    again = shop.call("POST", f"{folder(account)}/tasks", calls["virtual_bank_account"][2]).json()
    assert arrivals(shop, account)[0]["attributes"]["referenceId"] == again["data"]["attributes"]["referenceId"]
    assert arrived["attributes"]["referenceId"] != again["data"]["attributes"]["referenceId"]


def test_a_disbursement_is_created_as_printed_and_answered_as_recorded(at: MerchantAt) -> None:
    """The printed request has an amount of 100,000; the recorded answer belongs to another of 10,000."""
    shop = funded(at("2023-10-12T22:32:44+07:00"))
    assert shop.call("POST", PAYOUTS, text("payout-create").encode()).status_code == 201
    body = example("payout-create")
    body["data"]["attributes"] |= {"amount": 10_000, "referenceId": "order_id_123457"}
    known: dict[str, Check] = ID | {
        "data.attributes.createdAt": about("2023-10-12T22:32:44+07:00"),
        "data.attributes.referenceId": the("order_id_123457"),
        "data.attributes.disbursementMethod.bankReferenceNumber": like("[0-9a-f]{12}"),
    }
    ours = frozenset({"data.attributes.failureReason"})  # also here, where other clients look for it
    reproduces(example("payout-answer"), shop.call("POST", PAYOUTS, body).json(), known, ours)


def test_the_printed_bank_is_listed(shop: CheckedShop) -> None:
    listed = shop.call("GET", "/api/v4/banks").json()
    [printed] = example("banks")["data"]
    [found] = [bank for bank in listed["data"] if bank["id"] == "bca"]
    reproduces(printed, found, {}, frozenset())


def test_the_printed_account_is_validated_as_recorded(shop: CheckedShop) -> None:
    path = "/api/v4/validation_services/bank_account_validation"
    fields = {"accountNo": "000501003219303", "bankShortCode": "BRI"}
    answered = shop.call("POST", path, document(**fields, accountName="INKLUSI KEUANGAN NUSANTARA"))
    assert answered.status_code == 201
    reproduces(example("account"), answered.json(), {}, frozenset())


def test_the_recorded_error_is_reproduced(shop: CheckedShop) -> None:
    path = "/api/v4/validation_services/bank_account_validation"
    answered = shop.call("POST", path, document(accountNo="0102-030405", bankShortCode="BRI"))
    assert answered.status_code == 400
    [error] = answered.json()["errors"]
    reproduces(example("error")["errors"][0], error, {}, frozenset({"source"}))


def test_the_recorded_balance_is_reproduced(shop: CheckedShop) -> None:
    """Pending are two payments of 99,000 and 15,000 without fees deducted; available is a transfer made here."""
    world, merchant = shop.gateway.services.world, shop.merchant_id

    async def give() -> None:
        async with world.db.transaction() as tx:
            line = Transfer("bank/simulator", available(merchant), 99_916_188_522, "given", merchant, None, None)
            await ledger.post(tx, [line], world.clock.now())

    shop.gateway.do(give())
    pay_into(shop, static_qris(shop), 99_000)
    shop.do(made(shop, PAYMENTS, order(amount=15_000)), "receive_payment")
    answered = shop.call("GET", "/api/v4/overviews/balance_overview").json()
    reproduces(example("balance"), answered, {}, frozenset())


def test_a_payment_link_is_created_as_documented_with_its_own_format_of_instants(at: MerchantAt) -> None:
    merchant = at("2021-12-05T22:05:26+07:00")
    printed = example("link-answer")
    fields = {name: value for name, value in printed["data"]["attributes"].items() if name != "displayName"}
    fields |= {"amount": 50_000, "paymentMethodOptions": {"displayName": "Warung Sari"}}
    answered = merchant.call("POST", LINKS, document(**fields))
    assert answered.status_code == 201, answered.text
    known: dict[str, Check] = {
        "data.id": like("paymentlink_[0-9a-f]{32}"),
        "data.attributes.createdAt": about("2021-12-05 22:05:26 +0700", "%Y-%m-%d %H:%M:%S %z"),
        "data.attributes.paymentLinkUrl": like(f"{merchant.gateway.base_url}/detail\\?token=.+"),
    }
    # The display name is top-level in the recordings and in the options in the document; the answer has both.
    reproduces(printed, answered.json(), known, frozenset({"data.attributes.paymentMethodOptions"}))
    assert answered.json()["data"]["attributes"]["paymentMethodOptions"] == {"displayName": "Warung Sari"}


def test_the_signature_matches_the_test_vector_of_the_reference() -> None:
    signature = hex_hmac_sha256("ss_5572cf13d099", b'{"id":"contract_12345678"}')
    assert signature == "6b79486fadb4b37c3020f47a868de02d953c96609041015c0e1dd415fc9f29b2"
