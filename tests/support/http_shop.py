"""What tests of workers need around them: two processes at work, a shop's server that receives callbacks, and patience."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from gerbang.clock import MovableClock
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Method
from tests.support.services import Services, money, number, order
from tests.support.shop_servers import OK, read_request, shop

PATIENCE_SECONDS = 30
"""How long a test waits for what must happen soon. It is less than a callback may take, so that waiting for one is seen."""


@dataclass
class TwoProcesses:
    """Two processes on one database and one clock."""

    url: str
    one: Services
    two: Services


Start = Callable[[], AbstractAsyncContextManager[TwoProcesses]]


@asynccontextmanager
async def working(*services: Services) -> AsyncGenerator[None]:
    """The workers of these processes, as they run for ever."""
    tasks = [asyncio.create_task(each.workers.run()) for each in services]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def paid(here: Services, merchant: Merchant, times: int = 1) -> None:
    """A static number that is paid so many times; each is a callback."""
    method = Method(channel="virtual_account", option="BRI")
    static = number(await here.batches.create(order(merchant.id, kind="static", amount=None, method=method)))
    booked = await asyncio.gather(*(here.batches.report(money(static, amount=100 + n)) for n in range(times)))
    assert {each.outcome for each in booked} == {"booked"}


@dataclass
class HttpShop:
    """A shop's server: what it received and when by the sandbox's clock, and how many callbacks it had in its hands."""

    clock: MovableClock
    statuses: list[int] = field(default_factory=list[int])
    """What it answers next; 200 when nothing is left, 0 for hanging up."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """While this is not set, it takes callbacks and says nothing."""
    received: list[tuple[datetime, bytes]] = field(default_factory=list[tuple[datetime, bytes]])
    in_hand: int = 0
    in_hand_most: int = 0
    url: str = ""

    @property
    def times(self) -> list[datetime]:
        return [at for at, _ in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, body = await read_request(reader)
            self.received.append((self.clock.now(), body))
            self.in_hand += 1
            self.in_hand_most = max(self.in_hand_most, self.in_hand)
            try:
                await self.open.wait()
            finally:
                self.in_hand -= 1
            status = self.statuses.pop(0) if self.statuses else 200
            if not status:
                return
            writer.write(OK if status == 200 else f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()


@asynccontextmanager
async def shop_server(here: Services, *statuses: int, is_open: bool = True) -> AsyncGenerator[HttpShop]:
    """A shop's server that answers as it is asked to."""
    endpoints = HttpShop(here.clock, list(statuses))
    if is_open:
        endpoints.open.set()
    async with shop(endpoints.serve) as port:
        endpoints.url = f"http://127.0.0.1:{port}/"
        yield endpoints


async def soon(what: Callable[[], bool]) -> None:
    """Waits until it is so. Raises TimeoutError if it is not so soon."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not what():  # noqa: ASYNC110  the one who could say so is a server's own loop of calls
            await asyncio.sleep(0.01)


async def soon_there(endpoints: "asyncpg.Connection[asyncpg.Record]", query: str) -> None:
    """Waits until the database has what is asked for. Raises TimeoutError if it is not there soon."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await endpoints.fetch(query):  # noqa: ASYNC110  tables have no events
            await asyncio.sleep(0.05)
