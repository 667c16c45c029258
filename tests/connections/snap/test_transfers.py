"""Money out over the standard: how each way is asked for, and what each answer means."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from gerbang import ids
from gerbang.connections import (
    Declined,
    Later,
    Link,
    NeverSays,
    NotNow,
    NotSent,
    Plan,
    Sent,
    Silence,
    TransferOrder,
    remark_of,
)
from gerbang.connections.snap import PROVIDER, client
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import Account, Connection
from gerbang.domain.money import rupiah
from gerbang.domain.payouts import Destination
from gerbang.domain.transfer_ways import Change
from gerbang.partners import Partner
from tests.support.services import START
from tests.support.snap_banks import SILENT, Received, Reply, SnapBank, contract, json_reply, link_to, snap_bank

CALENDAR = BankCalendar()
OURS = "0123456789"
ACCOUNTS = (Account(number="9999999999", purposes=frozenset({"statements"})), Account(number=OURS))
REFERENCE: UUID = ids.uuid7(START)
NIGHT = START.replace(hour=20)  # three in the morning in Jakarta


def order(bank: str = "BRI", amount: int = rupiah(10_000), **changes: Any) -> TransferOrder:
    destination = Destination("bank_transfer", bank, "5550001234", "Jon Doe")
    made = TransferOrder(REFERENCE, amount, destination, "Gaji Maret / 2025 — Budi", START, sending_at=START)
    return replace(made, **changes)


def at_bca(**changes: Any) -> Connection:
    return contract(SnapBank(lambda _: None), **{"profile": "bca", "accounts": ACCOUNTS, **changes})


class Bank:
    """Answers inquiries by a name, and everything else as it is set."""

    def __init__(
        self, transfer: Reply | None = None, status: Reply | None = None, inquiry: Reply | None = None
    ) -> None:
        self.transfer, self.status = transfer, status
        self.inquiry = inquiry or json_reply(200, "2001500", beneficiaryAccountName="BUDI SANTOSO")

    def __call__(self, call: Received) -> Reply | None:
        if "account-inquiry" in call.path:
            return self.inquiry
        return self.status if call.path.endswith("/status") else self.transfer


FINE = json_reply(200, "2001700", referenceNo="R-7")


async def sent(link: Link, asked: TransferOrder, now: datetime = START) -> Sent:
    planned = PROVIDER.plan(link.connection, asked, now, CALENDAR)
    assert isinstance(planned, Plan)
    return await PROVIDER.send(link, replace(asked, way=planned.way, account=planned.account), now)


@pytest.mark.parametrize("status", ["0012", "00 ", "06", ["06"], {"00": 1}])
async def test_an_answer_with_any_other_status_than_done_is_no_end(status: Any) -> None:
    transfer = json_reply(200, "2001800", referenceNo="R-7", latestTransactionStatus=status)
    async with snap_bank(Bank(transfer)) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        assert (await sent(link, order())).state == ("completed" if status == "00 " else "processing")


@pytest.mark.parametrize(
    ("http", "code"),
    [(401, "4091800"), (401, "4041818"), (401, "4081800"), (401, "4291800"), (409, "4011800"), (429, "4011800")],
)
async def test_a_transfer_that_is_turned_away_with_another_word_may_have_arrived(http: int, code: str) -> None:
    async with (
        snap_bank(Bank(json_reply(http, code))) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        with pytest.raises(Silence) as silence:
            await sent(link, order())
        assert not isinstance(silence.value, NotSent)
        assert len(bank.of("/transfer-interbank")) == 1


async def test_a_holder_that_is_not_known_in_time_leaves_nothing_sent() -> None:
    """Two tokens and two questions take longer than the whole call may."""

    class Hanging(Bank):
        def __call__(self, call: Received) -> Reply | None:
            inquiries = len(bank.of("account-inquiry-external"))
            return json_reply(401, "4011600") if inquiries == 1 else None

    async with (
        snap_bank(Hanging(FINE), token_seconds=0.7) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS, deadline_seconds=2) as link,
    ):
        with pytest.raises(NotSent):
            await Partner(link, PROVIDER).call("a payout", lambda link: sent(link, order()))
        assert bank.of("/transfer-interbank") == []


# Which way


@pytest.mark.parametrize(
    ("bank", "amount", "now", "plan"),
    [
        ("BCA", rupiah(5_000_000_000), NIGHT, Plan("same_bank", OURS)),
        ("BRI", rupiah(250_000_000), NIGHT, Plan("bi_fast", OURS)),
        ("BRI", rupiah(250_000_001), NIGHT, Later(datetime.fromisoformat("2025-04-08T08:00:00+07:00"))),
        # Its BIC is in no list: by the switcher, in three digits.
        ("DKI", rupiah(50_000_000), NIGHT, Plan("switcher", OURS)),
    ],
)
def test_a_transfer_goes_by_the_best_way_that_the_bank_has(
    bank: str, amount: int, now: datetime, plan: Plan | Later
) -> None:
    assert PROVIDER.plan(at_bca(), order(bank, amount), now, CALENDAR) == plan


def test_a_transfer_that_no_way_takes_is_declined() -> None:
    for bank, amount in (("HSBC_UUS", rupiah(10_000)), ("NOWHERE", rupiah(10_000))):
        with pytest.raises(Declined):
            PROVIDER.plan(at_bca(), order(bank, amount), START, CALENDAR)
    permata = contract(SnapBank(lambda _: None), profile="permata", accounts=ACCOUNTS)
    with pytest.raises(Declined, match=r"No transfer of Rp 250\.000\.001"):  # its SKN and RTGS have no status
        PROVIDER.plan(permata, order(amount=rupiah(250_000_001)), START, CALENDAR)


def test_a_contract_changes_the_ways() -> None:
    settings = {"ways": {"bi_fast": Change(offered=False), "switcher": Change(maximum=1_000_000)}}
    connection = at_bca(settings=settings)
    assert PROVIDER.plan(connection, order(amount=rupiah(1_000_000)), NIGHT, CALENDAR) == Plan("switcher", OURS)
    assert isinstance(PROVIDER.plan(connection, order(amount=rupiah(1_000_001)), NIGHT, CALENDAR), Later)
    with pytest.raises(ValueError, match="pigeon"):
        at_bca(settings={"ways": {"pigeon": Change()}})


# What is sent


async def test_a_transfer_in_the_bank_uses_the_reference_of_its_inquiry() -> None:
    async with snap_bank(Bank(FINE)) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        assert await sent(link, order("BCA")) == Sent("completed", "R-7", "BUDI SANTOSO")
        inquiry, transfer = [each for each in bank.received if each not in bank.token_requests]
        assert (inquiry.path, transfer.path) == (
            "/openapi/v1.0/account-inquiry-internal",
            "/openapi/v1.0/transfer-intrabank",
        )
        assert inquiry.body == {"partnerReferenceNo": REFERENCE.hex, "beneficiaryAccountNo": "5550001234"}
        assert transfer.body == {
            "partnerReferenceNo": REFERENCE.hex,
            "amount": {"value": "10000.00", "currency": "IDR"},
            "beneficiaryAccountNo": "5550001234",
            "currency": "IDR",
            "feeType": "OUR",
            "remark": f"{remark_of(REFERENCE)} Gaji Maret / 2025 Bud",
            "customerReference": remark_of(REFERENCE),
            "sourceAccountNo": OURS,
            "transactionDate": "2025-03-30T12:48:17+07:00",
            "additionalInfo": {},
        }
        assert transfer.headers["x-external-id"] == client.external_id(link.connection, REFERENCE, "17", START)
        assert inquiry.headers["x-external-id"] != transfer.headers["x-external-id"]


async def test_a_transfer_by_bi_fast_says_so_twice() -> None:
    settings = {"purpose_code": "02", "transfer_fields": {"beneficiaryEmail": "a@b.example"}}
    async with (
        snap_bank(Bank(FINE)) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS, settings=settings) as link,
    ):
        assert (await sent(link, order())).state == "completed"
        (inquiry,), (transfer,) = bank.of("/v2.0/account-inquiry-external"), bank.of("/v2.0/transfer-interbank")
        assert inquiry.body["beneficiaryBankCode"] == transfer.body["beneficiaryBankCode"] == "BRINIDJA"
        assert inquiry.body["additionalInfo"] == {
            "inquiryService": "2",
            "sourceAccountNo": OURS,
            "amount": {"value": "10000.00", "currency": "IDR"},
            "purposeCode": "02",
        }
        assert transfer.body["additionalInfo"] == {"transferType": "2", "purposeCode": "02"}
        assert transfer.body["beneficiaryAccountName"] == "BUDI SANTOSO"
        assert transfer.body["beneficiaryEmail"] == "a@b.example"


@pytest.mark.parametrize(("amount", "path"), [(rupiah(300_000_000), "skn"), (rupiah(2_000_000_000), "rtgs")])
async def test_a_batched_transfer_is_under_way_and_asked_for_in_half_an_hour(amount: int, path: str) -> None:
    noon = START + timedelta(days=9)  # a Tuesday
    async with snap_bank(Bank(FINE)) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        said = await sent(link, order(amount=amount), noon)
        assert said == Sent("processing", "R-7", "BUDI SANTOSO", ask_at=noon + timedelta(minutes=30))
        assert len(bank.of(f"/transfer-{path}")) == 1


# What its answers mean


@pytest.mark.parametrize(
    "reply",
    [
        json_reply(500, "5001701"),
        json_reply(200, "5001801"),
        json_reply(504, "5041700"),
        json_reply(409, "4091701"),
        json_reply(404, "4041718"),
        json_reply(429, "4291700"),
        json_reply(200),
        Reply(502, b"<html>"),
        Reply(200, b'{"responseCode":"2001700","referenceNo":"7"}', cut=True),
        SILENT,
    ],
)
async def test_an_unclear_answer_leaves_the_transfer_unknown_and_is_not_repeated(reply: Reply) -> None:
    async with snap_bank(Bank(reply)) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        with pytest.raises(Silence) as silence:
            await sent(link, order("BCA"))
        assert not isinstance(silence.value, NotSent)
        assert len(bank.of("/transfer-intrabank")) == 1


async def test_a_bank_at_work_is_asked_in_a_minute() -> None:
    async with (
        snap_bank(Bank(json_reply(202, "2021800", referenceNo="R-8"))) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        ask_at = START + timedelta(minutes=1)
        assert await sent(link, order()) == Sent("processing", "R-8", "BUDI SANTOSO", ask_at=ask_at)


async def test_a_definite_refusal_is_declined_with_the_banks_words() -> None:
    async with (
        snap_bank(Bank(json_reply(403, "4031714"))) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        with capture_logs() as logged, pytest.raises(Declined, match="as a test says"):
            await sent(link, order("BCA"))
        assert "our account does not cover a payout" in [each["event"] for each in logged]


@pytest.mark.parametrize("late", [{"transfer": json_reply(403, "4031806")}, {"inquiry": json_reply(403, "4031606")}])
async def test_an_order_after_the_banks_hours_may_be_given_later(late: dict[str, Reply]) -> None:
    async with (
        snap_bank(Bank(**{"transfer": FINE, **late})) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        with pytest.raises(NotNow):
            await sent(link, order())


async def test_a_success_that_speaks_of_another_transfer_or_of_none_is_not_one() -> None:
    async with (
        snap_bank(Bank(json_reply(200, "2001800", partnerReferenceNo="another"))) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        with pytest.raises(Silence):
            await sent(link, order())
    async with (
        snap_bank(Bank(json_reply(200, "2001800", latestTransactionStatus="03"))) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        assert (await sent(link, order())).state == "processing"


async def test_a_bank_that_hangs_at_the_inquiry_leaves_time_to_know_that_nothing_was_sent() -> None:
    class Hangs(Bank):
        def __call__(self, call: Received) -> Reply | None:
            return None if "account-inquiry" in call.path else FINE

    async with (
        snap_bank(Hangs()) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS, deadline_seconds=1) as link,
    ):
        partner = Partner(link, PROVIDER)
        with pytest.raises(NotSent):
            await partner.call("a payout", lambda link: sent(link, order()))
        assert bank.of("/transfer-interbank") == []


@pytest.mark.parametrize(
    ("inquiry", "raised"),
    [
        (json_reply(404, "4041511"), Declined),
        (json_reply(504, "5041500"), NotSent),
        (SILENT, NotSent),
        (json_reply(401, "4011500"), NotSent),
    ],
)
async def test_nothing_is_sent_where_the_inquiry_before_it_fails(inquiry: Reply, raised: type[Exception]) -> None:
    async with (
        snap_bank(Bank(FINE, inquiry=inquiry)) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        with pytest.raises(raised):
            await sent(link, order("BCA"))
        assert bank.of("/transfer-intrabank") == []


async def test_an_inquiry_that_was_made_before_does_not_keep_the_transfer() -> None:
    repeated = json_reply(409, "4091501")
    async with (
        snap_bank(Bank(FINE, inquiry=repeated)) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        assert await sent(link, order()) == Sent("completed", "R-7")
        assert bank.of("/transfer-interbank")[0].body["beneficiaryAccountName"] == "Jon Doe"


# What became of it


ASKED = order(way="bi_fast", account=OURS, bank_reference="R-7", sent_at=START)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"latestTransactionStatus": "00"}, Sent("completed", "R-7")),
        (
            {
                "latestTransactionStatus": "00",
                "referenceNumber": "R-9",
                "amount": {"value": "10000.00", "currency": "IDR"},
            },
            Sent("completed", "R-9"),
        ),
        ({"latestTransactionStatus": "03"}, Sent("processing", "R-7", ask_at=START + timedelta(minutes=1))),
        ({"latestTransactionStatus": "01"}, Sent("processing", "R-7", ask_at=START + timedelta(minutes=1))),
        ({"latestTransactionStatus": "04"}, Sent("failed", "R-7", reason="Refunded")),
        ({"latestTransactionStatus": "05"}, Sent("failed", "R-7", reason="Cancelled")),
        (
            {"latestTransactionStatus": "06", "transactionStatusDesc": "Account closed"},
            Sent("failed", "R-7", reason="Account closed"),
        ),
        ({"latestTransactionStatus": "07"}, None),
    ],
)
async def test_a_transfer_is_asked_for_by_our_reference_and_its_external_id(
    said: dict[str, Any], expected: Sent | None
) -> None:
    status = json_reply(200, "2003600", **said)
    async with snap_bank(Bank(status=status)) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        assert await PROVIDER.ask(link, ASKED, START) == expected
        (asked,) = bank.of("/transfer/status")
        assert asked.body == {
            "originalPartnerReferenceNo": REFERENCE.hex,
            "originalExternalId": client.external_id(link.connection, REFERENCE, "18", START),
            "serviceCode": "18",
            "transactionDate": "2025-03-30T12:48:17+07:00",
            "amount": {"value": "10000.00", "currency": "IDR"},
            "originalReferenceNo": "R-7",
        }


async def test_a_transfer_that_takes_long_is_asked_for_more_rarely() -> None:
    status = json_reply(200, "2003600", latestTransactionStatus="03")
    async with snap_bank(Bank(status=status)) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        for hours, minutes in ((1, 15), (100, 60)):
            now = START + timedelta(hours=hours)
            said = await PROVIDER.ask(link, ASKED, now)
            assert said is not None
            assert said.ask_at == now + timedelta(minutes=minutes)


async def test_a_bank_that_does_not_know_a_transfer_says_so() -> None:
    async with (
        snap_bank(Bank(status=json_reply(404, "4043601"))) as bank,
        link_to(bank, profile="bca", accounts=ACCOUNTS) as link,
    ):
        assert await PROVIDER.ask(link, ASKED, START) is None
        batched = replace(ASKED, way="skn")
        with pytest.raises(Silence):
            await PROVIDER.ask(link, batched, START + timedelta(hours=23))
        assert await PROVIDER.ask(link, batched, START + timedelta(days=1)) is None


@pytest.mark.parametrize(
    ("reply", "raised"),
    [
        (json_reply(200, "2003600"), Silence),
        (json_reply(200, "2003600", latestTransactionStatus="99"), Silence),
        (json_reply(200, "2003600", latestTransactionStatus="0012"), Silence),
        (json_reply(200, "2003600", latestTransactionStatus="06-PENDING"), Silence),
        (json_reply(200, "2003600", latestTransactionStatus="07x"), Silence),
        (json_reply(200, "2003600", latestTransactionStatus=["00"]), Silence),
        (json_reply(200, "2003600", latestTransactionStatus="00", originalPartnerReferenceNo="another"), Silence),
        (
            json_reply(200, "2003600", latestTransactionStatus="06", amount={"value": "1.00", "currency": "IDR"}),
            Silence,
        ),
        (json_reply(500, "5003600"), Silence),
        (json_reply(403, "4033615"), Declined),
        (json_reply(400, "4003602"), Declined),
        (Reply(404, b"<html>"), Silence),
    ],
)
async def test_an_answer_that_does_not_answer_says_nothing_of_the_transfer(
    reply: Reply, raised: type[Exception]
) -> None:
    async with snap_bank(Bank(status=reply)) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        with pytest.raises(raised):
            await PROVIDER.ask(link, ASKED, START)


# Names


@pytest.mark.parametrize(
    ("way", "hours", "never"), [("bi_fast", 0, True), ("skn", 23, False), ("skn", 24, True), ("rtgs", 1, False)]
)
async def test_a_bank_without_a_status_service_never_says_what_became_of_a_transfer(
    way: str, hours: int, never: bool
) -> None:
    async with snap_bank(Bank()) as bank, link_to(bank, profile="permata", accounts=ACCOUNTS) as link:
        with pytest.raises(Silence) as silence:
            await PROVIDER.ask(link, order(way=way), START + timedelta(hours=hours))
        assert isinstance(silence.value, NeverSays) == never
        assert bank.received == []
