"""Resolves host names, each in a thread of its own.

The event loop has only two threads for this: two names whose servers do not answer would delay all others.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Found = tuple[int, int, int, str, tuple[Any, ...]]
"""An address as getaddrinfo returns it: family, type, protocol, canonical name, socket address."""
Lookup = Callable[[str, int], list[Found]]
"""Resolves a host and port; may block for long. Raises OSError or UnicodeError if there is no address."""


class Resolver:
    """The resolver of one process.

    Concurrent requests for one name share a lookup, so a slow name takes one thread only.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._pending: dict[tuple[str, int], asyncio.Future[list[Found]]] = {}

    async def find(self, host: str, port: int) -> list[Found]:
        """The addresses of a host, empty if it is not found. Raises OSError if no thread can be started."""
        answer = self._pending.get((host, port))
        if answer is None:
            loop = asyncio.get_running_loop()
            answer = loop.create_future()
            # A lookup cannot be cancelled. As a daemon thread it does not delay the end of the process.
            thread = threading.Thread(target=self._work, args=(loop, answer, host, port), daemon=True)
            try:
                thread.start()
            except RuntimeError as full:
                raise OSError(str(full)) from None
            self._pending[host, port] = answer
        return await asyncio.shield(answer)

    def _work(self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[list[Found]], host: str, port: int) -> None:
        found: list[Found] = []
        try:
            with suppress(OSError, UnicodeError):
                found = self._lookup(host, port)
        finally:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._resolve, answer, host, port, found)

    def _resolve(self, answer: asyncio.Future[list[Found]], host: str, port: int, found: list[Found]) -> None:
        del self._pending[host, port]
        answer.set_result(found)
