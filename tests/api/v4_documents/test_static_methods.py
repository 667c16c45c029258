"""Static payment methods: a virtual account or QRIS that can be paid repeatedly; each arrival of money is a payment."""

from typing import Any

import pytest

from gerbang.services import merchants
from gerbang.services.payments import read as reading
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    BANKS,
    NEXT_WORKDAY,
    STATIC_QRIS,
    arrivals,
    balance,
    document,
    folder,
    fresh,
    ids,
    listed,
    pay_into,
    read,
    static_qris,
    static_va,
    status_of,
    task,
    uuid_of,
)
from tests.support.agreements import with_changes


@pytest.mark.parametrize("bank", BANKS)
def test_every_bank_gives_a_static_number_that_reads_as_in_the_create_answer(shop: CheckedShop, bank: str) -> None:
    account = static_va(shop, bankShortCode=bank, suffixNo="4711")
    instructions = account["attributes"]["instructions"]
    assert (instructions["bankShortCode"], instructions["displayName"]) == (bank, "IKN-Budi")
    assert (len(instructions["accountNo"]), instructions["accountNo"][-8:]) == (16, "00004711")
    assert read(shop, account) == account


def test_a_static_method_has_no_status_amount_or_timestamps(shop: CheckedShop) -> None:
    for static in (static_va(shop), static_qris(shop)):
        assert list(static["attributes"]) == ["referenceId", "instructions"]
        pay_into(shop, static)
        assert read(shop, static) == static


def test_the_image_of_a_static_qris_is_served(shop: CheckedShop) -> None:
    instructions = static_qris(shop)["attributes"]["instructions"]
    assert shop.client.get(instructions["imageUrl"]).headers["content-type"] == "image/png"
    assert instructions["qrString"].startswith("00020101021126")


def test_each_arrival_of_money_is_a_separate_payment(shop: CheckedShop) -> None:
    account = static_va(shop, bankShortCode="BCA")
    arrived = [pay_into(shop, account, amount) for amount in (10_000, 25_000, 1)]
    for payment, amount in zip(arrived, (10_000, 25_000, 1), strict=True):
        attributes = payment["attributes"]
        fees = "3663.0" if amount > 3_663 else f"{amount}.0"
        assert (attributes["status"], attributes["amount"], attributes["fees"]) == ("paid", f"{amount}.0", fees)
        assert (attributes["description"], attributes["expiredAt"], attributes["currency"]) == (None, None, "IDR")
        assert attributes["paymentMethod"] == {
            "id": account["id"],
            "type": "virtual_bank_account",
            "referenceId": account["attributes"]["referenceId"],
            "instructions": account["attributes"]["instructions"],
        }
        assert read(shop, payment) == payment
    assert len({payment["attributes"]["referenceId"] for payment in arrived}) == 3
    assert arrivals(shop, account) == arrived[::-1]


def test_the_fee_of_a_static_qris_payment_depends_on_the_amount_received(shop: CheckedShop) -> None:
    qris = static_qris(shop)
    fees = [pay_into(shop, qris, amount)["attributes"]["fees"] for amount in (1, 15_000, 5_000_000)]
    assert fees == ["0.01", "116.55", "38850.0"]


@pytest.mark.parametrize("amount", [99_000.2, "99000.2", "99000.20"])
@pytest.mark.parametrize("kind", ["va", "qris"])
def test_an_amount_with_sen_is_accepted_as_reported(shop: CheckedShop, kind: str, amount: object) -> None:
    static = static_va(shop) if kind == "va" else static_qris(shop)
    answered = shop.call("POST", f"{folder(static)}/tasks", task("receive_payment", options={"amount": amount}))
    assert answered.status_code == 201, answered.text
    assert answered.json()["data"]["attributes"]["options"] == {"amount": "99000.2"}
    [arrived] = arrivals(shop, static)
    assert arrived["attributes"]["amount"] == "99000.2"
    if kind == "va":
        [charge] = shop.v2.get(f"/v2/payments/{uuid_of(static)}")["data"]["chargeDetails"]
        amounts = [charge[name]["value"] for name in ("amount", "authorizedAmount", "capturedAmount")]
        assert amounts == [99_000.2] * 3, "v2 shows the sen as well"


