"""Sending callbacks: many at a time, so that one endpoint that hangs does not hold up the others; dozens still can."""

import asyncio
from collections import Counter, defaultdict
from uuid import UUID

import structlog

from gerbang.errors import Unavailable
from gerbang.services import deliveries
from gerbang.services.commands import Commands
from gerbang.services.deliveries import Due
from gerbang.world import World

log = structlog.get_logger()
AT_ONCE_MAX = 400
"""Far more than one endpoint may have in hand, so that a few silent ones cannot take all the places."""
AT_ONCE_PER_ENDPOINT = 8
CLAIM_MAX = 16


class Sender:
    """Claims what is due and sends it in the background, while the next step already claims more."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands
        self._sending: set[asyncio.Task[None]] = set()
        self._busy: Counter[UUID] = Counter()
        self._places: defaultdict[UUID, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(AT_ONCE_PER_ENDPOINT)
        )

    async def step(self) -> int:
        """Claims a few due deliveries and starts to send them; returns how many. 0 also while all hands are full."""
        room = min(CLAIM_MAX, AT_ONCE_MAX - len(self._sending))
        if room <= 0:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED, timeout=1)
            return 0
        busy = [endpoint for endpoint, count in self._busy.items() if count >= AT_ONCE_PER_ENDPOINT]
        claimed = await deliveries.claim(self._world, room, busy)
        for due in claimed:
            self._busy[due.endpoint_id] += 1
            task = asyncio.create_task(self._send(due))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return len(claimed)

    async def _send(self, due: Due) -> None:
        try:
            # One claim may bring more for an endpoint than it has places; two rounds of time-outs fit into the lease.
            async with self._places[due.endpoint_id]:
                result = await deliveries.send(self._world, due)
            await self._commands.record(result)
        # In both cases it is due again when its lease is over.
        except Unavailable:
            log.warning("a delivery could not be written down, since the database is gone", delivery=str(due.id))
        except Exception:
            log.exception("a delivery could not be sent or written down", delivery=str(due.id))
        finally:
            self._busy[due.endpoint_id] -= 1
            if not self._busy[due.endpoint_id]:
                del self._busy[due.endpoint_id]
                self._places.pop(due.endpoint_id, None)

    async def idle(self) -> None:
        """Waits until everything that was claimed has been sent and written down."""
        while self._sending:
            await asyncio.wait(self._sending)
