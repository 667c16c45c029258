"""Background work: expiry, settlement, partner requests, payments that nobody reported, deliveries, release of numbers and clean-up.

Each kind of work is a step that is taken again and again, and returns how much it has done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from gerbang.clock import SystemClock
from gerbang.errors import Unavailable
from gerbang.logs import Seldom
from gerbang.services import bulk_waiting, reversals, sandbox, settlements
from gerbang.services.batches import Batches
from gerbang.services.payment_lookups import look_up, look_up_all
from gerbang.services.payments import end
from gerbang.workers.deliveries import Sender
from gerbang.workers.forgetting import forget
from gerbang.workers.partner_requests import ask_due
from gerbang.world import World

log = structlog.get_logger()
Step = Callable[[], Awaitable[int]]
ASKED, ASKED_PAUSE, ALL_ASKED_PAUSE = "asked", 0.5, 30.0
LOOKED_UP, LOOKED_UP_PAUSE = "looked_up", 30.0
OTHERS_SECONDS_MAX = 20.0
"""How long moving the clock waits for work that another process has claimed."""
QUIET_SECONDS_MAX = 1.0
"""How long each stop of the clock waits for a moment in which nothing is due, while new payments keep coming."""


class Workers:
    """The steps of one process, each with its pause in seconds: the wait after a step that found nothing to do."""

    def __init__(self, world: World, batches: Batches) -> None:
        self._world = world
        self._batches = batches
        self._sender = Sender(world, batches)
        self._steps: dict[str, tuple[Step, float]] = {
            "expired": (partial(end.expire_due, world, Seldom()), 0.25),
            "settled": (partial(settlements.settle_due, world), 0.25),
            "went_on": (partial(bulk_waiting.go_on, world), 1.0),
            ASKED: (partial(ask_due, world, batches), ASKED_PAUSE),
            "sent": (self._sender.step, 0.1),
            "reversed": (partial(reversals.reverse_overtaken, world), 30.0),
            LOOKED_UP: (partial(look_up_all, world, batches), LOOKED_UP_PAUSE),
            "released": (partial(end.release_numbers, world), 30.0),
            "forgotten": (partial(forget, world), 300.0),
        }

    async def run(self) -> None:
        """Takes all steps until cancelled, each with its own pause."""
        async with asyncio.TaskGroup() as group:
            for name, (step, pause) in self._steps.items():
                if name not in (ASKED, LOOKED_UP):
                    group.create_task(self._repeat(name, step, pause))
            # Each partner has steps of its own, so that one that hangs holds up nobody else's requests; and a thousand payouts
            # hold up no code that a buyer waits for.
            for connection in self._world.partners.names:
                for what, money in (("money", True), ("other", False)):
                    step = partial(ask_due, self._world, self._batches, connection, money=money)
                    group.create_task(self._repeat(f"{ASKED}: {connection}, {what}", step, ASKED_PAUSE))
                step = partial(look_up, self._world, self._batches, connection)
                group.create_task(self._repeat(f"{LOOKED_UP}: {connection}", step, LOOKED_UP_PAUSE))
            # What was asked by a connection that is no longer in the file is only seen by who looks at all.
            group.create_task(self._repeat(ASKED, partial(ask_due, self._world, self._batches), ALL_ASKED_PAUSE))

    async def _repeat(self, name: str, step: Step, pause: float) -> None:
        task = asyncio.current_task()
        assert task is not None, "it runs in a task"
        # Python 3.11 loses a cancellation that comes in the very moment in which a call with a time limit ends.
        while not task.cancelling():
            try:
                done = await step()
            except Unavailable:
                done, wait = 0, max(pause, 1.0)
            except Exception:
                log.exception("a step failed and will be taken again", step=name)
                done, wait = 0, max(pause, 1.0)
            else:
                wait = pause
            if not done and not task.cancelling():
                await asyncio.sleep(wait)

    async def catch_up(self) -> dict[str, int]:
        """Does all work that is due now and sends its callbacks. Returns how much each step has done.

        Work that other processes have claimed is left to them.
        """
        total: dict[str, int] = dict.fromkeys(self._steps, 0)
        for _ in ("due work", "its callbacks"):
            await self._take_all(total, self._world.clock.now())
        return total

    async def _take_all(self, total: dict[str, int], began: datetime) -> None:
        """Takes all steps until nothing is left that was due at `began`, and adds what they did to `total`."""
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
        """Moves the sandbox's clock, with a stop at each instant at which work is due, so that it is done at its time.

        Returns how much each step has done. By then all due work is done and every callback that was being sent has
        ended.
        """
        total: dict[str, int] = dict.fromkeys(self._steps, 0)
        stop = None
        while True:
            reached = await self._until_quiet(total)
            if stop == to:
                return total
            due = await sandbox.next_due_at(self._world, reached)
            stop = to if due is None else min(due, to)
            if stop > self._world.clock.now():  # another process may have moved it meanwhile
                await sandbox.move_clock(self._world, stop)

    async def _until_quiet(self, total: dict[str, int]) -> datetime:
        """Takes all steps until nothing is due and no process is sending. Returns the instant up to which that holds.

        While new payments keep coming that may never be so. Then it is enough that the work which was due at the
        beginning is done and its callbacks are sent.
        """
        machine_began = SystemClock().now()
        for _ in ("due work", "its callbacks"):
            began, machine_now = self._world.clock.now(), SystemClock().now()
            await self._take_all(total, began)
            while await self._is_left(began, machine_now):
                if SystemClock().now() > machine_began + timedelta(seconds=OTHERS_SECONDS_MAX):
                    break
                await asyncio.sleep(0.02)
                await self._take_all(total, began)
        machine_began = SystemClock().now()
        while True:
            reached = self._world.clock.now()
            await self._take_all(total, reached)
            if not await self._is_left(self._world.clock.now(), SystemClock().now()):
                return reached
            if SystemClock().now() > machine_began + timedelta(seconds=QUIET_SECONDS_MAX):
                return self._world.clock.now() + timedelta(seconds=QUIET_SECONDS_MAX)
            await asyncio.sleep(0.01)

    async def _is_left(self, until: datetime, machine_now: datetime) -> bool:
        """Whether work is due by `until` or a process is sending something."""
        due = await sandbox.next_due_at(self._world)
        return (due is not None and due <= until) or await sandbox.on_its_way(self._world, machine_now)
