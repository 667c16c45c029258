"""A customer of BCA pays: what the bank sends, byte for byte, and what becomes of the payer's money by what it gets back."""

import asyncio
import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gerbang.bank_simulator.bodies import Visit
from gerbang.bank_simulator.payments import ASKED, keep
from gerbang.clock import MovableClock
from tests.support.simulated_banks import simulated
from tests.support.tiny_gateway import TOKEN, Received, tiny_gateway

NUMBER = "140200001234"
INQUIRY = "/partners/bca/openapi/v1.0/transfer-va/inquiry"


def is_signed(request: Received, secret: str) -> bool:
    """The standard's rule, written here once more from its text."""
    digest = hashlib.sha256(request.body).hexdigest()
    text = f"POST:{request.path}:{TOKEN}:{digest}:{request.headers['X-TIMESTAMP']}"
    signature = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha512).digest()).decode()
    return request.headers["X-SIGNATURE"] == signature


async def test_a_payment_is_a_token_an_inquiry_and_a_payment_as_bca_sends_them(folder: Path) -> None:
    clock = MovableClock()
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url, clock) as bank:
        gateway.bills[NUMBER] = 75_000
        outcome = await bank.pay(NUMBER)
        ids = bank.bank.wiring.ids
    assert (outcome["money"], outcome["amount"], outcome["taken"]) == ("paid", "75000.00", True)
    token, inquiry, payment = gateway.received

    assert token.path == "/partners/bca/openapi/v1.0/access-token/b2b"
    assert token.body == b'{"grantType":"client_credentials"}'
    assert token.headers["X-CLIENT-KEY"] == ids.inbound_client_id
    key = load_pem_public_key((folder / "keys/bca.pub").read_bytes())
    assert isinstance(key, RSAPublicKey)
    text = f"{ids.inbound_client_id}|{token.headers['X-TIMESTAMP']}".encode()
    key.verify(base64.b64decode(token.headers["X-SIGNATURE"]), text, PKCS1v15(), SHA256())

    secret = (folder / "secrets/bca-inbound-secret").read_text()
    for request in (inquiry, payment):
        assert is_signed(request, secret)
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert request.headers["X-PARTNER-ID"] == "1402"
        assert request.headers["CHANNEL-ID"] == "95231"
        assert request.headers["X-EXTERNAL-ID"].isdecimal()
        assert len(request.headers["X-TIMESTAMP"]) == 25
        assert request.headers["X-TIMESTAMP"].endswith("+07:00")
        assert request.body == json.dumps(request.document, separators=(",", ":")).encode()
    assert inquiry.headers["X-EXTERNAL-ID"] != payment.headers["X-EXTERNAL-ID"]
    assert inquiry.path == INQUIRY
    request_id = inquiry.document["inquiryRequestId"]
    assert len(request_id) == 30
    assert inquiry.document == {
        "partnerServiceId": "    1402",
        "customerNo": "00001234",
        "virtualAccountNo": "    140200001234",
        "trxDateInit": inquiry.headers["X-TIMESTAMP"],
        "channelCode": 6017,
        "language": "",
        "amount": None,
        "hashedSourceAccountNo": "",
        "sourceBankCode": "014",
        "additionalInfo": {},
        "passApp": "",
        "inquiryRequestId": request_id,
    }
    document = payment.document
    assert (document["paymentRequestId"], document["flagAdvise"]) == (request_id, "N")
    assert document["paidAmount"] == document["totalAmount"] == {"value": "75000.00", "currency": "IDR"}
    assert {document[name] for name in ("virtualAccountEmail", "virtualAccountPhone", "trxId", "paidBills")} == {""}
    assert document["cumulativePaymentAmount"] is None


