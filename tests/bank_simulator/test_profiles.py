"""The habits of each bank, as its partner sees them on the wire."""

import asyncio
import base64
import hashlib
import hmac
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.support.http_shop import soon
from tests.support.simulated_banks import simulated
from tests.support.tiny_gateway import TOKEN, Received, tiny_gateway
from tests.support.tiny_partner import partner_of


def key_of(folder: Path, profile: str) -> RSAPublicKey:
    key = load_pem_public_key((folder / f"keys/{profile}.pub").read_bytes())
    assert isinstance(key, RSAPublicKey)
    return key


def hashed(request: Received) -> str:
    return hashlib.sha256(request.body).hexdigest()


async def test_bri_signs_in_hexadecimal_and_sends_no_external_id(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bri", gateway.url) as bank:
        gateway.bills["12700000123456"] = 200_000
        assert (await bank.pay("12700000123456"))["money"] == "paid"
        ids = bank.bank.wiring.ids
    token, inquiry, payment = gateway.received
    assert token.path == "/partners/bri/snap/v1.1/access-token/b2b"
    assert token.headers["x-timestamp"].endswith("+07:00")
    text = f"{ids.inbound_client_id}|{token.headers['x-timestamp']}".encode()
    assert len(token.headers["x-signature"]) == 512
    key_of(folder, "bri").verify(bytes.fromhex(token.headers["x-signature"]), text, PKCS1v15(), SHA256())
    assert [inquiry.path, payment.path] == [f"/partners/bri/v1/transfer-va/{end}" for end in ("inquiry", "payment")]
    for request in (inquiry, payment):
        stamp = request.headers["x-timestamp"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp)
        text = f"POST:{request.path}:{TOKEN}:{hashed(request)}:{stamp}".encode()
        expected = hmac.new(ids.inbound_client_secret.encode(), text, hashlib.sha512).hexdigest()
        assert request.headers["x-signature"] == expected
        assert request.headers["x-client-key"] == ids.inbound_client_id
        assert not {"x-external-id", "channel-id"} & {name.lower() for name in request.headers}
        assert request.document["virtualAccountNo"] == "12700000123456".rjust(28)
        assert request.document["partnerServiceId"] == "    1270"
        assert request.document["channelCode"] == 1
    assert inquiry.document["passApp"] == payment.document["additionalInfo"]["passApp"]
    assert inquiry.document["inquiryRequestId"] == payment.document["paymentRequestId"]
    assert payment.document["paidAmount"] == {"value": "200000.0", "currency": "IDR"}
    assert not {"trxDateTime", "flagAdvise"} & payment.document.keys()


@pytest.mark.parametrize(
    ("answer", "money"),
    [
        ("00", "paid"),
        ("2022500", "reversed"),
        ("4042512", "reversed"),
        ("4092500", "reversed"),
        ("5002500", "suspended"),
        ("4292500", "suspended"),
        ("hung up", "suspended"),
        ("4042518", "suspended"),
    ],
)
async def test_what_becomes_of_the_money_at_bri(folder: Path, answer: str, money: str) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bri", gateway.url) as bank:
        gateway.bills["12700001"] = 50_000
        gateway.payments.append(answer)
        outcome = await bank.pay("12700001")
    assert (outcome["money"], len(gateway.calls("/payment"))) == (money, 1)


async def test_bni_calls_as_the_standard_says_with_nineteen_digits(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bni", gateway.url) as bank:
        gateway.bills["9881000000000001"] = 50_000
        assert (await bank.pay("9881000000000001"))["money"] == "paid"
    assert [each.path for each in gateway.received] == [
        f"/partners/bni/v1.0/{end}" for end in ("access-token/b2b", "transfer-va/inquiry", "transfer-va/payment")
    ]
    for request in gateway.received[1:]:
        assert re.fullmatch(r"[0-9]{19}", request.headers["X-EXTERNAL-ID"])
        assert request.document["sourceBankCode"] == "009"


async def test_bnc_signs_with_its_key_and_without_a_token(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bnc", gateway.url) as bank:
        gateway.bills["90120001"] = 10_000
        assert (await bank.pay("90120001"))["money"] == "paid"
    assert gateway.calls("/access-token/b2b") == []
    for request in gateway.received:
        text = f"POST:{request.path}:{hashed(request)}:{request.headers['X-TIMESTAMP']}".encode()
        key_of(folder, "bnc").verify(base64.b64decode(request.headers["X-SIGNATURE"]), text, PKCS1v15(), SHA256())
        assert "Authorization" not in request.headers
        assert request.document["virtualAccountNo"] == "000090120001"
        assert request.document["partnerServiceId"] == "    9012"


async def test_bsi_sends_less_and_an_empty_token_body(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bsi", gateway.url) as bank:
        gateway.bills["90020001"] = 10_000
        assert (await bank.pay("90020001"))["money"] == "paid"
    token, inquiry, payment = gateway.received
    assert (token.body, token.path) == (b"", "/partners/bsi/api/v1.0/access-token/b2b")
    assert "X-Client-Key" in token.headers
    assert not {"virtualAccountNo", "inquiryRequestId"} & inquiry.document.keys()
    assert inquiry.headers["X-External-Id"].startswith("INQ-")
    assert payment.headers["X-External-Id"].startswith("PAY-")


def registered(profile: str, company: str, **changed: Any) -> dict[str, Any]:
    return {
        "partnerServiceId": company.rjust(8),
        "customerNo": "00001234",
        "virtualAccountNo": company.rjust(8) + "00001234",
        "virtualAccountName": "SARI DEWI",
        "trxId": f"TRX-{profile}",
        "totalAmount": {"value": "75000.00", "currency": "IDR"},
        "virtualAccountTrxType": "C",
    } | changed


@pytest.mark.parametrize(
    ("profile", "company", "end", "code"),
    [
        ("mandiri", "8862", "/v1.0/transfer-va/payment", "2002500"),
        ("doku", "7916", "/v1/transfer-va/payment", "2002500"),
        ("bri-ws", "1270", "/snap/v1.0/transfer-va/notify-payment-intrabank", "2003400"),
        ("generic", "7663", "/v1.0/transfer-va/notify-payment-intrabank", "2003400"),
    ],
)
async def test_a_registered_number_is_paid_without_a_question_and_reported(
    folder: Path, profile: str, company: str, end: str, code: str
) -> None:
    async with tiny_gateway() as gateway, partner_of(folder, profile, gateway.url) as partner:
        gateway.others = {"responseCode": code, "responseMessage": "Successful"}
        created = await partner.call("27", registered(profile, company))
        assert created["responseCode"] == "2002700"
        assert created["virtualAccountData"]["virtualAccountNo"] == company.rjust(8) + "00001234"
        wrong = await partner.bank.pay(f"{company}00001234", amount="1.00")
        outcome = await partner.bank.pay(f"{company}00001234")
        again = await partner.bank.pay(f"{company}00001234")
    assert [each["money"] for each in (wrong, outcome, again)] == ["not taken", "paid", "not taken"]
    assert outcome["taken"] is True
    token, notice = gateway.received
    assert token.path.endswith("/access-token/b2b")
    assert notice.path == f"/partners/{profile}{end}"
    number = notice.document["virtualAccountNo"]
    assert number.strip() == f"{company}00001234"
    if profile == "mandiri":
        assert number == notice.document["customerNo"]
        assert re.fullmatch(r"\d{8}T\d{6}\+0700", notice.document["trxDateTime"])
    if profile == "doku":
        assert notice.headers["X-TIMESTAMP"].endswith(".000Z")
    if code == "2003400":
        assert notice.document["additionalInfo"]["paymentAmount"] == "75000.00"


async def test_a_registered_number_can_be_changed_asked_for_deleted_and_reported(folder: Path) -> None:
    async with tiny_gateway() as gateway, partner_of(folder, "generic", gateway.url) as partner:
        body = registered("generic", "7663")
        names = ("partnerServiceId", "customerNo", "virtualAccountNo", "trxId")
        ids = {name: body[name] for name in names}
        await partner.call("27", body)
        assert (await partner.call("27", body))["responseCode"] == "4092701"
        assert (await partner.call("27", body | {"trxId": "another"}))["responseCode"] == "4092700"
        await partner.call("28", ids | {"totalAmount": {"value": "80000.00", "currency": "IDR"}})
        found = await partner.call("30", ids)
        assert found["virtualAccountData"]["totalAmount"]["value"] == "80000.00"
        assert (await partner.bank.pay("766300001234"))["amount"] == "80000.00"
        today = partner.stamp[:10]
        asked = {"partnerServiceId": "    7663", "startDate": today, "endDate": today}
        listed = await partner.call("35", asked | {"startTime": "00:00:00+07:00", "endTime": "23:59:59+07:00"})
        assert [each["paidAmount"]["value"] for each in listed["virtualAccountData"]] == ["80000.00"]
        assert (await partner.call("28", ids))["responseCode"] == "4042814"
        assert (await partner.call("29", ids | {"paidStatus": "N"}))["responseCode"] == "2002900"
        assert (await partner.call("31", ids))["responseCode"] == "2003100"
        assert (await partner.bank.pay("766300001234"))["money"] == "not taken"
        assert (await partner.call("30", ids))["responseCode"] == "4043012"
        assert (await partner.call("30", ids | {"trxId": "another"}))["responseCode"] == "4043012"


async def test_a_report_that_was_not_taken_is_repeated_by_hand(folder: Path) -> None:
    async with tiny_gateway() as gateway, partner_of(folder, "generic", gateway.url) as partner:
        await partner.call("27", registered("generic", "7663"))
        gateway.others = {"responseCode": "5003400", "responseMessage": "General Error"}
        outcome = await partner.bank.pay("766300001234")
        assert (outcome["money"], outcome["taken"]) == ("paid", False)
        gateway.others = {"responseCode": "2003400", "responseMessage": "Successful"}
        await partner.bank.control("notify", {"reference": "766300001234"})
    first, second = gateway.calls("/notify-payment-intrabank")
    assert first.body == second.body
    assert first.headers["X-EXTERNAL-ID"] != second.headers["X-EXTERNAL-ID"]


async def test_a_report_that_was_not_taken_is_sent_again_by_itself(folder: Path) -> None:
    async with tiny_gateway() as gateway, partner_of(folder, "doku", gateway.url) as partner:
        caller = partner.bank.bank.caller
        assert caller.profile.retry_seconds == (1_800, 21_600, 43_200)
        caller.profile = replace(caller.profile, retry_seconds=(0.3, 0.3, 0.3))
        await partner.call("27", registered("doku", "7916"))
        gateway.others = {"responseCode": "5002500", "responseMessage": "General Error"}
        assert (await partner.bank.pay("791600001234"))["taken"] is False
        gateway.others = {"responseCode": "2002500", "responseMessage": "Successful"}
        await soon(lambda: len(gateway.calls("/payment")) == 2)
        await asyncio.sleep(0.1)  # a second repetition would follow at once
    first, second = gateway.calls("/payment")
    assert (first.body, first.headers["X-EXTERNAL-ID"]) == (second.body, second.headers["X-EXTERNAL-ID"])
