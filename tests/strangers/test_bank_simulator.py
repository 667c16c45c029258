"""Libraries of strangers play the partner: the simulated bank takes what they send, and they understand what it answers."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.support.simulated_banks import Simulated, simulated
from tests.support.strangers import StrangerRefused, Strangers
from tests.support.tiny_gateway import tiny_gateway

NOWHERE = "http://127.0.0.1:1"
LOCAL = timezone(timedelta(hours=7))
MAY_BE_EMPTY = (
    *(
        "beneficiaryEmail",
        "currency",
        "customerReference",
        "feeType",
        "beneficiaryAddress",
        "beneficiaryAccountAddress",
    ),
    *("beneficiaryBankName", "beneficiaryCustomerResidence", "beneficiaryCustomerType", "kodePos", "recieverPhone"),
    *("senderCustomerResidence", "senderCustomerType", "senderPhone"),
)


def idr(value: str) -> dict[str, str]:
    return {"value": value, "currency": "IDR"}


def stamp(minutes: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).astimezone(LOCAL).isoformat(timespec="seconds")


class BniPartner:
    """BNI's library with what the simulated bank has issued to its partner."""

    def __init__(self, strangers: Strangers, bank: Simulated, folder: Path) -> None:
        self.strangers, self.bank, self.folder = strangers, bank, folder
        found = bank.bank.wiring.ids
        self.account = found.account
        self.ids = {"clientId": found.client_id, "apiKey": found.partner_id, "apiSecret": found.client_secret}

    async def call(self, method: str, **asked: Any) -> dict[str, Any]:
        key_file = str(self.folder / "secrets/bni-private-key.pem")
        return await self.strangers.does(
            "bni_client", base_url=self.bank.url, ids=self.ids, key_file=key_file, method=method, asked=asked
        )

    async def refused(self, method: str, **asked: Any) -> str:
        """The code with which the bank refuses, as the library reads it."""
        with pytest.raises(StrangerRefused) as raised:
            await self.call(method, **asked)
        found = re.search(r"[0-9]{7}", str(raised.value))
        assert found, raised.value
        return found[0]

    def transfer(self, reference: str, value: str = "150000.00", **changed: Any) -> dict[str, Any]:
        """With every member that the library asks for, of which it sends what each transfer has."""
        return (
            dict.fromkeys(MAY_BE_EMPTY, "")
            | {
                "partnerReferenceNo": reference,
                "amount": idr(value),
                "beneficiaryAccountNo": "8800112233",
                "sourceAccountNo": self.account,
                "transactionDate": stamp(),
                "remark": "Gaji / Desember",
            }
            | changed
        )


