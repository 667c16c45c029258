"""Static payments: static numbers and QR codes, their ranges, and when a number is free again."""

from typing import Any

import pytest

from gerbang.domain.merchants import NumberRange
from gerbang.services.merchants import default_agreement
from tests.api.v2_sessions.contracts import CheckedShop, refusal
from tests.api.v2_sessions.sessions import at_once, order, rupiah, status_of
from tests.support.agreements import only, with_bank, with_changes

NO_INSTANT = "0001-01-01T00:00:00Z"
OPEN: dict[str, Any] = {"paymentType": "MULTIPLE", "amount": None}
QR: dict[str, Any] = {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}


def numbered(suffix: str | None = None, bank: str = "BRI", **more: object) -> dict[str, Any]:
    options = {"channel": bank, "virtualAccountName": "Warung Sari"}
    chosen = {} if suffix is None else {"virtualAccountNumber": suffix}
    return OPEN | {"paymentMethodOptions": {"virtualAccount": options | chosen}} | more


def number_of(session: dict[str, Any]) -> str:
    return session["paymentMethod"]["virtualAccount"]["virtualAccountNumber"]


def with_ranges(shop: CheckedShop, *ranges: tuple[int, int], quota: int = 100) -> CheckedShop:
    """A merchant with these static ranges at BRI, and with this quota of static QR codes."""
    serial = 5000 + shop.gateway.rows("SELECT count(*) AS n FROM merchants")[0]["n"]
    agreed = only(default_agreement(serial, "Warung"), "virtual_account", "qris")
    own = with_changes(with_bank(agreed, "BRI", static_ranges=list(ranges)), "qris", static_quota=quota)
    return CheckedShop.of(shop.gateway.new_shop(agreement=own))


def with_ten_numbers(shop: CheckedShop) -> CheckedShop:
    """A merchant with a dynamic range of ten numbers at BRI."""
    serial = 5000 + shop.gateway.rows("SELECT count(*) AS n FROM merchants")[0]["n"]
    agreed = only(default_agreement(serial, "Warung"), "virtual_account")
    own = with_bank(agreed, "BRI", dynamic=NumberRange(prefix=f"9999{serial}", digits=1))
    return CheckedShop.of(shop.gateway.new_shop(agreement=own))


def refused_without_field(shop: CheckedShop, body: dict[str, Any]) -> str:
    """The sentence of a refusal that names no field, as the reference documents (1.10)."""
    return shop.refused("POST", "/v2/payments", body, status=400, code="api_validation_error", field="")


# -- numbers ----------------------------------------------------------------------------------------------------------


def test_an_open_static_number_takes_any_amount_any_number_of_times(shop: CheckedShop) -> None:
    session = shop.create(**numbered("0000007"))
    assert session["amount"] == rupiah(0)
    assert session["expiryAt"] is None
    number = session["paymentMethod"]["virtualAccount"]
    assert (number["virtualAccountName"], number["expiryAt"]) == ("Warung Sari", NO_INSTANT)
    assert number["virtualAccountNumber"].endswith("0000007")
    for value in (10_000, 1, 123_456_789):
        assert shop.simulate(session["id"], amount=rupiah(value)) == "true"
    read = shop.get(f"/v2/payments/{session['id']}")["data"]
    assert read["status"] == "ACTIVE"
    assert [charge["amount"]["value"] for charge in read["chargeDetails"]] == [123_456_789, 1, 10_000]
    for charge in read["chargeDetails"]:
        assert charge["virtualAccount"] == number
        assert (charge["statementDescriptor"], charge["status"], charge["isCaptured"]) == ("", "SUCCESS", True)


def test_an_amount_of_zero_makes_an_open_one_too(shop: CheckedShop) -> None:
    assert shop.create(**numbered(amount=rupiah(0)))["amount"] == rupiah(0)


def test_an_open_static_payment_is_paid_with_an_amount(shop: CheckedShop) -> None:
    session = shop.create(**numbered())
    body = {"paymentSessionId": session["id"], "chargeStatus": "SUCCESS"}
    path = "/v2/payments/simulations"
    shop.refused("POST", path, body, status=400, code="api_validation_error", field="amount.value")


def test_a_closed_static_number_takes_its_amount_alone(shop: CheckedShop) -> None:
    session = shop.create(**numbered("0000008", amount=rupiah(50_000)))
    assert (session["amount"], session["expiryAt"]) == (rupiah(50_000), None)
    assert [shop.simulate(session["id"]) for _ in range(2)] == ["true", "true"]
    assert shop.simulate(session["id"], amount=rupiah(49_999)) == "false"
    charges = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"]
    assert [charge["amount"]["value"] for charge in charges] == [50_000, 50_000]