@pytest.mark.parametrize("amount", ["0.99", "99000.123", "99000.2.1", ".5", "1e3", 0.001, True])
def test_an_invalid_amount_of_reported_money_is_refused(shop: CheckedShop, amount: object) -> None:
    static = static_va(shop)
    answered = shop.call("POST", f"{folder(static)}/tasks", task("receive_payment", options={"amount": amount}))
    assert answered.status_code == 400, answered.text
    assert arrivals(shop, static) == []


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("BRI", 1, 500_000_000), ("HANA", 1, 50_000_000), ("QRIS", 1, 5_000_000)]
)
def test_a_static_method_accepts_any_amount_within_the_limits_of_its_bank(
    shop: CheckedShop, kind: str, least: int, most: int
) -> None:
    static = static_qris(shop) if kind == "QRIS" else static_va(shop, bankShortCode=kind)
    for amount in (least, most):
        assert pay_into(shop, static, amount)["attributes"]["amount"] == f"{amount}.0"
    path = f"/api/v4/payment_methods/{'qris' if kind == 'QRIS' else 'virtual_bank_accounts'}/{static['id']}/tasks"
    body = document(action="receive_payment", options={"amount": most + 1})
    shop.refused("POST", path, body, code="TXN0002", at="/data/attributes/options/amount")


def test_payments_at_banks_that_settle_at_once_send_a_paid_and_a_completed_callback(shop: CheckedShop) -> None:
    for bank in ("BRI", "BNI", "SAHABAT_SAMPOERNA"):
        account = static_va(shop, bankShortCode=bank)
        pay_into(shop, account, 10_000)
        shop.advance(seconds=0)
        [arrived] = arrivals(shop, account)
        assert arrived["attributes"]["status"] == "completed"
    callbacks = shop.callbacks()
    assert [callback["attributes"]["status"] for callback in callbacks] == ["paid", "completed"] * 3
    assert callbacks[-1] == arrived
    assert balance(shop) == ("19011.0", "19011.0", "0.0")


def test_payments_of_a_static_qris_are_completed_on_the_next_working_day(traveller: CheckedShop) -> None:
    qris = static_qris(traveller)
    arrived = pay_into(traveller, qris, 99_000)
    traveller.advance(to="2025-04-08T09:59:30+07:00")
    assert status_of(traveller, arrived) == "paid"
    traveller.advance(to=NEXT_WORKDAY)
    assert status_of(traveller, arrived) == "completed"
    assert [callback["attributes"]["status"] for callback in traveller.callbacks()] == ["paid", "completed"]
    assert balance(traveller) == ("98230.77", "98230.77", "0.0")


def test_a_static_method_never_expires(traveller: CheckedShop) -> None:
    account = static_va(traveller)
    traveller.advance(seconds=400 * 86_400)
    assert pay_into(traveller, account, 10_000)["attributes"]["status"] in ("paid", "completed")


def test_payments_of_static_methods_are_listed_with_all_payments_in_order_of_time(shop: CheckedShop) -> None:
    first = shop.create()
    arrived = pay_into(shop, static_qris(shop))
    last = shop.create()
    assert ids(listed(shop)) == [last["id"], arrived["id"], first["id"]]
    assert ids(listed(shop, "?sort=createdAt")) == [first["id"], arrived["id"], last["id"]]
    assert ids(listed(shop, "?filter[status]=paid")) == [arrived["id"]]


