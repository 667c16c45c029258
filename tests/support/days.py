"""A day of a shop that does everything there is to do: over HTTP, in both dialects, with callbacks and settlement."""

from collections.abc import Iterator

from tests.api.v2_sessions.contracts import CheckedShop as V2Shop
from tests.api.v2_sessions.sessions import fresh, in_state, order
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import (
    PAYOUTS,
    arrivals,
    funded,
    in_status,
    link_order,
    listed,
    made,
    pay_into,
    payout_order,
    read,
    static_qris,
    static_va,
)
from tests.support.gateways import Gateway

LISTS = ("pending", "processing", "paid", "completed", "cancelled", "expired", "failed")
SORTS = ("createdAt", "-createdAt")


def queries(statuses: tuple[str, ...]) -> Iterator[str]:
    """Every filter with every order, and two pages of each."""
    for sort in SORTS:
        for status in ("", *statuses):
            for page in (1, 2):
                yield f"?sort={sort}&filter[status]={status}&page[number]={page}"
        yield f"?sort={sort}&filter[createdAfter]=2025-03-20&filter[createdBefore]=2025-03-25"


def a_day(gateway: Gateway) -> None:
    """The sandbox merchant's day. It leaves something of every kind behind."""
    shop = CheckedShop(gateway.shop)
    one_time(shop)
    static(shop)
    paying_out(shop)
    sessions(V2Shop.of(gateway.shop))
    shop.advance(seconds=3 * 24 * 3600)
    looking_on(V2Shop.of(gateway.shop))


def one_time(shop: CheckedShop) -> None:
    known = [in_status(shop, status) for status in ("pending", "paid", "completed", "cancelled", "expired", "failed")]
    reference = known[0]["attributes"]["referenceId"]
    again = shop.create(referenceId=reference)
    assert again["id"] == known[0]["id"]
    assert len(listed(shop, f"?filter[referenceId]={reference}")) == 1
    for query in queries(LISTS):
        listed(shop, query)
    link = made(shop, "/api/v4/payment_links", link_order())
    read(shop, link)
    shop.client.get(link["attributes"]["paymentLinkUrl"]).raise_for_status()
    shop.do(link, "receive_payment")


def static(shop: CheckedShop) -> None:
    code, qris = static_va(shop, referenceId="counter 1"), static_qris(shop)
    read(shop, qris)
    shown = pay_into(shop, code)
    pay_into(shop, qris)
    assert len(listed(shop, f"?filter[referenceId]={shown['attributes']['referenceId']}")) == 1
    for query in queries(LISTS):
        arrivals(shop, code, query)


def paying_out(shop: CheckedShop) -> None:
    funded(shop)
    payout = made(shop, PAYOUTS, payout_order())
    read(shop, payout)
    assert len(listed(shop, f"?filter[referenceId]={payout['attributes']['referenceId']}", PAYOUTS)) == 1
    shop.do(payout, "complete")
    for query in queries(("pending", "processing", "completed", "failed")):
        listed(shop, query, PAYOUTS)
    shop.call("GET", "/api/v4/overviews/balance_overview").raise_for_status()


def sessions(shop: V2Shop) -> None:
    key, reference = fresh("key"), fresh()
    customer = {"givenName": "Sari", "email": f"{fresh()}@shop.example"}
    asked = order(clientReferenceId=reference, customer=customer)
    first, again = (shop.post("/v2/payments", asked, X_REQUEST_ID=key)["data"]["id"] for _ in range(2))
    assert first == again
    assert shop.call("POST", "/v2/payments", asked).status_code == 409
    for state in ("CANCELLED", "ACTIVE", "PAID", "EXPIRED"):
        shop.get(f"/v2/payments/{in_state(shop, state)}")
    for page in (1, 2):
        shop.get(f"/v2/payments?page={page}")
    shop.get(f"/v2/payments?clientReferenceId={reference}")
    shop.get(f"/v2/charges?clientReferenceId={reference}")


def looking_on(shop: V2Shop) -> None:
    for state in ("", "?state=waiting", "?state=delivered", "?state=parked", "?state=given_up"):
        shop.get(f"/sandbox/deliveries{state}")
    newest = shop.get("/sandbox/deliveries")["items"][0]
    shop.post(f"/sandbox/deliveries/{newest['id']}/resend")
    settled = shop.get("/sandbox/settlements")["items"]
    shop.get(f"/sandbox/settlements/{settled[0]['id']}")
    shop.get("/sandbox/events")
    shop.get("/sandbox/inbox")
