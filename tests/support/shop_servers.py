"""A shop on localhost: a real server that answers as a test asks it to, and the way out that calls it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gerbang.network import Network, NetworkFailed

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Run = Callable[[Coroutine[Any, Any, None]], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def shop(peer: Peer, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """A real server on localhost; gives its port."""
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await peer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, sock=socket.create_server(("127.0.0.1", 0)), ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def way_out(allow_private: bool = True, **more: Any) -> AsyncGenerator[Network]:
    way = Network(allow_private, **more)
    try:
        yield way
    finally:
        await way.aclose()


async def read_request(reader: asyncio.StreamReader) -> tuple[list[str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    lengths = [int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:")]
    return head, await reader.readexactly(sum(lengths))


def answering(
    answer: bytes, received: list[tuple[list[str], bytes]] | None = None, calls: list[int] | None = None
) -> Peer:
    """A shop that gives the same answer to everyone, and writes down what it received and on which connection."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            if received is not None:
                received.append(request)
            if calls is not None:
                calls.append(writer.get_extra_info("peername")[1])
            writer.write(answer)
            await writer.drain()

    return peer


def flooding(beginning: bytes, endlessly: bytes, sent: list[int]) -> Peer:
    """A shop that answers without end as fast as it can, and counts what it got rid of."""
    block = endlessly * (65536 // len(endlessly))

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(beginning)
        while True:
            writer.write(block)
            await writer.drain()
            sent.append(len(block))

    return peer


async def failure(call: Awaitable[object]) -> str:
    with pytest.raises(NetworkFailed) as caught:
        await call
    return caught.value.reason
