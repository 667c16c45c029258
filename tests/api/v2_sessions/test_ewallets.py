"""E-wallets: DANA, ShopeePay and OVO, in API and REDIRECT mode, from the answer to the callback."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.v2_sessions.contracts import CheckedShop
from tests.api.v2_sessions.sessions import order, rupiah

URLS = {
    "successReturnUrl": "https://warung.example/thanks?order=1",
    "failureReturnUrl": "https://warung.example/failed",
    "expirationReturnUrl": "https://warung.example/late",
}
PAYS, WAITS, DECLINES, LAPSES, ANYBODY = "08111111001", "08111111002", "08111111003", "08111111004", "081234567890"


def wallet(channel: str = "DANA", phone: str | None = None, **changes: object) -> dict[str, Any]:
    """What a create says of a wallet."""
    account = {"ewallet": {"accountIdentifier": phone}} if phone else {}
    return {
        "paymentMethod": {"type": "EWALLET"} | account,
        "paymentMethodOptions": {"ewallet": {"channel": channel}},
        "redirectUrl": URLS,
    } | changes


def now(shop: CheckedShop, session: dict[str, Any]) -> dict[str, Any]:
    return shop.get(f"/v2/payments/{session['id']}")["data"]


def states(session: dict[str, Any]) -> tuple[str, str]:
    return session["status"], session["chargeDetails"][0]["status"]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def signs_in(shop: CheckedShop, url: str, phone: str = ANYBODY, password: str = "000000") -> httpx.Response:
    """What a buyer does at the simulated wallet's page; the redirect that follows."""
    page = shop.client.get(url).text
    found = re.search(r'name="form" value="([0-9a-f]+)"', page)
    assert found, page
    return shop.client.post(
        url.replace("/wallet?", "/wallet/pay?"), data={"form": found[1], "phone": phone, "password": password}
    )


@pytest.mark.parametrize("channel", ["DANA", "SHOPEEPAY"])
def test_the_answer_in_api_mode_has_the_wallets_page_and_a_waiting_charge(shop: CheckedShop, channel: str) -> None:
    session = shop.create(**wallet(channel))
    assert states(session) == ("REQUIRE_ACTION", "WAITING_FOR_USER_ACTION")
    assert session["chargeDetails"][0]["ewallet"] == {"channel": channel}
    assert session["paymentMethod"] == {"type": "EWALLET"}
    assert urlsplit(str(session["paymentUrl"])).path == "/wallet"
    assert now(shop, session)["paymentUrl"] == session["paymentUrl"]


def test_the_answer_to_a_confirm_is_the_same(shop: CheckedShop) -> None:
    session = shop.create(**wallet() | {"autoConfirm": False})
    assert (session["status"], session["chargeDetails"], "paymentUrl" in session) == (
        "REQUIRE_CONFIRMATION",
        None,
        False,
    )
    body = {"paymentMethod": {"type": "EWALLET", "paymentMethodOptions": {"ewallet": {"channel": "SHOPEEPAY"}}}}
    confirmed = shop.post(f"/v2/payments/{session['id']}/confirm", body)["data"]
    assert states(confirmed) == ("REQUIRE_ACTION", "WAITING_FOR_USER_ACTION")
    assert (confirmed["chargeDetails"][0]["ewallet"]["channel"], "paymentUrl" in confirmed) == ("SHOPEEPAY", True)


@pytest.mark.parametrize("written", ["081234567890", "6281234567890", "+62 812-3456-7890"])
def test_the_account_is_answered_in_international_form(shop: CheckedShop, written: str) -> None:
    session = shop.create(**wallet("DANA", written))
    account = {"mobileNumber": "+6281234567890"}
    assert session["chargeDetails"][0]["ewallet"] == {"channel": "DANA", "accountInformations": account}
    [charge] = shop.get(f"/v2/charges?clientReferenceId={session['clientReferenceId']}")["data"]
    assert charge["ewallet"] == {"channel": "DANA", "accountInformations": account}


