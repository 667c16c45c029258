"""Tasks: every action in every status, its effect, and which tasks live mode refuses."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.api.v4_documents.contracts import CheckedShop, refusal
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    at_once,
    balance,
    document,
    folder,
    in_status,
    link_order,
    made,
    order,
    pay_into,
    payout_order,
    read,
    static_qris,
    static_va,
    status_of,
    task,
    uuid_of,
    written,
)
from tests.support.gateways import Databases, Gateway
from tests.support.snap_bank import live_connections

TYPES = ("virtual_bank_account", "retail_outlet", "qris", "e-wallet")
STATUSES = ("pending", "paid", "completed", "cancelled", "expired", "failed")
LEADS = {
    ("pending", "cancel"): "cancelled",
    ("pending", "receive_payment"): "paid",
    ("paid", "settle"): "completed",
    # A bank that settles at once may have settled it already; then the task has nothing to do.
    ("completed", "settle"): "completed",
}


@pytest.mark.parametrize("action", ["cancel", "receive_payment", "settle"])
@pytest.mark.parametrize("status", STATUSES)
def test_each_action_is_allowed_only_in_its_statuses(shop: CheckedShop, status: str, action: str) -> None:
    payment = in_status(shop, status)
    before, known = written(shop.v2), read(shop, payment)
    answered = shop.call("POST", f"{folder(payment)}/tasks", task(action))
    led = LEADS.get((status, action))
    if led is None:
        why = refusal(answered, code="005")
        verb = {"cancel": "cancelled", "receive_payment": "paid", "settle": "settled"}[action]
        assert why == f"The payment is {status}, so it cannot be {verb}."
        assert (written(shop.v2), read(shop, payment)) == (before, known)
    else:
        assert answered.status_code == 201
        assert status_of(shop, payment) == led


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_can_be_paid_and_settled_to_the_balance_less_its_fee(shop: CheckedShop, type_: str) -> None:
    payment = shop.create(type_)
    shop.do(payment, "receive_payment")
    assert (status_of(shop, payment), balance(shop)) == ("paid", ("20000.0", "0.0", "20000.0"))
    shop.do(payment, "settle")
    fee = float(payment["attributes"]["fees"])
    assert (status_of(shop, payment), balance(shop)) == ("completed", (str(20_000 - fee), str(20_000 - fee), "0.0"))
    ledger = {account["name"].rpartition("/")[2]: account for account in shop.v2.get("/sandbox/ledger")["accounts"]}
    assert float(ledger["fees"]["balance"]) + float(ledger["vat"]["balance"]) == -fee


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_can_be_cancelled_and_is_not_paid_afterwards(shop: CheckedShop, type_: str) -> None:
    payment = shop.create(type_)
    shop.do(payment, "cancel")
    assert read(shop, payment) == payment | {"attributes": payment["attributes"] | {"status": "cancelled"}}
    late = shop.v2.call("POST", "/sandbox/bank/reports", {"paymentId": uuid_of(payment), "amount": 20_000}).json()
    assert late["reports"][0]["outcome"] == "late"
    assert (status_of(shop, payment), balance(shop)[0]) == ("cancelled", "0.0")


@pytest.mark.parametrize("amount", [19_999, 20_001])
def test_money_of_another_amount_does_not_pay_the_payment(shop: CheckedShop, amount: int) -> None:
    payment = shop.create()
    shop.v2.call("POST", "/sandbox/bank/reports", {"paymentId": uuid_of(payment), "amount": amount})
    assert (status_of(shop, payment), balance(shop)[0]) == ("pending", "0.0")
    shop.do(payment, "receive_payment")
    assert status_of(shop, payment) == "paid"


@pytest.mark.parametrize(
    ("status", "outcome"), [("paid", "double"), ("completed", "double"), ("cancelled", "late"), ("expired", "late")]
)
def test_money_for_a_payment_that_has_ended_is_held_in_suspense(shop: CheckedShop, status: str, outcome: str) -> None:
    payment = in_status(shop, status)
    known, held = read(shop, payment), balance(shop)
    more = shop.v2.call("POST", "/sandbox/bank/reports", {"paymentId": uuid_of(payment), "amount": 20_000}).json()
    assert [report["outcome"] for report in more["reports"]] == [outcome]
    assert (read(shop, payment), balance(shop)) == (known, held)


def test_payments_at_a_bank_that_settles_at_once_are_completed_without_a_task(shop: CheckedShop) -> None:
    for bank in ("BRI", "BNI", "SAHABAT_SAMPOERNA"):
        payment = shop.create(paymentMethodOptions={"bankShortCode": bank})
        shop.do(payment, "receive_payment")
        shop.advance(seconds=0)
        assert status_of(shop, payment) == "completed"
    assert [callback["attributes"]["status"] for callback in shop.callbacks()] == ["paid", "completed"] * 3


def test_a_declined_wallet_payment_is_failed_with_a_reason(shop: CheckedShop) -> None:
    payment = in_status(shop, "failed")
    attributes = read(shop, payment)["attributes"]
    assert attributes["failureReason"] == "The customer declined the payment."
    assert list(attributes)[-1] == "failureReason"
    assert balance(shop)[0] == "0.0"


def test_of_concurrent_cancel_and_receive_payment_only_one_succeeds(shop: CheckedShop) -> None:
    for _ in range(5):
        payment, before = shop.create(), balance(shop)[0]
        path = f"{folder(payment)}/tasks"
        calls = [partial(shop.call, "POST", path, task(action)) for action in ("cancel", "receive_payment")] * 3
        answers = at_once(*calls)
        done = {answer.json()["data"]["attributes"]["action"] for answer in answers if answer.status_code == 201}
        for answer in answers:
            if answer.status_code != 201:
                refusal(answer, code="005")
        status = status_of(shop, payment)
        assert done == {"paid": {"receive_payment"}, "cancelled": {"cancel"}}[status]
        assert (balance(shop)[0] != before) == (status == "paid")


# -- payments of static methods ---------------------------------------------------------------------------------------


def test_a_payment_of_a_static_method_can_only_be_settled(shop: CheckedShop) -> None:
    arrived = pay_into(shop, static_qris(shop))
    assert status_of(shop, arrived) == "paid"
    for action in ("cancel", "receive_payment"):
        shop.refused("POST", f"{folder(arrived)}/tasks", task(action), code="005")
    answered = shop.call("POST", f"{folder(arrived)}/tasks", task("settle"))
    assert answered.json()["data"]["attributes"]["targetId"] == arrived["id"]
    assert status_of(shop, arrived) == "completed"
    assert shop.refused("POST", f"{folder(arrived)}/tasks", task("cancel"), code="005") == (
        "The payment is completed, so it cannot be cancelled."
    )


@pytest.mark.parametrize("kind", ["va", "qris"])
def test_every_task_on_a_static_method_makes_another_payment(shop: CheckedShop, kind: str) -> None:
    static = static_va(shop, bankShortCode="BCA") if kind == "va" else static_qris(shop)
    path = f"{folder(static)}/tasks"
    body = task("receive_payment", options={"amount": 5_000})
    answers = at_once(*[lambda: shop.call("POST", path, body)] * 5)
    assert {answer.status_code for answer in answers} == {201}
    assert balance(shop) == ("25000.0", "0.0", "25000.0")


def test_a_static_method_that_has_ended_refuses_tasks(shop: CheckedShop) -> None:
    """Only a v2 simulation can end a static method."""
    static = static_va(shop)
    shop.v2.simulate(uuid_of(static), "EXPIRED")
    before = written(shop.v2)
    body = task("receive_payment", options={"amount": 5_000})
    shop.refused("POST", f"{folder(static)}/tasks", body, code="005")
    assert written(shop.v2) == before


# -- live -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def live(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheckedShop]:
    """A merchant of a gateway in live mode."""
    folder = tmp_path_factory.mktemp("live")
    file = live_connections(folder, "virtual_account", "qris", "retail_outlet")
    with Gateway(databases.fresh(), folder, clock=None, live=True, connections=file) as gateway:
        yield CheckedShop(gateway.new_shop())


def test_live_keys_begin_with_live(live: CheckedShop) -> None:
    assert live.keys[0].startswith("live_")


def test_live_payments_can_be_created_read_and_cancelled(live: CheckedShop) -> None:
    payment = live.create()
    assert read(live, payment) == payment
    live.do(payment, "cancel")
    assert status_of(live, payment) == "cancelled"
    link = made(live, LINKS, link_order())
    assert link["attributes"]["paymentLinkUrl"].startswith("https://pay.example/detail?token=")
    live.do(link, "cancel")
    assert status_of(live, link) == "cancelled"


def test_live_mode_refuses_tasks_that_simulate_a_bank(live: CheckedShop) -> None:
    payment, link = made(live, PAYMENTS, order()), made(live, LINKS, link_order())
    for data in (payment, link):
        for action in ("receive_payment", "settle"):
            live.refused("POST", f"{folder(data)}/tasks", task(action), status=403, code="003")
    for static in (static_va(live), static_qris(live)):
        body = task("receive_payment", options={"amount": 5_000})
        live.refused("POST", f"{folder(static)}/tasks", body, status=403, code="003")
    assert (status_of(live, payment), status_of(live, link)) == ("pending", "pending")
    assert balance(live) == ("0.0", "0.0", "0.0")


def test_live_mode_refuses_disbursements_without_a_bank_connection(live: CheckedShop) -> None:
    live.refused("POST", PAYOUTS, payout_order(), status=403, code="003")
    path = "/api/v4/validation_services/bank_account_validation"
    live.refused("POST", path, document(accountNo="0102030405", bankShortCode="BRI"), status=403, code="003")
    path = f"{PAYOUTS}/contract_{'0' * 32}/tasks"
    live.refused("POST", path, task("complete"), status=403, code="003")
    assert live.call("GET", PAYOUTS).json() == {"data": []}
    assert len(live.call("GET", "/api/v4/banks").json()["data"]) == 142
