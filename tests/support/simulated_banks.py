"""Starts the simulated bank in a test, on a free port, with keys that are made once."""

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx

from gerbang import bank_simulator
from gerbang.bank_simulator.bank import Bank
from gerbang.clock import Clock
from gerbang.listening import listen
from gerbang.services import audit
from gerbang.settings import Settings
from tests.support.gateways import Databases, Gateway, Shop


class Answered(NamedTuple):
    """An answer of the bank."""

    status: int
    body: bytes


def client() -> httpx.AsyncClient:
    """A client of this machine alone. TLS would take a moment to prepare."""
    return httpx.AsyncClient(trust_env=False, verify=False, timeout=20)


class Simulated:
    """A running bank and a client of its control addresses."""

    def __init__(self, bank: Bank, http: httpx.AsyncClient) -> None:
        self.bank = bank
        self.http = http
        self.url = bank.wiring.bank_url

    async def control(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POSTs to, or GETs from, /control/… and gives the answer's JSON."""
        return json.loads((await self.asked(f"/control/{path}", body)).body)

    async def asked(self, path: str, body: Mapping[str, Any] | None = None) -> Answered:
        answer = await self.http.request("GET" if body is None else "POST", self.url + path, json=body)
        return Answered(answer.status_code, answer.content)

    async def put_faults(self, faults: Mapping[str, Any], **members: Any) -> Answered:
        answer = await self.http.put(f"{self.url}/control/faults", json={"faults": faults, **members})
        return Answered(answer.status_code, answer.content)

    async def pay(self, number: str, **members: Any) -> Any:
        return await self.control("pay", {"number": number, **members})


@asynccontextmanager
async def simulated(
    folder: Path, profile: str, gateway_url: str, clock: Clock | None = None
) -> AsyncGenerator[Simulated]:
    with listen(Settings(host="127.0.0.1", port=0)) as listener:
        url = f"http://127.0.0.1:{listener.port}"
        wiring = bank_simulator.prepare(folder, profile, url, gateway_url)
        async with bank_simulator.serving_bank(wiring, listener, clock) as bank, client() as http:
            yield Simulated(bank, http)


@cache
def _made(profile: str) -> "TemporaryDirectory[str]":
    """The folder of a bank that nobody has started yet, with its keys: to make two takes longer than most tests."""
    folder = TemporaryDirectory(prefix="gerbang-test-bank-")
    bank_simulator.prepare(Path(folder.name) / "bank", profile, "http://127.0.0.1:9100", "http://127.0.0.1:8000")
    return folder


@asynccontextmanager
async def both(
    databases: Databases, folder: Path, profile: str, *, routes: str = "", members: str = ""
) -> AsyncGenerator[tuple[Gateway, Simulated]]:
    """A gateway and a bank that know each other. `routes` are added to the gateway's connections file, `members` to each of its banks."""
    with listen(Settings(host="127.0.0.1", port=0)) as listener:
        url = f"http://127.0.0.1:{listener.port}"
        copied(Path(_made(profile).name) / "bank", folder / "bank")
        prepared = bank_simulator.prepare(folder / "bank", profile, url, "http://127.0.0.1:8000")
        file = prepared.connections_file
        written = file.read_text("utf-8").replace('provider = "snap"\n', f'provider = "snap"\n{members}')
        file.write_text(written + routes, "utf-8")
        gateway = Gateway(databases.fresh(), folder / "data", clock=None, connections=file)
        await asyncio.to_thread(gateway.__enter__)
        try:
            wiring = bank_simulator.prepare(folder / "bank", profile, url, gateway.base_url)
            async with bank_simulator.serving_bank(wiring, listener) as bank, client() as http:
                yield gateway, Simulated(bank, http)
        finally:
            await asyncio.to_thread(gateway.__exit__, None, None, None)


async def numbers(shop: Shop, bank: str, count: int) -> list[str]:
    """Numbers at this bank of new payments of Rp 20.000."""
    options = {"virtualAccount": {"channel": bank, "virtualAccountName": "Budi"}}

    def one() -> str:
        made = shop.create(paymentMethodOptions=options)
        return made["chargeDetails"][0]["virtualAccount"]["virtualAccountNumber"]

    return [await asyncio.to_thread(one) for _ in range(count)]


def in_order(gateway: Gateway) -> None:
    """Fails if the audit of the gateway's ledger finds anything."""
    wrong = [finding for finding in gateway.do(audit.look(gateway.services.world.db)) if finding.count]
    assert [(finding.rule, finding.examples) for finding in wrong] == []


def copied(source: Path, target: Path) -> Path:
    """A copy of a prepared folder, so that a test has a ledger of its own and the keys are made once."""
    shutil.copytree(source, target)
    return target