async def test_money_that_was_accepted_is_on_the_partners_account(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        gateway.bills[NUMBER] = 75_000
        await bank.pay(NUMBER)
        accounts = {each["number"]: each for each in await bank.control("accounts")}
        ours = accounts[bank.bank.wiring.ids.account]
    assert accounts["payers"]["balance"] == "-75000.00"
    assert ours["balance"] == "1000075000.00"
    assert ours["movements"][0]["amount"] == "75000.00"
    assert NUMBER in ours["movements"][0]["remark"]


@pytest.mark.parametrize(
    ("answers", "unanswered", "money", "calls"),
    [
        (["00"], "returned", "paid", 1),
        (["01"], "returned", "reversed", 1),
        (["4042513"], "kept", "reversed", 1),
        (["4012500"], "kept", "reversed", 1),
        (["hung up", "1800"], "returned", "paid", 2),
        (["hung up", "1801"], "kept", "reversed", 2),
        (["5002500", "02", "00"], "returned", "paid", 3),
        (["hung up", "hung up", "hung up"], "returned", "reversed", 3),
        (["hung up", "5042500", "02"], "kept", "paid", 3),
        (["hung up", "hung up", "hung up"], "suspended", "suspended", 3),
        (["2022500", "2022500", "2022500"], "returned", "reversed", 3),
    ],
)
async def test_what_becomes_of_the_payers_money(
    folder: Path, answers: list[str], unanswered: str, money: str, calls: int
) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        gateway.bills[NUMBER] = 10_000
        gateway.payments += answers
        outcome = await bank.pay(NUMBER, unanswered=unanswered)
        accounts = {each["number"]: each["balance"] for each in await bank.control("accounts")}
    assert outcome["money"] == money
    assert accounts["suspense"] == ("10000.00" if money == "suspended" else "0.00")
    assert accounts["payers"] == ("0.00" if money == "reversed" else "-10000.00")
    sent = gateway.calls("/payment")
    assert len(sent) == calls
    assert {each.headers["X-EXTERNAL-ID"] for each in sent} == {sent[0].headers["X-EXTERNAL-ID"]}
    assert {each.document["paymentRequestId"] for each in sent} == {sent[0].document["paymentRequestId"]}
    assert [each.document["flagAdvise"] for each in sent] == ["N", "Y", "Y"][:calls]


async def test_silence_is_asked_again_after_the_deadline(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        gateway.bills[NUMBER] = 10_000
        gateway.payments.append("silence")
        outcome = await bank.pay(NUMBER, deadline_seconds=2)  # which the answers have, too
    assert (outcome["money"], len(gateway.calls("/payment"))) == ("paid", 2)


@pytest.mark.parametrize(("answers", "money", "balance"), [([], "paid", "-10000.00"), (["01"], "reversed", "0.00")])
async def test_a_payment_under_way_when_the_bank_ended_is_advised_at_its_next_start(
    folder: Path, answers: list[str], money: str, balance: str
) -> None:
    async with tiny_gateway() as gateway:
        gateway.bills[NUMBER] = 10_000
        gateway.payments += answers
        async with simulated(folder, "bca", gateway.url) as bank:
            visit = Visit(company="1402", customer="00001234", at=bank.bank.clock.now(), request_id="R1", reference="1")
            visit.paid, visit.total, visit.external_id, visit.bills = 1_000_000, 1_000_000, "77", [{"billNo": "1"}]
            keep(bank.bank.ledger, visit, ASKED, "unknown", visit.at)
        async with simulated(folder, "bca", gateway.url) as bank, asyncio.timeout(10):
            while (kept := bank.bank.ledger.found("payment"))[0].state == ASKED:
                await bank.control("accounts")
            accounts = {each["number"]: each["balance"] for each in await bank.control("accounts")}
    (advice,) = gateway.calls("/payment")
    assert (advice.document["flagAdvise"], advice.document["paymentRequestId"]) == ("Y", "R1")
    assert advice.headers["X-EXTERNAL-ID"] == "77"
    assert advice.document["billDetails"][0]["billNo"] == "1"
    assert [each.state for each in kept] == [money]
    assert accounts["payers"] == balance


async def test_a_number_that_the_partner_does_not_know_takes_no_money(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        outcome = await bank.pay(NUMBER)
        assert (outcome["money"], gateway.calls("/payment")) == ("not taken", [])
        assert "4042412" in outcome["why"]
        other = await bank.pay("99990000")
    assert (other["money"], other["exchanges"]) == ("not taken", [])


async def test_an_open_bill_is_paid_with_the_amount_of_the_payer(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        gateway.bills[NUMBER] = 0
        assert (await bank.pay(NUMBER))["money"] == "not taken"
        outcome = await bank.pay(f"{NUMBER[:4]} {NUMBER[4:]}", amount="12500.00")
    assert (outcome["money"], outcome["amount"]) == ("paid", "12500.00")


async def test_a_refused_token_is_asked_for_again_once(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        gateway.bills[NUMBER] = 10_000
        gateway.payments += ["4012501", "00"]
        outcome = await bank.pay(NUMBER)
    assert outcome["money"] == "paid"
    assert len(gateway.calls("/access-token/b2b")) == 2


async def test_a_gateway_that_is_not_there_takes_no_money(folder: Path) -> None:
    async with simulated(folder, "bca", "http://127.0.0.1:1") as bank:
        outcome = await bank.pay(NUMBER)
    assert outcome["money"] == "not taken"
    assert "refused by 127.0.0.1:1" in outcome["why"]


@pytest.mark.parametrize("body", [{}, {"number": "abc"}, {"number": NUMBER, "amount": "1e5"}, {"number": 7}])
async def test_an_order_that_cannot_be_paid_is_refused_in_a_sentence(folder: Path, body: dict[str, object]) -> None:
    async with simulated(folder, "bca", "http://127.0.0.1:1") as bank:
        answer = await bank.asked("/control/pay", body)
    assert answer.status == 400
    assert json.loads(answer.body)["error"].endswith(".")
