"""A day at a simulated bank is closed: its statement is read, and what differs from the gateway's ledger is found."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gerbang.clock import MovableClock, wib
from gerbang.domain.kept_findings import KeptFinding
from gerbang.domain.statements import StatementLine, StatementWrong
from gerbang.services import reconciliation, statements
from gerbang.services.reconciliation import CannotCompare, Compared
from gerbang.world import World
from tests.statement_files import writers
from tests.statement_files.movements import ACCOUNT
from tests.support.gateways import Databases, Gateway
from tests.support.simulated_banks import Simulated, both, in_order, numbers

BCA = "bca"


class Day:
    """A gateway and a bank that know each other, and what is done on the days after."""

    def __init__(self, gateway: Gateway, bank: Simulated) -> None:
        self.gateway = gateway
        self.bank = bank
        self.began = datetime.now(UTC)
        self.first = wib(self.began).date()

    @property
    def account(self) -> str:
        return self.bank.bank.wiring.ids.account

    @property
    def connection(self) -> str:
        return self.bank.bank.wiring.connection

    @property
    def world(self) -> World:
        """That of the gateway two days later, so that the day is over."""
        later = MovableClock(self.began + timedelta(days=2), ticking=False)
        return replace(self.gateway.services.world, clock=later)

    async def do(self, work: Any) -> Any:
        return await asyncio.to_thread(self.gateway.do, work)

    @property
    def days(self) -> list[date]:
        """The days on which something may have happened: one, unless midnight has come."""
        return sorted({self.first, wib(datetime.now(UTC)).date()})

    async def fetch(self) -> statements.Imported:
        days = self.days
        (found,) = await self.do(statements.fetch(self.world, self.connection, None, days[0], days[-1]))
        return found

    async def reconcile(self) -> list[KeptFinding]:
        """What is left of all days."""
        found: list[KeptFinding] = []
        for day in self.days:
            compared: Compared = await self.do(reconciliation.reconcile(self.world, self.connection, day))
            found += compared.findings
        return found

    async def rows(self, query: str) -> Sequence[Any]:
        return await asyncio.to_thread(self.gateway.rows, query)


@asynccontextmanager
async def day_at(databases: Databases, folder: Path) -> AsyncGenerator[Day]:
    async with both(databases, folder, BCA) as (gateway, bank):
        yield Day(gateway, bank)


def kinds(found: Sequence[KeptFinding]) -> Counter[tuple[str, str]]:
    """What was found, each with the number that was paid to."""
    return Counter(
        (each.finding.kind, each.finding.expected.numbers[0] if each.finding.expected else "") for each in found
    )


async def test_a_day_without_faults_closes(databases: Databases, tmp_path: Path) -> None:
    async with day_at(databases, tmp_path) as day:
        for number in await numbers(day.gateway.new_shop(), "BCA", 3):
            assert (await day.bank.pay(number))["money"] == "paid"
        read = await day.fetch()
        assert (read.lines, read.new_lines) == (3, 3)
        assert await day.reconcile() == []
        again = await day.fetch()
        assert (again.lines, again.new_lines) == (3, 0)
        counted = await day.rows(
            "SELECT sum(movements) AS ours, sum(matched) AS found, sum(lines) AS lines FROM reconciled_days"
        )
        assert dict(counted[0]) == {"ours": 3, "found": 3, "lines": 3}


async def test_what_went_wrong_at_the_bank_is_found_and_nothing_else(databases: Databases, tmp_path: Path) -> None:
    async with day_at(databases, tmp_path) as day:
        paid_to = await numbers(day.gateway.new_shop(), "BCA", 8)
        expected: Counter[tuple[str, str]] = Counter()
        for number, fault in zip(
            paid_to, [None, "lost_answer", None, "reversal", "lost_answer", None, "reversal", None], strict=True
        ):
            await day.bank.put_faults({} if fault is None else {fault: {"rate": 1, "services": ["25"]}})
            outcome = await day.bank.pay(number, deadline_seconds=5)
            assert outcome["money"] == ("paid" if fault is None else "reversed"), outcome
            if fault is not None:
                expected["missing_there" if fault == "lost_answer" else "returned", number] += 1
        await day.bank.put_faults({})
        assert (await day.fetch()).new_lines == 4 + 2 * 2
        found = await day.reconcile()
        assert kinds(found) == expected
        await _survives(day, found)
        await _is_in_a_file(day)
        assert kinds(await day.reconcile()) == expected - Counter({_name(found[0]): 1})
        await asyncio.to_thread(in_order, day.gateway)


def _name(each: KeptFinding) -> tuple[str, str]:
    return next(iter(kinds([each])))


async def _survives(day: Day, found: list[KeptFinding]) -> None:
    """A person's note and what a person has settled are as they were after the day is compared again, twice at once too."""
    settled, noted = found[:2]
    await day.do(reconciliation.close(day.world, settled.number, "The buyer has it back."))
    await day.do(reconciliation.note(day.world, noted.number, "BCA was asked, ticket 7."))
    left = await day.reconcile()
    assert [(each.number, each.state, each.note) for each in left] == [
        (each.number, "noted" if each == noted else "open", "BCA was asked, ticket 7." if each == noted else "")
        for each in found[1:]
    ]
    results = await asyncio.gather(*(day.reconcile() for _ in range(3)))
    assert [[each.number for each in one] for one in results] == [[each.number for each in left]] * 3
    assert len(await day.rows("SELECT FROM findings")) == len(found)


