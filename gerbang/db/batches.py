"""Gathers what arrives and commits it together: the slow thing about a payment is the commit, so many share one.

While a batch is being written, what arrives waits and forms the next one. Without load a batch holds one item and nothing
waits. Services take lists; this is the one place that makes lists out of single calls.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from gerbang.errors import Unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batch(Generic[Item, Answer]):
    """Calling it with one item gives that item's own answer, or raises its own refusal.

    `work` gets 1 to `size_max` items, in the order of their arrival, and answers each with a value: an answer, or what
    its caller is to be raised, such as a Refused.
    At most `lanes` batches are written at the same time. If `work` raises, each item of the batch is tried once more
    alone, so that one bad item cannot fail its neighbours, and one that has lost a race sees who won it.
    """

    def __init__(
        self, work: Callable[[list[Item]], Awaitable[Sequence[Answer | Exception]]], *, size_max: int, lanes: int
    ) -> None:
        self._work = work
        self._size_max = size_max
        self._lanes_free = lanes
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, item: Item) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._lanes_free:
            self._lanes_free -= 1
            lane = asyncio.create_task(self._lane())
            self._running.add(lane)
            lane.add_done_callback(self._running.discard)
        try:
            return await future
        finally:
            # A refusal knows where it was raised, and so whoever knows the refusal: they would wait for the collector.
            del future

    async def _lane(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self._size_max, len(self._waiting)))]
                await self._write(batch)
        finally:
            self._lanes_free += 1

    async def _write(self, batch: list[tuple[Item, asyncio.Future[Answer]]], *, again: bool = True) -> None:
        try:
            answered = list(zip(batch, await self._work([item for item, _ in batch]), strict=True))
        except Exception as failure:  # noqa: BLE001  whatever it was, each item is tried once more alone
            if isinstance(failure, Unavailable) or not again:
                for _, future in batch:
                    _settle(future, failure)
                return
            for single in batch:
                await self._write([single], again=False)
            return
        for (_, future), answer in answered:
            _settle(future, answer)


def _settle(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if future.done():  # its caller went away
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
