"""Static methods: a number or a QR of one customer, and a payment of its own for every time that money arrives."""

from typing import Any

import pytest
from msgspec.structs import replace

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


@pytest.mark.parametrize("bank", BANKS)
def test_every_bank_gives_a_static_number_that_is_read_as_it_was_answered(shop: CheckedShop, bank: str) -> None:
    account = static_va(shop, bankShortCode=bank, suffixNo="4711")
    told = account["attributes"]["instructions"]
    assert (told["bankShortCode"], told["displayName"]) == (bank, "IKN-Budi")
    assert (len(told["accountNo"]), told["accountNo"][-8:]) == (16, "00004711")
    assert read(shop, account) == account


def test_a_static_method_tells_neither_status_nor_amount_nor_time(shop: CheckedShop) -> None:
    for static in (static_va(shop), static_qris(shop)):
        assert list(static["attributes"]) == ["referenceId", "instructions"]
        pay_into(shop, static)
        assert read(shop, static) == static


def test_the_picture_of_a_static_qris_is_served(shop: CheckedShop) -> None:
    told = static_qris(shop)["attributes"]["instructions"]
    assert shop.client.get(told["imageUrl"]).headers["content-type"] == "image/png"
    assert told["qrString"].startswith("00020101021126")


def test_each_arrival_is_a_payment_of_its_own(shop: CheckedShop) -> None:
    account = static_va(shop, bankShortCode="BCA")
    arrived = [pay_into(shop, account, amount) for amount in (10_000, 25_000, 1)]
    for payment, amount in zip(arrived, (10_000, 25_000, 1), strict=True):
        told = payment["attributes"]
        fees = "3663.0" if amount > 3_663 else f"{amount}.0"
        assert (told["status"], told["amount"], told["fees"]) == ("paid", f"{amount}.0", fees)
        assert (told["description"], told["expiredAt"], told["currency"]) == (None, None, "IDR")
        assert told["paymentMethod"] == {
            "id": account["id"],
            "type": "virtual_bank_account",
            "referenceId": account["attributes"]["referenceId"],
            "instructions": account["attributes"]["instructions"],
        }
        assert read(shop, payment) == payment
    assert len({payment["attributes"]["referenceId"] for payment in arrived}) == 3
    assert arrivals(shop, account) == arrived[::-1]


def test_a_static_qris_costs_by_what_arrived(shop: CheckedShop) -> None:
    qris = static_qris(shop)
    fees = [pay_into(shop, qris, amount)["attributes"]["fees"] for amount in (1, 15_000, 5_000_000)]
    assert fees == ["0.01", "116.55", "38850.0"]


@pytest.mark.parametrize("amount", [99_000.2, "99000.2", "99000.20"])
@pytest.mark.parametrize("kind", ["va", "qris"])
def test_money_arrives_with_the_sen_that_its_bank_reports(shop: CheckedShop, kind: str, amount: object) -> None:
    static = static_va(shop) if kind == "va" else static_qris(shop)
    answered = shop.call("POST", f"{folder(static)}/tasks", task("receive_payment", options={"amount": amount}))
    assert answered.status_code == 201, answered.text
    assert answered.json()["data"]["attributes"]["options"] == {"amount": "99000.2"}
    [arrived] = arrivals(shop, static)
    assert arrived["attributes"]["amount"] == "99000.2"
    if kind == "va":
        [charge] = shop.v2.get(f"/v2/payments/{uuid_of(static)}")["data"]["chargeDetails"]
        amounts = [charge[name]["value"] for name in ("amount", "authorizedAmount", "capturedAmount")]
        assert amounts == [99_000.2] * 3, "the other dialect shows it to the sen too"


@pytest.mark.parametrize("amount", ["0.99", "99000.123", "99000.2.1", ".5", "1e3", 0.001, True])
def test_what_no_bank_reports_does_not_arrive(shop: CheckedShop, amount: object) -> None:
    static = static_va(shop)
    answered = shop.call("POST", f"{folder(static)}/tasks", task("receive_payment", options={"amount": amount}))
    assert answered.status_code == 400, answered.text
    assert arrivals(shop, static) == []


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("BRI", 1, 500_000_000), ("HANA", 1, 50_000_000), ("QRIS", 1, 5_000_000)]
)
def test_it_takes_any_amount_up_to_what_its_bank_allows(shop: CheckedShop, kind: str, least: int, most: int) -> None:
    static = static_qris(shop) if kind == "QRIS" else static_va(shop, bankShortCode=kind)
    for amount in (least, most):
        assert pay_into(shop, static, amount)["attributes"]["amount"] == f"{amount}.0"
    path = f"/api/v4/payment_methods/{'qris' if kind == 'QRIS' else 'virtual_bank_accounts'}/{static['id']}/tasks"
    body = document(action="receive_payment", options={"amount": most + 1})
    shop.refused("POST", path, body, code="TXN0002", at="/data/attributes/options/amount")


