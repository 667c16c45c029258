"""What happens later. Each thing is one step that returns how much it did, taken again and again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

import structlog

from gerbang.errors import Unavailable
from gerbang.services import expiry, payouts, sandbox, settlements
from gerbang.services.commands import Commands
from gerbang.workers.deliveries import Sender
from gerbang.workers.forgetting import forget
from gerbang.world import World

log = structlog.get_logger()
Step = Callable[[], Awaitable[int]]
STANDSTILL_SECONDS = 20.0
"""How long moving the clock waits for work that another process has in its hands."""


class Workers:
    """All steps of one process, and how often each is taken when there is nothing to do (in seconds)."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._sender = Sender(world, commands)
        self._steps: dict[str, tuple[Step, float]] = {
            "expired": (partial(expiry.expire_due, world), 0.25),
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
        """Takes all steps until nothing is left of what was due when it began, nor of what that led to.

        It tells how much of each was done. What falls due meanwhile is left to the workers' own rhythm: with somebody
        paying all the time there would be no end.
        """
        total: dict[str, int] = dict.fromkeys(self._steps, 0)
        for _ in ("what was due", "the news of it"):
            began, waited = self._world.clock.now(), 0.0
            while True:
                done = {name: await step() for name, (step, _) in self._steps.items()}
                await self._sender.idle()
                total = {name: total[name] + done[name] for name in total}
                due = await sandbox.next_due_at(self._world)
                if not (done["expired"] or done["released"]) and (due is None or due > began):
                    break
                if not any(done.values()):  # another process has it in its hands
                    await asyncio.sleep(0.05)
                    waited += 0.05
                if waited > STANDSTILL_SECONDS:
                    break
        return total

    async def advance(self, to: datetime) -> dict[str, int]:
        """Moves the sandbox's clock, stopping wherever something falls due, so that it happens at its own time."""
        total = await self.catch_up()
        while True:
            due = await sandbox.next_due_at(self._world, self._world.clock.now())
            stop = to if due is None else min(due, to)
            if stop > self._world.clock.now():  # somebody else may have moved it meanwhile
                await sandbox.move_clock(self._world, stop)
            done = await self.catch_up()
            total = {name: total[name] + done[name] for name in total}
            if stop == to:
                return total
