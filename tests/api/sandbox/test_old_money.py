"""Money of which news comes late, or under a reference that the bank has used before: it is never somebody else's."""

from datetime import timedelta
from typing import Any

from tests.gateways import Gateway, Shop


def _standing(shop: Shop) -> dict[str, Any]:
    options = {
        "virtualAccount": {"channel": "PERMATA", "virtualAccountName": "Budi", "virtualAccountNumber": "00000007"}
    }
    return shop.create(paymentType="MULTIPLE", amount=None, paymentMethodOptions=options)


def test_late_news_of_old_money_does_not_pay_for_what_has_the_number_now(gateway: Gateway) -> None:
    shop = gateway.shop
    old = _standing(shop)
    paid_at = gateway.house.world.clock.now() + timedelta(seconds=1)
    shop.advance(seconds=60)
    shop.simulate(old["id"], "EXPIRED")
    shop.advance(seconds=25 * 3600)
    new = _standing(shop)
    number = "7699013100000007"
    assert new["paymentMethod"]["virtualAccount"]["virtualAccountNumber"] == number
    report = {"number": number, "amount": 75_000, "paidAt": paid_at.isoformat()}
    booked = shop.post("/sandbox/bank/reports", report)["reports"][0]
    assert (booked["outcome"], booked["paymentId"]) == ("late", old["id"])
    assert shop.get(f"/v2/payments/{new['id']}")["data"]["chargeDetails"] is None


def test_another_sum_under_a_used_reference_is_set_aside_and_not_lost(shop: Shop) -> None:
    session = _standing(shop)
    first = shop.post("/sandbox/bank/reports", {"paymentId": session["id"], "amount": 10_000, "bankReference": "R-1"})
    again = shop.post("/sandbox/bank/reports", {"paymentId": session["id"], "amount": 10_000, "bankReference": "R-1"})
    other = shop.post("/sandbox/bank/reports", {"paymentId": session["id"], "amount": 11_000, "bankReference": "R-1"})
    repeated = shop.post(
        "/sandbox/bank/reports", {"paymentId": session["id"], "amount": 11_000, "bankReference": "R-1"}
    )
    assert first == again
    assert other == repeated != first
    balances = {account["name"]: account["balance"] for account in shop.get("/sandbox/ledger")["accounts"]}
    assert balances["bank/simulator"] == "21000.00"
    assert balances[f"merchant/{shop.merchant_id}/suspense"] == "-11000.00"
    assert other["reports"][0]["outcome"] == "double"


def test_credentials_that_are_not_base64_text_are_only_wrong(shop: Shop) -> None:
    answered = shop.gateway.client.get("/sandbox/clock", headers=[(b"Authorization", b"Basic \xc3\xa9")])
    assert answered.status_code == 401
