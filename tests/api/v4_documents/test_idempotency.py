"""The referenceId is the idempotency key: a repeated create makes nothing and is answered with the resource as it is."""

import itertools
from typing import Any

import pytest

from tests.api.v4_documents.contracts import CheckedShop, refusal
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    STATIC_QRIS,
    STATIC_VA,
    at_once,
    balance,
    document,
    fresh,
    funded,
    link_order,
    listed,
    made,
    order,
    payout_order,
    written,
)


def bodies(reference: str) -> list[tuple[str, dict[str, Any]]]:
    """The path and body of a create of each kind of resource, all with the same reference."""
    return [
        (PAYMENTS, order(referenceId=reference)),
        (LINKS, link_order(referenceId=reference)),
        (STATIC_VA, document(referenceId=reference, bankShortCode="BRI", displayName="Budi")),
        (STATIC_QRIS, document(referenceId=reference, displayName="Budi")),
        (PAYOUTS, payout_order(referenceId=reference)),
    ]


@pytest.mark.parametrize("kind", range(5), ids=["payment", "link", "account", "qris", "disbursement"])
def test_a_repeated_create_is_answered_with_201_and_the_same_bytes(shop: CheckedShop, kind: int) -> None:
    path, body = bodies(fresh())[kind]
    first = shop.call("POST", path, body) if kind < 4 else funded(shop).call("POST", path, body)
    assert first.status_code == 201
    before = written(shop.v2)
    again = [shop.call("POST", path, body) for _ in range(3)]
    assert {(answer.status_code, answer.content) for answer in again} == {(201, first.content)}
    assert written(shop.v2) == before


def test_another_body_with_the_same_reference_is_answered_with_the_first_resource(shop: CheckedShop) -> None:
    reference = fresh()
    first = shop.create(referenceId=reference)
    other: list[dict[str, object]] = [
        {"amount": 30_000},
        {"amount": 1},
        {"paymentMethodType": "qris"},
        {"expiredAt": "2020-01-01T00:00:00Z"},
        {"paymentMethodOptions": {"bankShortCode": "NOWHERE"}},
    ]
    before = written(shop.v2)
    for changes in other:
        assert made(shop, PAYMENTS, order(**{"referenceId": reference} | changes)) == first
    assert written(shop.v2) == before


REPEATS: list[tuple[int, dict[str, object], list[str]]] = [
    (0, {"amount": 30_000}, ["amount"]),
    (0, {"paymentMethodType": "qris", "amount": 1}, ["amount", "paymentMethodType"]),
    (
        0,
        {"paymentMethodOptions": {"bankShortCode": "BRI", "suffixNo": "77", "displayName": "Budi"}},
        ["paymentMethodOptions.bankShortCode", "paymentMethodOptions.suffixNo"],
    ),
    (0, {"description": "another"}, ["description"]),
    (0, {"paymentMethodType": "qris", "description": "another"}, ["paymentMethodType", "description"]),
    (0, {"expiredAt": "2025-03-31T00:00:00+07:00"}, ["expiredAt"]),
    (0, {"paymentMethodOptions": {"bankShortCode": "BCA"}}, ["paymentMethodOptions.displayName"]),
    (1, {"amount": 30_000}, ["amount"]),
    (
        1,
        {
            "customerName": "Budi",
            "customerEmail": "budi@shop.example",
            "customerPhoneNumber": "+6281",
            "description": "another",
            "displayName": "Budi",
            "expiredAt": "2025-04-01T00:00:00+07:00",
        },
        [
            "customerName",
            "paymentMethodOptions.displayName",
            "description",
            "customerEmail",
            "customerPhoneNumber",
            "expiredAt",
        ],
    ),
    (2, {"bankShortCode": "BCA"}, ["bankShortCode"]),
    (2, {"suffixNo": "4711"}, ["suffixNo"]),
    (2, {"displayName": "Sari"}, ["displayName"]),
    (3, {"displayName": "Sari"}, ["displayName"]),
    (4, {"amount": 30_000}, ["amount"]),
    (
        4,
        {"disbursementMethod": {"type": "bank_transfer", "bankShortCode": "BNI", "bankAccountNo": "99"}},
        ["disbursementMethod.bankShortCode", "disbursementMethod.bankAccountNo"],
    ),
    (
        4,
        {
            "description": "another",
            "disbursementMethod": {
                "bankShortCode": "BRI",
                "bankAccountNo": "0102030405",
                "bankAccountHolderName": "Sari Dewi",
            },
        },
        ["disbursementMethod.bankAccountHolderName", "description"],
    ),
]


