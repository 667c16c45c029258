"""Starts the simulated bank in a test, on a free port, with keys that are made once."""

import json
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gerbang import bank_simulator
from gerbang.bank_simulator.bank import Bank
from gerbang.clock import Clock
from gerbang.listening import listen
from gerbang.network import Answer, Network
from gerbang.settings import Settings


class Simulated:
    """A running bank and a client of its control addresses."""

    def __init__(self, bank: Bank, network: Network) -> None:
        self.bank = bank
        self.network = network
        self.url = bank.wiring.bank_url

    async def control(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POSTs to, or GETs from, /control/… and gives the answer's JSON."""
        return json.loads((await self.asked(f"/control/{path}", body)).body)

    async def asked(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        if body is None:
            return await self.network.get(self.url + path, {})
        return await self.network.post(self.url + path, json.dumps(body).encode(), {}, timeout_seconds=20)

    async def pay(self, number: str, **members: Any) -> Any:
        return await self.control("pay", {"number": number, **members})


@asynccontextmanager
async def simulated(
    folder: Path, profile: str, gateway_url: str, clock: Clock | None = None
) -> AsyncGenerator[Simulated]:
    network = Network(allow_private=True)
    with listen(Settings(host="127.0.0.1", port=0)) as listener:
        url = f"http://127.0.0.1:{listener.port}"
        wiring = bank_simulator.prepare(folder, profile, url, gateway_url)
        async with bank_simulator.serving_bank(wiring, listener, clock) as bank:
            try:
                yield Simulated(bank, network)
            finally:
                await network.aclose()


def copied(source: Path, target: Path) -> Path:
    """A copy of a prepared folder, so that a test has a ledger of its own and the keys are made once."""
    shutil.copytree(source, target)
    return target