def test_a_closed_static_number_may_end(shop: CheckedShop) -> None:
    session = shop.create(**numbered(amount=rupiah(50_000), expiryAt="2025-04-10T00:00:00Z"))
    assert session["expiryAt"] == session["paymentMethod"]["virtualAccount"]["expiryAt"] == "2025-04-10T00:00:00Z"


def test_an_open_static_number_never_expires_even_if_an_expiry_is_sent(shop: CheckedShop) -> None:
    session = shop.create(**numbered(expiryAt="2025-04-10T00:00:00Z"))
    assert session["expiryAt"] is None
    assert session["paymentMethod"]["virtualAccount"]["expiryAt"] == NO_INSTANT


def test_a_closed_static_number_ends_within_30_days(shop: CheckedShop) -> None:
    body = order(**numbered(amount=rupiah(50_000), expiryAt="2025-05-10T00:00:00Z"))
    shop.refused("POST", "/v2/payments", body, status=400, code="api_validation_error", field="expiryAt")


@pytest.mark.parametrize(
    ("bank", "digits"),
    [("BCA", 6), ("BRI", 7), ("MANDIRI", 7), ("BNI", 4), ("BSI", 8), ("CIMB", 8), ("PERMATA", 8), ("BNC", 4)],
)
def test_the_default_range_of_each_bank_is_as_documented(shop: CheckedShop, bank: str, digits: int) -> None:
    first, last = shop.create(**numbered("0" * digits, bank)), shop.create(**numbered("99".zfill(digits), bank))
    assert number_of(first).endswith("0" * digits)
    assert number_of(last)[:-digits] == number_of(first)[:-digits]
    for suffix in ("100".zfill(digits), "9" * digits, "0" * (digits - 1), "0" * (digits + 1)):
        assert str(digits) in refused_without_field(shop, order(**numbered(suffix, bank)))


def test_a_merchant_may_have_several_ranges_which_errors_name(shop: CheckedShop) -> None:
    own = with_ranges(shop, (10, 12), (5_000_000, 5_000_001))
    for suffix in ("0000010", "0000012", "5000000", "5000001"):
        assert number_of(own.create(**numbered(suffix))).endswith(suffix)
    for suffix in ("0000009", "0000013", "4999999", "5000002"):
        assert "0000010-0000012, 5000000-5000001" in refused_without_field(own, order(**numbered(suffix)))


def test_a_number_that_is_taken_is_refused(shop: CheckedShop) -> None:
    shop.create(**numbered("0000033"))
    assert "already assigned" in refused_without_field(shop, order(**numbered("0000033")))
    assert number_of(shop.create(**numbered("0000033", "MANDIRI"))).endswith("0000033")


def test_two_merchants_may_choose_the_same_digits_and_get_different_numbers(shop: CheckedShop) -> None:
    other = CheckedShop.of(shop.gateway.new_shop())
    assert number_of(shop.create(**numbered("0000042"))) != number_of(other.create(**numbered("0000042")))


def test_of_ten_simultaneous_requests_for_one_number_one_gets_it(shop: CheckedShop) -> None:
    shop.get("/v2/payment-method-configs")
    answers = at_once(*[lambda: shop.call("POST", "/v2/payments", order(**numbered("0000055")))] * 10)
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 9]
    for answer in answers:
        if answer.status_code == 400:
            assert "already assigned" in refusal(answer, status=400, code="api_validation_error", field="")
    assert shop.get("/v2/payments")["pagination"]["totalItems"] == 1


def test_numbers_that_are_not_chosen_come_from_the_range_until_it_is_used_up(shop: CheckedShop) -> None:
    own = with_ranges(shop, (3, 7))
    given = {number_of(own.create(**numbered()))[-7:] for _ in range(5)}
    assert given == {"0000003", "0000004", "0000005", "0000006", "0000007"}
    assert refused_without_field(own, order(**numbered())) == "Every number of the range configured for BRI is in use."
    assert own.create(**numbered(None, "BCA"))["status"] == "ACTIVE"


def test_a_dynamic_range_that_is_used_up_is_refused_with_the_reason(shop: CheckedShop) -> None:
    own = with_ten_numbers(shop)
    sessions = [own.create() for _ in range(10)]
    assert len({session["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"] for session in sessions}) == 10
    assert refused_without_field(own, order()) == "Every number of the range configured for BRI is in use."
    assert own.get("/v2/payments")["pagination"]["totalItems"] == 10


# -- what cannot be static --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["REDIRECT", None])
def test_a_static_payment_is_for_api_mode_only(shop: CheckedShop, mode: str | None) -> None:
    assert "API" in refused_without_field(shop, order(**numbered(mode=mode)))


