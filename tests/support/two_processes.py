"""Two processes on one database and one clock, and a shop whose server receives their callbacks."""

import asyncio
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import uvloop

from gerbang.clock import MovableClock
from tests.support.partners import asking_bca
from tests.support.services import START, Services, forget_power_cuts, services
from tests.support.shop_servers import read_request


@dataclass
class TwoProcesses:
    """Two processes on one database and one clock, and a shop's server that receives their callbacks."""

    runner: asyncio.Runner
    one: Services
    two: Services
    url: str
    answers: list[int]
    """What the shop answers next; 200 when nothing is left, 0 for hanging up."""


@contextmanager
def two_processes(database_url: str) -> Generator[TwoProcesses]:
    """Both on this database, for as long as the context lasts."""
    answers: list[int] = []

    async def shop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await read_request(reader)
                status = answers.pop(0) if answers else 200
                if status == 0:
                    break
                writer.write(f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stack = AsyncExitStack()

        async def open_() -> TwoProcesses:
            await forget_power_cuts(database_url)
            clock = MovableClock(START, ticking=False)
            one = asking_bca(await stack.enter_async_context(services(database_url, clock=clock)))
            two = asking_bca(await stack.enter_async_context(services(database_url, clock=clock)))
            server = await stack.enter_async_context(await asyncio.start_server(shop, "127.0.0.1", 0))
            port = server.sockets[0].getsockname()[1]
            return TwoProcesses(runner, one, two, f"http://127.0.0.1:{port}/", answers)

        yield runner.run(open_())
        runner.run(stack.aclose())
