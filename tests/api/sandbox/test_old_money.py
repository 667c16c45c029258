"""Money that is reported late, or under a bank reference that was used before, is never booked to another payment."""

import json
from datetime import timedelta
from typing import Any

from gerbang.services import merchants
from gerbang.services.payments import read
from tests.support.gateways import Gateway, Shop


def _static(shop: Shop) -> dict[str, Any]:
    options = {
        "virtualAccount": {"channel": "PERMATA", "virtualAccountName": "Budi", "virtualAccountNumber": "00000007"}
    }
    return shop.create(paymentType="MULTIPLE", amount=None, paymentMethodOptions=options)


def test_a_late_report_pays_the_payment_that_had_the_number_then(gateway: Gateway) -> None:
    shop = gateway.shop
    old = _static(shop)
    paid_at = gateway.services.world.clock.now() + timedelta(seconds=1)
    shop.advance(seconds=60)
    shop.simulate(old["id"], "EXPIRED")
    shop.advance(seconds=25 * 3600)
    new = _static(shop)
    number = "7699013100000007"
    assert new["paymentMethod"]["virtualAccount"]["virtualAccountNumber"] == number
    report = {"number": number, "amount": 75_000, "paidAt": paid_at.isoformat()}
    booked = shop.post("/sandbox/bank/reports", report)["reports"][0]
    assert (booked["outcome"], booked["paymentId"]) == ("booked", old["id"])
    assert shop.get(f"/v2/payments/{new['id']}")["data"]["chargeDetails"] is None


def test_another_amount_under_a_used_reference_is_held_in_suspense(shop: Shop) -> None:
    session = _static(shop)
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


def test_all_money_under_one_reference_is_counted_and_keeps_the_reference(shop: Shop) -> None:
    session = shop.create()
    number = session["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]
    reference = session["id"][-6:]
    said = [{"number": "9999000011112222", "amount": amount, "bankReference": reference} for amount in (1, 2)]
    said.append({"number": number, "amount": 20_000, "bankReference": reference})
    booked = [shop.post("/sandbox/bank/reports", money)["reports"][0] for money in said]
    assert [report["outcome"] for report in booked] == ["unknown_number", "unknown_number", "double"]
    assert [shop.post("/sandbox/bank/reports", money)["reports"][0] for money in said] == booked
    kept = shop.gateway.rows(
        "SELECT r.id, n.occurrence FROM report_names n JOIN reports r ON r.id = n.report_id WHERE n.reference = $1 "
        "ORDER BY n.occurrence",
        reference,
    )
    assert [(str(row["id"]), row["occurrence"]) for row in kept] == [
        (report["id"], place) for place, report in enumerate(booked, 1)
    ]


def test_money_is_not_recorded_as_paid_before_its_payment_was_created(gateway: Gateway) -> None:
    shop = gateway.shop
    session = shop.create()
    report = {"paymentId": session["id"], "amount": 20_000, "paidAt": "2001-01-01T00:00:00Z"}
    assert shop.post("/sandbox/bank/reports", report)["reports"][0]["outcome"] == "booked"
    charge = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"][0]
    assert charge["paidAt"] == charge["createdAt"]
    (kept,) = gateway.rows("SELECT settles_at FROM charges WHERE payment_id::text = $1", session["id"])
    assert kept["settles_at"] >= gateway.services.world.clock.now() - timedelta(minutes=1)


def test_money_to_a_number_that_another_merchant_had_at_the_time_is_refused(gateway: Gateway) -> None:
    first, second = gateway.shop, gateway.new_shop()
    old = _static(first)
    number = old["paymentMethod"]["virtualAccount"]["virtualAccountNumber"]
    paid_at = gateway.services.world.clock.now() + timedelta(seconds=1)
    first.advance(seconds=60)
    first.simulate(old["id"], "EXPIRED")
    first.advance(seconds=25 * 3600)
    world = gateway.services.world
    known = gateway.do(read.merchant(world, first.merchant_id)).agreement
    accounts: dict[str, object] = {
        "channels": {"virtual_account": json.loads(bytes(known.channels["virtual_account"]))}
    }
    gateway.do(merchants.change_agreement(world, second.merchant_id, accounts))
    new = _static(second)
    assert new["paymentMethod"]["virtualAccount"]["virtualAccountNumber"] == number
    report = {"number": number, "amount": 75_000, "paidAt": paid_at.isoformat()}
    before = gateway.rows("SELECT count(*) FROM reports")
    assert second.call("POST", "/sandbox/bank/reports", report).status_code == 404
    assert gateway.rows("SELECT count(*) FROM reports") == before
    assert first.post("/sandbox/bank/reports", report)["reports"][0]["outcome"] == "booked"


def test_credentials_that_are_not_base64_are_refused(shop: Shop) -> None:
    answered = shop.gateway.client.get("/sandbox/clock", headers=[(b"Authorization", b"Basic \xc3\xa9")])
    assert answered.status_code == 401
