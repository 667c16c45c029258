"""Merchants are isolated: another merchant's resources cannot be read, listed, changed, paid or received in callbacks."""

import pytest

from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    balance,
    document,
    folder,
    funded,
    ids,
    link_order,
    listed,
    made,
    order,
    pay_into,
    payout_order,
    read,
    static_qris,
    static_va,
    task,
    written,
)

NOUNS = {
    "payment": "payment",
    "virtual_bank_account": "static virtual account",
    "qris": "static QRIS code",
    "payment_links": "payment link",
    "disbursement": "disbursement",
}


@pytest.fixture
def other(shop: CheckedShop) -> CheckedShop:
    return shop.other_merchant()


def test_resources_of_another_merchant_are_not_found(shop: CheckedShop, other: CheckedShop) -> None:
    account = static_va(funded(other))
    theirs = [
        other.create(),
        account,
        static_qris(other),
        made(other, LINKS, link_order()),
        made(other, PAYOUTS, payout_order()),
        pay_into(other, account),
    ]
    before = written(other.v2)
    for data in theirs:
        why = shop.refused("GET", folder(data), status=404, code="004")
        assert why == f"There is no {NOUNS[data['type']]} with this id."
        for action in ("cancel", "receive_payment", "settle", "complete", "fail"):
            body = task(action, options={"amount": 20_000})
            answered = shop.call("POST", f"{folder(data)}/tasks", body)
            # A task that this kind does not support is refused before the resource is looked up.
            assert answered.status_code in (404, 400)
            assert answered.json()["errors"][0]["code"] in ("004", "005")
        if data["type"] in ("virtual_bank_account", "qris"):
            shop.refused("GET", f"{folder(data)}/payments", status=404, code="004")
    assert written(other.v2) == before
    assert [read(other, data) for data in theirs[:4]] == theirs[:4]


def test_lists_and_balances_have_only_the_merchants_own(shop: CheckedShop, other: CheckedShop) -> None:
    ours = shop.create()
    payout = made(funded(other), PAYOUTS, payout_order())
    theirs = other.create(referenceId=ours["attributes"]["referenceId"])
    assert theirs["id"] != ours["id"]
    assert ids(listed(shop)) == [ours["id"]]
    assert ids(listed(shop, f"?filter[referenceId]={ours['attributes']['referenceId']}")) == [ours["id"]]
    assert ids(listed(shop, "?filter[status]=pending&sort=createdAt")) == [ours["id"]]
    [arrived] = listed(other, "?filter[status]=completed")
    assert listed(shop, f"?filter[referenceId]={arrived['attributes']['referenceId']}") == []
    assert (listed(shop, path=PAYOUTS), ids(listed(other, path=PAYOUTS))) == ([], [payout["id"]])
    assert balance(shop) == ("0.0", "0.0", "0.0")


def test_two_merchants_may_use_the_same_references(shop: CheckedShop, other: CheckedShop) -> None:
    static = {"referenceId": "customer-1", "bankShortCode": "BRI", "displayName": "Budi"}
    made_by = [
        [
            made(one, PAYMENTS, order(referenceId="ORDER-1")),
            made(one, LINKS, link_order(referenceId="ORDER-1")),
            static_va(one, **static),
            made(funded(one), PAYOUTS, payout_order(referenceId="ORDER-1")),
        ]
        for one in (shop, other)
    ]
    assert all(mine["id"] != theirs["id"] for mine, theirs in zip(*made_by, strict=True))


def test_another_merchants_resource_gets_the_same_answer_as_one_that_does_not_exist(
    shop: CheckedShop, other: CheckedShop
) -> None:
    paths = [folder(other.create()), f"{PAYMENTS}/contract_{'0' * 32}"]
    first, second = (shop.call("GET", path).content for path in paths)
    assert first == second


def test_callbacks_go_only_to_the_merchant_of_the_payment(shop: CheckedShop, other: CheckedShop) -> None:
    other.do(other.create(), "receive_payment")
    assert [callback["attributes"]["status"] for callback in other.callbacks()] == ["paid"]
    assert shop.callbacks() == []


def test_a_body_cannot_name_another_merchant(shop: CheckedShop, other: CheckedShop) -> None:
    body = document(**order()["data"]["attributes"], merchantId=str(other.merchant_id))
    payment = made(shop, PAYMENTS, body)
    assert (ids(listed(shop)), listed(other)) == ([payment["id"]], [])
