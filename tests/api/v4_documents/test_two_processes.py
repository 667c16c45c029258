"""Two gateways on one database: whichever of them is asked, a reference makes one thing and money moves once."""

from collections.abc import Iterator
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
    payout_order,
    read,
    status_of,
    task,
)
from tests.gateways import Databases, Gateway, Shop

Pair = tuple[CheckedShop, CheckedShop]


@pytest.fixture(scope="module")
def gateways(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    url, data = databases.fresh(), tmp_path_factory.mktemp("gateways")
    with Gateway(url, data) as one, Gateway(url, data) as two:
        yield one, two


@pytest.fixture
def shops(gateways: tuple[Gateway, Gateway]) -> Pair:
    """One merchant, as it speaks to either of them."""
    one, two = gateways
    shop = one.new_shop()
    there = Shop(two, shop.merchant_id, shop.secret, shop.v4_keys)
    return CheckedShop(shop), CheckedShop(there)


def both_at_once(shops: Pair, path: str, body: Json, times: int = 4) -> list[tuple[int, str]]:
    """The status and the id in the answer of many calls to both."""
    calls = [partial(shop.call, "POST", path, body) for shop in shops]
    answers = at_once(*calls * times)
    return [(answer.status_code, answer.json()["data"]["id"]) for answer in answers]


def test_a_reference_makes_one_thing_wherever_it_is_sent(shops: Pair) -> None:
    here, _ = shops
    funded(here)
    for path, body in ((PAYMENTS, order()), (LINKS, link_order()), (PAYOUTS, payout_order())):
        assert len(set(both_at_once(shops, path, body))) == 1
    assert (len(listed(here)), len(listed(here, path=PAYOUTS))) == (3, 1)
    assert balance(here)[1] == "9982452.0"


def test_what_one_has_made_the_other_reads_pays_and_settles(shops: Pair) -> None:
    here, there = shops
    payment = here.create()
    assert read(there, payment) == payment
    there.do(payment, "receive_payment")
    here.do(payment, "settle")
    assert status_of(there, payment) == "completed"
    assert [said["attributes"]["status"] for said in here.heard()] == ["paid", "completed"]


def test_tasks_sent_to_both_at_once_move_money_once(shops: Pair) -> None:
    here, there = shops
    payment = here.create()
    for action, held in (("receive_payment", ("20000.0", "0.0", "20000.0")), ("settle", ("16337.0", "16337.0", "0.0"))):
        calls = [partial(shop.call, "POST", f"{folder(payment)}/tasks", task(action)) for shop in shops]
        statuses = {answer.status_code for answer in at_once(*calls * 3)}
        assert 201 in statuses
        assert statuses <= {201, 400}
        assert balance(there) == held


def test_no_more_is_sent_than_there_is_by_both_together(shops: Pair) -> None:
    here, there = shops
    funded(here)
    orders = [payout_order(amount=4_000_000) for _ in range(8)]
    calls = [partial(shops[n % 2].call, "POST", PAYOUTS, body) for n, body in enumerate(orders)]
    assert sorted(answer.status_code for answer in at_once(*calls)) == [201, 201, *[400] * 6]
    assert balance(there)[1] == "1988567.0"


def test_pages_may_be_turned_at_either(shops: Pair) -> None:
    here, there = shops
    newest = [made(here, PAYMENTS, order(referenceId=fresh()))["id"] for _ in range(7)][::-1]
    turned = [ids(listed(shops[page % 2], f"?page[size]=2&page[number]={page}")) for page in range(1, 5)]
    assert [one for page in turned for one in page] == newest
    assert ids(listed(there, "?page[size]=3&page[number]=2")) == newest[3:6]
