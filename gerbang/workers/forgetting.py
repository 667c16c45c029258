"""Deletes what is no longer needed: expired idempotency keys, old list positions, what banks called their requests, and old inquiries."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from gerbang.errors import Unavailable
from gerbang.services import inquiries, page_positions
from gerbang.services.payments import create
from gerbang.world import World

AT_ONCE = 10_000
"""However many a worker that was stopped has left: no statement may take more than a moment."""
KINDS: Mapping[str, Callable[[World, int], Awaitable[int]]] = {
    "list positions": page_positions.forget,
    "names of banks' requests": inquiries.forget_calls,
    "inquiries": inquiries.forget_old,
    "idempotency keys": create.forget_keys,
}
log = structlog.get_logger()


async def forget(world: World, kinds: Mapping[str, Callable[[World, int], Awaitable[int]]] = KINDS) -> int:
    """Deletes a batch of each kind of what has expired. Returns 0 unless one was full, so that it pauses.

    A kind that cannot be deleted keeps no other from being deleted.
    """
    left, task = 0, asyncio.current_task()
    for kind, forget_some in kinds.items():
        if task is not None and task.cancelling():
            break  # a cancellation that was lost below came as another failure
        try:
            forgotten = await forget_some(world, AT_ONCE)
        except Unavailable:
            continue  # the database has said so in the log
        except Exception:
            log.exception("what is no longer needed could not be deleted", kind=kind)
            continue
        left += forgotten if forgotten == AT_ONCE else 0
    return left
