"""Statements over the standard: whole or none, by the bank's rules of days and rows."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gerbang.connections import BankMovement, Link, Silence
from gerbang.connections.snap import PROVIDER
from tests.support.snap_banks import Received, Reply, json_reply, link_to, snap_bank

ACCOUNT = "0123456789"
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
MEBIBYTE = 1024 * 1024


def row(day: str = "2026-03-02T00:00:00+07:00", **changes: Any) -> dict[str, Any]:
    return {
        "amount": {"value": "15000.00", "currency": "IDR"},
        "transactionDate": day,
        "remark": "TRSF E-BANKING GBABCDEFGHIJKL",
        "type": "DEBIT",
        "detailBalance": {"endAmount": [{"amount": {"value": "985000.00", "currency": "IDR"}}]},
    } | changes


def statement(*rows: dict[str, Any], **members: Any) -> Reply:
    return json_reply(200, "2001400", detailData=list(rows), **members)


async def read(link: Link, first: date = FIRST, last: date = LAST) -> list[BankMovement]:
    return [each async for each in PROVIDER.statement(link, ACCOUNT, first, last)]


async def test_each_row_is_a_movement_of_the_account() -> None:
    timed = row(
        "2026-03-02T13:05:07+07:00", type="Credit", transactionId="T-1", detailBalance={}, detailInfo={"note": "more"}
    )
    async with snap_bank(lambda _: statement(row(), timed)) as bank, link_to(bank, profile="bca") as link:
        text = "TRSF E-BANKING GBABCDEFGHIJKL"
        assert await read(link) == [
            BankMovement(ACCOUNT, date(2026, 3, 2), None, 1_500_000, "out", text, "", 98_500_000),
            BankMovement(
                ACCOUNT,
                date(2026, 3, 2),
                datetime(2026, 3, 2, 6, 5, 7, tzinfo=UTC),
                1_500_000,
                "in",
                f"{text} more",
                "T-1",
                None,
            ),
        ]
        (asked,) = bank.of("/bank-statement")
        assert asked.body["accountNo"] == ACCOUNT
        assert (asked.body["fromDateTime"], asked.body["toDateTime"]) == (
            "2026-03-01T00:00:00+07:00",
            "2026-03-31T00:00:00+07:00",
        )


async def test_other_banks_are_asked_to_the_last_second() -> None:
    async with snap_bank(lambda _: statement()) as bank, link_to(bank) as link:
        assert await read(link, LAST, LAST) == []
        assert bank.of("/bank-statement")[0].body["toDateTime"] == "2026-03-31T23:59:59+07:00"


async def test_more_days_than_the_bank_gives_at_once_are_asked_for_one_span_after_the_other() -> None:
    async with snap_bank(lambda _: statement(row())) as bank, link_to(bank, profile="bca") as link:
        assert len(await read(link, FIRST - timedelta(days=40), LAST)) == 3
        spans = [(each.body["fromDateTime"][:10], each.body["toDateTime"][:10]) for each in bank.of("/bank-statement")]
        assert spans == [
            ("2026-03-01", "2026-03-31"),
            ("2026-01-29", "2026-02-28"),
            ("2026-01-20", "2026-01-28"),
        ]


async def test_what_may_have_been_cut_is_asked_for_in_halves_and_the_newest_first() -> None:
    def many(call: Received) -> Reply:
        first, last = (date.fromisoformat(call.body[name][:10]) for name in ("fromDateTime", "toDateTime"))
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rows = [row(f"{day}T00:00:00+07:00") for day in reversed(days) for _ in range(1000)]
        return statement(*rows[:9000])

    async with snap_bank(many) as bank, link_to(bank, profile="bca") as link:
        found = await read(link)
        assert len(found) == 31_000
        assert [each.booked_on for each in found] == sorted((each.booked_on for each in found), reverse=True)
        assert max(len(json.dumps(each.body)) for each in bank.received) < 1000


@pytest.mark.parametrize(
    "reply",
    [
        statement(row(), hasMore="Y"),
        statement(row(), hasMore=True),
        statement(row(), totalDebitEntries={"numberOfEntries": 2, "amount": {}}),
        statement(row(), totalCreditEntries=[{"numberOfEntries": "1"}], totalDebitEntries={"numberOfEntries": "1"}),
        statement(row(type="?")),
        statement(row(amount=None)),
        statement(row("soon")),
        statement(row("")),
        statement(row("28/11")),
        statement(row(amount={"value": "1,000.00", "currency": "IDR"})),
        json_reply(500, "5001400"),
        Reply(200, b'{"responseCode":"2001400","detailData":[{"amount":', cut=True),
    ],
)
async def test_what_is_not_whole_is_no_statement(reply: Reply) -> None:
    async with snap_bank(lambda _: reply) as bank, link_to(bank) as link:
        with pytest.raises(Silence):
            await read(link, LAST, LAST)


async def test_a_bank_that_is_asked_too_often_is_asked_later() -> None:
    replies = [json_reply(429, "4291400"), statement(row())]
    async with snap_bank(lambda _: replies.pop(0)) as bank, link_to(bank) as link:
        assert len(await read(link)) == 1
        assert replies == []
        first, second = bank.of("/bank-statement")
        assert first.headers["x-external-id"] != second.headers["x-external-id"]


async def test_a_statement_of_several_megabytes_is_read() -> None:
    whole = statement(*(row(remark="x" * 900) for _ in range(5000)))
    assert len(whole.body) > 5 * MEBIBYTE
    async with snap_bank(lambda _: whole) as bank, link_to(bank) as link:
        assert len(await read(link)) == 5000


async def test_a_row_of_the_last_hours_of_all_time_keeps_no_statement_from_being_read() -> None:
    far = [row("9999-12-31T23:59:59Z"), row("9999-12-31T23:59:59+07:00"), row("0001-01-01T00:00:00+14:00")]
    async with snap_bank(lambda _: statement(*far, row())) as bank, link_to(bank, profile="generic") as link:
        movements = await read(link)
        assert [each.booked_on.year for each in movements] == [9999, 9999, 1, 2026]
        assert movements[0].at is None


async def test_others_have_their_turn_while_a_long_statement_is_read() -> None:
    rows = [row(transactionId=str(number)) for number in range(5_000)]
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0)

    async with snap_bank(lambda _: statement(*rows)) as bank, link_to(bank) as link:
        reading = PROVIDER.statement(link, ACCOUNT, FIRST, LAST)
        assert (await anext(reading)).reference == "0"
        task = asyncio.create_task(other())
        assert len([each async for each in reading]) == 4_999
        assert len(turns) >= 9
        task.cancel()


async def test_what_cannot_be_kept_is_left_out_of_a_remark() -> None:
    said = row(detailInfo={"a": "FEE\x00", "b": "\ud800BI\x1b[2J-FAST", "c": {"d": "\x00"}})
    async with snap_bank(lambda _: statement(said)) as bank, link_to(bank) as link:
        (found,) = await read(link)
    assert found.text == "TRSF E-BANKING GBABCDEFGHIJKL FEE BI[2J-FAST {'d': '\\x00'}"
    assert found.text.isprintable()
