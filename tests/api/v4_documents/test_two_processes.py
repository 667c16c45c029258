"""Two gateway processes on one database: a reference makes one resource and money moves once, whichever is called."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    Json,
    at_once,
    balance,
    folder,
    fresh,
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
    status_of,
    task,
)
from tests.support.gateways import Databases, Gateway, Shop

pytestmark = pytest.mark.slow  # two gateways on one database

Pair = tuple[CheckedShop, CheckedShop]


@pytest.fixture(scope="module")
def gateways(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    url, data = databases.fresh(), tmp_path_factory.mktemp("gateways")
    with Gateway(url, data) as one, Gateway(url, data) as two:
        yield one, two


@pytest.fixture
def shops(gateways: tuple[Gateway, Gateway]) -> Pair:
    """One merchant, as a client of each gateway."""
    one, two = gateways
    shop = one.new_shop()
    there = Shop(two, shop.merchant_id, shop.secret, shop.v4_keys)
    return CheckedShop(shop), CheckedShop(there)


def both_at_once(shops: Pair, path: str, body: Json, times: int = 4) -> list[tuple[int, str]]:
    """Sends many concurrent requests to both gateways; returns the HTTP status and the id in each answer."""
    calls = [partial(shop.call, "POST", path, body) for shop in shops]
    answers = at_once(*calls * times)
    return [(answer.status_code, answer.json()["data"]["id"]) for answer in answers]


def test_a_reference_sent_to_both_gateways_makes_one_resource(shops: Pair) -> None:
    here, _ = shops
    funded(here)
    for path, body in ((PAYMENTS, order()), (LINKS, link_order()), (PAYOUTS, payout_order())):
        assert len(set(both_at_once(shops, path, body))) == 1
    assert (len(listed(here)), len(listed(here, path=PAYOUTS))) == (3, 1)
    assert balance(here)[1] == "9982452.0"


def test_a_payment_created_on_one_gateway_can_be_read_paid_and_settled_on_the_other(shops: Pair) -> None:
    here, there = shops
    payment = here.create()
    assert read(there, payment) == payment
    there.do(payment, "receive_payment")
    here.do(payment, "settle")
    assert status_of(there, payment) == "completed"
    assert [callback["attributes"]["status"] for callback in here.callbacks()] == ["paid", "completed"]


def test_concurrent_tasks_on_both_gateways_move_money_once(shops: Pair) -> None:
    here, there = shops
    payment = here.create()
    for action, held in (("receive_payment", ("20000.0", "0.0", "20000.0")), ("settle", ("16337.0", "16337.0", "0.0"))):
        calls = [partial(shop.call, "POST", f"{folder(payment)}/tasks", task(action)) for shop in shops]
        statuses = {answer.status_code for answer in at_once(*calls * 3)}
        assert 201 in statuses
        assert statuses <= {201, 400}
        assert balance(there) == held


def test_both_gateways_together_send_no_more_than_the_available_balance(shops: Pair) -> None:
    here, there = shops
    funded(here)
    orders = [payout_order(amount=4_000_000) for _ in range(8)]
    calls = [partial(shops[n % 2].call, "POST", PAYOUTS, body) for n, body in enumerate(orders)]
    assert sorted(answer.status_code for answer in at_once(*calls)) == [201, 201, *[400] * 6]
    assert balance(there)[1] == "1988567.0"


def test_the_pages_of_a_list_may_be_read_from_either_gateway(shops: Pair) -> None:
    here, there = shops
    newest = [made(here, PAYMENTS, order(referenceId=fresh()))["id"] for _ in range(7)][::-1]
    turned = [ids(listed(shops[page % 2], f"?page[size]=2&page[number]={page}")) for page in range(1, 5)]
    assert [one for page in turned for one in page] == newest
    assert ids(listed(there, "?page[size]=3&page[number]=2")) == newest[3:6]


def test_pages_from_either_gateway_stay_consistent_while_payments_are_created(shops: Pair) -> None:
    here, _ = shops
    funded(here)
    qris = static_qris(here)
    more: dict[str, Callable[[], Json]] = {
        f"{folder(qris)}/payments": lambda: pay_into(here, qris),
        PAYMENTS: here.create,
        PAYOUTS: lambda: made(here, PAYOUTS, payout_order()),
    }
    for path, new in more.items():
        for _ in range(5):
            new()
        there = ids(listed(here, "?page[size]=1000", path))
        seen: list[str] = []
        for page in range(1, len(there) // 2 + 2):
            seen += ids(listed(shops[page % 2], f"?page[size]=2&page[number]={page}", path))
            new()
        assert seen == there


def test_the_pages_of_v2_sessions_may_be_read_from_either_gateway(shops: Pair) -> None:
    here, there = shops[0].v2, shops[1].v2
    static = here.create(paymentType="MULTIPLE", amount=None, paymentMethod={"type": "QR"}, paymentMethodOptions=None)
    for _ in range(23):
        here.simulate(static["id"], amount={"value": 1000, "currency": "IDR"})
    for _ in range(4):
        here.create()
    charges = f"/v2/charges?clientReferenceId={static['clientReferenceId']}&perPage="
    known = [one["id"] for one in here.get(f"{charges}100")["data"]]
    sessions = [one["id"] for one in here.get("/v2/payments?perPage=100")["data"]]
    seen: list[list[str]] = [[], [], []]
    for page in (1, 2, 3):
        shop = (here, there)[page % 2]
        seen[0] += [one["id"] for one in shop.get(f"/v2/payments?perPage=2&page={page}")["data"]]
        seen[1] += [one["id"] for one in shop.get(f"{charges}7&page={page}")["data"]]
        session = shop.get(f"/v2/payments/{static['id']}?page={page}")["data"]
        seen[2] += [one["id"] for one in session["chargeDetails"]]
        here.create()
        here.simulate(static["id"], amount={"value": 1000, "currency": "IDR"})
    assert seen == [sessions[:6], known[:21], known]
