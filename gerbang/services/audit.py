"""Checks all records at one instant for what must never be there, and for what is late. Writes nothing."""

from datetime import timedelta

from gerbang.clock import MovableClock
from gerbang.db import Database, audit, sandbox
from gerbang.db.audit import Finding

__all__ = ["Finding", "look"]


async def look(db: Database) -> list[Finding]:
    """What was found of each rule; where all is well all counts are zero. A copy that only reads will do."""
    async with db.transaction() as tx:
        await audit.hold_still(tx)
        # A sandbox's own time; a live gateway has no movable clock.
        clock = MovableClock.from_offset(timedelta(seconds=await sandbox.clock_offset(tx) or 0))
        return await audit.findings(tx, clock.now(), audit.RULES | audit.LATE)
