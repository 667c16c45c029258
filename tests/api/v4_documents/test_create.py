"""Creating one-time payments: the answer for each type, names, amounts, fees, expiries and requested numbers."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from gerbang.clock import WIB
from gerbang.services import merchants
from gerbang.services.payments import read as reading
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import BANKS, PAYMENTS, STATIC_VA, at_once, document, made, order, read, written
from tests.support.agreements import with_bank

TYPES = ("virtual_bank_account", "retail_outlet", "qris", "e-wallet")
POINTER = "/data/attributes"
OPTIONS = f"{POINTER}/paymentMethodOptions"


def at(bank: str, **more: object) -> dict[str, Any]:
    """Attributes of a virtual account payment at a bank."""
    return {"paymentMethodOptions": {"bankShortCode": bank, "displayName": "Budi"} | more}


def at_outlet(outlet: str, **more: object) -> dict[str, Any]:
    return {
        "paymentMethodType": "retail_outlet",
        "paymentMethodOptions": {"retailOutletName": outlet, "displayName": "Budi"} | more,
    }


def wallet(**more: object) -> dict[str, Any]:
    options = {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"} | more
    return {
        "paymentMethodType": "e-wallet",
        "paymentMethodOptions": {name: value for name, value in options.items() if value is not ...},
    }


def ahead(shop: CheckedShop, **span: float) -> str:
    return (shop.gateway.services.world.clock.now() + timedelta(**span)).astimezone(WIB).isoformat(timespec="seconds")


def instructions(payment: dict[str, Any]) -> dict[str, Any]:
    return payment["attributes"]["paymentMethod"]["instructions"]


@pytest.mark.parametrize("type_", TYPES)
def test_a_new_payment_is_pending_and_reads_as_in_the_create_answer(shop: CheckedShop, type_: str) -> None:
    payment = shop.create(type_)
    assert payment["attributes"]["status"] == "pending"
    assert payment["attributes"]["amount"] == "20000.0"
    assert payment["attributes"]["paymentMethod"]["type"] == type_
    assert payment["attributes"]["paymentMethod"]["referenceId"] == payment["attributes"]["referenceId"]
    assert read(shop, payment) == payment


@pytest.mark.parametrize("bank", BANKS)
def test_every_bank_gives_a_number_of_16_digits_and_is_shown_by_its_requested_code(
    shop: CheckedShop, bank: str
) -> None:
    shown = instructions(shop.create(**at(bank)))
    assert shown["bankShortCode"] == bank
    assert (len(shown["accountNo"]), shown["accountNo"].isdigit()) == (16, True)


def test_every_payment_has_its_own_number(shop: CheckedShop) -> None:
    numbers = {instructions(shop.create())["accountNo"] for _ in range(5)}
    assert len(numbers) == 5


@pytest.mark.parametrize("outlet", ["ALFAMART", "INDOMARET"])
def test_every_retail_outlet_gives_a_payment_code(shop: CheckedShop, outlet: str) -> None:
    shown = instructions(shop.create(**at_outlet(outlet)))
    assert shown["retailOutletName"] == outlet
    assert len(shown["paymentCode"]) == 8, "as in the recordings; only the sandbox merchant's codes have seven digits"


def test_a_qris_payment_has_an_image_and_a_qr_text(shop: CheckedShop) -> None:
    shown = instructions(shop.create("qris"))
    image = shop.client.get(shown["imageUrl"])
    assert (image.status_code, image.headers["content-type"]) == (200, "image/png")
    assert shown["qrString"].startswith("000201")


def test_a_wallet_page_links_to_the_requested_return_url(shop: CheckedShop) -> None:
    settlement = shop.create("e-wallet")["attributes"]["paymentMethod"]["settlement"]
    assert settlement["afterSettlementUrl"] == "https://shop.example/return"
    app = shop.create(**wallet(afterSettlementReturnUrl="myshop://thanks"))
    assert app["attributes"]["paymentMethod"]["settlement"]["afterSettlementUrl"] == "myshop://thanks"


# -- names ------------------------------------------------------------------------------------------------------------


def test_only_bank_account_names_have_the_name_prefix(shop: CheckedShop) -> None:
    assert instructions(shop.create())["displayName"] == "IKN-Budi"
    assert instructions(shop.create("retail_outlet"))["displayName"] == "Budi"
    assert instructions(shop.create("qris"))["displayName"] == "Budi"


def test_without_a_display_name_the_merchants_name_is_used(shop: CheckedShop) -> None:
    named: dict[str, object] = {"bankShortCode": "BCA"}
    assert instructions(shop.create(paymentMethodOptions=named))["displayName"] == "IKN-TOKO BARU"
    outlet = {"retailOutletName": "ALFAMART"}
    assert instructions(shop.create("retail_outlet", paymentMethodOptions=outlet))["displayName"] == "TOKO BARU"
    assert instructions(shop.create("qris", paymentMethodOptions=...))["displayName"] == "Toko Baru"


@pytest.mark.parametrize("name", ["😀 Ibu Sari 🎉", "सारी", "ياسمين", "x" * 100, 'O\'Neill "Ann" <b>', "é"])
def test_names_in_any_script_are_returned_as_sent(shop: CheckedShop, name: str) -> None:
    payment = shop.create("retail_outlet", **at_outlet("ALFAMART", displayName=name), description=name)
    assert instructions(payment)["displayName"] == name
    assert payment["attributes"]["description"] == name
    assert read(shop, payment) == payment


# -- amounts ----------------------------------------------------------------------------------------------------------

LIMITS: list[tuple[str, dict[str, Any], int, int]] = [
    ("BCA", at("BCA"), 10_000, 100_000_000),
    ("BNI", at("BNI"), 10_000, 100_000_000),
    ("BRI", at("BRI"), 10_000, 500_000_000),
    ("MANDIRI", at("MANDIRI"), 10_000, 500_000_000),
    ("CIMB_NIAGA", at("CIMB_NIAGA"), 10_000, 500_000_000),
    ("PERMATA", at("PERMATA"), 10_000, 500_000_000),
    ("DANAMON", at("DANAMON"), 10_000, 25_000_000),
    ("HANA", at("HANA"), 10_000, 50_000_000),
    ("SAHABAT_SAMPOERNA", at("SAHABAT_SAMPOERNA"), 10_000, 10_000_000),
    ("BSI", at("BSI"), 10_000, 100_000_000),
    ("MAYBANK", at("MAYBANK"), 10_000, 100_000_000),
    ("ALFAMART", at_outlet("ALFAMART"), 15_000, 2_500_000),
    ("INDOMARET", at_outlet("INDOMARET"), 10_000, 5_000_000),
    ("QRIS", {"paymentMethodType": "qris"}, 1_500, 5_000_000),
    ("SHOPEEPAY", wallet(), 1, 10_000_000),
]


@pytest.mark.parametrize(("fields", "least", "most"), [limit[1:] for limit in LIMITS], ids=[one[0] for one in LIMITS])
def test_an_amount_is_accepted_within_the_limits_and_refused_outside(
    shop: CheckedShop, fields: dict[str, Any], least: int, most: int
) -> None:
    for amount in (least, most):
        assert made(shop, PAYMENTS, order(**fields, amount=amount))["attributes"]["amount"] == f"{amount}.0"
    before = written(shop.v2)
    for amount in (least - 1, most + 1):
        body = order(**fields, amount=amount)
        shop.refused("POST", PAYMENTS, body, code="TXN0002", at=f"{POINTER}/amount")
    assert written(shop.v2) == before


@pytest.mark.parametrize("amount", [0, -1, "0", "-20000", 10**16, "9" * 20, 1e308])
def test_an_amount_outside_all_limits_is_refused(shop: CheckedShop, amount: object) -> None:
    shop.refused("POST", PAYMENTS, order(amount=amount), code="TXN0002", at=f"{POINTER}/amount")


@pytest.mark.parametrize(
    "amount", ["1.5", 20000.5, "2e4", "ten", True, [20_000], {"value": 1}, "٢٠٠٠٠", "20 000", "0x4e20"]
)
def test_an_amount_that_is_not_a_whole_number_is_refused(shop: CheckedShop, amount: object) -> None:
    shop.refused("POST", PAYMENTS, order(amount=amount), code="005", at=f"{POINTER}/amount")


@pytest.mark.parametrize("amount", ["20000", "20000.0", "20000.00", 20000.0, " 20000 "])
def test_an_amount_may_be_text(shop: CheckedShop, amount: object) -> None:
    assert made(shop, PAYMENTS, order(amount=amount))["attributes"]["amount"] == "20000.0"


# -- fees -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "fees"),
    [
        (at("BCA"), "3663.0"),
        (at("BRI"), "3663.0"),
        (at_outlet("INDOMARET"), "4440.0"),
        ({"paymentMethodType": "qris"}, "155.4"),
        ({"paymentMethodType": "qris", "amount": 1_501}, "11.66"),
        (wallet(), "333.0"),
        (wallet() | {"amount": 1}, "0.02"),
    ],
)
def test_the_fee_is_shown_before_the_payment_is_paid(shop: CheckedShop, fields: dict[str, Any], fees: str) -> None:
    assert made(shop, PAYMENTS, order(**fields))["attributes"]["fees"] == fees


# -- expiry ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
def test_without_a_requested_expiry_a_payment_expires_after_24_hours(shop: CheckedShop, type_: str) -> None:
    attributes = shop.create(type_)["attributes"]
    ends, began = datetime.fromisoformat(attributes["expiredAt"]), datetime.fromisoformat(attributes["createdAt"])
    assert ends - began == timedelta(hours=24)


@pytest.mark.parametrize("fields", [at("BCA"), at_outlet("ALFAMART"), {"paymentMethodType": "qris"}])
def test_an_expiry_must_be_one_hour_to_30_days_ahead(shop: CheckedShop, fields: dict[str, Any]) -> None:
    for span in ({"minutes": 60}, {"days": 30}):
        ends = ahead(shop, **span)
        answered = made(shop, PAYMENTS, order(**fields, expiredAt=ends))["attributes"]["expiredAt"]
        assert datetime.fromisoformat(answered) == datetime.fromisoformat(ends)
    for span in ({"minutes": 58}, {"days": 30, "minutes": 1}, {"seconds": -5}, {"days": 4_000}):
        body = order(**fields, expiredAt=ahead(shop, **span))
        shop.refused("POST", PAYMENTS, body, code="005", at=f"{POINTER}/expiredAt")


def test_an_e_wallet_payment_may_expire_within_minutes(shop: CheckedShop) -> None:
    assert made(shop, PAYMENTS, order(**wallet(), expiredAt=ahead(shop, minutes=2)))
    for span in ({"seconds": -5}, {"days": 30, "minutes": 1}):
        body = order(**wallet(), expiredAt=ahead(shop, **span))
        shop.refused("POST", PAYMENTS, body, code="005", at=f"{POINTER}/expiredAt")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2025-04-01T10:00:00+07:00", "2025-04-01T10:00:00+07:00"),
        ("2025-04-01T03:00:00Z", "2025-04-01T03:00:00Z"),
        ("2025-04-01T11:00:00+08:00", "2025-04-01T11:00:00+08:00"),
        ("2025-03-31T22:00:00-05:00", "2025-03-31T22:00:00-05:00"),
        ("2025-04-01T08:30:00+0530", "2025-04-01T08:30:00+05:30"),
        ("2025-04-01T10:00:00", "2025-04-01T10:00:00+07:00"),
        ("2025-04-01T10:00:00.123456", "2025-04-01T10:00:00+07:00"),
        ("2025-04-01 10:00:00 +0700", "2025-04-01T10:00:00+07:00"),
        ("2025-04-01", "2025-04-01T00:00:00+07:00"),
    ],
)
def test_an_expiry_is_returned_with_the_offset_in_which_it_was_sent(
    shop: CheckedShop, sent: str, expected: str
) -> None:
    payment = made(shop, PAYMENTS, order(expiredAt=sent))
    assert payment["attributes"]["expiredAt"] == expected
    assert read(shop, payment)["attributes"]["expiredAt"] == expected


def test_an_expiry_of_a_retail_outlet_payment_is_returned_in_utc_as_in_the_document(shop: CheckedShop) -> None:
    payment = made(shop, PAYMENTS, order(**at_outlet("ALFAMART"), expiredAt="2025-04-01T10:00:00+07:00"))
    assert payment["attributes"]["expiredAt"] == "2025-04-01T03:00:00Z"


@pytest.mark.parametrize(
    "sent",
    [
        "tomorrow",
        "2025-02-29T10:00:00+07:00",
        "2025-04-31",
        "2025-04-01T25:00:00Z",
        "2025-04-01T10:00:00+25:00",
        "2025-04-01T10:00:00+05:30:15",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        1_743_476_400,
        ["2025-04-01"],
        {},
        "2025-04-01T10:00:00+07:00 or later",
        "2025-W14-2",
        "20250401",
    ],
)
def test_an_invalid_expiry_is_refused(shop: CheckedShop, sent: object) -> None:
    shop.refused("POST", PAYMENTS, order(expiredAt=sent), code="005", at=f"{POINTER}/expiredAt")


# -- requested numbers (suffixNo) ------------------------------------------------------------------------------------


def test_a_suffix_becomes_the_last_digits_of_the_number(shop: CheckedShop) -> None:
    assert instructions(shop.create(**at("BNI", suffixNo="12345678")))["accountNo"].endswith("12345678")


def test_a_short_suffix_is_padded_with_zeros(shop: CheckedShop) -> None:
    assert instructions(shop.create(**at("BNI", suffixNo="77")))["accountNo"].endswith("00000077")
    assert instructions(shop.create(**at("BCA", suffixNo=78)))["accountNo"].endswith("00000078")


def test_a_suffix_that_is_taken_is_refused(shop: CheckedShop) -> None:
    shop.create(**at("BNI", suffixNo="12345678"))
    before = written(shop.v2)
    for suffix in ("12345678", 12345678):
        shop.refused("POST", PAYMENTS, order(**at("BNI", suffixNo=suffix)), code="TXN0005", at=f"{OPTIONS}/suffixNo")
    assert written(shop.v2) == before
    shop.create(**at("BCA", suffixNo="12345678"))
    shop.other_merchant().create(**at("BNI", suffixNo="12345678"))


@pytest.mark.parametrize("suffix", ["123456789", "0" * 9, 123456789, "1" * 100])
def test_a_suffix_that_is_too_long_is_refused(shop: CheckedShop, suffix: object) -> None:
    shop.refused("POST", PAYMENTS, order(**at("BNI", suffixNo=suffix)), code="TXN0007", at=f"{OPTIONS}/suffixNo")


@pytest.mark.parametrize("suffix", ["12a", "-5", -5, "1.0", 1.5, "١٢٣", True, ["1"], "1 2"])
def test_a_suffix_that_is_not_digits_is_refused(shop: CheckedShop, suffix: object) -> None:
    why = shop.refused("POST", PAYMENTS, order(**at("BNI", suffixNo=suffix)), code="005", at=f"{OPTIONS}/suffixNo")
    assert why == "suffix_no must all be numbers"


def test_a_suffix_is_refused_at_a_bank_without_requested_numbers(shop: CheckedShop) -> None:
    world = shop.gateway.services.world
    agreement = shop.gateway.do(reading.merchant(world, shop.merchant_id)).agreement
    agreed = with_bank(agreement, "CIMB", own_by_choice=False)
    shop.gateway.do(merchants.set_agreement(world, shop.merchant_id, agreed))
    chosen = order(**at("CIMB_NIAGA", suffixNo="77"))
    why = shop.refused("POST", PAYMENTS, chosen, code="TXN0006", at=f"{OPTIONS}/suffixNo")
    assert why == "The digits of numbers at CIMB_NIAGA cannot be chosen: leave them out."
    static = document(referenceId="customer-1", bankShortCode="CIMB_NIAGA", suffixNo="77")
    shop.refused("POST", STATIC_VA, static, code="TXN0006", at=f"{POINTER}/suffixNo")
    assert len(instructions(shop.create(**at("CIMB_NIAGA")))["accountNo"]) == 16
    assert shop.create(**at("BCA", suffixNo="77"))


def test_ten_concurrent_requests_for_one_suffix_give_the_number_once(shop: CheckedShop) -> None:
    answers = at_once(*[lambda: shop.call("POST", PAYMENTS, order(**at("BNI", suffixNo="4711")))] * 10)
    assert sorted(answer.status_code for answer in answers) == [201, *[400] * 9]
    codes = {error["code"] for answer in answers for error in answer.json().get("errors", [])}
    assert codes == {"TXN0005"}


# -- unsupported values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"paymentMethodType": "paynow"}, f"{POINTER}/paymentMethodType"),
        ({"paymentMethodType": "ewallet"}, f"{POINTER}/paymentMethodType"),
        ({"paymentMethodType": "virtual_bank_accounts"}, f"{POINTER}/paymentMethodType"),
        ({"paymentMethodType": ...}, f"{POINTER}/paymentMethodType"),
        ({"paymentMethodType": 1}, f"{POINTER}/paymentMethodType"),
        ({"amount": ...}, f"{POINTER}/amount"),
        ({"referenceId": ...}, f"{POINTER}/referenceId"),
        ({"paymentMethodOptions": ...}, f"{OPTIONS}/bankShortCode"),
        ({"paymentMethodOptions": {}}, f"{OPTIONS}/bankShortCode"),
        (at("BNC"), f"{OPTIONS}/bankShortCode"),
        (at("CIMB"), f"{OPTIONS}/bankShortCode"),
        (at("bca"), f"{OPTIONS}/bankShortCode"),
        (at("BCA", displayName=1), f"{OPTIONS}/displayName"),
        (at("BCA", displayName="x" * 101), f"{OPTIONS}/displayName"),
        (at_outlet("CIRCLE_K"), f"{OPTIONS}/retailOutletName"),
        (at_outlet(""), f"{OPTIONS}/retailOutletName"),
        (wallet(providerCode="OVO"), f"{OPTIONS}/providerCode"),
        (wallet(providerCode=...), f"{OPTIONS}/providerCode"),
        (wallet(afterSettlementReturnUrl=...), f"{OPTIONS}/afterSettlementReturnUrl"),
        (wallet(afterSettlementReturnUrl="thanks"), f"{OPTIONS}/afterSettlementReturnUrl"),
        (wallet(afterSettlementReturnUrl="javascript:alert(1)"), f"{OPTIONS}/afterSettlementReturnUrl"),
        ({"paymentMethodOptions": "BCA"}, OPTIONS),
        ({"paymentMethodOptions": ["BCA"]}, OPTIONS),
        ({"currency": "USD"}, f"{POINTER}/currency"),
        ({"description": "x" * 256}, f"{POINTER}/description"),
        ({"description": 1}, f"{POINTER}/description"),
        ({"referenceId": "x" * 256}, f"{POINTER}/referenceId"),
        ({"referenceId": "a\tb"}, f"{POINTER}/referenceId"),
        ({"referenceId": "a\x00b"}, f"{POINTER}/referenceId"),
        ({"referenceId": 7}, f"{POINTER}/referenceId"),
    ],
)
def test_a_request_for_an_unsupported_type_bank_outlet_or_wallet_is_refused(
    shop: CheckedShop, changes: dict[str, Any], where: str
) -> None:
    before = written(shop.v2)
    shop.refused("POST", PAYMENTS, order(**changes), code="005", at=where)
    assert written(shop.v2) == before


def test_a_refusal_of_a_bank_lists_the_banks_by_their_v4_codes(shop: CheckedShop) -> None:
    for options in ({"bankShortCode": "BNC"}, {"displayName": "Budi"}):
        why = shop.refused("POST", PAYMENTS, order(paymentMethodOptions=options), code="005")
        assert sorted(why.partition("choose one of ")[2].rstrip(".").split(", ")) == sorted(BANKS)


def test_a_description_may_have_several_lines(shop: CheckedShop) -> None:
    text = 'Two lines:\n{"sku": "A-1"}\r\n\tindented'
    payment = shop.create(description=text)
    assert payment["attributes"]["description"] == text
    assert read(shop, payment) == payment
