"""Repeated requests: an X-REQUEST-ID performs a request once, and a clientReferenceId is used once."""

import json
from functools import partial
from typing import Any

import pytest

from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import at_once, fresh, order, rupiah, written


def create(shop: CheckedShop, body: dict[str, Any] | bytes, key: str) -> Any:
    return shop.call("POST", "/v2/payments", body, X_REQUEST_ID=key)


def test_the_same_key_and_body_give_the_same_bytes(shop: CheckedShop) -> None:
    body, key = order(customer={"email": "budi@shop.example"}, metadata={"b": 1, "a": 1.50}), fresh("key")
    first = create(shop, body, key)
    before = written(shop)
    again = [create(shop, body, key) for _ in range(3)]
    assert {answer.content for answer in again} == {first.content}
    assert {answer.status_code for answer in again} == {200}
    assert written(shop) == before


def test_later_changes_do_not_change_the_repeated_answer(shop: CheckedShop) -> None:
    body, key = order(), fresh("key")
    first = create(shop, body, key)
    shop.simulate(first.json()["data"]["id"])
    assert create(shop, body, key).content == first.content


def test_spacing_and_the_order_of_fields_are_not_another_body(shop: CheckedShop) -> None:
    body, key = order(), fresh("key")
    first = create(shop, body, key)
    turned = dict(reversed(body.items()))
    assert create(shop, json.dumps(turned, indent=4).encode(), key).content == first.content


@pytest.mark.parametrize(
    "changes", [{"amount": rupiah(20001)}, {"clientReferenceId": "another"}, {"unknown": 1}, {"mode": ...}]
)
def test_the_same_key_with_another_body_is_refused(shop: CheckedShop, changes: dict[str, Any]) -> None:
    body, key = order(), fresh("key")
    first = create(shop, body, key)
    before = written(shop)
    other = {name: value for name, value in (body | changes).items() if value is not ...}
    refusal(create(shop, other, key), status=409, code="idempotency_error")
    assert written(shop) == before
    assert create(shop, body, key).content == first.content


def test_a_number_that_differs_in_its_last_digit_is_another_body(shop: CheckedShop) -> None:
    body, key = json.dumps(order(metadata={"rate": "RATE"})), fresh("key")
    first, other = (body.replace('"RATE"', f"0.123456789012345678{digit}").encode() for digit in (8, 9))
    assert create(shop, first, key).status_code == 200
    refusal(create(shop, other, key), status=409, code="idempotency_error")


def test_keys_belong_to_their_merchant(shop: CheckedShop) -> None:
    other = CheckedShop.of(shop.gateway.new_shop())
    body, key = order(), fresh("key")
    first, second = create(shop, body, key).json(), create(other, body, key).json()
    assert first["data"]["id"] != second["data"]["id"]


def test_a_refused_request_does_not_use_its_key_up(shop: CheckedShop) -> None:
    key = fresh("key")
    refusal(create(shop, order(amount=rupiah(1)), key), status=400, code="api_validation_error")
    assert create(shop, order(), key).status_code == 200


@pytest.mark.parametrize("key", ["A" * 16, "a" * 36, "INV-1743240980", "202512031205-A9F3", "a_b.c", "x", "9" * 100])
def test_common_forms_of_keys_are_accepted(shop: CheckedShop, key: str) -> None:
    body = order()
    assert create(shop, body, key).content == create(shop, body, key).content


def test_ten_at_once_with_one_key_make_one_payment(shop: CheckedShop) -> None:
    shop.get("/v2/payment-method-configs")
    for _ in range(3):
        body, key = order(), fresh("key")
        answers = at_once(*[partial(create, shop, body, key)] * 10)
        assert [answer.status_code for answer in answers] == [200] * 10
        assert len({answer.content for answer in answers}) == 1
    assert (written(shop)["payments"], written(shop)["paycodes"], written(shop)["events"]) == (3, 3, 3)


def test_ten_at_once_with_one_key_and_different_bodies_make_one_payment(shop: CheckedShop) -> None:
    shop.get("/v2/payment-method-configs")
    key = fresh("key")
    answers = at_once(*[lambda: create(shop, order(), key) for _ in range(10)])
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
    assert {answer.json()["code"] for answer in answers} == {"00", "idempotency_error"}
    assert written(shop)["payments"] == 1


def test_a_key_is_new_again_after_24_hours(sole_shop: CheckedShop) -> None:
    body, key = order(), fresh("key")
    first = create(sole_shop, body, key)
    sole_shop.advance(seconds=86_390)
    assert create(sole_shop, body, key).content == first.content
    refusal(create(sole_shop, order(), key), status=409, code="idempotency_error")
    sole_shop.advance(seconds=10)
    # The key has expired; the reference in the same body is still taken.
    refusal(create(sole_shop, body, key), status=409, code="duplicate_error", field="clientReferenceId")
    second = create(sole_shop, order(), key)
    assert second.json()["data"]["id"] != first.json()["data"]["id"]


# -- references -------------------------------------------------------------------------------------------------------


def test_a_reference_is_used_once(shop: CheckedShop) -> None:
    body = order()
    shop.post("/v2/payments", body)
    before = written(shop)
    for again in (body, body | {"amount": rupiah(30000)}):
        shop.refused("POST", "/v2/payments", again, status=409, code="duplicate_error", field="clientReferenceId")
    answered = create(shop, body, fresh("key"))
    refusal(answered, status=409, code="duplicate_error", field="clientReferenceId")
    assert written(shop) == before


def test_references_that_differ_in_a_letters_case_are_two(shop: CheckedShop) -> None:
    reference = fresh("inv")
    assert shop.create(clientReferenceId=reference)["id"] != shop.create(clientReferenceId=reference.upper())["id"]


def test_ten_at_once_with_one_reference_make_one_payment(shop: CheckedShop) -> None:
    shop.get("/v2/payment-method-configs")
    for round_ in range(3):
        body = order()
        answers = at_once(*[partial(shop.call, "POST", "/v2/payments", body)] * 10)
        assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
        assert {answer.json()["code"] for answer in answers} == {"00", "duplicate_error"}
        assert (written(shop)["payments"], written(shop)["paycodes"]) == (round_ + 1, round_ + 1)


def test_ten_at_once_with_one_reference_and_keys_of_their_own_make_one_payment(shop: CheckedShop) -> None:
    shop.get("/v2/payment-method-configs")
    body = order()
    answers = at_once(*[lambda: create(shop, body, fresh("key"))] * 10)
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
    assert (written(shop)["payments"], written(shop)["idempotency_keys"]) == (1, 1)
