"""`python -m benchmarks.paced PORT FILE RATE SECONDS CONNECTIONS`: sends the requests of a file at a rate, and measures how
long each takes.

They become due at random instants, as those of many buyers do, whatever the gateway does meanwhile. A request that is due while
every connection waits for an answer waits too, and that counts: its time begins when it is due. (A tool that sends the next
request when the last one is answered leaves out just those that would have waited.)
"""

import asyncio
import json
import random
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import cast

import uvloop

BETWEEN = "\x1e"
"""What stands between two requests in the file."""
ACCEPTED = b"HTTP/1.1 200 "
"""What an answer begins with unless it is a refusal."""
LAST_SECONDS_MAX = 10.0


class Sender:
    """All connections, what is due, and how long what was answered took."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.connections: list[Connection] = []
        self.free: list[Connection] = []
        self.due: deque[tuple[bytes, float]] = deque()
        self.seconds: list[float] = []
        self.refused = 0
        self.lost = 0
        self.last = -1
        """How many requests there are, once all have been due."""
        self.over = asyncio.Event()

    def send(self) -> None:
        while self.due and self.free:
            self.free.pop().send(*self.due.popleft())


class Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._received = b""
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._sender.connections.append(self)
        self._sender.free.append(self)

    def send(self, request: bytes, since: float) -> None:
        self._since = since
        self._received = b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            return
        sender = self._sender
        sender.seconds.append(sender.loop.time() - self._since)
        sender.refused += not head.startswith(ACCEPTED)
        sender.free.append(self)
        sender.send()
        if len(sender.seconds) == sender.last:
            sender.over.set()

    def close(self) -> None:
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.lost += 1


async def measure(port: int, requests: list[bytes], rate: float, seconds: float, connections: int) -> dict[str, int]:
    """Sends requests at a rate for so many seconds, and returns what wrk's script prints."""
    sender = Sender()
    for _ in range(connections):
        await sender.loop.create_connection(lambda: Connection(sender), "127.0.0.1", port)
    chance = random.Random(25)
    begun = at = sender.loop.time()
    sent = 0
    while (at := at + chance.expovariate(rate)) < begun + seconds:
        if (ahead := at - sender.loop.time()) > 0:
            await asyncio.sleep(ahead)
        sender.due.append((requests[sent], at))
        sender.send()
        sent += 1
    sender.last = sent
    if len(sender.seconds) < sent:
        with suppress(TimeoutError):
            await asyncio.wait_for(sender.over.wait(), LAST_SECONDS_MAX)
    took, lost = sorted(sender.seconds) or [0.0], sender.lost
    ended = sender.loop.time()
    for connection in sender.connections:
        connection.close()
    return {
        "requests": len(sender.seconds),
        "microseconds": int((ended - begun) * 1e6),
        "refused": sender.refused,
        "lost": lost + sent - len(sender.seconds),
        "p50": int(took[len(took) // 2] * 1e6),
        "p99": int(took[int(len(took) * 0.99)] * 1e6),
    }


def main() -> None:
    port, file, rate, seconds, connections = sys.argv[1:]
    requests = Path(file).read_bytes().split(BETWEEN.encode())
    found = uvloop.run(measure(int(port), requests, float(rate), float(seconds), int(connections)))
    sys.stdout.write(f"\nMEASURED {json.dumps(found)}\n")


if __name__ == "__main__":
    main()
