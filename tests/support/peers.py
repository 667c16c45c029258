"""A server that says what it was asked, on our connections; and peers that send it bytes, whole or cut, and read answers."""

import asyncio
import socket
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import uvloop
from starlette.types import Receive, Scope, Send

from gerbang.http_connections import PATIENCE, Patience
from gerbang.listening import listen, serve_http
from gerbang.settings import Settings

LARGE = 20_000_000


@dataclass
class Echo:
    """Answers with what it read: the method, the path, the headers' names, and the body.

    `/early` is answered before its body is read, `/large` with more than any socket holds, `/page` is a stream that waits
    for its peer to go away, and `/held` waits until it is let go.
    """

    port: int = 0
    gone: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list[str])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        read, more = b"", scope["path"] not in ("/early", "/large", "/page")
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            read, more = read + message["body"], message["more_body"]
        if scope["path"] == "/page":
            while (await receive())["type"] != "http.disconnect":
                pass
            self.gone.set()
            return
        if scope["path"] == "/held":
            await self.held.wait()
        said = {
            "method": scope["method"],
            "path": scope["path"],
            "headers": [name.decode() for name, _ in scope["headers"]],
            "body": read.decode("latin-1"),
        }
        body = bytes(LARGE) if scope["path"] == "/large" else msgspec.json.encode(said)
        status = 401 if scope["path"] == "/early" else 200
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    def let_go(self) -> None:
        self._loop.call_soon_threadsafe(self.held.set)

    async def serve(self, started: threading.Event, patience: Patience) -> None:
        self._loop, self._stop, self.held = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        with listen(Settings(port=0)) as listener:
            self.port = listener.port
            serving = asyncio.ensure_future(serve_http(self, listener, patience))
            started.set()
            await self._stop.wait()
            serving.cancel()
            await asyncio.wait([serving])

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)


@contextmanager
def echo(patience: Patience = PATIENCE) -> Generator[Echo]:
    server, started = Echo(), threading.Event()
    thread = threading.Thread(target=lambda: uvloop.run(server.serve(started, patience)), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)


@dataclass(frozen=True)
class Answer:
    status: int
    head: bytes
    body: bytes

    @property
    def received(self) -> tuple[str, str, str]:
        """What the server was asked: method, path and body."""
        said = msgspec.json.decode(self.body)
        return said["method"], said["path"], said["body"]


def line_to(port: int, host: str = "127.0.0.1") -> socket.socket:
    line = socket.create_connection((host, port), timeout=10)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def answers(received: bytes) -> list[Answer]:
    """The answers one after the other; each says how long it is. Fails on anything else."""
    found: list[Answer] = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), f"no answer: {received[:200]!r}"
        assert end, f"half an answer: {received[:200]!r}"
        lengths = [line.partition(b": ")[2] for line in head.split(b"\r\n") if line.startswith(b"content-length: ")]
        length = int(lengths[0]) if lengths else 0
        found.append(Answer(int(head[9:12]), head, rest[:length]))
        assert len(rest) >= length, f"half an answer: {received[:200]!r}"
        received = rest[length:]
    return found


def until_hung_up(line: socket.socket) -> bytes:
    received = b""
    while part := line.recv(262_144):
        received += part
    return received


def sent(port: int, *parts: bytes) -> list[Answer]:
    """All answers to what is sent in parts, to its end."""
    return sent_all(port, [parts])[0]


def sent_all(port: int, all_parts: Sequence[Sequence[bytes]]) -> list[list[Answer]]:
    """The answers on many connections at once, each of which sends its parts with a pause between them.

    The last part must end the connection: by a last request that says so, or by one that is refused.
    """
    lines = [line_to(port) for _ in all_parts]
    try:
        for number in range(max(map(len, all_parts))):
            time.sleep(0.05 if number else 0)  # so that what was sent before has been read
            for line, parts in zip(lines, all_parts, strict=True):
                if number < len(parts):
                    line.sendall(parts[number])
        return [answers(until_hung_up(line)) for line in lines]
    finally:
        for line in lines:
            line.close()