async def test_bnis_library_reads_a_balance_and_names_of_accounts(strangers: Strangers, folder: Path) -> None:
    async with simulated(folder, "bni", NOWHERE) as bank:
        partner = BniPartner(strangers, bank, folder)
        found = await partner.call("balanceInquiry", partnerReferenceNo="B-1", accountNo=partner.account)
        assert found["accountInfos"][0]["availableBalance"] == idr("1000000000.00")
        within = await partner.call(
            "internalAccountInquiry", partnerReferenceNo="I-1", beneficiaryAccountNo="8800112233"
        )
        other = {"partnerReferenceNo": "", "beneficiaryBankCode": "CENAIDJA", "beneficiaryAccountNo": "8800112233"}
        outside = await partner.call("externalAccountInquiry", **other, additionalInfo={"channel": "API"})
        assert (within["responseCode"], outside["responseCode"]) == ("2001500", "2001600")
        assert within["beneficiaryAccountName"] == outside["beneficiaryAccountName"]
        assert outside["beneficiaryBankName"] == "BCA"
        nobody = {"partnerReferenceNo": "I-2", "beneficiaryAccountNo": "8800110404"}
        assert await partner.refused("internalAccountInquiry", **nobody) == "4041511"
        token, balance = (await bank.control("transcript"))[:2]
        # What the bank has got is what the library writes: blanks that were not signed, and 19 digits that name the call.
        assert (token["service"], token["status"], balance["service"]) == ("73", 200, "11")
        assert balance["body"].startswith('{"partnerReferenceNo": "B-1", "accountNo": "')
        assert re.fullmatch(r"[0-9]{19}", balance["headers"]["x-external-id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", balance["headers"]["x-timestamp"])


async def test_bnis_library_sends_money_and_finds_it_again(strangers: Strangers, folder: Path) -> None:
    async with simulated(folder, "bni", NOWHERE) as bank:
        partner = BniPartner(strangers, bank, folder)
        within = await partner.call("transferIntraBank", **partner.transfer("T-1"))
        assert (within["responseCode"], within["partnerReferenceNo"]) == ("2001700", "T-1")
        named = {"beneficiaryAccountName": "SARI DEWI", "beneficiaryBankCode": "CENAIDJA"}
        outside = await partner.call("transferInterBank", **partner.transfer("T-2", "25000.00", **named))
        clearing = await partner.call("transferSKNBI", **partner.transfer("T-3", "25000.00", **named))
        gross = await partner.call("transferRTGS", **partner.transfer("T-4", "100000000.00", **named))
        codes = [each["responseCode"] for each in (outside, clearing, gross)]
        assert codes == ["2001800", "2002300", "2002200"]
        asked = {"serviceCode": "17", "transactionDate": "", "amount": idr("150000.00")}
        asked |= {"originalReferenceNo": "", "originalExternalId": ""}
        state = await partner.call("transactionStatusInquiry", originalPartnerReferenceNo="T-1", **asked)
        assert (state["latestTransactionStatus"], state["originalReferenceNo"]) == ("00", within["referenceNo"])
        assert await partner.refused("transactionStatusInquiry", originalPartnerReferenceNo="T-9", **asked) == "4043601"
        assert await partner.refused("transferIntraBank", **partner.transfer("T-1")) == "4091701"
        assert await partner.refused("transferIntraBank", **partner.transfer("T-5", "2000000000.00")) == "4031714"
        left = await partner.call("balanceInquiry", partnerReferenceNo="B-1", accountNo=partner.account)
        assert left["accountInfos"][0]["availableBalance"] == idr("899800000.00")


async def test_a_partner_with_a_wrong_secret_is_refused(strangers: Strangers, folder: Path) -> None:
    async with simulated(folder, "bni", NOWHERE) as bank:
        partner = BniPartner(strangers, bank, folder)
        partner.ids["apiSecret"] = "another"
        asked = {"partnerReferenceNo": "B-1", "accountNo": partner.account}
        assert await partner.refused("balanceInquiry", **asked) == "4011100"


class DanaMerchant:
    """DANA's library with what the simulated wallet has issued to its partner."""

    def __init__(self, strangers: Strangers, bank: Simulated, folder: Path) -> None:
        self.strangers, self.bank = strangers, bank
        self.partner_id = bank.bank.wiring.ids.partner_id
        self.key = (folder / "secrets/dana-private-key.pem").read_text("ascii")

    async def call(self, method: str, model: str, **asked: Any) -> dict[str, Any]:
        how = {"base_url": self.bank.url, "partner_id": self.partner_id, "key": self.key}
        return await self.strangers.does("dana_client", **how, method=method, model=model, asked=asked)

    async def order(self, reference: str, value: str = "25000.00") -> dict[str, Any]:
        return await self.call(
            "create_order",
            "CreateOrderByRedirectRequest",
            partnerReferenceNo=reference,
            merchantId="M1",
            amount=idr(value),
            validUpTo=stamp(minutes=30),
            urlParams=[{"url": "https://shop.example/done", "type": "PAY_RETURN", "isDeeplink": "N"}],
            additionalInfo={"mcc": "5732", "envInfo": {"sourcePlatform": "IPG", "terminalType": "WEB"}},
        )

    async def query(self, reference: str) -> dict[str, Any]:
        asked = {"originalPartnerReferenceNo": reference, "serviceCode": "54", "merchantId": "M1"}
        return await self.call("query_payment", "QueryPaymentRequest", **asked)


async def test_danas_library_orders_asks_refunds_and_cancels(strangers: Strangers, folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "dana", gateway.url) as bank:
        gateway.others = {"responseCode": "2005600", "responseMessage": "Successful"}
        merchant = DanaMerchant(strangers, bank, folder)
        made = await merchant.order("W-1")
        assert (made["responseCode"], made["partnerReferenceNo"]) == ("2005400", "W-1")
        assert made["webRedirectUrl"].startswith(bank.url)
        assert (await merchant.order("W-1"))["referenceNo"] == made["referenceNo"]
        assert (await merchant.query("W-1"))["latestTransactionStatus"] in ("01", "03")
        await bank.pay("", code=made["referenceNo"])
        paid = await merchant.query("W-1")
        assert (paid["latestTransactionStatus"], paid["transAmount"]) == ("00", idr("25000.00"))
        back = {"originalPartnerReferenceNo": "W-1", "partnerRefundNo": "R-1", "refundAmount": idr("25000.00")}
        refunded = await merchant.call("refund_order", "RefundOrderRequest", merchantId="M1", **back)
        assert (refunded["responseCode"], refunded["partnerRefundNo"]) == ("2005800", "R-1")
        await merchant.order("W-2")
        cancelled = await merchant.call(
            "cancel_order", "CancelOrderRequest", merchantId="M1", originalPartnerReferenceNo="W-2", reason="sold out"
        )
        assert cancelled["responseCode"] == "2005700"
        assert (await merchant.query("W-2"))["latestTransactionStatus"] == "05"


async def test_a_merchant_with_a_wrong_key_is_refused(strangers: Strangers, folder: Path) -> None:
    async with simulated(folder, "dana", NOWHERE) as bank:
        merchant = DanaMerchant(strangers, bank, folder)
        merchant.key = (folder / "dana/private-key.pem").read_text("ascii")  # the wallet's own
        with pytest.raises(StrangerRefused, match="4015400"):
            await merchant.order("W-1")


async def test_danas_library_believes_what_the_simulated_wallet_reports(strangers: Strangers, folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "dana", gateway.url) as bank:
        gateway.others = {"responseCode": "2005600", "responseMessage": "Successful"}
        made = await DanaMerchant(strangers, bank, folder).order("W-1")
        await bank.pay("", code=made["referenceNo"])
    (notice,) = gateway.received
    how = {"public_key": (folder / "keys/dana.pub").read_text("ascii"), "path": notice.path, "headers": notice.headers}
    read = await strangers.does("dana_notification", **how, body=notice.body.decode())
    assert (read["originalPartnerReferenceNo"], read["originalReferenceNo"]) == ("W-1", made["referenceNo"])
    assert (read["latestTransactionStatus"], read["amount"]) == ("00", idr("25000.00"))
    for name in ("createdTime", "finishedTime"):
        assert datetime.fromisoformat(read[name]).utcoffset() == timedelta(hours=7)
    changed = notice.body.replace(b"25000.00", b"25000000.00")
    with pytest.raises(StrangerRefused, match="Signature verification failed"):
        await strangers.does("dana_notification", **how, body=changed.decode())
