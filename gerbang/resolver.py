"""Asking where names lead, each name in a thread of its own.

The event loop has two threads for all of them: two names whose servers are silent would keep every other waiting.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Found = tuple[int, int, int, str, tuple[Any, ...]]
"""An address as the system gives it: family, type, protocol, canonical name, socket address."""
Ask = Callable[[str, int], list[Found]]
"""Gives the addresses of a host and port, and may take long. Raises OSError or UnicodeError where there are none."""


class Resolver:
    """One per process. A name that is being asked for is not asked for twice, so whoever is silent has one thread."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._asking: dict[tuple[str, int], asyncio.Future[list[Found]]] = {}

    async def find(self, host: str, port: int) -> list[Found]:
        """The addresses of a host; none where it is not found. Raises OSError where there is no thread to ask in."""
        answer = self._asking.get((host, port))
        if answer is None:
            loop = asyncio.get_running_loop()
            answer = loop.create_future()
            # Who stops waiting cannot stop the system, and the end of the process must not wait for it.
            thread = threading.Thread(target=self._work, args=(loop, answer, host, port), daemon=True)
            try:
                thread.start()
            except RuntimeError as full:
                raise OSError(str(full)) from None
            self._asking[host, port] = answer
        return await asyncio.shield(answer)

    def _work(self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[list[Found]], host: str, port: int) -> None:
        found: list[Found] = []
        try:
            with suppress(OSError, UnicodeError):
                found = self._ask(host, port)
        finally:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._tell, answer, host, port, found)

    def _tell(self, answer: asyncio.Future[list[Found]], host: str, port: int, found: list[Found]) -> None:
        del self._asking[host, port]
        answer.set_result(found)