def test_payments_of_a_static_method_are_paged_sorted_and_filtered(shop: CheckedShop) -> None:
    account = static_va(shop, bankShortCode="BCA")
    arrived = [pay_into(shop, account, 10_000 + number) for number in range(5)]
    elsewhere = static_va(shop, bankShortCode="BCA")
    pay_into(shop, elsewhere)
    newest = ids(arrived)[::-1]
    assert ids(arrivals(shop, account)) == newest
    assert ids(arrivals(shop, account, "?page[size]=2")) == newest[:2]
    assert ids(arrivals(shop, account, "?page[size]=2&page[number]=3")) == newest[4:]
    assert ids(arrivals(shop, account, "?page[size]=2&page[number]=4")) == []
    assert ids(arrivals(shop, account, "?sort=createdAt&page[size]=3")) == newest[::-1][:3]
    shop.do(arrived[1], "settle")
    assert ids(arrivals(shop, account, "?filter[status]=completed")) == [arrived[1]["id"]]
    assert ids(arrivals(shop, account, "?status=paid&page[size]=2&page[number]=2")) == [newest[2], newest[4]]
    for status in ("pending", "processing", "cancelled", "expired", "failed"):
        assert arrivals(shop, account, f"?filter[status]={status}") == []
    assert arrivals(shop, account, "?filter[createdBefore]=2025-03-30") == []
    assert len(arrivals(shop, account, "?filter[createdAfter]=2025-03-30")) == 5


def test_a_payment_of_a_static_method_is_found_by_its_reference(shop: CheckedShop) -> None:
    qris = static_qris(shop)
    arrived = [pay_into(shop, qris, 1_000 + number) for number in range(4)]
    for payment in arrived:
        reference = payment["attributes"]["referenceId"]
        for query in (f"?filter[referenceId]={reference}", f"?referenceId={reference}&page[size]=1"):
            assert ids(arrivals(shop, qris, query)) == [payment["id"]]
            assert ids(listed(shop, query)) == [payment["id"]]
        assert arrivals(shop, qris, f"?referenceId={reference}&page[number]=2") == []
        assert arrivals(shop, qris, f"?referenceId={reference}&status=completed") == []
        assert ids(arrivals(shop, qris, f"?referenceId={reference}&status=paid&sort=createdAt")) == [payment["id"]]


@pytest.mark.parametrize("path", ["list", "arrivals"])
def test_a_reference_is_matched_exactly(shop: CheckedShop, path: str) -> None:
    qris = static_qris(shop)
    reference = pay_into(shop, qris)["attributes"]["referenceId"]
    digits = reference.removeprefix("external_id_")
    method = qris["attributes"]["referenceId"]
    for other in (digits, f"x{reference}", f"ORDER-{digits}", digits[-8:], reference.upper(), f"{reference} ", method):
        query = {"filter[referenceId]": other}
        where = f"{STATIC_QRIS}/{qris['id']}/payments" if path == "arrivals" else "/api/v4/payments"
        assert shop.client.get(where, params=query, auth=shop.keys).json() == {"data": []}, other


def test_a_repeated_reference_returns_the_same_static_method(shop: CheckedShop) -> None:
    reference = fresh("customer")
    fields: dict[str, Any] = {"referenceId": reference, "displayName": "Budi"}
    assert static_va(shop, **fields)["id"] == static_va(shop, **fields)["id"]
    assert static_qris(shop, **fields)["id"] == static_qris(shop, **fields)["id"]
    # The bank is not part of the idempotency key.
    assert static_va(shop, bankShortCode="BCA", **fields)["attributes"]["instructions"]["bankShortCode"] == "BRI"


def test_a_merchant_may_have_at_most_100_static_qris(shop: CheckedShop) -> None:
    world = shop.gateway.services.world
    agreement = shop.gateway.do(reading.merchant(world, shop.merchant_id)).agreement
    few = with_changes(agreement, "qris", static_quota=1)
    shop.gateway.do(merchants.set_agreement(world, shop.merchant_id, few))
    first = static_qris(shop)
    shop.refused("POST", STATIC_QRIS, document(referenceId=fresh()), code="TXN0003", at="")
    assert static_qris(shop, referenceId=first["attributes"]["referenceId"]) == first


def test_money_reported_through_the_sandbox_bank_makes_the_same_payment(shop: CheckedShop) -> None:
    """Money can be simulated by a task or by POST /sandbox/bank/reports."""
    account = static_va(shop, bankShortCode="BCA")
    shop.v2.call("POST", "/sandbox/bank/reports", {"paymentId": uuid_of(account), "amount": 12_345})
    [arrived] = arrivals(shop, account)
    assert arrived["attributes"]["amount"] == "12345.0"
    assert shop.callbacks() == [arrived]