async def _is_in_a_file(day: Day) -> None:
    """BCA's file of the same account has no line that is not known already, and twice it changes nothing."""
    rows = await day.rows("SELECT * FROM statement_lines ORDER BY booked_on, position")
    lines = [
        StatementLine(
            day.account,
            row["booked_on"],
            row["amount"],
            row["direction"],
            row["text"],
            balance_after=row["balance_after"],
        )
        for row in rows
    ]
    opening = (lines[0].balance_after or 0) - lines[0].signed
    data = writers.bca(lines, opening).replace(ACCOUNT, day.account).encode()
    for known_before in (False, True):
        (done,) = await day.do(statements.import_file(day.world, day.connection, data, file_name="bca.csv"))
        assert (done.account, done.kind, done.lines) == (day.account, "bca", len(lines))
        assert (done.new_lines, done.known_before) == (0, known_before)
    assert await day.rows("SELECT * FROM statement_lines ORDER BY booked_on, position") == rows


@pytest.mark.parametrize("fault", ["statement_gap", "statement_extra"])
async def test_a_statement_that_does_not_add_up_is_refused_whole(
    databases: Databases, tmp_path: Path, fault: str
) -> None:
    async with day_at(databases, tmp_path) as day:
        for number in await numbers(day.gateway.new_shop(), "BCA", 4):
            await day.bank.pay(number)
        # With this seed the line that is missing is neither the first nor the last one, which no balance could show.
        await day.bank.put_faults({fault: 1.0}, seed=3)
        with pytest.raises(StatementWrong, match="is not whole"):
            await day.fetch()
        assert await day.rows("SELECT FROM statement_lines") == []
        with pytest.raises(CannotCompare, match="No statement"):
            await day.reconcile()
        await day.bank.put_faults({})
        assert (await day.fetch()).new_lines == 4
        assert await day.reconcile() == []


async def test_money_that_nobody_reported_is_unexplained_until_somebody_closes_it(
    databases: Databases, tmp_path: Path
) -> None:
    async with day_at(databases, tmp_path) as day:
        for number in await numbers(day.gateway.new_shop(), "BCA", 2):
            await day.bank.pay(number)
        await day.bank.control("move", {"amount": "123400.00", "remark": "SETORAN TUNAI"})
        await day.bank.control("move", {"amount": "-6500.00", "remark": "BIAYA ADM"})
        await day.fetch()
        found = await day.reconcile()
        assert [(each.finding.kind, each.finding.theirs) for each in found] == [
            ("unexplained_credit", 123_400_00),
            ("unexplained_debit", 6_500_00),
        ]
        for each in found:
            await day.do(reconciliation.close(day.world, each.number))
        assert await day.reconcile() == []
