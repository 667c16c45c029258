"""Choosing another method: the old code ends at once, and money that still arrives for it is held in suspense."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from gerbang.domain.payments import Method
from gerbang.domain.reports import Booked, Report
from gerbang.errors import WrongState
from gerbang.services.pages import Pages
from gerbang.services.payments import end
from gerbang.services.payments.confirm import Confirmation
from gerbang.services.payments.end import Reopening
from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import Buyer, choose, heading, play, send, waits_for
from tests.web.checkout.test_status_stream import awaiting
from tests.web.checkout.test_trust import form_of

Buyers = Callable[..., Buyer]
CHANGE = "[aria-label='Ganti cara bayar']"
FIXED: dict[str, Any] = {
    "paymentMethod": {"type": "VIRTUAL_ACCOUNT"},
    "paymentMethodOptions": {"virtualAccount": {"channel": "BRI", "virtualAccountName": "Budi"}},
}


def session_of(shop: Shop, session: dict[str, Any]) -> dict[str, Any]:
    return shop.get(f"/v2/payments/{session['id']}")["data"]


def number_of(charge: dict[str, Any]) -> str:
    return str(charge["virtualAccount"]["virtualAccountNumber"])


def test_a_buyer_goes_back_chooses_another_method_and_pays(shop: Shop, buyer: Buyers) -> None:
    session = send(shop)
    page = buyer().opens(session["paymentUrl"])
    choose(page, "virtual_account/BRI")
    old = number_of(session_of(shop, session)["chargeDetails"][0])
    page.click(CHANGE)
    waits_for(page, "Pilih cara bayar")
    now = session_of(shop, session)
    assert now["status"] == "REQUIRE_PAYMENT_METHOD"
    assert now["paymentMethod"] is None
    assert [charge["status"] for charge in now["chargeDetails"]] == ["EXPIRED"]
    assert now["chargeDetails"][0]["failureCode"] == "CANCELLED_BY_USER"
    choose(page, "qris")
    # Money arrives for the old number: it is held in suspense, sent as a callback and shown to the buyer.
    booked = shop.post("/sandbox/bank/reports", {"number": old, "amount": 185000})["reports"][0]
    assert booked["outcome"] == "late"
    page.wait_for_selector(".note")
    said = page.inner_text(".note")
    assert "Kami menerima Rp\u00a0185.000 pada 30 Maret 2025, " in said
    assert " WIB, yang tidak bisa kami pakai untuk tagihan ini. Uang itu tidak hilang" in said
    assert "Tagihan ini masih menunggu tepat Rp\u00a0185.000." in said
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")
    assert sorted(shop.received_events()) == ["MONEY.SET_ASIDE", "PAYMENT.PAID"]
    assert [charge["status"] for charge in session_of(shop, session)["chargeDetails"]] == ["SUCCESS", "EXPIRED"]
    kinds = [event["event"] for event in shop.get("/sandbox/events?limit=20")["items"]][::-1]
    assert kinds == [
        *("payment.created", "payment.confirmed", "payment.reopened", "payment.confirmed"),
        *("money.in_suspense", "payment.paid"),
    ]


def test_money_for_the_old_number_is_late_while_no_method_is_chosen(shop: Shop) -> None:
    session = awaiting(shop)
    charge = session_of(shop, session)["chargeDetails"][0]
    back(shop, session, charge["id"])
    booked = shop.post("/sandbox/bank/reports", {"number": number_of(charge), "amount": 185000})["reports"][0]
    assert booked["outcome"] == "late"
    assert session_of(shop, session)["status"] == "REQUIRE_PAYMENT_METHOD"
    sums = shop.get("/sandbox/ledger")
    assert sums["sum"] == "0.00"
    assert {account["name"].rpartition("/")[2]: account["balance"] for account in sums["accounts"]}[
        "suspense"
    ] == "-185000.00"


def back(shop: Shop, session: dict[str, Any], charge_id: str, **fields: str) -> str:
    """Submits the form of a page; returns the Location of the answer."""
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    path = session["paymentUrl"].replace("/detail?", "/detail/back?")
    answered = shop.client.post(path, data={"form": form, "charge": charge_id} | fields)
    assert answered.status_code == 303
    return answered.headers["location"]


def test_a_paid_payment_cannot_be_reopened(shop: Shop) -> None:
    session = awaiting(shop)
    charge = session_of(shop, session)["chargeDetails"][0]
    form = form_of(shop.client.get(session["paymentUrl"]).text)
    shop.simulate(session["id"])
    path = session["paymentUrl"].replace("/detail?", "/detail/back?")
    assert shop.client.post(path, data={"form": form, "charge": charge["id"]}).status_code == 303
    assert session_of(shop, session)["status"] == "PAID"
    with pytest.raises(WrongState):
        reopen(shop, session, charge["id"])


def reopen(shop: Shop, session: dict[str, Any], charge_id: str) -> None:
    gateway = shop.gateway
    reopening = Reopening(shop.merchant_id, UUID(session["id"]), UUID(charge_id))
    gateway.do(end.reopen(gateway.services.world, reopening))


def test_a_form_of_an_outdated_page_ends_nothing(shop: Shop) -> None:
    session = awaiting(shop)
    first = session_of(shop, session)["chargeDetails"][0]["id"]
    back(shop, session, first)
    path = session["paymentUrl"].replace("/detail?", "/detail/choose?")
    shop.client.post(path, data={"form": form_of(shop.client.get(session["paymentUrl"]).text), "way": "qris"})
    assert "notice=stale" in back(shop, session, first)
    reopen(shop, session, first)
    assert session_of(shop, session)["status"] == "REQUIRE_ACTION"


def test_the_buyer_cannot_change_the_method_that_the_merchant_chose(shop: Shop, buyer: Buyers) -> None:
    session = send(shop, **FIXED)
    page = buyer().opens(session["paymentUrl"])
    assert heading(page) == "Transfer ke nomor ini"
    assert not page.is_visible(CHANGE)
    with pytest.raises(WrongState):
        reopen(shop, session, session["chargeDetails"][0]["id"])
    static = shop.create(paymentType="MULTIPLE", amount=None)
    gateway = shop.gateway
    assert not gateway.do(gateway.services.batches.visit(UUID(static["id"]))).payment.details.redirect


def test_a_merchant_can_fix_the_channel_and_leave_the_bank_to_the_buyer(shop: Shop, buyer: Buyers) -> None:
    session = send(shop, paymentMethod={"type": "VIRTUAL_ACCOUNT"})
    page = buyer().opens(session["paymentUrl"])
    assert page.locator("button[value=qris]").count() == 0
    choose(page, "virtual_account/BNI")
    page.click(CHANGE)
    waits_for(page, "Pilih cara bayar")
    assert page.locator("button[value=qris]").count() == 0
    choose(page, "virtual_account/BSI")
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")


def test_a_fixed_method_that_waits_for_confirmation_takes_one_click(shop: Shop, buyer: Buyers) -> None:
    session = send(shop, autoConfirm=False, **FIXED)
    assert session["status"] == "REQUIRE_CONFIRMATION"
    page = buyer().opens(session["paymentUrl"])
    assert heading(page) == "Lanjutkan pembayaran"
    assert page.locator("button[name=way]").count() == 1
    choose(page, "virtual_account/BRI")
    assert session_of(shop, session)["status"] == "REQUIRE_ACTION"


def test_a_qr_code_that_expired_before_its_payment_can_be_replaced(gateway: Gateway, buyer: Buyers) -> None:
    shop = gateway.shop
    fixed: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "expiryAt": "2025-03-31T05:48:17Z"}
    session = send(shop, **fixed)
    page = buyer().opens(session["paymentUrl"])
    assert heading(page) == "Pindai kode QRIS ini"
    first = session["chargeDetails"][0]["id"]
    shop.advance(seconds=61 * 60)
    waits_for(page, "Kode ini sudah habis waktunya")
    assert not page.locator(".qr").count()
    page.click("button[name=again]")
    waits_for(page, "Pindai kode QRIS ini")
    charges = session_of(shop, session)["chargeDetails"]
    assert [charge["status"] for charge in charges] == ["WAITING_FOR_USER_ACTION", "EXPIRED"]
    assert charges[1]["id"] == first
    play(page, "exact")
    waits_for(page, "Pembayaran diterima")


def test_the_old_number_is_quarantined_before_it_is_used_again(shop: Shop) -> None:
    session = awaiting(shop)
    charge = session_of(shop, session)["chargeDetails"][0]
    back(shop, session, charge["id"])
    row = shop.gateway.rows("SELECT held, free_at, created_at FROM paycodes WHERE number = $1", number_of(charge))[0]
    assert row["held"]
    assert 86_400 <= (row["free_at"] - row["created_at"]).total_seconds() < 86_400 + 600


def test_two_simultaneous_confirmations_make_one_charge(shop: Shop) -> None:
    session = send(shop)
    gateway = shop.gateway
    confirmation = Confirmation(shop.merchant_id, UUID(session["id"]), Method("qris"))

    async def both() -> list[object]:
        confirm = gateway.services.batches.confirm
        return list(await asyncio.gather(confirm(confirmation), confirm(confirmation), return_exceptions=True))

    outcomes = gateway.do(both())
    assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 1
    assert len(session_of(shop, session)["chargeDetails"]) == 1


def test_simultaneous_money_and_going_back_never_lose_the_money(shop: Shop) -> None:
    gateway = shop.gateway
    world, batches = gateway.services.world, gateway.services.batches
    outcomes: set[tuple[str, str]] = set()
    for order in range(12):
        session = awaiting(shop)
        charge = session_of(shop, session)["chargeDetails"][0]
        reopening = Reopening(shop.merchant_id, UUID(session["id"]), UUID(charge["id"]))
        money = Report("simulator", f"race-{order}-{session['id']}", "virtual_account", number_of(charge), 18_500_000)

        async def both(money: Report = money, reopening: Reopening = reopening, order: int = order) -> str:
            calls = [batches.report(money), end.reopen(world, reopening)]
            done = await asyncio.gather(*calls[:: -1 if order % 2 else 1], return_exceptions=True)
            return next(each.outcome for each in done if isinstance(each, Booked))

        outcome = gateway.do(both())
        outcomes.add((outcome, session_of(shop, session)["status"]))
    assert outcomes <= {("booked", "PAID"), ("late", "REQUIRE_PAYMENT_METHOD")}
    assert shop.get("/sandbox/ledger")["sum"] == "0.00"


def test_a_static_payment_has_a_page_until_its_expiry(gateway: Gateway, buyer: Buyers) -> None:
    shop = gateway.shop
    session = shop.create(paymentType="MULTIPLE", expiryAt="2025-03-30T07:00:00Z")
    pages = Pages(gateway.base_url, gateway.services.world.keyring.page_key)
    payment = gateway.do(gateway.services.batches.visit(UUID(session["id"]))).payment
    page = buyer().opens(pages.payment_url(payment))
    assert heading(page) == "Transfer ke nomor ini"
    assert not page.is_visible(CHANGE)
    shop.advance(seconds=2 * 3600)
    waits_for(page, "Kode pembayaran tidak aktif lagi")
