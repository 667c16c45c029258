"""Lists: pagination, sorting and filters. Pages stay consistent while new payments are created."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gerbang.clock import MovableClock
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    LINKS,
    PAYMENTS,
    PAYOUTS,
    STATIC_QRIS,
    Json,
    arrivals,
    funded,
    ids,
    in_status,
    link_order,
    listed,
    made,
    order,
    pay_into,
    payout_order,
    static_qris,
    task,
)
from tests.support.gateways import Databases, Gateway

STATUSES = ("pending", "paid", "completed", "cancelled", "expired", "failed")


def several(shop: CheckedShop, count: int) -> list[Json]:
    """Creates so many payments and returns them oldest first; every third is a payment of a static QRIS."""
    qris = static_qris(shop)
    return [pay_into(shop, qris, 10_000 + n) if n % 3 == 2 else shop.create(amount=10_000 + n) for n in range(count)]


# -- pages ------------------------------------------------------------------------------------------------------------


def test_a_page_has_ten_items_newest_first_by_default(shop: CheckedShop) -> None:
    newest = ids(several(shop, 12))[::-1]
    assert ids(listed(shop)) == newest[:10]
    assert ids(listed(shop, "?page[number]=2")) == newest[10:]
    assert ids(listed(shop, "?page[number]=3")) == []
    assert ids(listed(shop, "?page[size]=1000")) == newest
    assert ids(listed(shop, "?sort=createdAt")) == newest[::-1][:10]
    assert ids(listed(shop, "?sort=-createdAt&page[size]=5&page[number]=2")) == newest[5:10]


@pytest.mark.parametrize("sort", ["createdAt", "-createdAt"])
def test_a_page_is_the_same_whether_read_directly_or_after_the_pages_before_it(shop: CheckedShop, sort: str) -> None:
    several(shop, 16)
    query = f"?sort={sort}&page[size]=2&page[number]="
    direct = {page: ids(listed(shop, f"{query}{page}")) for page in (7, 4, 8, 2, 9)}
    in_order = {page: ids(listed(shop, f"{query}{page}")) for page in range(1, 10)}
    assert direct == {page: in_order[page] for page in direct}
    assert len({one for page in in_order.values() for one in page}) == 16
    assert (len(in_order[8]), in_order[9]) == (2, [])


def test_paging_while_payments_are_created_repeats_and_misses_none(shop: CheckedShop) -> None:
    existing = ids(several(shop, 9))
    seen: list[str] = []
    for page in range(1, 10):
        found = ids(listed(shop, f"?page[size]=2&page[number]={page}"))
        seen += found
        shop.create()
        if page % 2:
            shop.create("qris")
        if not found:
            break
    assert seen == existing[::-1]


def test_paging_a_filter_while_payments_leave_it_misses_none(shop: CheckedShop) -> None:
    existing = [shop.create() for _ in range(7)]
    seen: list[str] = []
    for page in range(1, 5):
        found = listed(shop, f"?filter[status]=pending&page[size]=2&page[number]={page}")
        for payment in found:
            shop.do(payment, "receive_payment")
        seen += ids(found)
    assert seen == ids(existing)[::-1]


def test_reading_the_first_page_again_starts_a_new_list(shop: CheckedShop) -> None:
    """Earlier paging does not determine the pages of the new list."""
    several(shop, 6)
    for page in range(1, 5):
        listed(shop, f"?page[size]=2&page[number]={page}")
    new = [shop.create() for _ in range(4)]
    first = ids(listed(shop, "?page[size]=2"))
    assert first == [new[3]["id"], new[2]["id"]]
    everything = ids(listed(shop, "?page[size]=1000"))
    for page in (3, 5, 2, 4):
        assert ids(listed(shop, f"?page[size]=2&page[number]={page}")) == everything[2 * page - 2 : 2 * page]


def test_a_page_read_again_an_hour_later_shows_new_payments(traveller: CheckedShop) -> None:
    several(traveller, 6)
    for page in range(1, 4):
        listed(traveller, f"?page[size]=2&page[number]={page}")
    traveller.advance(seconds=3_600)
    new = traveller.create()
    everything = ids(listed(traveller, "?page[size]=1000"))
    assert everything[0] == new["id"]
    assert ids(listed(traveller, "?page[size]=2&page[number]=2")) == everything[2:4]


def test_a_page_is_counted_from_the_list_that_the_first_page_showed(shop: CheckedShop) -> None:
    funded(shop)
    existing = ids(several(shop, 6))[::-1], [made(shop, PAYOUTS, payout_order())["id"] for _ in range(6)][::-1]
    for path, newest in zip((PAYMENTS, PAYOUTS), existing, strict=True):
        assert ids(listed(shop, "?page[size]=2", path)) == newest[:2]
    for _ in range(3):
        shop.create()
        made(shop, PAYOUTS, payout_order())
    for path, newest in zip((PAYMENTS, PAYOUTS), existing, strict=True):
        assert ids(listed(shop, "?page[size]=2&page[number]=3", path)) == newest[4:6]
        assert ids(listed(shop, "?page[size]=2&page[number]=2", path)) == newest[2:4]


def test_disbursements_are_paged_like_payments(shop: CheckedShop) -> None:
    funded(shop)
    existing = [made(shop, PAYOUTS, payout_order())["id"] for _ in range(5)]
    newest = existing[::-1]
    assert ids(listed(shop, "?page[size]=2&page[number]=3", PAYOUTS)) == newest[4:]
    seen: list[str] = []
    for page in range(1, 4):
        seen += ids(listed(shop, f"?page[size]=2&page[number]={page}", PAYOUTS))
        made(shop, PAYOUTS, payout_order())
    assert seen == newest
    assert ids(listed(shop, "?sort=createdAt&page[size]=2&page[number]=2", PAYOUTS)) == existing[2:4]


def test_payments_of_a_static_method_are_paged_like_all_payments(shop: CheckedShop) -> None:
    qris = static_qris(shop)
    existing = ids([pay_into(shop, qris, 1_000 + number) for number in range(5)])
    seen: list[str] = []
    for page in range(1, 4):
        seen += ids(arrivals(shop, qris, f"?page[size]=2&page[number]={page}"))
        pay_into(shop, qris)
    assert seen == existing[::-1]


# -- filters ----------------------------------------------------------------------------------------------------------


def test_every_status_is_found_only_by_its_own_filter(shop: CheckedShop) -> None:
    made_ = {status: in_status(shop, status)["id"] for status in STATUSES}
    qris = static_qris(shop)
    arrived = pay_into(shop, qris)
    settled = pay_into(shop, qris)
    shop.do(settled, "settle")
    wanted: dict[str, set[str]] = {status: {id_} for status, id_ in made_.items()} | {"processing": set()}
    wanted["paid"].add(arrived["id"])
    wanted["completed"].add(settled["id"])
    for spelling in ("filter[status]", "status"):
        assert {status: set(ids(listed(shop, f"?{spelling}={status}"))) for status in wanted} == wanted
    for status in wanted:
        found = listed(shop, f"?filter[status]={status}&sort=createdAt")
        assert {one["attributes"]["status"] for one in found} <= {status}
        assert ids(found) == ids(listed(shop, f"?filter[status]={status}"))[::-1]


def test_a_reference_is_matched_exactly_in_both_spellings_of_the_filter(shop: CheckedShop) -> None:
    payment = shop.create(referenceId="INV-1")
    shop.create(referenceId="INV-10")
    shop.create(referenceId="inv-1")
    for spelling in ("filter[referenceId]", "referenceId"):
        assert ids(listed(shop, f"?{spelling}=INV-1")) == [payment["id"]]
        assert ids(listed(shop, f"?{spelling}=INV-1&status=pending")) == [payment["id"]]
        assert ids(listed(shop, f"?{spelling}=INV-1&status=paid")) == []
        assert ids(listed(shop, f"?{spelling}=INV-1&page[number]=2")) == []
        assert ids(listed(shop, f"?{spelling}=INV-1&createdBefore=2025-03-30")) == []
        assert ids(listed(shop, f"?{spelling}=INV")) == []


def test_the_payment_of_a_link_is_found_by_the_links_reference(shop: CheckedShop) -> None:
    """A payment and a link may have the same reference; both are found."""
    payment = shop.create(referenceId="INV-1")
    link = made(shop, LINKS, link_order(referenceId="INV-1"))
    linked = link["id"].replace("paymentlink", "contract")
    assert ids(listed(shop, "?filter[referenceId]=INV-1")) == [linked, payment["id"]]
    assert ids(listed(shop, "?filter[referenceId]=INV-1&sort=createdAt&page[size]=1")) == [payment["id"]]
    assert ids(listed(shop, "?filter[referenceId]=INV-1&page[size]=1&page[number]=2")) == [payment["id"]]


def test_a_time_filter_includes_its_start_and_excludes_its_end(traveller: CheckedShop) -> None:
    first = traveller.create()
    traveller.advance(to="2025-03-30T14:00:00+07:00")
    second = traveller.create()
    made_at = second["attributes"]["createdAt"].replace("+", "%2B")
    later = (datetime.fromisoformat(second["attributes"]["createdAt"]) + timedelta(seconds=1)).isoformat()
    later = later.replace("+", "%2B")
    both = [second["id"], first["id"]]
    for query, wanted in (
        (f"createdAfter={made_at}", both[:1]),
        (f"createdBefore={made_at}", both[1:]),
        (f"createdAfter={later}", []),
        (f"createdBefore={later}", both),
        (f"createdAfter={made_at}&createdBefore={later}", both[:1]),
        (f"createdAfter={later}&createdBefore={made_at}", []),
        ("createdAfter=2025-03-30", both),
        ("createdAfter=2025-03-31", []),
        ("createdBefore=2025-03-30", []),
        ("createdBefore=2025-03-31", both),
        ("createdAfter=2025-03-30T14:00:00", both[:1]),
        ("createdAfter=2025-03-30T07:00:00Z", both[:1]),
        ("createdBefore=2025-03-30T07:00:00Z", both[1:]),
        ("createdAfter=1970-01-02&createdBefore=8999-01-01", both),
    ):
        assert ids(listed(traveller, f"?{query}")) == wanted, query
        assert ids(listed(traveller, f"?{query}&sort=createdAt&status=pending")) == wanted[::-1], query


def test_disbursements_are_filtered_by_status_reference_and_time(shop: CheckedShop) -> None:
    funded(shop)
    payouts = {name: made(shop, PAYOUTS, payout_order(referenceId=name)) for name in ("one", "two", "three")}
    shop.do(payouts["one"], "complete")
    shop.do(payouts["two"], "fail")
    for query, wanted in (
        ("filter[status]=completed", ["one"]),
        ("status=failed", ["two"]),
        ("status=processing", ["three"]),
        ("status=pending", []),
        ("filter[referenceId]=two", ["two"]),
        ("referenceId=two&status=completed", []),
        ("referenceId=tw", []),
        ("createdBefore=2025-03-30", []),
        ("createdAfter=2025-03-30&sort=createdAt", ["one", "two", "three"]),
    ):
        found = listed(shop, f"?{query}", PAYOUTS)
        assert [one["attributes"]["referenceId"] for one in found] == wanted, query


# -- expiry ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def idle(databases: Databases, tmp_path: Path) -> Iterator[CheckedShop]:
    """A merchant of a gateway without background workers."""
    with Gateway(databases.fresh(), tmp_path, work=False) as gateway:
        yield CheckedShop(gateway.shop)


def test_a_payment_is_listed_as_expired_from_the_instant_of_its_expiry_on(idle: CheckedShop) -> None:
    """Even before a worker has stored the expiry."""
    ended = made(idle, PAYMENTS, order(expiredAt="2025-03-30T14:00:00+07:00"))
    waits = idle.create()
    clock = idle.gateway.services.world.clock
    assert isinstance(clock, MovableClock)
    clock.move_to(datetime(2025, 3, 30, 7, 0, 1, tzinfo=UTC))
    assert [one["attributes"]["status"] for one in listed(idle)] == ["pending", "expired"]
    for sort in ("createdAt", "-createdAt"):
        assert ids(listed(idle, f"?filter[status]=pending&sort={sort}")) == [waits["id"]]
        assert ids(listed(idle, f"?filter[status]=expired&sort={sort}")) == [ended["id"]]
    assert ids(listed(idle, "?filter[status]=cancelled")) == []


def test_the_payments_of_an_unknown_static_method_are_not_found(shop: CheckedShop) -> None:
    shop.refused("GET", f"{STATIC_QRIS}/qr_{'0' * 22}/payments?filter[status]=paid", status=404, code="004")
    shop.refused("POST", f"{STATIC_QRIS}/qr_{'0' * 22}/tasks", task("receive_payment"), code="005")