@pytest.mark.parametrize(("amount", "ok"), [(9_999, False), (10_000, True), (9_999_999, True), (10_000_000, False)])
def test_amounts_have_the_documented_limits(shop: CheckedShop, amount: int, ok: bool) -> None:
    body = order(**wallet(amount=rupiah(amount)))
    if ok:
        assert shop.post("/v2/payments", body)["data"]["status"] == "REQUIRE_ACTION"
    else:
        shop.refused("POST", "/v2/payments", body, status=400, code="api_validation_error", field="amount.value")


def test_a_wallet_takes_half_an_hour_at_most_and_a_strict_expiry_that_is_later_is_refused(shop: CheckedShop) -> None:
    start = instant(shop.create(**wallet())["createdAt"])
    for minutes in (20, 120):
        until = (start + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for mode in ("LOOSE", "STRICT"):
            body = order(**wallet(expiryAt=until, expirationMode=mode))
            if (minutes, mode) == (120, "STRICT"):
                shop.refused("POST", "/v2/payments", body, status=400, code="api_validation_error", field="expiryAt")
            else:
                session = shop.post("/v2/payments", body)["data"]
                assert (session["expiryAt"], session["expirationMode"]) == (until, mode)
                [row] = shop.gateway.rows(
                    "SELECT expires_at - created_at AS lasts FROM charges WHERE payment_reference = $1",
                    session["clientReferenceId"],
                )
                assert row["lasts"] <= timedelta(minutes=30)


def test_a_buyer_signs_in_pays_and_goes_back_to_the_shop(shop: CheckedShop) -> None:
    session = shop.create(**wallet("DANA", PAYS))
    assert f'value="{PAYS}"' in shop.client.get(session["paymentUrl"]).text
    answered = signs_in(shop, session["paymentUrl"], PAYS)
    assert (answered.status_code, answered.headers["location"]) == (303, URLS["successReturnUrl"])
    paid = now(shop, session)
    assert states(paid) == ("PAID", "SUCCESS")
    assert "paymentUrl" not in paid
    assert shop.received_events()[-1] == "PAYMENT.PAID", "word of what came before is not sent after it"


def test_the_merchant_is_notified_when_its_buyer_signs_in(shop: CheckedShop) -> None:
    session = shop.create(**wallet())
    signs_in(shop, session["paymentUrl"], password="111111")
    assert shop.received_events() == ["PAYMENT.PROCESSING"]
    assert states(shop.inbox()[0]["body"]["data"]) == ("PROCESSING", "WAITING_FOR_AUTHENTICATION")


@pytest.mark.parametrize(
    ("phone", "expected", "failure", "leads_to", "events"),
    [
        (WAITS, ("PROCESSING", "PROCESSING"), None, "/wallet", []),
        (DECLINES, ("CANCELLED", "FAILED"), "DECLINED_BY_CHANNEL", "/failed", ["PAYMENT.CANCELLED"]),
        (LAPSES, ("EXPIRED", "EXPIRED"), "CHARGE_EXPIRED", "/late", []),
    ],
)
def test_the_vendors_phone_numbers_play_their_outcomes(
    shop: CheckedShop,
    phone: str,
    expected: tuple[str, str],
    failure: str | None,
    leads_to: str,
    events: list[str],
) -> None:
    session = shop.create(**wallet())
    answered = signs_in(shop, session["paymentUrl"], phone)
    assert urlsplit(answered.headers["location"]).path == leads_to
    after = now(shop, session)
    assert states(after) == expected
    assert after["chargeDetails"][0].get("failureCode") == failure
    assert after.get("cancellationReason") == ("CHARGE_FAILED" if expected[0] == "CANCELLED" else None)
    assert shop.received_events() == ["PAYMENT.PROCESSING", *events]


def test_what_is_in_process_can_be_paid_or_ended_by_a_simulation(shop: CheckedShop) -> None:
    for outcome, expected in (("SUCCESS", ("PAID", "SUCCESS")), ("EXPIRED", ("EXPIRED", "EXPIRED"))):
        for at_work in (False, True):
            session = shop.create(**wallet())
            if at_work:
                signs_in(shop, session["paymentUrl"], WAITS)
            body = {"paymentSessionId": session["id"], "chargeStatus": outcome}
            assert shop.post("/v2/payments/simulations", body)["data"] == {"updated": "true"}
            assert states(now(shop, session)) == expected


def test_three_wrong_passwords_fail_the_charge(shop: CheckedShop) -> None:
    session = shop.create(**wallet())
    url = session["paymentUrl"]
    for wrong in ("", "111111"):
        answered = signs_in(shop, url, password=wrong)
        assert "wrong=wrong_password" in answered.headers["location"]
        assert states(now(shop, session)) == ("PROCESSING", "WAITING_FOR_AUTHENTICATION")
    assert signs_in(shop, url, password="123456").headers["location"] == URLS["failureReturnUrl"]
    after = now(shop, session)
    assert (*states(after), after["chargeDetails"][0]["failureCode"]) == (
        "CANCELLED",
        "FAILED",
        "AUTHENTICATION_FAILED",
    )


def test_a_phone_number_that_is_none_changes_nothing(shop: CheckedShop) -> None:
    session = shop.create(**wallet())
    assert "wrong=wrong_phone" in signs_in(shop, session["paymentUrl"], "12").headers["location"]
    assert states(now(shop, session)) == ("REQUIRE_ACTION", "WAITING_FOR_USER_ACTION")


def test_a_buyer_may_decline(shop: CheckedShop) -> None:
    session = shop.create(**wallet())
    url = session["paymentUrl"]
    found = re.search(r'name="form" value="([0-9a-f]+)"', shop.client.get(url).text)
    assert found
    answered = shop.client.post(url.replace("/wallet?", "/wallet/decline?"), data={"form": found[1]})
    assert answered.headers["location"] == URLS["failureReturnUrl"]
    after = now(shop, session)
    assert (*states(after), after["chargeDetails"][0]["failureCode"]) == ("CANCELLED", "FAILED", "CANCELLED_BY_USER")


def test_ovo_notifies_its_buyer_who_has_less_than_a_minute(shop: CheckedShop) -> None:
    session = shop.create(**wallet("OVO", ANYBODY))
    assert states(session) == ("PROCESSING", "WAITING_FOR_AUTHENTICATION")
    assert "paymentUrl" not in session
    assert instant(session["expiryAt"]) - instant(session["createdAt"]) == timedelta(seconds=55)
    assert shop.received_events() == ["PAYMENT.PROCESSING"]
    body = {"paymentSessionId": session["id"], "chargeStatus": "SUCCESS"}
    assert shop.post("/v2/payments/simulations", body)["data"] == {"updated": "true"}
    assert states(now(shop, session)) == ("PAID", "SUCCESS")


def test_an_ovo_payment_may_be_repeated_with_its_request_id(shop: CheckedShop) -> None:
    body = order(**wallet("OVO", ANYBODY))
    first, again = (shop.call("POST", "/v2/payments", body, X_REQUEST_ID="ovo1") for _ in range(2))
    assert first.content == again.content


def test_an_ovo_payment_that_nobody_answers_expires(sole_shop: CheckedShop) -> None:
    session = sole_shop.create(**wallet("OVO", ANYBODY))
    sole_shop.advance(seconds=56)
    assert states(now(sole_shop, session)) == ("EXPIRED", "EXPIRED")


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        (PAYS, ("PAID", "SUCCESS")),
        (WAITS, ("PROCESSING", "PROCESSING")),
        (DECLINES, ("CANCELLED", "FAILED")),
        (LAPSES, ("EXPIRED", "EXPIRED")),
    ],
)
def test_the_vendors_phone_numbers_answer_a_notification_after_seconds(
    sole_shop: CheckedShop, phone: str, expected: tuple[str, str]
) -> None:
    session = sole_shop.create(**wallet("OVO", phone))
    sole_shop.advance(seconds=5)
    assert states(now(sole_shop, session)) == expected
    sole_shop.advance(seconds=3600)
    assert states(now(sole_shop, session)) == expected
