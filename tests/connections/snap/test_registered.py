"""Virtual accounts that a bank must know: what it is asked in each dialect of the standard, and what its answers mean."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from gerbang.connections import Declined, Silence
from gerbang.connections.snap import PROVIDER
from gerbang.domain.money import rupiah
from gerbang.domain.partner_requests import CloseCode, OpenCode
from gerbang.domain.paycodes import CodePlan
from tests.support.services import START
from tests.support.snap_banks import Answering, Received, Reply, json_reply, link_to, snap_bank

REFERENCE = UUID("0192f3a0-0000-7000-8000-000000000001")
NUMBER = "8862000012345678"
PLAN = CodePlan(
    channel="virtual_account",
    option="MANDIRI",
    name="TOKO “ÉCLAIR” & Co",
    amount=rupiah(20_000),
    static=False,
    expires_at=START + timedelta(hours=1),
)
ASKED = OpenCode(REFERENCE, PLAN, NUMBER, REFERENCE, START)
CLOSED = CloseCode(REFERENCE, "virtual_account", "MANDIRI", NUMBER, REFERENCE.hex)
NAMES = {"partnerServiceId": "    8862", "customerNo": "000012345678", "virtualAccountNo": "    8862000012345678"}


def data(**members: Any) -> dict[str, Any]:
    return {"virtualAccountData": NAMES | {"trxId": REFERENCE.hex} | members}


def by_service(**answers: Reply) -> Answering:
    """The answer to each service, by the end of its path."""

    def answer(call: Received) -> Reply:
        return answers[call.path.rpartition("/")[2].replace("-", "_")]

    return answer


class Asking:
    """A bank that answers so, and our contract with it."""

    def __init__(self, answering: Answering, profile: str = "mandiri", **members: Any) -> None:
        self._answering, self._profile, self._members = answering, profile, members
        self.received: list[Received] = []

    async def does(self, what: str, asked: Any = ASKED) -> Any:
        members: dict[str, Any] = {"company_codes": ("88", "8862"), "profile": self._profile} | self._members
        async with snap_bank(self._answering) as bank, link_to(bank, None, **members) as link:
            try:
                return await getattr(PROVIDER, what)(link, REFERENCE, asked, START)
            finally:
                self.received = [each for each in bank.received if "access-token" not in each.path]


FINE = by_service(create_va=json_reply(200, "2002700", **data()))


async def test_a_number_is_registered_under_our_reference_with_all_that_a_payer_needs() -> None:
    asking = Asking(FINE)
    opened = await asking.does("open")
    assert (opened.number, opened.content) == (NUMBER, "")
    (call,) = asking.received
    assert (call.method, call.path) == ("POST", "/openapi/transaction/v1.0/transfer-va/create-va")
    body = call.body
    ends = body.pop("expiredDate")
    assert ends.endswith("+07:00")
    assert body == NAMES | {
        "virtualAccountName": "TOKO ECLAIR & Co",
        "trxId": REFERENCE.hex,
        "totalAmount": {"value": "20000.00", "currency": "IDR"},
        "virtualAccountTrxType": "C",
        "additionalInfo": {},
    }


async def test_doku_is_given_the_bank_and_whether_the_number_is_used_again() -> None:
    asking = Asking(FINE, "doku")
    static = replace(PLAN, static=True, expires_at=None)
    await asking.does("open", replace(ASKED, plan=static))
    body = asking.received[0].body
    assert asking.received[0].path == "/virtual-accounts/bi-snap-va/v1.1/transfer-va/create-va"
    assert body["virtualAccountName"] == "TOKO ECLAIR Co"
    assert body["additionalInfo"] == {
        "channel": "VIRTUAL_ACCOUNT_BANK_MANDIRI",
        "virtualAccountConfig": {"reusableStatus": True},
    }
    assert "expiredDate" not in body
    with pytest.raises(Declined, match="no virtual accounts of HANA"):
        await asking.does("open", replace(ASKED, plan=replace(PLAN, option="HANA")))


async def test_a_number_that_takes_any_amount_is_open_and_one_that_takes_one_amount_for_ever_is_declined() -> None:
    asking = Asking(FINE)
    await asking.does("open", replace(ASKED, plan=replace(PLAN, static=True, amount=None)))
    assert asking.received[0].body["virtualAccountTrxType"] == "O"
    assert asking.received[0].body["totalAmount"] == {"value": "0.00", "currency": "IDR"}
    with pytest.raises(Declined, match="many times"):
        await asking.does("open", replace(ASKED, plan=replace(PLAN, static=True)))


async def test_a_number_that_no_company_code_begins_is_not_asked_for() -> None:
    asking = Asking(FINE)
    with pytest.raises(Declined, match="No company code"):
        await asking.does("open", replace(ASKED, number="1234567890"))
    assert asking.received == []


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ({}, NUMBER),
        ({"customerNo": NUMBER, "virtualAccountNo": NUMBER, "partnerServiceId": "8862"}, NUMBER),
        ({"virtualAccountNo": "88620000" + "99999999", "customerNo": "", "partnerServiceId": ""}, "8862000099999999"),
        ({"virtualAccountNo": None, "customerNo": None}, NUMBER),
    ],
)
async def test_the_number_is_the_one_that_the_bank_says_however_it_writes_it(said: dict[str, Any], number: str) -> None:
    asking = Asking(by_service(create_va=json_reply(200, "2002700", **data(**said))))
    assert (await asking.does("open")).number == number


async def test_an_answer_whose_number_cannot_be_read_is_silence() -> None:
    asking = Asking(by_service(create_va=json_reply(200, "2002700", **data(virtualAccountNo="12A4"))))
    with pytest.raises(Silence, match="cannot be read"):
        await asking.does("open")


# What was asked before


async def test_one_that_is_registered_for_our_reference_is_open_already() -> None:
    answers = by_service(
        create_va=json_reply(409, "4092701"), inquiry_va=json_reply(200, "2003000", **data(virtualAccountName="X"))
    )
    asking = Asking(answers)
    assert (await asking.does("open")).number == NUMBER
    assert asking.received[1].body == NAMES | {"trxId": REFERENCE.hex, "additionalInfo": {}}


@pytest.mark.parametrize(
    ("message", "other"),
    [("Conflict [virtualAccountNo]", Declined), ("Conflict", Silence)],
)
async def test_a_number_that_the_bank_has_for_somebody_else_is_declined_and_any_other_conflict_asked_again(
    message: str, other: type[Exception]
) -> None:
    answers = by_service(
        create_va=json_reply(409, "4092700", responseMessage=message), inquiry_va=json_reply(404, "4043012")
    )
    with pytest.raises(other):
        await Asking(answers).does("open")


async def test_a_bank_without_a_look_up_is_asked_by_changing_the_number_to_what_it_is() -> None:
    answers = by_service(create_va=json_reply(409, "4092700"), update_va=json_reply(200, "2002800", **data()))
    asking = Asking(answers, "doku")
    assert (await asking.does("open")).number == NUMBER
    created, updated = asking.received
    assert updated.method == "PUT"
    assert updated.body["additionalInfo"]["virtualAccountConfig"] == {"reusableStatus": False, "status": "ACTIVE"}
    assert {**updated.body, "additionalInfo": 0} == {**created.body, "additionalInfo": 0}


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (json_reply(200, "2003000", **data()), NUMBER),
        (json_reply(200, "2003000", **data(trxId="somebody else's")), None),
        (json_reply(404, "4043012"), None),
        (json_reply(404, "4043001"), None),
        (json_reply(404, "4043019"), None),
        (json_reply(404, "4043014"), NUMBER),
        (json_reply(400, "4003001"), Silence),
        (json_reply(500, "5003000"), Silence),
        (json_reply(202, "2023000"), Silence),
        (Reply(502, b"<html>"), Silence),
    ],
)
async def test_only_a_plain_word_says_that_a_number_is_there_or_not(reply: Reply, found: object) -> None:
    asking = Asking(by_service(inquiry_va=reply))
    if found is Silence:
        with pytest.raises(Silence):
            await asking.does("status")
    else:
        opened = await asking.does("status")
        assert (opened and opened.number) == found


# The end of a number


@pytest.mark.parametrize(
    ("profile", "method", "end"),
    [
        ("bri-ws", "DELETE", "delete-va"),
        ("doku", "DELETE", "delete-va"),
        ("mandiri", "POST", "update-va"),
        ("btn", "POST", "delete-va"),
    ],
)
async def test_a_number_is_ended_as_the_bank_has_it(profile: str, method: str, end: str) -> None:
    done = json_reply(200, "2003100")
    settings = {"encoding": "base64"}
    asking = Asking(by_service(delete_va=done, update_va=done), profile, settings=settings)
    await asking.does("close", CLOSED)
    (call,) = asking.received
    assert (call.method, call.path.rpartition("/")[2]) == (method, end)
    assert call.body["trxId"] == REFERENCE.hex
    assert ("expiredDate" in call.body) == (profile == "mandiri")


@pytest.mark.parametrize("case", ["01", "12", "19"])
async def test_a_number_that_is_not_there_has_ended(case: str) -> None:
    await Asking(by_service(update_va=json_reply(404, f"40428{case}"))).does("close", CLOSED)


async def test_a_number_that_was_paid_is_not_ended() -> None:
    with pytest.raises(Declined):
        await Asking(by_service(update_va=json_reply(404, "4042814"))).does("close", CLOSED)


# A day's payments


async def test_the_list_of_a_day_has_the_same_money_as_the_pushes() -> None:
    paid = {"paidAmount": {"value": "20000.00", "currency": "IDR"}, "trxDateTime": "20261128T101112+0700"}
    lines = [
        NAMES | paid | {"paymentRequestId": "R1", "trxId": REFERENCE.hex, "paymentFlagStatus": "00"},
        NAMES | paid | {"paymentRequestId": "R2", "paymentFlagStatus": "01"},
        NAMES | paid | {"paymentStatus": "Success"},
    ]
    answers = by_service(report=json_reply(200, "2003500", virtualAccountdata=lines))
    async with snap_bank(answers) as bank, link_to(bank, company_codes=("8862",), profile="mandiri") as link:
        first, second = [each async for each in PROVIDER.listed(link, date(2026, 11, 28))]
    assert (first.reference, first.number, first.amount, first.request_id) == ("R1", NUMBER, rupiah(20_000), REFERENCE)
    assert second.reference == f"{NUMBER}:{rupiah(20_000)}:2026-11-28T03:11:12+00:00", "however its time is written"
    assert bank.of("/report")[0].body == {
        "partnerServiceId": "    8862",
        "startDate": "2026-11-28",
        "startTime": "00:00:00+07:00",
        "endDate": "2026-11-28",
        "endTime": "23:59:59+07:00",
    }


async def test_a_line_that_cannot_be_read_keeps_none_of_the_others_from_being_booked() -> None:
    good = NAMES | {"paidAmount": {"value": "20000.00", "currency": "IDR"}, "paymentRequestId": "R1"}
    answers = by_service(report=json_reply(200, "2003500", virtualAccountData=[NAMES, good]))
    async with snap_bank(answers) as bank, link_to(bank, company_codes=("8862",), profile="mandiri") as link:
        with capture_logs() as logs:
            (money,) = [each async for each in PROVIDER.listed(link, date(2026, 11, 28))]
    assert money.reference == "R1"
    assert [(each["event"], each["field"]) for each in logs if each["log_level"] == "error"] == [
        ("a line of a bank's list cannot be read", "paidAmount")
    ]
