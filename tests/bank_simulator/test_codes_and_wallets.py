"""QR codes and e-wallets: made by the partner, paid by a customer, reported, refunded."""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gerbang.clock import MovableClock
from tests.support.tiny_gateway import tiny_gateway
from tests.support.tiny_partner import partner_of


def idr(value: str) -> dict[str, str]:
    return {"value": value, "currency": "IDR"}


def code(reference: str = "QR-1", **changed: Any) -> dict[str, Any]:
    return {"partnerReferenceNo": reference, "amount": idr("25000.00"), "merchantId": "M1"} | changed


async def test_a_code_is_made_paid_reported_and_refunded_in_parts(folder: Path) -> None:
    async with tiny_gateway() as gateway, partner_of(folder, "doku", gateway.url) as partner:
        gateway.others = {"responseCode": "2005200", "responseMessage": "Successful"}
        made = await partner.call("47", code())
        assert made["responseCode"] == "2004700"
        assert made["qrContent"].startswith("000201010212")
        asked = {"originalPartnerReferenceNo": "QR-1", "serviceCode": "47"}
        assert (await partner.call("51", asked))["latestTransactionStatus"] == "03"
        paid = await partner.bank.control("pay", {"code": made["qrContent"]})
        assert (paid["money"], paid["taken"], paid["amount"]) == ("paid", True, "25000.00")
        found = await partner.call("51", asked)
        assert (found["latestTransactionStatus"], found["additionalInfo"]["rrn"]) == ("00", paid["request_id"])
        assert (await partner.bank.pay("", code=made["referenceNo"]))["money"] == "not taken"

        refund = {"originalPartnerReferenceNo": "QR-1", "partnerRefundNo": "R-1", "refundAmount": idr("10000.00")}
        first, again = await partner.call("78", refund), await partner.call("78", refund)
        assert first["refundNo"] == again["refundNo"]
        over = await partner.call("78", refund | {"partnerRefundNo": "R-2", "refundAmount": idr("15000.01")})
        other = await partner.call("78", refund | {"refundAmount": idr("1.00")})
        assert [over["responseCode"], other["responseCode"]] == ["4047813", "4047818"]
        assert (await partner.call("51", asked))["latestTransactionStatus"] == "04"
        assert (await partner.call("77", asked))["responseCode"] == "4047700"
        account = partner.bank.bank.ledger.account(partner.ids.account)
    assert account is not None
    assert account.balance == 1_000_000_000_00 + 25_000_00 - 10_000_00
    (notice,) = gateway.calls("/qr-mpm-notify")
    assert notice.path == "/partners/doku/v1.0/qr/qr-mpm-notify"
    assert notice.document["originalReferenceNo"] == made["referenceNo"]
    assert notice.document["latestTransactionStatus"] == "00"


async def test_a_code_that_was_cancelled_or_has_expired_is_not_paid(folder: Path) -> None:
    clock = MovableClock(ticking=False)
    async with partner_of(folder, "doku", clock=clock) as partner:
        await partner.call("47", code("QR-1"))
        await partner.call("47", code("QR-2"))
        asked = {"originalPartnerReferenceNo": "QR-1", "merchantId": "M1", "reason": "test"}
        assert (await partner.call("77", asked))["responseCode"] == "2007700"
        assert (await partner.bank.pay("", code="QR-1"))["money"] == "not taken"
        clock.advance(timedelta(hours=1))
        assert (await partner.bank.pay("", code="QR-2"))["money"] == "not taken"


async def test_a_repeated_code_is_a_conflict_but_not_at_dana(folder: Path) -> None:
    async with partner_of(folder, "doku") as partner:
        await partner.call("47", code())
        assert (await partner.call("47", code()))["responseCode"] == "4094701"
        assert (await partner.call("47", code(amount=idr("1.00"))))["responseCode"] == "4044718"
    async with partner_of(folder, "dana") as partner:
        bill = {"partnerReferenceNo": "W-1", "amount": idr("25000.00"), "merchantId": "M1"}
        first, again = await partner.call("54", bill), await partner.call("54", bill)
        other = await partner.call("54", bill | {"amount": idr("1.00")})
    assert first["referenceNo"] == again["referenceNo"]
    assert other["responseCode"] == "4045418"


async def test_a_wallet_is_paid_and_reported_with_a_signature_by_key(folder: Path) -> None:
    async with tiny_gateway() as gateway, partner_of(folder, "dana", gateway.url) as partner:
        gateway.others = {"responseCode": "2005600", "responseMessage": "Successful"}
        made = await partner.call("54", {"partnerReferenceNo": "W-1", "amount": idr("25000.00"), "merchantId": "M1"})
        page = await partner.http.get(made["webRedirectUrl"])
        assert made["referenceNo"] in page.text
        await partner.bank.pay("", code=made["referenceNo"])
        asked = {"originalPartnerReferenceNo": "W-1", "serviceCode": "54"}
        refund = {"originalPartnerReferenceNo": "W-1", "partnerRefundNo": "R-1", "refundAmount": idr("25000.00")}
        assert (await partner.call("58", refund))["responseCode"] == "2005800"
        found = await partner.call("55", asked)
    assert (found["latestTransactionStatus"], found["refundHistory"][0]["partnerRefundNo"]) == ("04", "R-1")
    (notice,) = gateway.received
    assert notice.path == "/partners/dana/v1.0/debit/notify"
    key = load_pem_public_key((folder / "keys/dana.pub").read_bytes())
    assert isinstance(key, RSAPublicKey)
    digest = hashlib.sha256(notice.body).hexdigest()
    text = f"POST:{notice.path}:{digest}:{notice.headers['X-TIMESTAMP']}".encode()
    key.verify(base64.b64decode(notice.headers["X-SIGNATURE"]), text, PKCS1v15(), SHA256())


@pytest.mark.parametrize("signature", ["AAAA", ""])
async def test_a_partner_without_tokens_is_proven_by_its_key(folder: Path, signature: str) -> None:
    async with partner_of(folder, "dana") as partner:
        answer = await partner.call("55", {"serviceCode": "54"}, **{"X-SIGNATURE": signature})
    assert answer["responseCode"] in {"4015500", "4005502"}
