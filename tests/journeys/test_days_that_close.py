"""A day at a simulated bank is closed: its statement is read, and what differs from the gateway's ledger is found."""

import asyncio
import csv
import io
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gerbang import bank_simulator
from gerbang.clock import Clock, MovableClock, wib
from gerbang.domain.kept_findings import KeptFinding
from gerbang.domain.statements import StatementWrong
from gerbang.listening import listen
from gerbang.services import audit, reconciliation, statements
from gerbang.services.reconciliation import CannotCompare, Compared
from gerbang.settings import Settings
from gerbang.world import World
from tests.support.gateways import Databases, Gateway, Shop
from tests.support.simulated_banks import Simulated, client

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
        later: Clock = MovableClock(self.began + timedelta(days=2), ticking=False)
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
async def day_at(databases: Databases, folder: Path, profile: str = BCA) -> AsyncGenerator[Day]:
    with listen(Settings(host="127.0.0.1", port=0)) as listener:
        bank_url = f"http://127.0.0.1:{listener.port}"
        prepared = bank_simulator.prepare(folder / "bank", profile, bank_url, "http://127.0.0.1:8000")
        gateway = Gateway(databases.fresh(), folder / "data", clock=None, connections=prepared.connections_file)
        await asyncio.to_thread(gateway.__enter__)
        try:
            wiring = bank_simulator.prepare(folder / "bank", profile, bank_url, gateway.base_url)
            async with bank_simulator.serving_bank(wiring, listener) as bank, client() as http:
                yield Day(gateway, Simulated(bank, http))
        finally:
            await asyncio.to_thread(gateway.__exit__, None, None, None)


async def numbers(shop: Shop, count: int, bank: str = "BCA") -> list[str]:
    options = {"virtualAccount": {"channel": bank, "virtualAccountName": "Budi"}}

    def one() -> str:
        made = shop.create(paymentMethodOptions=options)
        return made["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]

    return [await asyncio.to_thread(one) for _ in range(count)]


async def test_a_day_without_faults_closes(databases: Databases, tmp_path: Path) -> None:
    async with day_at(databases, tmp_path) as day:
        for number in await numbers(day.gateway.new_shop(), 3):
            assert (await day.bank.pay(number))["money"] == "paid"
        read = await day.fetch()
        assert (read.lines, read.new_lines) == (4, 4)
        found = await day.reconcile()
        assert [(each.finding.kind, each.finding.line) for each in found] == []
