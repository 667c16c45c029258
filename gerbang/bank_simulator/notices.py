"""Reports of what has happened already (25 of a registered number, 34, 52, 56, 75, 76), repeated until the partner takes them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from gerbang.bank_simulator.bodies import Body
from gerbang.bank_simulator.calls import Caller
from gerbang.bank_simulator.transcript import Exchange
from gerbang.bank_simulator.verdicts import is_taken


class NoSuchNotice(Exception):
    """This bank has no such report. The message says so."""


class Notices:
    """The reports of one bank to its partner."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._waiting: set[asyncio.Task[None]] = set()

    async def send(self, service: str, body: Body, partner_id: str) -> list[Exchange]:
        """Sends a report now, and again later while it is not taken. Raises NoSuchNotice."""
        profile = self._caller.profile
        if service not in profile.partner:
            raise NoSuchNotice(f"{profile.title} does not call service {service} at its partner.")
        external_id = self._caller.external_id("NTF", self._caller.clock.now())
        made = await self._caller.call(service, body, partner_id, external_id)
        if not is_taken(made[-1]) and profile.retry_seconds:
            self._later(self._repeat(service, body, partner_id, external_id))
        return made

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _repeat(self, service: str, body: Body, partner_id: str, external_id: str) -> None:
        before = 0.0
        for seconds in self._caller.profile.retry_seconds:
            await asyncio.sleep(seconds - before)
            before = seconds
            if is_taken((await self._caller.call(service, body, partner_id, external_id))[-1]):
                return

    async def stop(self) -> None:
        """Repeats nothing any more."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)
