"""The partner calls the bank: who is let in, what accounts and transfers answer, and that money moves once."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gerbang.bank_simulator.ledger import OTHER_BANKS
from gerbang.clock import MovableClock, wib
from tests.support.tiny_gateway import tiny_gateway
from tests.support.tiny_partner import partner_of


async def test_a_token_is_given_for_fifteen_minutes_and_then_refused(folder: Path) -> None:
    clock = MovableClock(ticking=False)
    async with partner_of(folder, clock=clock) as partner:
        token = await partner.get_token()
        assert (token["responseCode"], token["tokenType"], token["expiresIn"]) == ("2007300", "bearer", "900")
        account = {"accountNo": partner.ids.account}
        assert (await partner.call("11", account))["responseCode"] == "2001100"
        clock.advance(timedelta(minutes=15))
        assert (await partner.call("11", account))["responseCode"] == "4011101"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"X-CLIENT-KEY": "somebody"}, "4017300"),
        ({"X-SIGNATURE": "AAAA"}, "4017300"),
        ({"X-SIGNATURE": "not base64"}, "4017300"),
        ({"X-TIMESTAMP": "2026-01-01 00:00:00"}, "4007301"),
        ({"X-TIMESTAMP": "2020-01-01T00:00:00+07:00"}, "4017300"),
    ],
)
async def test_a_token_is_given_to_the_partner_alone(folder: Path, changed: dict[str, str], code: str) -> None:
    async with partner_of(folder) as partner:
        assert (await partner.get_token(**changed))["responseCode"] == code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Authorization": "Bearer other"}, "4011101"),
        ({"Authorization": ""}, "4011101"),
        ({"X-SIGNATURE": "AAAA"}, "4011100"),
        ({"X-SIGNATURE": ""}, "4001102"),
        ({"X-PARTNER-ID": "somebody"}, "4011100"),
        ({"X-EXTERNAL-ID": ""}, "4001102"),
        ({"X-EXTERNAL-ID": "letters"}, "4001101"),
        ({"CHANNEL-ID": ""}, "4001102"),
        ({"X-TIMESTAMP": "yesterday"}, "4001101"),
        ({"X-TIMESTAMP": "2030-01-01T00:00:00+07:00"}, "4011100"),
        ({"method": "PUT"}, "4051100"),
    ],
)
async def test_a_call_that_is_not_the_partners_is_refused(folder: Path, changed: dict[str, str], code: str) -> None:
    async with partner_of(folder) as partner:
        assert (await partner.call("11", {"accountNo": partner.ids.account}, **changed))["responseCode"] == code


async def test_an_external_id_counts_once_a_day_for_each_service(folder: Path) -> None:
    async with partner_of(folder) as partner:
        same = {"X-EXTERNAL-ID": "20261128000001"}
        account = {"accountNo": partner.ids.account}
        codes = [(await partner.call("11", account, **same))["responseCode"] for _ in range(2)]
        other = await partner.call("15", {"beneficiaryAccountNo": "8800112233"}, **same)
    assert (codes, other["responseCode"]) == (["2001100", "4091100"], "2001500")


async def test_a_path_that_the_bank_does_not_have_says_where_the_service_is(folder: Path) -> None:
    async with partner_of(folder) as partner:
        answer = await partner.call("11", {}, path="/v1.0/balance-inquiry")
    assert "it is at /openapi/v1.0/balance-inquiry" in answer["responseMessage"]


async def test_a_transfer_moves_money_once_and_is_found_by_every_reference(folder: Path) -> None:
    async with partner_of(folder) as partner:
        body = partner.transfer()
        first = await partner.call("18", body, **{"X-EXTERNAL-ID": "777"})
        again = await partner.call("18", body)
        other = await partner.call("18", body | {"amount": {"value": "1.00", "currency": "IDR"}})
        assert [each["responseCode"] for each in (first, again, other)] == ["2001800", "4091801", "4041818"]
        balance = await partner.call("11", {"accountNo": partner.ids.account})
        assert balance["accountInfos"]["availableBalance"]["value"] == "999850000.00"
        account = partner.bank.bank.ledger.account(OTHER_BANKS)
        assert account is not None
        assert account.balance == 150_000_00
        for asked in (
            {"originalExternalId": "777"},
            {"originalExternalId": "777", "originalPartnerReferenceNo": body["partnerReferenceNo"]},
            {"originalExternalId": "777", "originalReferenceNo": first["referenceNo"]},
        ):
            status = await partner.call("36", {"serviceCode": "18", **asked})
            assert (status["latestTransactionStatus"], status["amount"]["value"]) == ("00", "150000.00")
        missing = await partner.call("36", {"serviceCode": "17", "originalExternalId": "777"})
        without = await partner.call("36", {"serviceCode": "18", "originalReferenceNo": first["referenceNo"]})
    assert (missing["responseCode"], without["responseCode"]) == ("4043601", "4003602")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"beneficiaryAccountNo": "8800110404"}, "4041811"),
        ({"beneficiaryAccountNo": "8800110403"}, "4031815"),
        ({"beneficiaryBankCode": "bank"}, "4041803"),
        ({"beneficiaryAccountName": None}, "4001802"),
        ({"sourceAccountNo": "999"}, "4041811"),
        ({"amount": {"value": "150000", "currency": "IDR"}}, "4001801"),
        ({"amount": {"value": "250000000.01", "currency": "IDR"}}, "4031802"),
        ({"amount": {"value": "0.00", "currency": "IDR"}}, "4041813"),
        ({"amount": "150000.00"}, "4001801"),
        ({"transactionDate": "28-11-2026"}, "4001801"),
    ],
)
async def test_a_transfer_that_cannot_be_made_leaves_the_balance(
    folder: Path, changed: dict[str, Any], code: str
) -> None:
    async with partner_of(folder) as partner:
        assert (await partner.call("18", partner.transfer(**changed)))["responseCode"] == code
        balance = await partner.call("11", {"accountNo": partner.ids.account})
    assert balance["accountInfos"]["availableBalance"]["value"] == "1000000000.00"


async def test_more_than_there_is_cannot_be_sent(folder: Path) -> None:
    async with partner_of(folder) as partner:
        answer = await partner.call("17", partner.transfer("1000000000.01"))
    assert answer["responseCode"] == "4031714"


async def test_a_transfer_under_way_is_ended_by_hand(folder: Path) -> None:
    async with partner_of(folder) as partner:
        body = partner.transfer(beneficiaryAccountNo="8800110303")
        asked = {"serviceCode": "17", "originalExternalId": "12"}
        assert (await partner.call("17", body, **{"X-EXTERNAL-ID": "12"}))["responseCode"] == "2021700"
        assert (await partner.call("36", asked))["latestTransactionStatus"] == "03"
        await partner.bank.control("settle", {"reference": body["partnerReferenceNo"], "state": "06"})
        assert (await partner.call("36", asked))["latestTransactionStatus"] == "06"
        balance = await partner.call("11", {"accountNo": partner.ids.account})
    assert balance["accountInfos"]["availableBalance"]["value"] == "1000000000.00"


async def test_a_completed_skn_that_comes_back_is_reported(folder: Path) -> None:
    async with tiny_gateway() as gateway, partner_of(folder, gateway=gateway.url) as partner:
        body = partner.transfer()
        done = await partner.call("23", body, **{"X-EXTERNAL-ID": "2300"})
        gateway.others = {"responseCode": "2007500", "responseMessage": "Successful"}
        answer = await partner.bank.control("return", {"reference": body["partnerReferenceNo"]})
        assert answer["exchanges"][-1]["status"] == 200
        status = await partner.call("36", {"serviceCode": "23", "originalExternalId": "2300"})
        await partner.bank.control("notify", {"reference": body["partnerReferenceNo"]})
        accounts = {each["number"]: each for each in await partner.bank.control("accounts")}
    notice, again = gateway.calls("/transfer-skn/notify")
    assert again.document["originalReferenceNo"] == done["referenceNo"], "said once more"
    remarks = [each["remark"] for each in accounts[partner.ids.account]["movements"]]
    assert [remark.split()[0] for remark in remarks] == ["RETUR", "TRSF"], "and given back once"
    assert notice.path == "/partners/bca/openapi/v1.0/transfer-skn/notify"
    assert notice.document["originalReferenceNo"] == done["referenceNo"]
    assert notice.document["originalExternalId"] == "2300"
    assert status["latestTransactionStatus"] == "06"


async def test_what_the_partner_says_of_a_transfer_is_on_the_statement_whole(folder: Path) -> None:
    async with partner_of(folder) as partner:
        body = partner.transfer(remark="GBABCDEFGHIJKL gaji November")
        await partner.call("17", body)
        await partner.call("17", partner.transfer(remark=""))
        accounts = {each["number"]: each for each in await partner.bank.control("accounts")}
    newest, first = accounts[partner.ids.account]["movements"]
    assert first["remark"] == "TRSF GBABCDEFGHIJKL gaji November"
    assert newest["remark"].startswith("TRSF "), "its reference, where the partner says nothing"


async def test_money_that_moves_without_a_word_is_on_the_statement(folder: Path) -> None:
    async with partner_of(folder) as partner:
        await partner.bank.control("move", {"amount": "123400.00", "remark": "SETORAN TUNAI"})
        moved = await partner.bank.control("move", {"amount": "-6500.00", "remark": "BIAYA ADM"})
        for wrong in ({"amount": "0.00"}, {"amount": "12"}, {"amount": "many"}, {}):
            assert (await partner.bank.asked("/control/move", wrong)).status == 400
        balance = await partner.call("11", {"accountNo": partner.ids.account})
    assert [(each["amount"], each["remark"]) for each in moved["movements"]] == [
        ("-6500.00", "BIAYA ADM"),
        ("123400.00", "SETORAN TUNAI"),
    ]
    assert balance["accountInfos"]["availableBalance"]["value"] == moved["balance"] == "1000116900.00"


async def test_whose_an_account_is_stays_the_same(folder: Path) -> None:
    async with partner_of(folder) as partner:
        asked = {"beneficiaryBankCode": "BRINIDJA", "beneficiaryAccountNo": "8800112233"}
        names = {(await partner.call("16", asked))["beneficiaryAccountName"] for _ in range(2)}
        missing = await partner.call("16", asked | {"beneficiaryAccountNo": "8800110404"})
    assert len(names) == 1
    assert missing["responseCode"] == "4041611"


async def test_a_statement_has_the_newest_first_and_goes_on_in_pages(folder: Path) -> None:
    clock = MovableClock(ticking=False)
    async with partner_of(folder, "generic", clock=clock) as partner:
        ledger, account = partner.bank.bank.ledger, partner.ids.account
        with ledger.together():
            for number in range(2_500):
                at = clock.now() - timedelta(seconds=2_500 - number)
                ledger.move("payers", account, 1_000_00, at, f"R{number}", f"VA {number}")
        day = wib(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        asked = {"accountNo": account, "fromDateTime": day.isoformat(timespec="seconds"), "toDateTime": partner.stamp}
        lines: dict[str, dict[str, Any]] = {}
        for _ in range(5):
            page = await partner.call("14", asked)
            assert len(page["detailData"]) <= 1_000
            lines |= {each["transactionId"]: each for each in page["detailData"]}
            if page["hasMore"] == "N":
                break
            asked["toDateTime"] = page["lastRecordDateTime"]
        dates = [each["transactionDate"] for each in lines.values()]
        shown = partner.bank.bank.transcript.exchanges[-1].answer
    assert shown.endswith(" characters)")
    assert len(shown) < 21_000
    assert len(lines) == 2_500
    assert dates == sorted(dates, reverse=True)
    assert {each["type"] for each in lines.values()} == {"CREDIT"}


async def test_bca_gives_statements_of_whole_days(folder: Path) -> None:
    async with partner_of(folder) as partner:
        await partner.call("17", partner.transfer())
        midnight = f"{partner.stamp[:10]}T00:00:00+07:00"
        asked = {"accountNo": partner.ids.account, "fromDateTime": midnight, "toDateTime": midnight}
        page = await partner.call("14", asked)
        wrong = await partner.call("14", asked | {"toDateTime": partner.stamp})
        old = await partner.call("14", asked | {"fromDateTime": "2020-01-01T00:00:00+07:00"})
    assert [each["type"] for each in page["detailData"]] == ["DEBIT"]
    assert page["totalDebitEntries"] == {
        "numberOfEntries": "1",
        "amount": {"value": "150000.00", "currency": "IDR"},
    }
    assert page["balance"][0]["startingBalance"]["value"] == "1000000000.00"
    assert (wrong["responseCode"], old["responseCode"]) == ("4001401", "4001401")


async def test_the_state_of_a_payment_is_known_by_its_request_id(folder: Path) -> None:
    async with tiny_gateway() as gateway, partner_of(folder, gateway=gateway.url) as partner:
        gateway.bills["140200001234"] = 75_000
        paid = await partner.bank.pay("140200001234")
        asked = {"partnerServiceId": "    1402", "customerNo": "00001234", "virtualAccountNo": "    140200001234"}
        found = await partner.call("26", asked | {"inquiryRequestId": paid["request_id"]})
        other = await partner.call("26", asked | {"inquiryRequestId": "another"})
        without = await partner.call("26", asked)
        unpadded = await partner.call("26", asked | {"partnerServiceId": "1402", "inquiryRequestId": "x"})
    data = found["virtualAccountData"]
    assert (data["paymentFlagStatus"], data["paidAmount"]["value"]) == ("00", "75000.00")
    codes = [each["responseCode"] for each in (other, without, unpadded)]
    assert codes == ["4042601", "4002602", "4002601"]


async def test_the_transcript_shows_both_directions(folder: Path) -> None:
    async with partner_of(folder) as partner:
        await partner.call("11", {"accountNo": partner.ids.account})
        answer = await partner.bank.asked("/control/transcript?since=1")
        exchanges = json.loads(answer.body)
    assert [(each["service"], each["by"], each["status"]) for each in exchanges] == [("11", "partner", 200)]


async def test_every_answer_says_what_time_the_bank_has(folder: Path) -> None:
    clock = MovableClock(datetime(2026, 11, 28, 5, 0, tzinfo=UTC), ticking=False)
    async with partner_of(folder, clock=clock) as partner:
        answer = await partner.http.post(f"{partner.bank.url}{partner.profile.here['11']}", content=b"{}")
    assert answer.headers["date"] == "Sat, 28 Nov 2026 05:00:00 GMT"
    assert answer.headers["x-timestamp"] == "2026-11-28T12:00:00+07:00"
