"""Codes that a partner makes: what it is asked, which of its answers a buyer may see, and what a lost answer comes to."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from gerbang.connections import CodeEnded, Declined, Opened, Silence
from gerbang.connections.snap import PROVIDER
from gerbang.domain import emv
from gerbang.domain.connections import Connection
from gerbang.domain.money import rupiah
from gerbang.domain.partner_requests import CloseCode, OpenCode
from gerbang.domain.paycodes import CodePlan
from gerbang.domain.reports import Report
from tests.support.services import START
from tests.support.snap_banks import SILENT, Answering, Received, Reply, json_reply, link_to, snap_bank

REFERENCE = UUID("0192f3a0-0000-7000-8000-000000000001")
AMOUNT = rupiah(20_000)
ACCOUNT = emv.MerchantAccount(
    acquirer="ID.CO.CONTOH.WWW",
    pan="936009900000012345",
    merchant_id="MID000012345",
    mcc="5399",
    name="WARUNG",
    city="BANDUNG",
    postcode="40116",
)
QR = emv.compose(ACCOUNT, amount=AMOUNT, reference="X1")
PLAN = CodePlan(
    channel="qris", option=None, name="TOKO", amount=AMOUNT, static=False, expires_at=START + timedelta(minutes=30)
)
QRIS = OpenCode(REFERENCE, PLAN, "", REFERENCE, START)
WALLET = replace(
    QRIS, plan=replace(PLAN, channel="ewallet", option="SHOPEEPAY", return_url="https://shop.example/back")
)
MADE = {
    "47": {"referenceNo": "A1", "qrContent": QR},
    "54": {"referenceNo": "A1", "webRedirectUrl": "https://w.example/1"},
}
ENDS = {
    "generate": "47",
    "query": "51",
    "cancel": "77",
    "payment-host-to-host": "54",
    "status": "55",
}


def service_of(call: Received) -> str:
    end = call.path.removesuffix(".htm").rpartition("/")[2].removeprefix("qr-mpm-").removesuffix("-qr")
    return "57" if call.path.removesuffix(".htm").endswith("debit/cancel") else ENDS[end]


class Partner:
    """A partner that answers each service by a list, the last of them for ever."""

    def __init__(self, profile: str = "doku", **answers: list[Reply]) -> None:
        self.answers = {name.strip("_"): each for name, each in answers.items()}
        self.profile = profile
        self.calls: list[tuple[str, Received]] = []

    def answer(self, call: Received) -> Reply:
        service = service_of(call)
        self.calls.append((service, call))
        listed = self.answers.get(service, [])
        if not listed:
            return json_reply(200, f"200{service}00", **MADE.get(service, {}))
        return listed.pop(0) if len(listed) > 1 else listed[0]

    async def does(self, what: str, *asked: Any, **settings: Any) -> Any:
        members = {
            "profile": self.profile,
            "settings": {"outbound_scheme": "symmetric", "calls": {"73": "/v1.0/access-token/b2b"}, **settings},
        }
        answering: Answering = self.answer
        async with snap_bank(answering) as bank, link_to(bank, None, **members) as link:
            return await getattr(PROVIDER, what)(link, REFERENCE, *asked, START)

    @property
    def services(self) -> list[str]:
        return [service for service, _ in self.calls]

    def bodies(self, service: str) -> list[dict[str, Any]]:
        return [call.body for name, call in self.calls if name == service]


def found(state: str, **members: Any) -> Reply:
    return json_reply(200, "2005100", latestTransactionStatus=state, originalReferenceNo="A1", **members)


DUPLICATE, NOT_THERE = json_reply(409, "4094701"), json_reply(404, "4045101")

# QR codes


async def test_a_qr_code_is_made_under_our_reference_and_is_the_acquirers() -> None:
    partner = Partner()
    opened = await partner.does("open", QRIS, merchant_id="M1", terminal_id="T1", store_id="S1")
    assert opened == Opened("A1", "A1", QR)
    (body,) = partner.bodies("47")
    assert body.pop("validityPeriod").endswith("+07:00")
    assert body == {
        "partnerReferenceNo": REFERENCE.hex,
        "merchantId": "M1",
        "amount": {"value": "20000.00", "currency": "IDR"},
        "storeId": "S1",
        "terminalId": "T1",
        "additionalInfo": {},
    }


@pytest.mark.parametrize(
    "content",
    [
        emv.compose(ACCOUNT, amount=AMOUNT + 100, reference="X1"),
        QR[:-1] + ("0" if QR[-1] != "0" else "1"),
        "https://example.com",
        "",
        None,
        7,
    ],
)
async def test_a_code_that_a_buyer_may_not_see_is_ended_and_declined(content: object) -> None:
    partner = Partner(_47=[json_reply(200, "2004700", referenceNo="A1", qrContent=content)])
    with pytest.raises(Declined, match="cannot be used"):
        await partner.does("open", QRIS)
    assert partner.services == ["47", "77"]
    assert partner.bodies("77")[0]["originalReferenceNo"] == "A1"


async def test_an_answer_without_a_reference_is_silence() -> None:
    with pytest.raises(Silence, match="no reference"):
        await Partner(_47=[json_reply(200, "2004700", qrContent=QR)]).does("open", QRIS)


async def test_what_is_paid_many_times_is_not_asked_for() -> None:
    partner = Partner()
    with pytest.raises(Declined, match="many times"):
        await partner.does("open", replace(QRIS, plan=replace(PLAN, static=True, amount=None)))
    assert partner.calls == []


@pytest.mark.parametrize(("minutes", "lives"), [(1, 5), (30, 30), (600, 120)])
async def test_a_bank_is_asked_for_codes_that_live_as_long_as_it_allows(minutes: int, lives: int) -> None:
    partner = Partner("bca")
    ends = START + timedelta(minutes=minutes)
    lists: list[datetime] = []
    for asked in (replace(QRIS, plan=replace(PLAN, expires_at=ends)), QRIS):
        await partner.does("open", asked, codes={"qris": "minted"})
        lists.append(datetime.fromisoformat(partner.bodies("47")[-1]["validityPeriod"]))
    assert abs(lists[0] - lists[1] - timedelta(minutes=lives - 30)) < timedelta(seconds=5)


# Lost answers


async def test_a_code_that_nobody_has_seen_is_ended_before_another_is_made() -> None:
    partner = Partner(_47=[DUPLICATE, json_reply(200, "2004700", referenceNo="A2", qrContent=QR)])
    opened = await partner.does("open", QRIS)
    assert opened == Opened("A2", "A2 1", QR)
    assert partner.services == ["47", "77", "47"]
    assert [body["partnerReferenceNo"] for body in partner.bodies("47")] == [REFERENCE.hex, f"{REFERENCE.hex}01"]
    ids = [call.headers["x-external-id"] for service, call in partner.calls if service == "47"]
    assert partner.bodies("77")[0]["originalExternalId"] == ids[0] != ids[1]


async def test_a_code_whose_answer_is_always_lost_is_declined_in_the_end() -> None:
    partner = Partner(_47=[DUPLICATE])
    with pytest.raises(Declined, match="did not say what it is"):
        await partner.does("open", QRIS)
    assert partner.services.count("47") == 10


async def test_the_end_of_an_unseen_code_that_gets_no_answer_keeps_another_from_being_made() -> None:
    partner = Partner(_47=[DUPLICATE], _77=[SILENT])
    with pytest.raises(Silence):
        await partner.does("open", QRIS)
    assert partner.services == ["47", "77"]


async def test_a_partner_that_repeats_itself_is_asked_for_the_same_code_again() -> None:
    partner = Partner("dana", _51=[found("01")])
    assert await partner.does("status", QRIS) == Opened("A1", "A1", QR)
    assert partner.services == ["51", "47"]
    assert partner.bodies("47")[0]["partnerReferenceNo"] == REFERENCE.hex
    assert "originalExternalId" not in partner.bodies("51")[0]


async def test_a_partner_that_repeats_itself_contradicts_only_what_is_asked_for_otherwise() -> None:
    conflict = Partner("dana", _51=[found("01")], _47=[DUPLICATE])
    for what in ("status", "open"):
        with pytest.raises(Silence):
            await conflict.does(what, QRIS)
    assert "77" not in conflict.services
    other = Partner("dana", _47=[json_reply(404, "4044718"), json_reply(200, "2004700", **MADE["47"])])
    assert await other.does("open", QRIS) == Opened("A1", "A1 1", QR)
    assert other.services == ["47", "77", "47"]


@pytest.mark.parametrize(
    ("reply", "services", "silent"),
    [
        (NOT_THERE, ["51", "51"], False),
        (found("07"), ["51", "51"], False),
        (found("00"), ["51"], True),
        (json_reply(400, "4005101"), ["51"], True),
        (json_reply(500, "5005100"), ["51"], True),
    ],
)
async def test_how_a_code_stands_is_only_what_is_plainly_said(reply: Reply, services: list[str], silent: bool) -> None:
    partner = Partner(_51=[reply])
    if silent:
        with pytest.raises(Silence):
            await partner.does("status", QRIS)
    else:
        assert await partner.does("status", QRIS) is None
    assert partner.services == services


async def test_a_code_that_is_there_and_cannot_be_shown_is_ended() -> None:
    partner = Partner(_51=[found("03"), NOT_THERE])
    assert await partner.does("status", QRIS) is None
    assert partner.services == ["51", "77", "51", "51"]


async def test_a_code_behind_a_name_that_was_left_is_found() -> None:
    partner = Partner("dana", _51=[NOT_THERE, found("01")])
    assert await partner.does("status", QRIS) == Opened("A1", "A1 1", QR)


# Wallets


async def test_dana_is_asked_for_a_payment_and_the_buyer_follows_its_link() -> None:
    partner = Partner("dana")
    opened = await partner.does("open", WALLET, merchant_id="M1", merchant_category="5814")
    assert opened == Opened("A1", "A1", "https://w.example/1")
    (body,) = partner.bodies("54")
    assert body["urlParams"][0] == {"url": "https://shop.example/back", "type": "PAY_RETURN", "isDeeplink": "N"}
    assert body["additionalInfo"]["mcc"] == "5814"
    assert body["additionalInfo"]["envInfo"]["sourcePlatform"] == "IPG"
    assert (body["merchantId"], body["amount"]) == ("M1", {"value": "20000.00", "currency": "IDR"})
    assert body["validUpTo"].endswith("+07:00")


async def test_doku_is_given_the_wallets_name() -> None:
    partner = Partner("doku")
    await partner.does("open", WALLET)
    (body,) = partner.bodies("54")
    assert body["additionalInfo"]["channel"] == "EMONEY_SHOPEE_PAY_SNAP"
    assert [each["type"] for each in body["urlParam"]] == ["PAY_RETURN"]
    with pytest.raises(Declined, match="no wallet GOPAY"):
        await partner.does("open", replace(WALLET, plan=replace(WALLET.plan, option="GOPAY")))


@pytest.mark.parametrize(
    ("links", "content"),
    [
        ({"webRedirectUrl": "", "appRedirectUrl": "dana://pay?id=1"}, "dana://pay?id=1"),
        ({"webRedirectUrl": "javascript://x", "appRedirectUrl": None}, None),
        ({"webRedirectUrl": "javascript:alert(1)"}, None),
        ({"webRedirectUrl": "https://w.example/ a"}, None),
        ({"webRedirectUrl": "https://w.example/" + "a" * 2048}, None),
        ({}, None),
    ],
)
async def test_only_a_link_that_leads_somewhere_is_shown(links: dict[str, Any], content: str | None) -> None:
    partner = Partner("dana", _54=[json_reply(200, "2005400", referenceNo="A1", **links)])
    if content is None:
        with pytest.raises(Declined, match="no link"):
            await partner.does("open", WALLET)
        assert partner.services == ["54", "57"]
    else:
        assert (await partner.does("open", WALLET)).content == content


# Ended, and paid


@pytest.mark.parametrize("reply", [NOT_THERE, json_reply(404, "4047704"), json_reply(403, "4037700")])
async def test_a_code_that_is_not_there_has_ended(reply: Reply) -> None:
    partner = Partner(_77=[reply])
    await partner.does("close", CloseCode(REFERENCE, "qris", None, "A2", "A2 1"))
    (body,) = partner.bodies("77")
    assert (body["originalReferenceNo"], body["originalPartnerReferenceNo"]) == ("A2", f"{REFERENCE.hex}01")


async def test_a_code_that_was_paid_is_not_ended() -> None:
    with pytest.raises(Declined):
        await Partner(_77=[json_reply(404, "4047700")]).does("close", CloseCode(REFERENCE, "qris", None, "A1", "A1"))


async def test_the_money_that_is_asked_about_is_the_money_that_is_reported() -> None:
    paid = found("00", amount={"value": "20000.00", "currency": "IDR"}, paidTime="2026-11-28T10:11:12+07:00")
    money = await Partner(_51=[paid]).does("paid", QRIS, "A1")
    assert isinstance(money, Report)
    assert (money.name, money.number, money.amount) == (("bank", "snap-52", "A1"), "A1", AMOUNT)
    assert money.request_id == REFERENCE
    wallet = await Partner("dana", _55=[found("00", transAmount={"value": "20000.00"})]).does("paid", WALLET, "A1")
    assert wallet.name == ("bank", "snap-56", "A1")


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (found("01"), None),
        (found("03"), None),
        (found("04"), None),
        (NOT_THERE, None),
        (found("05"), CodeEnded("bank", REFERENCE)),
        (found("06"), CodeEnded("bank", REFERENCE)),
        (json_reply(403, "4035100"), CodeEnded("bank", REFERENCE)),
        (found("00", amount={"value": "many"}), Silence),
        (json_reply(500, "5005100"), Silence),
        (SILENT, Silence),
    ],
)
async def test_what_is_said_of_a_code_that_is_asked_about(reply: Reply, meaning: object) -> None:
    partner = Partner(_51=[reply])
    if meaning is Silence:
        with pytest.raises(Silence):
            await partner.does("paid", QRIS, "A1")
    else:
        assert await partner.does("paid", QRIS, "A1") == meaning


# What a connection needs


def test_a_contract_whose_codes_must_be_asked_for_has_an_address_and_company_codes() -> None:
    contract = Connection(name="bank", provider="snap", profile="bri-ws", serves=frozenset({"payments"}))
    assert "base_url" in [member for member, _ in PROVIDER.faults(contract)]
    mandiri = Connection(name="bank", provider="snap", profile="mandiri", serves=frozenset({"payments"}))
    assert "company_codes" in [member for member, _ in PROVIDER.faults(mandiri)]
