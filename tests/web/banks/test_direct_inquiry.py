"""A bank that asks us over the national standard whether a number may be paid, and whether we take a payment (24 and 25)."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gerbang.services import audit
from tests.support import snap_bank
from tests.support.gateways import Databases, Gateway, Shop
from tests.support.snap_bank import Bank, external_id, inquiry, payment, request_id, stamp

BCA = {"virtualAccount": {"channel": "BCA", "virtualAccountName": "Budi"}}
NOBODYS = "140299999999999"
NO_NUMBERS: tuple[object, ...] = ("", "-1", "NaN", "1e99", "1,000.00", "١٠٠٠", True, [], {}, "0x10", None)
NO_WHOLE_SEN = ("20000.001", "9" * 10 + "." + "9" * 20)


@pytest.fixture(scope="module")
def gateway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("bank")
    file = snap_bank.connections(folder, inbound=f'partner_ids = ["{snap_bank.COMPANY}"]')
    with Gateway(databases.fresh(), folder / "data", connections=file) as gateway:
        yield gateway


@pytest.fixture
def bank(gateway: Gateway) -> Bank:
    bank = Bank(gateway.client)
    assert bank.sign_in().status_code == 200
    return bank


@pytest.fixture
def shop(gateway: Gateway) -> Shop:
    return gateway.new_shop()


def created(shop: Shop, **changes: Any) -> tuple[str, str]:
    """A new payment of Rp 20.000 at BCA: its id, and the number to pay to."""
    made = shop.create(paymentMethodOptions=BCA, **changes)
    return made["id"], made["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]


def code(answer: httpx.Response) -> str:
    """The response code, which begins with the HTTP status."""
    said = answer.json()["responseCode"]
    assert said[:3] == str(answer.status_code), answer.text
    assert answer.headers["x-timestamp"].endswith("+07:00")
    return said


def flag(answer: httpx.Response) -> str:
    return answer.json()["virtualAccountData"]["paymentFlagStatus"]


def booked(gateway: Gateway, number: str) -> list[tuple[str, int]]:
    rows = gateway.rows("SELECT outcome, amount FROM reports WHERE number = $1", number)
    return [(row["outcome"], row["amount"]) for row in rows]


def all_is_well(gateway: Gateway) -> None:
    found = gateway.do(audit.look(gateway.services.world.db))
    assert [(finding.rule, finding.examples) for finding in found if finding.count] == []


# -- what works -------------------------------------------------------------------------------------------------------


def test_a_buyer_pays_at_the_bank_and_the_shop_gets_its_callback(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    id_, number = created(shop)
    asked = inquiry(number)
    shown = bank.call("/transfer-va/inquiry", asked)
    assert code(shown) == "2002400"
    data = shown.json()["virtualAccountData"]
    assert data["inquiryStatus"] == "00"
    assert data["totalAmount"] == {"value": "20000.00", "currency": "IDR"}
    assert data["virtualAccountName"].endswith("Budi")
    assert {name: data[name] for name in snap_bank.parts(number)} == snap_bank.parts(number)
    assert data["inquiryRequestId"] == asked["inquiryRequestId"]
    assert booked(gateway, number) == []
    paid = bank.pay(number, paymentRequestId=asked["inquiryRequestId"])
    assert (code(paid), flag(paid)) == ("2002500", "00")
    assert paid.json()["virtualAccountData"]["paymentRequestId"] == asked["inquiryRequestId"]
    assert shop.get(f"/v2/payments/{id_}")["data"]["status"] == "PAID"
    shop.advance(seconds=0)
    assert [each["body"]["event"] for each in shop.inbox()] == ["PAYMENT.PAID"]
    assert gateway.rows("SELECT connection FROM reports WHERE number = $1", number)[0]["connection"] == "bank"


def test_the_token_answer_is_the_standards(gateway: Gateway) -> None:
    answer = Bank(gateway.client).sign_in()
    said = answer.json()
    assert code(answer) == "2007300"
    assert (said["tokenType"], said["expiresIn"]) == ("Bearer", "900")
    assert answer.headers["x-client-key"] == snap_bank.CLIENT


@pytest.mark.parametrize(
    ("value", "expected"),
    [("20000", 200), ("20000.0", 200), ("2.0E4", 200), (20000, 200), ("20000.000", 200), ("19999.99", 404)],
)
def test_amounts_are_read_in_every_form_that_banks_write(bank: Bank, shop: Shop, value: object, expected: int) -> None:
    _, number = created(shop)
    paid = bank.pay(number, paidAmount={"value": value, "currency": "IDR"})
    assert paid.status_code == expected, paid.text


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NO_WHOLE_SEN])
def test_what_is_no_amount_is_refused_by_its_path(gateway: Gateway, bank: Bank, shop: Shop, value: object) -> None:
    _, number = created(shop)
    paid = bank.pay(number, paidAmount={"value": value, "currency": "IDR"})
    assert code(paid) in ("4002501", "4002502")
    assert "paidAmount.value" in paid.json()["responseMessage"]
    assert flag(paid) == "01"
    assert booked(gateway, number) == []


def test_an_open_static_number_takes_any_amount_again_and_again(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    made = shop.create(paymentMethodOptions=BCA, paymentType="MULTIPLE", amount=None)
    number = made["paymentMethod"]["virtualAccount"]["virtualAccountNumber"]
    company = number[:4]
    padded = {
        "partnerServiceId": company.rjust(8),
        "customerNo": number[4:],
        "virtualAccountNo": company.rjust(8) + number[4:],
    }
    shown = bank.inquire(number, **padded).json()["virtualAccountData"]
    assert (shown["totalAmount"]["value"], shown["virtualAccountTrxType"]) == ("0.00", "O")
    for value in ("15000.00", "27500.00"):
        assert code(bank.pay(number, value, **padded)) == "2002500"
    assert sorted(booked(gateway, number)) == [("booked", 1_500_000), ("booked", 2_750_000)]


@pytest.mark.parametrize("form", ["whole as customer", "no whole", "padded to 28", "zeros", "number", "unpadded"])
def test_a_number_is_known_however_its_parts_are_written(bank: Bank, shop: Shop, form: str) -> None:
    _, number = created(shop)
    company, customer = number[:4], number[4:]
    parts: dict[str, Any] = {
        "whole as customer": {"partnerServiceId": company, "customerNo": number, "virtualAccountNo": number},
        "no whole": {"partnerServiceId": company.rjust(8), "customerNo": customer, "virtualAccountNo": None},
        "padded to 28": {
            "partnerServiceId": company.rjust(8),
            "customerNo": customer,
            "virtualAccountNo": number.rjust(28),
        },
        "zeros": {
            "partnerServiceId": company.rjust(8, "0"),
            "customerNo": customer,
            "virtualAccountNo": "0000" + number,
        },
        "number": {
            "partnerServiceId": company,
            "customerNo": int(customer) if customer[0] != "0" else customer,
            "virtualAccountNo": number,
        },
        "unpadded": {"partnerServiceId": company, "customerNo": customer, "virtualAccountNo": number},
    }[form]
    assert code(bank.inquire(number, **parts)) == "2002400"


def test_parts_that_say_different_numbers_are_nobodys(bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    assert code(bank.inquire(number, customerNo="123")) == "4002401"
    assert code(bank.inquire(number, partnerServiceId="   99999")) == "4002401"


# -- refused before anything is booked ---------------------------------------------------------------------------------


def test_what_is_not_payable_is_refused_and_not_booked(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    paid_id, paid_number = created(shop)
    assert code(bank.pay(paid_number)) == "2002500"
    for paid_to, value, case in (
        (NOBODYS, "20000.00", "12"),
        (number, "20001.00", "13"),
        (number, "19999.00", "13"),
        (paid_number, "20000.00", "14"),
    ):
        answer = bank.pay(paid_to, value)
        assert (code(answer), flag(answer)) == (f"40425{case}", "01")
        reason = answer.json()["virtualAccountData"]["paymentFlagReason"]
        assert reason["english"]
        assert reason["indonesia"]
    assert (booked(gateway, number), booked(gateway, NOBODYS)) == ([], [])
    assert [outcome for outcome, _ in booked(gateway, paid_number)] == ["booked"]
    assert shop.get(f"/v2/payments/{paid_id}")["data"]["status"] == "PAID"
    assert code(bank.inquire(NOBODYS)) == "4042412"
    assert code(bank.inquire(paid_number)) == "4042414"
    assert bank.inquire(paid_number).json()["virtualAccountData"]["inquiryStatus"] == "01"
    all_is_well(gateway)


def test_an_expired_bill_is_refused_as_expired(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    shop.advance(seconds=3600)
    assert code(bank.inquire(number)) == "4042419"
    assert code(bank.pay(number, trxDateTime=None, trxDateInit=None)) == "4042519"
    assert booked(gateway, number) == []


# -- repeats ----------------------------------------------------------------------------------------------------------


def test_an_advice_gets_the_first_answer_and_nothing_is_booked_twice(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    flagged = payment(number, "20000.00")
    first = bank.call("/transfer-va/payment", flagged)
    advice = bank.call("/transfer-va/payment", flagged | {"flagAdvise": "Y", "trxDateTime": stamp()})
    assert [code(first), flag(first), code(advice), flag(advice)] == ["2002500", "00", "2002500", "00"]
    refused = payment(number, "99.00")
    answers = [bank.call("/transfer-va/payment", refused) for _ in range(2)]
    assert [(code(each), flag(each)) for each in answers] == [("4042514", "01")] * 2
    assert booked(gateway, number) == [("booked", 2_000_000)]


def test_bca_repeats_a_call_by_its_external_id_and_gets_the_first_outcome(
    gateway: Gateway, bank: Bank, shop: Shop
) -> None:
    _, number = created(shop)
    flagged, id_ = payment(number, "20000.00"), external_id()
    first = bank.call("/transfer-va/payment", flagged, X_EXTERNAL_ID=id_)
    again = bank.call("/transfer-va/payment", flagged | {"flagAdvise": "Y"}, X_EXTERNAL_ID=id_)
    assert (code(first), code(again), flag(again)) == ("2002500", "4042518", "00")
    other = bank.call("/transfer-va/payment", flagged | {"paymentRequestId": request_id()}, X_EXTERNAL_ID=id_)
    assert (code(other), flag(other)) == ("4092500", "01")
    # Another service, and another day, have ids of their own.
    assert code(bank.inquire(number, X_EXTERNAL_ID=id_)) == "4042414"
    assert booked(gateway, number) == [("booked", 2_000_000)]


def test_one_request_id_for_two_payments_is_a_conflict(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    (_, number), (_, other) = created(shop), created(shop)
    id_ = request_id()
    assert code(bank.pay(number, paymentRequestId=id_)) == "2002500"
    assert code(bank.pay(other, paymentRequestId=id_)) == "4092500"
    assert code(bank.pay(number, "5000.00", paymentRequestId=id_)) == "4092500"
    assert booked(gateway, other) == []


def test_one_payment_flag_sent_by_many_at_once_is_booked_once(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    flagged, ids = payment(number, "20000.00"), [external_id()] * 8 + [external_id() for _ in range(8)]

    def send(id_: str) -> httpx.Response:
        return bank.call("/transfer-va/payment", flagged, X_EXTERNAL_ID=id_)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(send, ids))
    assert {code(each) for each in answers} <= {"2002500", "4042518"}
    assert {flag(each) for each in answers} == {"00"}
    assert booked(gateway, number) == [("booked", 2_000_000)]
    all_is_well(gateway)


def test_an_external_id_is_used_up_only_by_a_signed_call(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    id_ = external_id()
    assert code(bank.pay(number, X_EXTERNAL_ID=id_, X_SIGNATURE="AAAA")) == "4012500"
    assert code(bank.pay(number, X_EXTERNAL_ID=id_)) == "2002500"


# -- who calls --------------------------------------------------------------------------------------------------------


def test_a_call_that_is_not_the_banks_is_refused(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    far = datetime.now(UTC) + timedelta(hours=7)
    refused: tuple[tuple[dict[str, str | None], str], ...] = (
        ({"X_SIGNATURE": None}, "4012500"),
        ({"X_SIGNATURE": "x" * 5000}, "4012500"),
        ({"AUTHORIZATION": None}, "4012501"),
        ({"AUTHORIZATION": "Bearer nothing"}, "4012501"),
        ({"X_TIMESTAMP": stamp(far)}, "4012500"),
        ({"X_TIMESTAMP": stamp(datetime.now(UTC) - timedelta(minutes=11))}, "4012500"),
        ({"X_TIMESTAMP": "yesterday"}, "4002501"),
        ({"X_PARTNER_ID": "99999"}, "4012500"),
        ({"X_PARTNER_ID": None}, "4012500"),
        ({"X_EXTERNAL_ID": None}, "4002502"),
        ({"X_EXTERNAL_ID": "1" * 65}, "4002501"),
        ({"X_EXTERNAL_ID": "with blank"}, "4002501"),
    )
    for headers, expected in refused:
        bank.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = bank.call("/transfer-va/payment", payment(number, "20000.00"))
        assert code(answer) == expected, (headers, answer.text)
        assert number not in answer.text
    assert booked(gateway, number) == []


def test_a_token_is_one_connections_and_ends(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    good = bank.token
    for token in ("x", good[:-1], "A" + good[1:], good + "A", "x" * 3000, shop.token):
        bank.token = token
        assert code(bank.inquire(number)) == "4012401", token
    bank.token = good
    assert code(bank.inquire(number)) == "2002400"


@pytest.mark.parametrize("way", ["spaces", "python", "php", "utf-8 bom", "indent"])
def test_a_body_written_otherwise_than_it_was_signed_is_believed(bank: Bank, shop: Shop, way: str) -> None:
    _, number = created(shop)
    body = inquiry(number) | {"additionalInfo": {"note": "Kopi susu / roti é"}}
    compact = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    signed = {
        "python": json.dumps(body, separators=(",", ":")),
        "php": json.dumps(body, separators=(",", ":")).replace("/", "\\/"),
    }.get(way, compact).encode()
    sent = {
        "spaces": json.dumps(body, ensure_ascii=False),
        "indent": json.dumps(body, ensure_ascii=False, indent=4).replace("\n", "\r\n"),
    }.get(way, compact).encode()
    if way == "utf-8 bom":
        sent = signed = b"\xef\xbb\xbf" + signed
    assert code(bank.call("/transfer-va/inquiry", sent, signed=signed)) == "2002400"


def test_a_changed_body_is_not_believed(bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    body = payment(number, "20000.00")
    signed = json.dumps(body, separators=(",", ":")).encode()
    sent = signed.replace(b'"value":"20000.00"', b'"value":"20000.0"')
    assert code(bank.call("/transfer-va/payment", sent, signed=signed)) == "4012500"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"a":',
        b'{"virtualAccountNo":"1","virtualAccountNo":"2"}',
        b"\xff\xfe{}",
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"paidAmount":' + b"9" * 5_000 + b"}",
        b'{"virtualAccountNo":NaN}',
        b'{"paidAmount":1e99999999999999999999}',
    ],
)
def test_a_signed_body_that_is_no_json_object_is_a_bad_request(bank: Bank, body: bytes) -> None:
    assert code(bank.call("/transfer-va/payment", body)) in ("4002500", "4002502")


@pytest.mark.parametrize(
    "changes",
    [
        {"paymentRequestId": "\ud800"},
        {"paymentRequestId": "a\u0000b"},
        {"paymentRequestId": "x" * 129},
        {"paymentRequestId": ""},
        {"paymentRequestId": None},
        {"paymentRequestId": ["x"]},
        {"virtualAccountNo": "14-02", "customerNo": "", "partnerServiceId": ""},
        {"virtualAccountNo": {"a": 1}},
        {"virtualAccountNo": "1" * 41},
        {"customerNo": "\ud800"},
        {"paidAmount": "much"},
        {"paidAmount": None},
        {"paidAmount": {"value": "1.00", "currency": "USD"}},
        {"paidAmount": {"value": "0.00", "currency": "IDR"}},
    ],
)
def test_a_wrong_field_is_refused_with_its_path(
    gateway: Gateway, bank: Bank, shop: Shop, changes: dict[str, Any]
) -> None:
    _, number = created(shop)
    body = json.dumps(payment(number, "20000.00") | changes).encode()
    answer = bank.call("/transfer-va/payment", body)
    assert code(answer) in ("4002501", "4002502", "4042513"), answer.text
    assert code(answer) == "4042513" or next(iter(changes)) in answer.json()["responseMessage"]
    assert booked(gateway, number) == []


def test_a_body_that_is_too_large_is_not_read(bank: Bank) -> None:
    answer = bank.call("/transfer-va/payment", b'{"a":"' + b"x" * 2_000_000 + b'"}')
    assert answer.status_code == 413
    assert answer.json()["responseCode"].startswith("413")


def test_other_addresses_and_verbs_are_answered_in_the_standards_form(gateway: Gateway, bank: Bank, shop: Shop) -> None:
    _, number = created(shop)
    for method, path, expected in (
        ("GET", "/transfer-va/inquiry", "4052400"),
        ("PUT", "/transfer-va/payment", "4052500"),
        ("POST", "/transfer-va/nothing", "4050000"),
        ("POST", "/transfer-va/notify-payment-intrabank", "4050000"),
        ("POST", "", "4050000"),
    ):
        assert code(bank.call(path, inquiry(number), method=method)) == expected, path
    assert gateway.client.post("/partners/other/v1.0/transfer-va/inquiry").status_code == 404
    bank.prefix = "/partners/bank//snap/v9.9"
    assert code(bank.inquire(number)) == "2002400"
    bank.prefix = "/partners/bank"
    assert code(bank.inquire(number)) == "2002400"


def test_a_token_request_that_is_not_the_banks_gets_none(gateway: Gateway) -> None:
    bank = Bank(gateway.client)
    for headers, expected in (
        ({"X-CLIENT-KEY": None}, "4007302"),
        ({"X-CLIENT-KEY": "somebody"}, "4017300"),
        ({"X-SIGNATURE": "AAAA"}, "4017300"),
        ({"X-SIGNATURE": None}, "4017300"),
        ({"X-TIMESTAMP": "2025-13-01T00:00:00+07:00"}, "4007301"),
        ({"X-TIMESTAMP": stamp(datetime.now(UTC) + timedelta(days=1))}, "4017300"),
    ):
        answer = bank.sign_in(**headers)
        assert code(answer) == expected, headers
        assert "accessToken" not in answer.json()
    bank.hex_signatures = True
    for at in ("%Y-%m-%dT%H:%M:%S.123Z", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S-00:00"):
        assert code(bank.sign_in(**{"X-TIMESTAMP": datetime.now(UTC).strftime(at)})) == "2007300"


def test_who_has_no_token_gets_no_work_out_of_the_gateway(gateway: Gateway) -> None:
    stranger = Bank(gateway.client, secret="guessed", token="guessed")
    body = b'{"a":[' + b'"\\u00e9/",' * 5_000 + b'""]}'
    took: list[float] = []
    for _ in range(3):
        began = time.process_time()  # the gateway is in this process
        assert code(stranger.call("/transfer-va/payment", body)) == "4012501"
        took.append(time.process_time() - began)
    assert min(took) < 0.5, "other forms of it would take seconds"


def test_what_is_only_shown_and_what_names_nothing_of_ours_is_no_reason_to_refuse(
    gateway: Gateway, bank: Bank, shop: Shop
) -> None:
    trx_ids: tuple[object, ...] = ({}, [], None, 7, "x" * 500)
    for trx_id in trx_ids:
        _, number = created(shop)
        assert code(bank.pay(number, trxId=trx_id)) == "2002500", trx_id
        assert len(booked(gateway, number)) == 1