@pytest.mark.parametrize("kind", ["CARD", "EWALLET"])
def test_cards_and_wallets_cannot_be_static(shop: CheckedShop, kind: str) -> None:
    assert "MULTIPLE" in refused_without_field(shop, order(**OPEN | {"paymentMethod": {"type": kind}}))


def test_a_static_qr_carries_no_amount(shop: CheckedShop) -> None:
    assert "amount" in refused_without_field(shop, order(**QR, paymentType="MULTIPLE"))


# -- static QR codes --------------------------------------------------------------------------------------------------


def test_a_static_qr_takes_any_amount_any_number_of_times(shop: CheckedShop) -> None:
    session = shop.create(**OPEN | QR)
    qr = session["paymentMethod"]["qr"]
    assert (qr["qrType"], qr["merchantName"], qr["issuerName"]) == ("STATIC", "Toko Baru", "")
    assert qr["expiryAt"] == session["createdAt"]
    for value in (1_000, 2_500):
        assert shop.simulate(session["id"], amount=rupiah(value)) == "true"
    [second, first] = shop.get(f"/v2/payments/{session['id']}")["data"]["chargeDetails"]
    assert (first["amount"], second["amount"]) == (rupiah(1_000), rupiah(2_500))
    assert first["qr"]["qrContent"] == qr["qrContent"]
    assert first["qr"]["storeId"] == qr["storeId"]
    assert first["qr"]["retrievalReferenceNumber"] != second["qr"]["retrievalReferenceNumber"]


def test_the_quota_of_static_qr_codes_is_kept(shop: CheckedShop) -> None:
    own = with_ranges(shop, (0, 99), quota=2)
    first, second = own.create(**OPEN | QR), own.create(**OPEN | QR)
    assert first["paymentMethod"]["qr"]["storeId"] != second["paymentMethod"]["qr"]["storeId"]
    assert refused_without_field(own, order(**OPEN | QR)) == "The allowed number of static QRIS, 2, is reached."
    assert own.create(**QR)["status"] == "REQUIRE_ACTION"


def test_ten_at_once_do_not_exceed_the_quota(shop: CheckedShop) -> None:
    own = with_ranges(shop, (0, 99), quota=3)
    own.get("/v2/payment-method-configs")
    answers = at_once(*[lambda: own.call("POST", "/v2/payments", order(**OPEN | QR))] * 10)
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 7


# -- numbers released -------------------------------------------------------------------------------------------------


def test_a_number_is_in_quarantine_before_it_is_assigned_again(sole_shop: CheckedShop) -> None:
    ending = numbered("0000021", amount=rupiah(50_000), expiryAt="2025-03-30T07:00:00Z")
    first = sole_shop.create(**ending)
    sole_shop.advance(to="2025-03-30T07:00:00Z")
    assert status_of(sole_shop, first["id"]) == "INACTIVE"
    assert "already assigned" in refused_without_field(sole_shop, order(**numbered("0000021")))
    sole_shop.advance(to="2025-03-31T06:59:45Z")
    assert "already assigned" in refused_without_field(sole_shop, order(**numbered("0000021")))
    sole_shop.advance(to="2025-03-31T07:00:00Z")
    second = sole_shop.create(**numbered("0000021"))
    assert number_of(second) == number_of(first)
    assert sole_shop.simulate(second["id"], amount=rupiah(12_000)) == "true"
    assert status_of(sole_shop, first["id"]) == "INACTIVE"


def test_ending_a_static_payment_releases_its_number(sole_shop: CheckedShop) -> None:
    first = sole_shop.create(**numbered("0000022"))
    assert sole_shop.simulate(first["id"], "EXPIRED") == "true"
    assert status_of(sole_shop, first["id"]) == "INACTIVE"
    assert "already assigned" in refused_without_field(sole_shop, order(**numbered("0000022")))
    sole_shop.advance(seconds=86_400)
    assert number_of(sole_shop.create(**numbered("0000022"))) == number_of(first)


def test_dynamic_numbers_of_ended_payments_are_assigned_again(sole_shop: CheckedShop) -> None:
    own = with_ten_numbers(sole_shop)
    first = [own.create() for _ in range(10)]
    own.simulate(first[0]["id"])
    own.advance(seconds=900)
    assert {status_of(own, session["id"]) for session in first} == {"PAID", "EXPIRED"}
    refused_without_field(own, order())
    own.advance(seconds=86_400)
    again = [own.create()["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"] for _ in range(10)]
    assert sorted(again) == sorted(each["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"] for each in first)
