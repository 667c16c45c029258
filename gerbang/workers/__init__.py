"""What happens later. Each thing is one step that returns how much it did, taken again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from gerbang.clock import SystemClock
from gerbang.errors import Unavailable
from gerbang.logs import Seldom
from gerbang.services import expiry, payouts, sandbox, settlements
from gerbang.services.batches import Batches
from gerbang.workers.deliveries import Sender
from gerbang.workers.forgetting import forget
from gerbang.world import World

log = structlog.get_logger()
Step = Callable[[], Awaitable[int]]
STANDSTILL_SECONDS = 20.0
"""How long moving the clock waits for work that another process has in its hands."""
LOAD_SECONDS = 1.0
"""How long each stop of the clock waits for a moment in which nothing is due, while others go on paying."""


class Workers:
    """All steps of one process, and how often each is taken when there is nothing to do (in seconds)."""

    def __init__(self, world: World, batches: Batches) -> None:
        self._world = world
        self._sender = Sender(world, batches)
        self._steps: dict[str, tuple[Step, float]] = {
            "expired": (partial(expiry.expire_due, world, Seldom()), 0.25),
            "settled": (partial(settlements.settle_due, world), 0.25),
            "paid out": (partial(payouts.send_due, world), 0.5),
            "sent": (self._sender.step, 0.1),
            "released": (partial(expiry.release_numbers, world), 30.0),
            "forgotten": (partial(forget, world), 300.0),
        }

    async def run(self) -> None:
        """Takes every step for ever, each in its own rhythm."""
        async with asyncio.TaskGroup() as group:
            for name, (step, pause) in self._steps.items():
                group.create_task(self._again_and_again(name, step, pause))

    async def _again_and_again(self, name: str, step: Step, pause: float) -> None:
        while True:
            try:
                done = await step()
            except Unavailable:
                done, wait = 0, max(pause, 1.0)
            except Exception:
                log.exception("a step failed and will be taken again", step=name)
                done, wait = 0, max(pause, 1.0)
            else:
                wait = pause
            if not done:
                await asyncio.sleep(wait)

    async def catch_up(self) -> dict[str, int]:
        """Takes all steps until nothing is left of what was due when it began, nor of the news of it.

        It tells how much of each was done. What other processes have in their hands is left to them.
        """
        total: dict[str, int] = dict.fromkeys(self._steps, 0)
        for _ in ("what was due", "the news of it"):
            await self._take_all(total, self._world.clock.now())
        return total

    async def _take_all(self, total: dict[str, int], began: datetime) -> None:
        while True:
            done = {name: await step() for name, (step, _) in self._steps.items()}
            await self._sender.idle()
            for name, count in done.items():
                total[name] += count
            due = await sandbox.next_due_at(self._world)
            ended = not (done["expired"] or done["released"]) and (due is None or due > began)
            if ended or not any(done.values()):
                return

    async def advance(self, to: datetime) -> dict[str, int]:
        """Moves the sandbox's clock, stopping wherever something falls due, so that it happens at its own time.

        When it returns, all that was due has been done, and every callback that was on its way has come back.
        """
        total: dict[str, int] = dict.fromkeys(self._steps, 0)
        stop = None
        while True:
            reached = await self._until_quiet(total)
            if stop == to:
                return total
            due = await sandbox.next_due_at(self._world, reached)
            stop = to if due is None else min(due, to)
            if stop > self._world.clock.now():  # somebody else may have moved it meanwhile
                await sandbox.move_clock(self._world, stop)

    async def _until_quiet(self, total: dict[str, int]) -> datetime:
        """Takes all steps until nothing is due and nothing is on its way in any process; returns the instant reached.

        While others go on paying there is always something. Then it is enough that what was due when it began is done,
        and the news of it.
        """
        machine_began = SystemClock().now()
        for _ in ("what was due", "the news of it"):
            began, machine_now = self._world.clock.now(), SystemClock().now()
            await self._take_all(total, began)
            while await self._is_left(began, machine_now):
                if SystemClock().now() > machine_began + timedelta(seconds=STANDSTILL_SECONDS):
                    break
                await asyncio.sleep(0.02)
                await self._take_all(total, began)
        machine_began = SystemClock().now()
        while True:
            reached = self._world.clock.now()
            await self._take_all(total, reached)
            if not await self._is_left(self._world.clock.now(), SystemClock().now()):
                return reached
            if SystemClock().now() > machine_began + timedelta(seconds=LOAD_SECONDS):
                return self._world.clock.now() + timedelta(seconds=LOAD_SECONDS)
            await asyncio.sleep(0.01)

    async def _is_left(self, until: datetime, machine_now: datetime) -> bool:
        due = await sandbox.next_due_at(self._world)
        return (due is not None and due <= until) or await sandbox.on_its_way(self._world, machine_now)
