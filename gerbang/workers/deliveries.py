"""Sending callbacks: many at a time and every endpoint in its turn, so that those which hang hold up nobody else."""

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
AT_ONCE_PER_ENDPOINT = 8
AT_ONCE_SILENT_MAX = AT_ONCE_MAX // 2
SILENCE_SECONDS = 1.0
"""A try that failed sooner was no silence: an endpoint that refuses at once keeps nobody from a place."""
CLAIM_MAX = 16


class Sender:
    """Claims what is due and sends it in the background, while the next step already claims more.

    A delivery holds one of the process's places until its endpoint answers or the time-out is over. Who hangs cannot
    have them all:

    * Endpoints come in turn, each with one delivery while more of them have news than a claim may take.
    * An endpoint may have eight places while more are free than taken, and then one. So it takes more than two hundred
      that hang to fill all places, and at their time-outs it is known who is silent.
    * A silent endpoint has one place until it answers, and all silent ones together have half of the places. The other
      half is there for those that answer, however many are known to be silent.

    Each process finds out by itself who is silent, and keeps of it no more than the endpoint's id.
    """

    def __init__(self, world: World, batches: Batches) -> None:
        self._world = world
        self._batches = batches
        self._claiming = asyncio.Lock()
        self._sending: set[asyncio.Task[None]] = set()
        self._in_hand: Counter[UUID] = Counter()
        self._silent: set[UUID] = set()
        """Endpoints that have not answered since they kept a place until the time-out."""
        self._turn = UUID(int=0)

    async def step(self) -> int:
        """Claims a few due deliveries and starts to send them; returns how many. 0 also while all hands are full."""
        # One at a time: moving the clock takes steps too, and two would give the same places away.
        async with self._claiming:
            room = min(CLAIM_MAX, AT_ONCE_MAX - len(self._sending))
            if room <= 0:
                await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED, timeout=1)
                return 0
            claimed = await deliveries.claim(self._world, room, self._places())
            for due in claimed:
                self._in_hand[due.endpoint_id] += 1
                task = asyncio.create_task(self._send(due))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            self._pass_turn({due.endpoint_id for due in claimed}, room)
            return len(claimed)

    def _places(self) -> Places:
        """How many places are left to each endpoint."""
        of_silent = sum(self._in_hand[endpoint] for endpoint in self._silent)
        taken, free = len(self._sending) - of_silent, AT_ONCE_MAX - len(self._sending)
        each = AT_ONCE_PER_ENDPOINT if taken < free else 1
        one = 1 if of_silent + CLAIM_MAX <= AT_ONCE_SILENT_MAX else 0
        left = {endpoint: max(0, each - count) for endpoint, count in self._in_hand.items()}
        left |= {endpoint: max(0, one - self._in_hand[endpoint]) for endpoint in self._silent}
        return Places(each, left, self._turn)

    def _pass_turn(self, served: set[UUID], room: int) -> None:
        """The next turn begins behind the last one served, if somebody may have been left out."""
        if len(served) == room:
            self._turn = max(served, key=lambda endpoint: (endpoint <= self._turn, endpoint))

    async def _send(self, due: Due) -> None:
        try:
            result = await deliveries.send(self._world, due)
            self._judge(result)
            await self._batches.record(result)
        # In both cases it is due again when its lease is over.
        except Unavailable:
            log.warning("a delivery could not be written down, since the database is gone", delivery=str(due.id))
        except Exception:
            log.exception("a delivery could not be sent or written down", delivery=str(due.id))
        finally:
            self._in_hand[due.endpoint_id] -= 1
            if not self._in_hand[due.endpoint_id]:
                del self._in_hand[due.endpoint_id]

    def _judge(self, result: Result) -> None:
        if result.attempt.status is not None:
            self._silent.discard(result.due.endpoint_id)
        elif result.attempt.seconds >= SILENCE_SECONDS:
            self._silent.add(result.due.endpoint_id)

    async def idle(self) -> None:
        """Waits until everything that was claimed by now has been sent and written down."""
        if sending := set(self._sending):
            await asyncio.wait(sending)
