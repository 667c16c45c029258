"""Sends callbacks: many at a time and fairly among endpoints, so that endpoints which hang do not delay the others."""

import asyncio
from collections import Counter
from uuid import UUID

import structlog

from gerbang.errors import Unavailable
from gerbang.services import deliveries
from gerbang.services.batches import Batches
from gerbang.services.deliveries import Due, Places, Result
from gerbang.world import World

log = structlog.get_logger()
AT_ONCE_MAX = 400
"""Deliveries that a process sends at the same time; each has one place."""
AT_ONCE_PER_ENDPOINT = 8
"""Places of one endpoint while fewer places are taken than free; after that it has one."""
AT_ONCE_SILENT_MAX = AT_ONCE_MAX // 2
"""Places of all silent endpoints together."""
SILENCE_SECONDS = 1.0
"""A try without an answer that took at least this long makes its endpoint silent; a refused connection does not."""
CLAIM_MAX = 16
"""Deliveries that one step claims."""


class Sender:
    """Claims due deliveries and sends them in the background, while the next step claims more.

    A delivery holds one of the process's places until its endpoint answers or the time-out ends. Endpoints that hang
    cannot take all places:

    * Endpoints are served in turn, with one delivery each while more endpoints have due deliveries than a claim takes.
    * An endpoint has up to eight places while fewer places are taken than free, and then one. So more than two hundred
      hanging endpoints are needed to fill all places, and at the time-outs they are known to be silent.
    * A silent endpoint has one place until it answers, and all silent endpoints together have half of the places. The
      other half is left for those that answer, however many are silent.

    Each process finds silent endpoints by itself and remembers only their ids.
    """

    def __init__(self, world: World, batches: Batches) -> None:
        self._world = world
        self._batches = batches
        self._claiming = asyncio.Lock()
        self._sending: set[asyncio.Task[None]] = set()
        self._sending_to: Counter[UUID] = Counter()
        self._silent: set[UUID] = set()
        """Endpoints that left a try without an answer for SILENCE_SECONDS or longer and have not answered since."""
        self._last_served = UUID(int=0)

    async def step(self) -> int:
        """Claims due deliveries and starts to send them. Returns how many; 0 also if no place is free."""
        # One step at a time: moving the clock takes steps too, and two would give the same place away twice.
        async with self._claiming:
            room = min(CLAIM_MAX, AT_ONCE_MAX - len(self._sending))
            if room <= 0:
                await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED, timeout=1)
                return 0
            claimed = await deliveries.claim(self._world, room, self._places())
            for due in claimed:
                self._sending_to[due.endpoint_id] += 1
                task = asyncio.create_task(self._send(due))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            self._note_served({due.endpoint_id for due in claimed}, room)
            return len(claimed)

    def _places(self) -> Places:
        """How many more deliveries each endpoint may have now."""
        of_silent = sum(self._sending_to[endpoint] for endpoint in self._silent)
        taken, free = len(self._sending) - of_silent, AT_ONCE_MAX - len(self._sending)
        each = AT_ONCE_PER_ENDPOINT if taken < free else 1
        one = 1 if of_silent + CLAIM_MAX <= AT_ONCE_SILENT_MAX else 0
        left = {endpoint: max(0, each - count) for endpoint, count in self._sending_to.items()}
        left |= {endpoint: max(0, one - self._sending_to[endpoint]) for endpoint in self._silent}
        return Places(each, left, self._last_served)

    def _note_served(self, served: set[UUID], room: int) -> None:
        """The next claim begins after the last endpoint served, if this one may have left out endpoints."""
        if len(served) == room:
            self._last_served = max(served, key=lambda endpoint: (endpoint <= self._last_served, endpoint))

    async def _send(self, due: Due) -> None:
        try:
            result = await deliveries.send(self._world, due)
            self._note_silence(result)
            await self._batches.record(result)
        # After either exception the delivery is due again when its lease ends.
        except Unavailable:
            log.warning(
                "the result of a delivery could not be recorded: the database is not available", delivery=str(due.id)
            )
        except Exception:
            log.exception("a delivery could not be sent or its result not recorded", delivery=str(due.id))
        finally:
            self._sending_to[due.endpoint_id] -= 1
            if not self._sending_to[due.endpoint_id]:
                del self._sending_to[due.endpoint_id]

    def _note_silence(self, result: Result) -> None:
        if result.attempt.status is not None:
            self._silent.discard(result.due.endpoint_id)
        elif result.attempt.seconds >= SILENCE_SECONDS:
            self._silent.add(result.due.endpoint_id)

    async def idle(self) -> None:
        """Waits until all deliveries claimed so far have been sent and recorded."""
        if sending := set(self._sending):
            await asyncio.wait(sending)