def test_arrivals_at_real_time_banks_are_completed_at_once_and_told_twice(shop: CheckedShop) -> None:
    for bank in ("BRI", "BNI", "SAHABAT_SAMPOERNA"):
        account = static_va(shop, bankShortCode=bank)
        pay_into(shop, account, 10_000)
        shop.advance(seconds=0)
        [arrived] = arrivals(shop, account)
        assert arrived["attributes"]["status"] == "completed"
    told = shop.heard()
    assert [said["attributes"]["status"] for said in told] == ["paid", "completed"] * 3
    assert told[-1] == arrived
    assert balance(shop) == ("19011.0", "19011.0", "0.0")


def test_arrivals_on_a_qris_are_completed_on_the_next_working_day(traveller: CheckedShop) -> None:
    qris = static_qris(traveller)
    arrived = pay_into(traveller, qris, 99_000)
    traveller.advance(to="2025-04-08T09:59:30+07:00")
    assert status_of(traveller, arrived) == "paid"
    traveller.advance(to=NEXT_WORKDAY)
    assert status_of(traveller, arrived) == "completed"
    assert [said["attributes"]["status"] for said in traveller.heard()] == ["paid", "completed"]
    assert balance(traveller) == ("98230.77", "98230.77", "0.0")


def test_a_static_method_never_ends(traveller: CheckedShop) -> None:
    account = static_va(traveller)
    traveller.advance(seconds=400 * 86_400)
    assert pay_into(traveller, account, 10_000)["attributes"]["status"] in ("paid", "completed")


def test_arrivals_stand_among_all_payments_in_the_order_of_time(shop: CheckedShop) -> None:
    first = shop.create()
    arrived = pay_into(shop, static_qris(shop))
    last = shop.create()
    assert ids(listed(shop)) == [last["id"], arrived["id"], first["id"]]
    assert ids(listed(shop, "?sort=createdAt")) == [first["id"], arrived["id"], last["id"]]
    assert ids(listed(shop, "?filter[status]=paid")) == [arrived["id"]]


def test_arrivals_are_paged_sorted_and_filtered_as_payments_are(shop: CheckedShop) -> None:
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


def test_an_arrival_is_found_by_its_reference_however_old_it_is(shop: CheckedShop) -> None:
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
def test_a_reference_is_found_exactly_or_not_at_all(shop: CheckedShop, path: str) -> None:
    qris = static_qris(shop)
    reference = pay_into(shop, qris)["attributes"]["referenceId"]
    digits = reference.removeprefix("external_id_")
    method = qris["attributes"]["referenceId"]
    for other in (digits, f"x{reference}", f"ORDER-{digits}", digits[-8:], reference.upper(), f"{reference} ", method):
        query = {"filter[referenceId]": other}
        where = f"{STATIC_QRIS}/{qris['id']}/payments" if path == "arrivals" else "/api/v4/payments"
        assert shop.client.get(where, params=query, auth=shop.keys).json() == {"data": []}, other


def test_a_customer_has_one_number_per_reference(shop: CheckedShop) -> None:
    reference = fresh("customer")
    asked: dict[str, Any] = {"referenceId": reference, "displayName": "Budi"}
    assert static_va(shop, **asked)["id"] == static_va(shop, **asked)["id"]
    assert static_qris(shop, **asked)["id"] == static_qris(shop, **asked)["id"]
    # The bank is not part of the name under which a number is kept.
    assert static_va(shop, bankShortCode="BCA", **asked)["attributes"]["instructions"]["bankShortCode"] == "BRI"


def test_the_hundred_and_first_static_qris_is_one_too_many(shop: CheckedShop) -> None:
    world = shop.gateway.services.world
    agreement = shop.gateway.do(reading.merchant(world, shop.merchant_id)).agreement
    assert agreement.qris is not None
    few = replace(agreement, qris=replace(agreement.qris, static_quota=1))
    shop.gateway.do(merchants.set_agreement(world, shop.merchant_id, few))
    first = static_qris(shop)
    shop.refused("POST", STATIC_QRIS, document(referenceId=fresh()), code="TXN0003", at="")
    assert static_qris(shop, referenceId=first["attributes"]["referenceId"]) == first


def test_money_that_another_bank_reports_arrives_in_the_same_way(shop: CheckedShop) -> None:
    """Not every arrival is a task: the sandbox's own bank says it too."""
    account = static_va(shop, bankShortCode="BCA")
    shop.v2.call("POST", "/sandbox/bank/reports", {"paymentId": uuid_of(account), "amount": 12_345})
    [arrived] = arrivals(shop, account)
    assert arrived["attributes"]["amount"] == "12345.0"
    assert shop.heard() == [arrived]