@pytest.mark.parametrize(("kind", "changes", "differs"), REPEATS)
def test_a_repeated_reference_with_another_body_is_marked_in_a_header(
    shop: CheckedShop, kind: int, changes: dict[str, object], differs: list[str]
) -> None:
    path, body = bodies(fresh())[kind]
    first = (funded(shop) if kind == 4 else shop).call("POST", path, body)
    body["data"]["attributes"] |= changes
    before = written(shop.v2)
    again = shop.call("POST", path, body)
    assert written(shop.v2) == before
    assert (again.status_code, again.json()["data"]) == (201, first.json()["data"])
    assert again.headers["x-gerbang-differs"] == ", ".join(differs)
    assert (again.json()["meta"]["repeated"], again.json()["meta"]["differs"]) == (True, differs)


@pytest.mark.parametrize("kind", range(5), ids=["payment", "link", "account", "qris", "disbursement"])
def test_an_identical_repetition_has_no_such_header(shop: CheckedShop, kind: int) -> None:
    path, body = bodies(fresh())[kind]
    (funded(shop) if kind == 4 else shop).call("POST", path, body)
    again = shop.call("POST", path, body)
    assert again.status_code == 201
    assert "x-gerbang-differs" not in again.headers
    assert set(again.json()) == {"data"}


def test_repeating_a_link_whose_buyer_has_chosen_counts_as_identical(shop: CheckedShop) -> None:
    body = link_order(referenceId=fresh())
    shop.do(made(shop, LINKS, body), "receive_payment")
    assert "x-gerbang-differs" not in shop.call("POST", LINKS, body).headers


