"""Server-sent events for open pages. One watcher per process reads the versions of all open payments twice a second."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

import structlog
from starlette.types import Receive, Send

from gerbang.descriptors import streams_max
from gerbang.errors import Unavailable
from gerbang.logs import Seldom
from gerbang.web._pages.responses import PRIVATE

log = structlog.get_logger()
_full = Seldom()
PAUSE_SECONDS = 0.5
HEARTBEAT_SECONDS = 20.0
"""How often an empty comment is sent, so that no proxy closes an idle stream."""
STREAM_SECONDS_MAX = 600.0
"""A stream ends after this time, so that a lost connection is not kept; browsers reconnect by themselves."""
STREAMS_PER_PAYMENT_MAX = 20

PageVersions = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, str]]]
"""Reads the page versions of payments. Raises Unavailable without a database."""


class Stream:
    """One open page. `version` is the newest version to send; once `over`, nothing more is sent."""

    __slots__ = ("over", "version", "wake")

    def __init__(self, version: str, *, over: bool = False) -> None:
        self.version = version
        self.over = over
        self.wake = asyncio.Event()

    def end(self) -> None:
        self.over = True
        self.wake.set()


class Watcher:
    """Reads the versions of all payments with an open page and wakes the streams whose version has changed.

    `most` is the largest number of open streams.
    """

    def __init__(self, page_versions: PageVersions, most: int | None = None) -> None:
        self._page_versions = page_versions
        self._most = streams_max() if most is None else most
        self._open: dict[UUID, set[Stream]] = {}
        self._count = 0
        self._closed = False
        self._running: asyncio.Task[None] | None = None

    @property
    def streams(self) -> int:
        return self._count

    def enter(self, payment_id: UUID, version: str) -> Stream | None:
        """A new stream for a payment; None if too many are open already, so that the page has to poll."""
        if self._count >= self._most:
            _full.warning(
                "an event stream was refused and its page polls instead: as many are open as there may be",
                most=self._most,
            )
            return None
        if len(self._open.get(payment_id, ())) >= STREAMS_PER_PAYMENT_MAX:
            return None
        stream = Stream(version, over=self._closed)
        self._open.setdefault(payment_id, set()).add(stream)
        self._count += 1
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._watch())
        return stream

    def leave(self, payment_id: UUID, stream: Stream) -> None:
        streams = self._open[payment_id]
        streams.discard(stream)
        self._count -= 1
        if not streams:
            del self._open[payment_id]

    def close(self) -> None:
        """Ends all streams, and new ones as soon as they open: browsers then reconnect to another process."""
        self._closed = True
        for streams in self._open.values():
            for stream in streams:
                stream.end()

    async def _watch(self) -> None:
        while self._open:
            try:
                for payment_id, version in (await self._page_versions(list(self._open))).items():
                    for stream in self._open.get(payment_id, ()):
                        if stream.version != version:
                            stream.version = version
                            stream.wake.set()
            except Unavailable:
                pass  # read again in the next round
            except Exception:
                log.exception("the versions of the open pages could not be read; they are read again")
            await asyncio.sleep(PAUSE_SECONDS)


async def stream_versions(watcher: Watcher, payment_id: UUID, version: str, receive: Receive, send: Send) -> None:
    """Sends the version now and whenever it changes, as server-sent events. 503 if too many streams are open."""
    stream = watcher.enter(payment_id, version)
    if stream is None:
        await send({"type": "http.response.start", "status": 503, "headers": [(b"retry-after", b"5")]})
        await send({"type": "http.response.body", "body": b""})
        return
    disconnected = asyncio.ensure_future(_ended_by_browser(receive, stream))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send(
            {"type": "http.response.body", "body": f"retry: 2000\ndata: {version}\n\n".encode(), "more_body": True}
        )
        loop = asyncio.get_running_loop()
        end = loop.time() + STREAM_SECONDS_MAX
        while not stream.over and loop.time() < end:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await stream.wake.wait()
            except TimeoutError:
                line = ":\n\n"
            else:
                stream.wake.clear()
                line = f"data: {stream.version}\n\n"
            if not stream.over:
                await send({"type": "http.response.body", "body": line.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        disconnected.cancel()
        watcher.leave(payment_id, stream)


async def _ended_by_browser(receive: Receive, stream: Stream) -> None:
    """Waits until the browser disconnects, and ends the stream."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


HEADERS = [
    (name.encode(), value.encode())
    for name, value in (PRIVATE | {"content-type": "text/event-stream", "x-accel-buffering": "no"}).items()
]