def test_repeating_a_wallet_payment_with_another_return_url_is_marked(shop: CheckedShop) -> None:
    options = {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"}
    body = order(paymentMethodType="e-wallet", paymentMethodOptions=options)
    made(shop, PAYMENTS, body)
    options["afterSettlementReturnUrl"] = "https://shop.example/other"
    differs = shop.call("POST", PAYMENTS, body).headers["x-gerbang-differs"]
    assert differs == "paymentMethodOptions.afterSettlementReturnUrl"


@pytest.mark.parametrize("end", ["2025-03-30T20:00:00+07:00", "2025-03-30T13:00:00Z", "2025-03-30 20:00:00", ...])
def test_an_equal_or_omitted_expiry_counts_as_identical(shop: CheckedShop, end: object) -> None:
    body = order(expiredAt="2025-03-30T20:00:00+07:00", description="one")
    made(shop, PAYMENTS, body)
    again = order(**body["data"]["attributes"] | {"expiredAt": end})
    assert "x-gerbang-differs" not in shop.call("POST", PAYMENTS, again).headers


def test_repeating_a_cancelled_payment_counts_as_identical(shop: CheckedShop) -> None:
    body = order(expiredAt="2025-03-30T20:00:00+07:00")
    shop.do(made(shop, PAYMENTS, body), "cancel")
    assert "x-gerbang-differs" not in shop.call("POST", PAYMENTS, body).headers


def test_a_malformed_request_is_refused_even_with_a_known_reference(shop: CheckedShop) -> None:
    reference = fresh()
    shop.create(referenceId=reference)
    shop.refused("POST", PAYMENTS, order(referenceId=reference, amount="ten"), code="005")


def test_a_repeated_create_shows_the_resource_as_it_is_now(shop: CheckedShop) -> None:
    reference = fresh()
    payment = shop.create(referenceId=reference)
    shop.do(payment, "receive_payment")
    assert made(shop, PAYMENTS, order(referenceId=reference))["attributes"]["status"] == "paid"
    link = made(shop, LINKS, link_order(referenceId=reference))
    shop.do(link, "cancel")
    assert made(shop, LINKS, link_order(referenceId=reference))["attributes"]["status"] == "cancelled"


def test_each_kind_of_resource_has_its_own_references(shop: CheckedShop) -> None:
    reference = fresh()
    found = [made(funded(shop), path, body) for path, body in bodies(reference)]
    assert len({data["id"] for data in found}) == 5
    assert [data["attributes"]["referenceId"] for data in found] == [reference] * 5
    again = [made(shop, path, body)["id"] for path, body in bodies(reference)]
    assert again == [data["id"] for data in found]


def test_a_refused_request_does_not_use_up_its_reference(shop: CheckedShop) -> None:
    reference = fresh()
    shop.refused("POST", PAYMENTS, order(referenceId=reference, amount=1), code="TXN0002")
    assert shop.create(referenceId=reference)["attributes"]["amount"] == "20000.0"
    shop.refused("POST", PAYOUTS, payout_order(referenceId=reference), code="TXN0001")
    assert made(funded(shop), PAYOUTS, payout_order(referenceId=reference))


def test_references_are_case_sensitive(shop: CheckedShop) -> None:
    reference = fresh("ref")
    assert shop.create(referenceId=reference)["id"] != shop.create(referenceId=reference.upper())["id"]


@pytest.mark.parametrize(
    "reference", ["x" * 255, "a b", " a ", "!#$%&'()*+,-./:;=?@[]^_`{|}~", "ORDER/1?x=1&y=2#z", "é😀", "0", "null"]
)
def test_references_are_stored_exactly_as_sent(shop: CheckedShop, reference: str) -> None:
    payment = shop.create(referenceId=reference)
    assert payment["attributes"]["referenceId"] == reference
    answered = shop.client.get(PAYMENTS, params={"filter[referenceId]": reference}, auth=shop.keys)
    assert [one["id"] for one in answered.json()["data"]] == [payment["id"]]
    assert shop.create(referenceId=reference)["id"] == payment["id"]


@pytest.mark.parametrize("kind", range(5), ids=["payment", "link", "account", "qris", "disbursement"])
def test_ten_concurrent_identical_creates_make_one_resource(shop: CheckedShop, kind: int) -> None:
    funded(shop)
    before = written(shop.v2)
    path, body = bodies(fresh())[kind]
    answers = at_once(*[lambda: shop.call("POST", path, body)] * 10)
    assert [answer.status_code for answer in answers] == [201] * 10
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    rows = written(shop.v2)
    assert (rows["payments"] - before["payments"], rows["charges"] - before["charges"]) == {
        0: (1, 1),
        4: (0, 0),
    }.get(kind, (1, 0))
    assert len(listed(shop, path=PAYOUTS)) == (1 if kind == 4 else 0)
    if kind == 4:
        assert balance(shop)[1] == "9982452.0"  # 10,000,000 less 3,663; less 10,000 and 3,885, once


def test_ten_concurrent_creates_with_different_bodies_make_one_resource(shop: CheckedShop) -> None:
    reference = fresh()
    amounts = itertools.count(20_000)
    answers = at_once(*[lambda: shop.call("POST", PAYMENTS, order(referenceId=reference, amount=next(amounts)))] * 10)
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {201}
    assert sum("x-gerbang-differs" in answer.headers for answer in answers) == 9, "all but the first"
    assert written(shop.v2)["payments"] == 1


def test_ten_concurrent_receive_payment_tasks_pay_once(shop: CheckedShop) -> None:
    payment = shop.create()
    path = f"{PAYMENTS}/{payment['id']}/tasks"
    body = document(action="receive_payment")
    answers = at_once(*[lambda: shop.call("POST", path, body)] * 10)
    for answer in answers:
        if answer.status_code != 201:
            refusal(answer, code="005")  # the task came when the payment was already paid
    assert 201 in {answer.status_code for answer in answers}
    assert written(shop.v2)["reports"] == 1
    assert balance(shop) == ("20000.0", "0.0", "20000.0")
